"""The use case: a model in service, and one prediction from a matrix to encoded results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from app.domain.compiled import Timing
from app.domain.contract import Contract
from app.domain.ports import Cache, Engine, FloatArray, Matrix, Metrics, Queue, Scores
from app.domain.rows import RowReader

# A larger input is answered without the cache, so that its memory stays bounded in bytes too.
MAX_CACHED_INPUT_BYTES: Final = 16_384
_FEW_VALUES: Final = 8  # a list of them is written sooner than an array


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A verified version in memory, with all that was prepared for it once.

    Attributes:
        engine_name: linear, forest, onnx or sklearn.
        timing: of the engine at registration; None where nobody measured.
        fallback: why no faster engine serves; None when this is the fastest there is.
        queue: of the engine; None for one that threads call side by side.
    """

    contract: Contract
    engine: Engine
    reader: RowReader
    loaded_at: datetime
    engine_name: str = "sklearn"
    timing: Timing | None = None
    fallback: str | None = None
    queue: Queue | None = None

    @property
    def size_bytes(self) -> int:
        """Size of the file that the engine was made of."""
        files = {it.engine: it.size_bytes for it in self.contract.compiled}
        return next(
            (size for kind, size in files.items() if kind == self.engine_name),
            self.contract.artefact.size_bytes,
        )


class Wish(NamedTuple):
    """What the caller asks for besides predictions."""

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
    matrix: FloatArray,
    wish: Wish,
    *,
    cache: Cache | None,
    metrics: Metrics,
) -> Result:
    """Score *matrix* with *model*, or answer from *cache*.

    The key holds the model's digest, what was wished for and the bytes of the validated input, so
    a new version is never answered from an old one's cache.
    """
    kept = cache if matrix.nbytes <= MAX_CACHED_INPUT_BYTES else None
    key = (model.contract.artefact.sha256, wish, matrix.tobytes()) if kept else None
    if kept is not None and key is not None:
        found = kept.get(key)
        if found is not None:
            return Result(found, "hit")
    started = perf_counter()
    scores = model.engine.predict(matrix)
    metrics.predicted(seconds=perf_counter() - started, confidences=_confidences(scores))
    fragment = _encode(model.contract, scores, wish)
    if kept is not None and key is not None:
        kept.put(key, fragment)
    return Result(fragment, "miss" if kept is not None else "bypass", scores)


def feature_means(matrix: FloatArray) -> list[float]:
    """Return the mean of each column over the rows that have a value; NaN where none has."""
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


def _confidences(scores: Scores) -> Sequence[float]:
    """Return the highest probability of each row, without the rows that have a NaN."""
    shares = scores.probabilities
    if shares is None:
        return ()
    if len(shares) == 1:
        [row] = shares.tolist()
        return () if isnan(sum(row)) else (max(row),)
    # Along the rows of a copy turned around: NumPy is slow over many short rows.
    top = np.ascontiguousarray(shares.T).max(axis=0)
    known: list[float] = top[~np.isnan(top)].tolist()
    return known


def _encode(contract: Contract, scores: Scores, wish: Wish) -> bytes:
    """Encode the members that depend on model and input alone, without the outer braces."""
    members: dict[str, object] = {"predictions": _encodable(scores.predictions)}
    if wish.probabilities and scores.probabilities is not None:
        members["probabilities"] = _encodable(scores.probabilities)
        members["classes"] = contract.outputs.classes
    return orjson.dumps(members, _to_list, orjson.OPT_SERIALIZE_NUMPY)[1:-1]


def _encodable(array: Matrix) -> Matrix | list[Any]:
    """Return *array* with each number as Python writes it: orjson shortens a float32."""
    if array.size <= _FEW_VALUES or not array.dtype.isnative:
        return _to_list(array)
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


def _to_list(array: Matrix) -> list[Any]:
    """Return *array* for orjson, which writes no text and no array that is not in order."""
    values: list[Any] = array.tolist()
    return values
