"""The use case: a model in service, and one prediction from a matrix to encoded results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from math import fsum, isnan, nan
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from app.domain.compiled import Timing
from app.domain.contract import Contract
from app.domain.ports import (
    Cache,
    Decider,
    Engine,
    FloatArray,
    Matrix,
    Metrics,
    Queue,
    Scores,
)
from app.domain.results import encoded
from app.domain.rows import RowReader
from app.errors import FieldError, InputInvalidError

# A larger input is answered without the cache, so that its memory stays bounded in bytes too.
MAX_CACHED_INPUT_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A verified version in memory, with all that was prepared for it once.

    Attributes:
        engine_name: linear, forest, onnx or sklearn.
        timing: of the engine at registration; None where nobody measured.
        fallback: why no faster engine serves; None when this is the fastest there is.
        queue: of the engine; None for one that threads call side by side.
        serial: of everything that was loaded in this process.
        decider: has the scores; None where the contract promises none.
    """

    contract: Contract
    engine: Engine
    reader: RowReader
    loaded_at: datetime
    engine_name: str = "sklearn"
    timing: Timing | None = None
    fallback: str | None = None
    queue: Queue | None = None
    serial: int = field(default_factory=count().__next__)
    decider: Decider | None = None

    @property
    def size_bytes(self) -> int:
        """Size of the file that the engine was made of."""
        files = {it.engine: it.size_bytes for it in self.contract.compiled}
        return next(
            (size for kind, size in files.items() if kind == self.engine_name),
            self.contract.artefact.size_bytes,
        )


class Wish(NamedTuple):
    """What the caller asks for besides predictions; ``scores`` are of ``decision_function``."""

    probabilities: bool = False
    scores: bool = False


class Result(NamedTuple):
    """The results of one request, and where they come from.

    Attributes:
        fragment: the inside of a JSON object.
        cache: hit, miss or bypass.
        scores: what the engine answered; None on a hit.
    """

    fragment: bytes
    cache: str
    scores: Scores | None = None


def predict(
    model: ServedModel,
    matrix: Matrix,
    wish: Wish,
    *,
    cache: Cache | None,
    metrics: Metrics,
) -> Result:
    """Score *matrix* with *model*, or answer from *cache*.

    The key holds the model's serial number, what was wished for and the content of the validated
    input. What is remembered holds words of the contract too, such as classes, so two contracts of
    one file never share it, and neither do two versions.

    Raises:
        InputInvalidError: the model refuses a row of texts or categories that keeps its contract.
    """
    content = None if cache is None else _content(matrix)
    key = None if content is None else (model.serial, wish, content)
    if cache is not None and key is not None:
        found = cache.get(key)
        if found is not None:
            return Result(found, "hit")
    started = perf_counter()
    scores = _scores(model, matrix, wish)
    metrics.predicted(seconds=perf_counter() - started, confidences=_confidences(scores))
    fragment = encoded(model.contract, scores, with_probabilities=wish.probabilities)
    if cache is not None and key is not None:
        cache.put(key, fragment)
    return Result(fragment, "miss" if key is not None else "bypass", scores)


def _content(matrix: Matrix) -> bytes | None:
    """Return what *matrix* holds, or None when that is too long to be kept.

    The bytes of an array of objects are addresses, which tell nothing of the values.
    """
    if matrix.nbytes > MAX_CACHED_INPUT_BYTES:
        return None
    if not matrix.dtype.hasobject:
        return matrix.tobytes()
    content = orjson.dumps(matrix.tolist())
    return content if len(content) <= MAX_CACHED_INPUT_BYTES else None


def _scores(model: ServedModel, matrix: Matrix, wish: Wish) -> Scores:
    """Ask the engine and, where scores are wished for, what decides behind it."""
    try:
        scores = model.engine.predict(matrix)
        if wish.scores and model.decider is not None:
            return scores._replace(scores=model.decider.decide(matrix))
    except ValueError as error:
        # Of words there are endlessly many, and a contract need not list them.
        if matrix.dtype.hasobject:
            reason = "the model refuses these values, although they keep its contract"
            raise InputInvalidError([FieldError(None, None, reason)]) from error
        raise
    return scores


def feature_means(matrix: Matrix) -> list[float]:
    """Return the mean of each column over the rows that have a value; NaN where none has.

    A column of texts has none.
    """
    if matrix.dtype.hasobject:
        return [_mean(column) for column in matrix.T.tolist()]
    rows: list[list[float]]
    if len(matrix) == 1:
        rows = matrix.tolist()
        return rows[0]
    means = np.add.reduce(matrix) / len(matrix)
    if np.isnan(means).any():
        known = ~np.isnan(matrix)
        with np.errstate(invalid="ignore"):
            means = np.where(known, matrix, 0.0).sum(axis=0) / known.sum(axis=0)
    values: list[float] = means.tolist()
    return values


def _mean(column: list[Any]) -> float:
    if any(type(value) is str for value in column):
        return nan
    known = [value for value in column if not isnan(value)]
    return fsum(known) / len(known) if known else nan


def _confidences(scores: Scores) -> Sequence[float]:
    """Return the highest probability of each row, without the rows that have a NaN.

    With several targets there are as many for each row.
    """
    shares = scores.probabilities
    if shares is None:
        return ()
    if isinstance(shares, tuple):
        return [top for of_target in shares for top in _highest(of_target)]
    return _highest(shares)


def _highest(shares: FloatArray) -> Sequence[float]:
    if len(shares) == 1:
        [row] = shares.tolist()
        return () if isnan(sum(row)) else (max(row),)
    # Along the rows of a copy turned around: NumPy is slow over many short rows.
    top = np.ascontiguousarray(shares.T).max(axis=0)
    known: list[float] = top[~np.isnan(top)].tolist()
    return known
