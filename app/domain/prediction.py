"""The use case: a model in service, and one prediction from a matrix to encoded results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Final

import numpy as np
import orjson

from app.domain.contract import Contract
from app.domain.ports import Cache, Engine, FloatArray, Metrics, Scores
from app.domain.rows import RowReader

# A larger input is answered without the cache, so that its memory stays bounded in bytes too.
MAX_CACHED_INPUT_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A verified version in memory, with all that was prepared for it once."""

    contract: Contract
    engine: Engine
    reader: RowReader
    loaded_at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """Encoded results of one request: the inside of a JSON object, and where they come from."""

    fragment: bytes
    cache: str  # hit, miss or bypass


def predict(
    model: ServedModel,
    matrix: FloatArray,
    wants_probabilities: bool,  # noqa: FBT001  a kind of output, named at every call
    *,
    cache: Cache | None,
    metrics: Metrics,
) -> Result:
    """Score *matrix* with *model*, or answer from *cache*.

    The key holds the model's digest, the kind of output and the bytes of the validated input, so
    a new version is never answered from an old one's cache.
    """
    kept = cache if matrix.nbytes <= MAX_CACHED_INPUT_BYTES else None
    key = (model.contract.artefact.sha256, wants_probabilities, matrix.tobytes()) if kept else None
    if kept is not None and key is not None:
        found = kept.get(key)
        if found is not None:
            return Result(found, "hit")
    started = perf_counter()
    scores = model.engine.predict(matrix)
    metrics.predicted(seconds=perf_counter() - started, confidences=_confidences(scores))
    fragment = _encode(model.contract, scores, wants_probabilities=wants_probabilities)
    if kept is not None and key is not None:
        kept.put(key, fragment)
    return Result(fragment, "miss" if kept is not None else "bypass")


def feature_means(matrix: FloatArray) -> list[float]:
    """Return the mean of each column over the rows that have a value; NaN where none has."""
    means = matrix.mean(axis=0)
    if np.isnan(means).any():
        known = ~np.isnan(matrix)
        with np.errstate(invalid="ignore"):
            means = np.where(known, matrix, 0.0).sum(axis=0) / known.sum(axis=0)
    values: list[float] = means.tolist()
    return values


def _confidences(scores: Scores) -> Sequence[float]:
    if scores.probabilities is None:
        return ()
    top = scores.probabilities.max(axis=1)
    known: list[float] = top[~np.isnan(top)].tolist()
    return known


def _encode(contract: Contract, scores: Scores, *, wants_probabilities: bool) -> bytes:
    """Encode the members that depend on model and input alone, without the outer braces."""
    members: dict[str, object] = {"predictions": scores.predictions.tolist()}
    if wants_probabilities and scores.probabilities is not None:
        members["probabilities"] = scores.probabilities.tolist()
        members["classes"] = contract.outputs.classes
    return orjson.dumps(members)[1:-1]
