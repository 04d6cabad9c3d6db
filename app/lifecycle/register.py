"""Gives a user's own joblib file a contract."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from app.domain.contract import Contract, Feature, GoldenRows
from app.domain.describe import Description, describe
from app.domain.golden import record
from app.domain.ports import Engine, FloatArray
from app.errors import ModelRejectedError, RegistryError, TrainingDataError
from app.lifecycle.compiling.engines import CompiledOpener, with_engines
from app.lifecycle.registry import UNSTORED, add_version, checked_name
from app.lifecycle.train import EngineMaker, artefact_of, commit, libraries


def register(  # noqa: PLR0913  one argument a thing it needs
    file: Path,
    *,
    name: str,
    registry: Path,
    open_estimator: Callable[[bytes], Any],
    engine_of: EngineMaker,
    open_compiled: CompiledOpener,
    sample: Path | None = None,
) -> tuple[Contract, Path]:
    """Store *file* as a new version of *name*, with a contract from what the estimator knows.

    *open_estimator* is the gateway's own door, so what is registered can be served. It keeps out
    what is not listed, and is no proof of good will: register only files that you trust. *sample*
    is a CSV file of rows that the model takes, with a header; it gives golden rows and ranges, and
    compiled engines are compared on it.

    Raises:
        RegistryError: the file cannot be read, or the version cannot be written.
        ModelRejectedError: the file holds no fitted estimator with one target, or names what is
            not on the list of allowed modules.
        TrainingDataError: the sample does not fit the model.
    """
    checked_name(name)
    payload = _read(file)
    estimator = open_estimator(payload)
    said = describe(estimator)
    engine = engine_of(estimator, has_probabilities=said.outputs.has_probabilities)
    known = None if sample is None else _sample(sample, said)
    contract = _contract(name, payload, said, *_tried(engine, said, known, sample))
    contract, compiled = with_engines(
        contract, estimator, reference=engine, known=known, open_compiled=open_compiled
    )
    return add_version(registry, payload, contract, compiled)


def _contract(
    name: str,
    payload: bytes,
    said: Description,
    golden: GoldenRows,
    features: tuple[Feature, ...],
) -> Contract:
    return Contract(
        name=name,
        version=UNSTORED,
        task=said.task,
        created_at=datetime.now(UTC),
        commit=commit(),
        libraries=libraries(),
        features=features,
        outputs=said.outputs,
        artefact=artefact_of(payload),
        golden=golden,
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from error


def _tried(
    engine: Engine, said: Description, known: FloatArray | None, sample: Path | None
) -> tuple[GoldenRows, tuple[Feature, ...]]:
    """Ask the model once before it is stored: the sample's rows, or else a row of zeros."""
    rows = np.zeros((1, len(said.features))) if known is None else known
    asked = "a row of zeros; give rows that it takes with --sample" if sample is None else sample
    try:
        golden = record(rows, engine)
    except ValidationError as error:
        raise ModelRejectedError("the model answers several targets at once") from error
    except Exception as error:
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelRejectedError(f"the model cannot answer {asked}: {problem}") from error
    if known is None:
        return GoldenRows(), said.features
    return golden, _with_ranges(said.features, rows)


def _with_ranges(features: tuple[Feature, ...], rows: FloatArray) -> tuple[Feature, ...]:
    ranges = zip(features, np.nanmin(rows, axis=0), np.nanmax(rows, axis=0), strict=True)
    return tuple(
        feature.model_copy(update={"trained_minimum": float(low), "trained_maximum": float(high)})
        for feature, low, high in ranges
    )


def _sample(path: Path, said: Description) -> FloatArray:
    """Read the columns of the sample in the model's order, by name where the names are there."""
    names = [feature.name for feature in said.features]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row]
        if set(names) <= set(header):
            order = [header.index(name) for name in names]
        elif len(header) == len(names):
            order = list(range(len(names)))
        else:
            raise TrainingDataError(f"{path}: needs the columns {', '.join(names)}")
        cells = [[row[place].strip() or "nan" for place in order] for row in rows]
        sample = np.array(cells, dtype=np.float64)
    except OSError as error:
        raise TrainingDataError(f"{path}: {error.strerror}") from error
    except (ValueError, IndexError, csv.Error) as error:
        raise TrainingDataError(f"{path}: is not a table of numbers with a header") from error
    if sample.ndim != 2 or np.isinf(sample).any() or np.isnan(sample).all(axis=0).any():  # noqa: PLR2004  rows and columns
        raise TrainingDataError(f"{path}: each column needs a number, and none that is infinite")
    return sample
