"""Does a compiled engine answer as the reference does? Compared row by row before it may serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.compiled import Parity
from app.domain.contract import Feature, Task
from app.domain.ports import FloatArray, Probabilities, Scores
from app.errors import NotCompilableError

LARGEST_DIFFERENCE: Final = 1e-5
MAX_KNOWN_ROWS: Final = 50_000
_BLOCK_ROWS: Final = 2_000  # some estimators need memory for rows times training rows
_ROWS: Final = 400  # of each kind of random row
_FAR: Final = 6.0  # 10 to this power is what the settings take by default
_FARTHEST: Final = 1e300  # so that a range has a length
_SEED: Final = 20_261_121


def trial_rows(features: Sequence[Feature], known: FloatArray | None) -> Iterator[FloatArray]:
    """Yield blocks of rows that a request may bring, each of shape (n_rows, n_features).

    First the *known* rows, then random ones: within the range of the known ones, around it, far
    beyond it, on its edges, with known values shuffled and moved by the least that a float64 or a
    float32 can; at last, where the contract passes missing values on, some of these with gaps.

    Args:
        features: of the contract; their bounds hold for what is drawn.
        known: rows of the training table or of a sample; None when there are none.
    """
    draw = np.random.default_rng(_SEED)
    low, high = _ranges(features, known)
    span, shape = high - low, (_ROWS, len(features))
    values = draw.uniform(low, high, shape) if known is None else _shuffled(draw, known)
    blocks = [
        draw.uniform(low, high, shape),
        draw.uniform(low - span, high + span, shape),
        draw.choice([-1.0, 1.0], shape) * 10.0 ** draw.uniform(-_FAR, _FAR, shape),
        np.where(draw.random(shape) < 0.5, low, high) + draw.choice([-1.0, 0.0, 1.0], shape),  # noqa: PLR2004
        values,
        np.nextafter(values, draw.choice([-np.inf, np.inf], shape)),
        _a_float32_further(values),
    ]
    given = [] if known is None else _spread(known)
    blocks = [*given, *(_as_served(features, block) for block in blocks)]
    yield from blocks
    may_miss = [f.missing is not None and f.missing.policy == "pass" for f in features]
    if any(may_miss):
        for block in blocks:
            gaps = (draw.random(block.shape) < draw.random((len(block), 1))) & may_miss
            yield np.where(gaps, np.nan, block)


def compare(reference: Scores, scores: Scores, task: Task) -> Parity:
    """Say how far *scores* are from those of the *reference* for the same rows."""
    expected, found = reference.predictions, scores.predictions
    if expected.shape != found.shape or _kind(expected) != _kind(found):
        return Parity(rows=len(expected), label_disagreements=len(expected))
    if task == "regression":
        agrees, distance = _distance(expected, found, np.maximum(1.0, np.abs(expected)))
    else:
        agrees, distance = expected == found, np.zeros(len(expected))
    agrees, distance = _by_row(agrees), _by_row(distance)
    if reference.probabilities is not None:
        pairs = _paired(reference.probabilities, scores.probabilities)
        if pairs is None:
            return Parity(rows=len(expected), label_disagreements=len(expected))
        for shares, others in pairs:
            are_shares, apart = _distance(shares, others, 1.0)
            agrees = agrees & _by_row(are_shares)
            distance = np.maximum(distance, _by_row(apart))
    return Parity(
        rows=len(expected),
        label_disagreements=int(np.count_nonzero(~agrees)),
        largest_difference=float(distance.max(initial=0.0)),
    )


def _by_row(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the worst of each row: its greatest number, or whether all of it holds."""
    if values.ndim == 1:
        return values
    is_truth = values.dtype == bool
    return np.asarray(values.all(axis=1) if is_truth else values.max(axis=1, initial=0.0))


def _paired(
    expected: Probabilities, found: Probabilities | None
) -> list[tuple[FloatArray, FloatArray]] | None:
    """Return the probabilities of each target side by side; None where shapes differ."""
    ours, theirs = _each(expected), _each(found)
    if [it.shape for it in ours] != [it.shape for it in theirs]:
        return None
    return [*zip(ours, theirs, strict=True)]


