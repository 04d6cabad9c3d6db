"""Gives a user's own joblib file a contract."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.contract import Artefact, Contract, GoldenRows
from app.domain.describe import Description, describe
from app.domain.golden import record
from app.domain.ports import FloatArray
from app.errors import RegistryError, TrainingDataError
from app.lifecycle.registry import add_version
from app.lifecycle.train import EngineMaker, commit, libraries


def register(  # noqa: PLR0913  one argument a thing it needs
    file: Path,
    *,
    name: str,
    registry: Path,
    open_estimator: Callable[[bytes], Any],
    engine_of: EngineMaker,
    sample: Path | None = None,
) -> tuple[Contract, Path]:
    """Store *file* as a new version of *name*, with a contract from what the estimator knows.

    Opening a joblib file runs what it holds: register only files that you trust.

    Args:
        file: the joblib file.
        name: the model's name.
        registry: the registry's folder.
        open_estimator: the one door for unpickling.
        engine_of: puts the reference engine around the estimator.
        sample: CSV file of rows the model takes, with a header; gives golden rows and ranges.

    Raises:
        RegistryError: the file cannot be read, or the version cannot be written.
        ModelRejectedError: the file holds no fitted estimator with one target.
        TrainingDataError: the sample does not fit the model.
    """
    try:
        payload = file.read_bytes()
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from error
    estimator = open_estimator(payload)
    said = describe(estimator)
    golden, features = GoldenRows(), said.features
    if sample is not None:
        rows = _sample(sample, said)
        engine = engine_of(estimator, has_probabilities=said.outputs.has_probabilities)
        golden = record(rows, engine)
        features = tuple(
            feature.model_copy(
                update={"trained_minimum": float(low), "trained_maximum": float(high)}
            )
            for feature, low, high in zip(
                features, np.nanmin(rows, axis=0), np.nanmax(rows, axis=0), strict=True
            )
        )

    def contract_of(version: str) -> Contract:
        return Contract(
            name=name,
            version=version,
            task=said.task,
            created_at=datetime.now(UTC),
            commit=commit(),
            libraries=libraries(),
            features=features,
            outputs=said.outputs,
            artefact=Artefact(size_bytes=len(payload), sha256=sha256(payload).hexdigest()),
            golden=golden,
        )

    return add_version(registry, name, payload, contract_of)


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
    except (ValueError, IndexError) as error:
        raise TrainingDataError(f"{path}: is not a table of numbers with a header") from error
    if sample.ndim != 2 or np.isnan(sample).all(axis=0).any():  # noqa: PLR2004  rows and columns
        raise TrainingDataError(f"{path}: each column needs at least one number")
    return sample
