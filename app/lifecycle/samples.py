"""How a model made elsewhere takes its rows: from what it knows, and from a sample of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.contract import NUMBERS, Feature, Input, Missing
from app.domain.describe import describe
from app.domain.ports import Matrix
from app.errors import ModelRejectedError, TrainingDataError
from app.lifecycle.columns import (
    TRUE_FALSE,
    Column,
    matrix_of,
    read_categories,
    read_column,
    read_numbers,
    read_texts,
)
from app.lifecycle.encoders import Known, known_columns, takes_texts
from app.lifecycle.references import described
from app.lifecycle.sheets import Sheet

_NOTHING: Final = Known()


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a model takes.

    Attributes:
        rows: of the sample, or one that the model may take, shape (n_rows, n_features).
    """

    takes: Input
    features: tuple[Feature, ...]
    rows: Matrix


def sampled(estimator: Any, sheet: Sheet | None, takes: Input | None = None) -> Sampled:
    """Return what *estimator* takes, with kinds, categories and ranges as far as they are known.

    Args:
        estimator: fitted.
        sheet: rows that it takes; the only source of names where it knows none.
        takes: what the user says; None guesses.

    Raises:
        ModelRejectedError: it does not say how many features it has, and there is no sample; or
            it does not take what the user says.
        TrainingDataError: the sample does not fit.
    """
    header = [] if sheet is None else [*sheet.columns]
    if takes == "texts" or (takes is None and takes_texts(estimator)):
        return _texts(sheet, header)
    names = [it.name for it in describe(estimator, takes="table", names=header).features]
    known = known_columns(estimator, names)
    if sheet is None:
        features = tuple(_guessed(name, known.get(at, _NOTHING)) for at, name in enumerate(names))
        return _shape(takes, features, _a_row(features))
    has_words = any(it.kind in {"category", "text"} for it in known.values())
    is_free = has_words or takes == "table" or not hasattr(estimator, "n_features_in_")
    columns = [
        _column(sheet, name, known.get(place, _NOTHING), is_free=is_free)
        for place, name in enumerate(_in_order(sheet, header, names))
    ]
    features = _features(names, columns, known)
    return _shape(takes, features, matrix_of(columns))


def _texts(sheet: Sheet | None, header: Sequence[str]) -> Sampled:
    if sheet is None:
        text = Feature(name="text", kind="text")
        return Sampled("texts", (text,), _a_row([text]))
    if len(header) != 1:
        found = f"has the columns {', '.join(header)}"
        raise TrainingDataError(f"{sheet.path}: {found}; a model of texts takes one")
    column = read_texts(sheet, header[0])
    rows = matrix_of([column])
    return Sampled("texts", (described(header[0], "text", rows[:, 0]),), rows)


def _in_order(sheet: Sheet, header: Sequence[str], names: Sequence[str]) -> Sequence[str]:
    """Return the columns of the sample in the model's order, by name where the names are there."""
    if set(names) <= set(header):
        return names
    if len(header) == len(names):
        return header
    wanted = f"{len(names)}: {', '.join(names)}"
    raise TrainingDataError(f"{sheet.path}: has {len(header)} columns; the model takes {wanted}")


def _column(sheet: Sheet, name: str, known: Known, *, is_free: bool) -> Column:
    """Return a column as the model is known to take it, and else as it looks, if that *is_free*."""
    if known.kind == "category":
        return read_categories(sheet, name)
    if known.kind == "text":
        return read_texts(sheet, name)
    column = read_column(sheet, name, TRUE_FALSE)
    if column.kind in NUMBERS or known.is_unused or is_free:
        return column
    return Column("float", read_numbers(sheet, name).tolist())


def _features(
    names: Sequence[str], columns: Sequence[Column], known: Mapping[int, Known]
) -> tuple[Feature, ...]:
    rows = (matrix_of([column])[:, 0] for column in columns)
    seen = zip(names, columns, rows, strict=True)
    return tuple(
        _as_known(described(name, column.kind, values), known.get(place, _NOTHING))
        for place, (name, column, values) in enumerate(seen)
    )


def _guessed(name: str, known: Known) -> Feature:
    return _as_known(Feature(name=name, kind=known.kind or "float"), known)


def _as_known(feature: Feature, known: Known) -> Feature:
    """Return *feature* with what the model knows better than a sample does."""
    changes: dict[str, Any] = {}
    if feature.missing is None and known.takes_gaps:
        changes["missing"] = Missing(policy="pass")
    if known.kind == "category":
        changes["categories"] = known.categories
        changes["unknown"] = "warn" if known.ignores_unknown else "refuse"
    if known.numbers:
        changes |= {"minimum": min(known.numbers), "maximum": max(known.numbers)}
        changes["kind"] = known.kind or feature.kind
        changes.setdefault("missing", feature.missing or Missing(policy="refuse"))
    return feature.model_copy(update=changes)


def _shape(takes: Input | None, features: tuple[Feature, ...], rows: Matrix) -> Sampled:
    words = [it.name for it in features if it.kind not in NUMBERS]
    if words and takes == "numbers":
        raise ModelRejectedError(f"the model takes text in {', '.join(words)}: that is a table")
    found: Input = takes or ("table" if words else "numbers")
    return Sampled(found, features, rows if found == "numbers" else rows.astype(object))


def _a_row(features: Sequence[Feature]) -> Matrix:
    """Return one row of zeros or the least that may be, of first categories and of a word."""
    return matrix_of([Column(it.kind, [_a_value(it)]) for it in features])


def _a_value(feature: Feature) -> float | str:
    if feature.kind in NUMBERS:
        return 0.0 if feature.minimum is None else feature.minimum
    return (*feature.categories, "text")[0]