def _each(probabilities: Probabilities | None) -> tuple[FloatArray, ...]:
    if probabilities is None:
        return ()
    return probabilities if isinstance(probabilities, tuple) else (probabilities,)


def together(parities: Sequence[Parity]) -> Parity:
    """Return one report of all blocks."""
    return Parity(
        rows=sum(it.rows for it in parities),
        rows_with_missing=sum(it.rows_with_missing for it in parities),
        label_disagreements=sum(it.label_disagreements for it in parities),
        largest_difference=max((it.largest_difference for it in parities), default=0.0),
    )


def check(parity: Parity) -> None:
    """Pass when the labels are equal on every row and no number is further off than 1e-5.

    Raises:
        NotCompilableError: the compiled engine answers differently.
    """
    if not parity.rows:
        raise NotCompilableError("it was never compared")
    if parity.label_disagreements:
        differ = "answer differs" if parity.label_disagreements == 1 else "answers differ"
        raise NotCompilableError(f"{parity.label_disagreements} of {parity.rows} {differ}")
    if parity.largest_difference > LARGEST_DIFFERENCE:
        raise NotCompilableError(
            f"a number is off by {parity.largest_difference:.2g} in {parity.rows} rows; "
            f"{LARGEST_DIFFERENCE:g} is allowed"
        )


def _ranges(features: Sequence[Feature], known: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest value of each feature, as far as they are known."""
    if known is not None:
        return _within(np.nanmin(known, axis=0)), _within(np.nanmax(known, axis=0))
    lows = [f.trained_minimum if f.trained_minimum is not None else f.minimum for f in features]
    highs = [f.trained_maximum if f.trained_maximum is not None else f.maximum for f in features]
    low = np.array([-1.0 if bound is None else bound for bound in lows])
    high = np.array([1.0 if bound is None else bound for bound in highs])
    return _within(np.minimum(low, high)), _within(np.maximum(low, high))


def _within(bounds: FloatArray) -> FloatArray:
    return np.clip(bounds, -_FARTHEST, _FARTHEST)


def _spread(known: FloatArray) -> list[FloatArray]:
    """Return all known rows, or an even choice of very many, in blocks."""
    picked = np.unique(np.linspace(0, len(known) - 1, MAX_KNOWN_ROWS).astype(int))
    return [
        np.ascontiguousarray(known[picked[start : start + _BLOCK_ROWS]])
        for start in range(0, len(picked), _BLOCK_ROWS)
    ]


def _shuffled(draw: np.random.Generator, known: FloatArray) -> FloatArray:
    """Draw each column by itself from its known values, so that rows are new and values are not."""
    columns = [draw.choice(column[~np.isnan(column)], _ROWS) for column in known.T]
    return np.column_stack(columns)


def _a_float32_further(values: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.nextafter(values.astype(np.float32), np.float32(np.inf)).astype(np.float64)


def _as_served(features: Sequence[Feature], block: FloatArray) -> FloatArray:
    """Hold *block* to what the gateway lets through: bounds, whole numbers, true and false."""
    low = [-(10.0**_FAR) if f.minimum is None else f.minimum for f in features]
    high = [10.0**_FAR if f.maximum is None else f.maximum for f in features]
    held: FloatArray = np.clip(block, low, high)
    held = np.where([f.kind == "int" for f in features], np.rint(held), held)
    held = np.where([f.kind == "bool" for f in features], held > 0, held)
    return np.asarray(held, dtype=np.float64)


def _kind(values: npt.NDArray[np.generic]) -> str:
    """Return what JSON will show: text is text, as objects or as an array of it."""
    return {"O": "U", "u": "i"}.get(values.dtype.kind, values.dtype.kind)


def _distance(
    expected: FloatArray, found: FloatArray, unit: FloatArray | float
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Return whether both are numbers or the same, and how far apart numbers are, in *unit*."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(found - expected) / unit
    is_equal = (expected == found) | (np.isnan(expected) & np.isnan(found))
    is_number = np.isfinite(apart)
    return is_equal | is_number, np.where(is_number, apart, 0.0)
