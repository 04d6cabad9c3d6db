"""Evidently's report of the same rows, for whoever would rather look at pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Contract, Feature, Reference
from app.domain.drift_cells import NumberCells, cells_of
from app.errors import OperatorError
from app.files import write_atomically
from app.lifecycle.current_rows import Rows, spread
from app.lifecycle.drift_reference import Baseline

_MOST_ROWS: Final = 5_000
_SEED: Final = 20_260_101


def write_html(contract: Contract, current: Rows, expected: Baseline, file: Path) -> str:
    """Write Evidently's drift report to *file*; return what its reference rows are, in words.

    Without rows of training at hand, rows are drawn that are distributed, feature by feature, as
    the contract says; so nothing in the report can say how features go together.

    Raises:
        OperatorError: Evidently is missing.
    """
    try:
        import pandas as pd  # noqa: PLC0415  these take some seconds
        from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415
        from evidently.presets import DataDriftPreset  # noqa: PLC0415
    except ImportError as error:
        raise OperatorError(
            f"{error.name} is missing. Fix: make setup-pipeline, or --no-html"
        ) from error
    before, words = _reference(contract, expected)
    now = _columns(contract, spread(current.matrix, _MOST_ROWS))
    shown = [name for name in before if name in now and _is_comparable(before[name], now[name])]
    definition = DataDefinition(
        numerical_columns=[it for it in shown if not before[it].dtype.hasobject],
        categorical_columns=[it for it in shown if before[it].dtype.hasobject],
    )
    sets = [
        Dataset.from_pandas(pd.DataFrame({it: side[it] for it in shown}), definition)
        for side in (now, before)
    ]
    with np.errstate(all="ignore"), tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "drift.html"
        Report([DataDriftPreset()]).run(*sets).save_html(str(page))
        text = page.read_text(encoding="utf-8")
    title = f"{contract.name}@{contract.version}: {current.source}, against {words}"
    write_atomically(file, _titled(text, title).encode())
    return words


def drawn(feature: Feature, reference: Reference, n_rows: int) -> npt.NDArray[Any]:
    """Return *n_rows* values that are distributed like *reference*, the same every time.

    Between two knots of its cells numbers lie evenly.
    """
    generator = np.random.default_rng(_SEED)
    n_values = n_rows - round(reference.missing_share * n_rows)
    places = (np.arange(n_values) + 0.5) / max(n_values, 1)
    cells = cells_of(reference, n_rows)
    values: npt.NDArray[Any]
    if isinstance(cells, NumberCells):
        numbers = np.interp(places, cells.shares, cells.knots)
        values = numbers if feature.kind in {"float", "text"} else np.round(numbers)
        values = np.append(values, np.full(n_rows - n_values, np.nan))
    else:
        names, shares = [*reference.shares], np.array([*reference.shares.values()])
        chosen = np.searchsorted(shares.cumsum() / shares.sum(), places)
        values = np.full(n_rows, None, dtype=object)
        values[:n_values] = np.array(names, dtype=object)[chosen]
    return generator.permutation(values)


def _reference(
    contract: Contract, expected: Baseline
) -> tuple[Mapping[str, npt.NDArray[Any]], str]:
    if expected.rows is not None:
        matrix = spread(expected.rows.matrix, _MOST_ROWS)
        return _columns(contract, matrix), f"{len(matrix):,} of {expected.rows.source}"
    n_rows = min(expected.n_rows, _MOST_ROWS)
    columns = {
        _named(it): drawn(it, expected.references[it.name], n_rows)
        for it in contract.features
        if it.name in expected.references
    }
    return columns, f"{n_rows:,} rows drawn from the distributions in {expected.source}"


def _columns(contract: Contract, matrix: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {}
    for place, feature in enumerate(contract.features):
        values = matrix[:, place]
        if feature.kind in NUMBERS:
            found[_named(feature)] = values.astype(np.float64)
        elif feature.kind == "text":
            lengths = [len(it) if isinstance(it, str) and it else np.nan for it in values.tolist()]
            found[_named(feature)] = np.array(lengths, dtype=np.float64)
        else:
            words = np.full(len(values), None, dtype=object)
            words[:] = [it if isinstance(it, str) else None for it in values.tolist()]
            found[_named(feature)] = words
    return found


def _named(feature: Feature) -> str:
    return f"{feature.name} (characters)" if feature.kind == "text" else feature.name


def _is_comparable(before: npt.NDArray[Any], now: npt.NDArray[Any]) -> bool:
    """Say whether both have values: Evidently refuses a column without."""
    return all(
        any(isinstance(it, str) or it == it for it in side.tolist() if it is not None)  # noqa: PLR0124  no NaN
        for side in (before, now)
    )


def _titled(page: str, title: str) -> str:
    safe = title.replace("&", "&amp;").replace("<", "&lt;")
    heading = f'<p style="font: 14px sans-serif; margin: 1em 2em">{safe}</p>'
    return page.replace("<body>", f"<body>{heading}", 1)
