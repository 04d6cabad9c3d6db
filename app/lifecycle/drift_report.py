"""Holds current rows against training, feature by feature and answer by answer, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from app.domain.contract import Contract
from app.domain.drift import Check, Verdict, judged, missing_check, values_check
from app.domain.drift_cells import CategoryCells, NumberCells, measured
from app.domain.drift_rules import Threshold
from app.domain.ports import FloatArray
from app.files import write_atomically
from app.lifecycle.current_rows import CONFIDENCE, Rows
from app.lifecycle.drift_reference import Baseline
from app.lifecycle.drift_texts import Embed, embedding_check

_LARGE_INDEX: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """A verdict, on what, and against what."""

    contract: Contract
    at: datetime
    current: str
    baseline: Baseline
    level: float
    verdict: Verdict
    not_compared: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return the report for a machine; ``drifted`` is the verdict in one word."""
        verdict = self.verdict
        return {
            "model": self.contract.name,
            "version": self.contract.version,
            "created_at": self.at,
            "verdict": verdict.ruling,
            "drifted": verdict.ruling == "drift",
            "level": self.level,
            "n_rows": verdict.n_rows,
            "current": self.current,
            "reference": self.baseline.source,
            "answers_reference": self.baseline.answers.source,
            "not_compared": self.not_compared,
            "checks": [asdict(check) for check in verdict.checks],
        }


def drift_report(  # noqa: PLR0913  one argument a thing it needs
    contract: Contract,
    current: Rows,
    baseline: Baseline,
    threshold: Threshold,
    *,
    at: datetime,
    embed: Embed | None = None,
) -> DriftReport:
    """Compare *current* with *baseline*.

    Args:
        contract: of the version that answers such rows.
        current: the rows of now.
        baseline: what is expected.
        threshold: from when on a difference counts.
        at: the time of the report.
        embed: the model's own way from texts to vectors; None where it takes none.
    """
    left_out: list[str] = []
    checks: list[Check] = []
    if len(current.matrix):
        checks += _features(contract, current, baseline, threshold, left_out.append)
        checks += _answers(current, baseline, threshold, left_out.append)
    if embed is not None and len(current.matrix):
        if baseline.rows is None:
            left_out.append("embedding: no texts of training are at hand")
        else:
            checks.append(embedding_check(embed, baseline.rows.matrix, current.matrix))
    return DriftReport(
        contract=contract,
        at=at,
        current=current.source,
        baseline=baseline,
        level=threshold.level,
        verdict=judged(checks, len(current.matrix), threshold.level),
        not_compared=tuple(left_out),
    )


def write_report(report: DriftReport, folder: Path) -> list[Path]:
    """Write ``drift-<name>.json`` and ``drift.json`` into *folder*; return what was written.

    Too few rows take no verdict back: one that the former holds stays.
    """
    own, last = folder / f"drift-{report.contract.name}.json", folder / "drift.json"
    stays = report.verdict.ruling == "insufficient" and _holds_verdict(own)
    document = orjson.dumps(report.as_data(), option=orjson.OPT_INDENT_2)
    written = [last] if stays else [own, last]
    for file in written:
        write_atomically(file, document)
    return written


def _holds_verdict(file: Path) -> bool:
    try:
        return bool(orjson.loads(file.read_bytes())["verdict"] != "insufficient")
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _features(
    contract: Contract,
    current: Rows,
    baseline: Baseline,
    threshold: Threshold,
    leave_out: Callable[[str], None],
) -> Iterator[Check]:
    for place, feature in enumerate(contract.features):
        cells = baseline.cells.get(feature.name)
        if cells is None:
            leave_out(f"{feature.name}: nobody knows how it was distributed in training")
            continue
        values = measured(feature, cells, current.matrix[:, place])
        raw: tuple[FloatArray, FloatArray] | None = None
        if baseline.is_raw and baseline.rows is not None and isinstance(cells, NumberCells):
            raw = measured(feature, cells, baseline.rows.matrix[:, place]), values
        counts = cells.count(values)
        yield values_check(
            feature.name,
            cells.reference,
            counts,
            least_index=threshold.least_index,
            raw=raw,
            note="length in characters" if feature.kind == "text" else "",
        )
        yield missing_check(feature.name, cells.reference, counts)


def _answers(
    current: Rows, baseline: Baseline, threshold: Threshold, leave_out: Callable[[str], None]
) -> Iterator[Check]:
    expected = baseline.answers
    for name in expected.cells.keys() - current.answers.keys():
        leave_out(f"{name}: the model has answered none of these rows")
    for name, values in current.answers.items():
        cells = expected.cells.get(name)
        if cells is None:
            leave_out(f"{name}: nobody knows what to expect")
            continue
        is_confidence = name == CONFIDENCE
        by_labels = expected.are_labels and not is_confidence
        yield values_check(
            name,
            cells.reference,
            cells.count(_as_numbers(cells, values)),
            least_index=_LARGE_INDEX if by_labels else threshold.least_index,
            aspect="confidence" if is_confidence else "prediction",
        )


def _as_numbers(cells: NumberCells | CategoryCells, values: npt.NDArray[Any]) -> FloatArray:
    if isinstance(cells, CategoryCells):
        return cells.coded(values)
    return values.astype(np.float64)
