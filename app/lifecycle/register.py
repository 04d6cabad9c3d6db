"""Gives a user's own joblib file a contract."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.domain.contract import Contract, GoldenRows, Input
from app.domain.describe import Description, confirmed, describe
from app.domain.golden import record
from app.domain.ports import Engine, Matrix
from app.errors import ModelRejectedError, RegistryError
from app.lifecycle.compiling.engines import CompiledOpener, with_engines
from app.lifecycle.registry import UNSTORED, Registry, add_version, checked_name
from app.lifecycle.samples import Sampled, sampled
from app.lifecycle.sheets import Sheet, read_sheet
from app.lifecycle.train import EngineMaker, artefact_of, commit, libraries


def register(  # noqa: PLR0913  one argument a thing it needs
    file: Path,
    *,
    name: str,
    registry: Registry,
    open_estimator: Callable[[bytes], Any],
    engine_of: EngineMaker,
    open_compiled: CompiledOpener,
    sample: Path | None = None,
    takes: Input | None = None,
) -> tuple[Contract, Path]:
    """Store *file* as a new version of *name*, with a contract from what the estimator knows.

    *open_estimator* is the gateway's own door, so what is registered can be served. It keeps out
    what is not listed, and is no proof of good will: register only files that you trust. *sample*
    is a CSV file of rows that the model takes, with a header; it gives golden rows and ranges, and
    compiled engines are compared on it. *takes* says how the model takes its rows; None finds out.

    Raises:
        RegistryError: the file cannot be read, or the version cannot be written.
        ModelRejectedError: the file holds no fitted estimator, or names what is not on the list of
            allowed modules.
        TrainingDataError: the sample does not fit the model.
    """
    checked_name(name)
    payload = _read(file)
    estimator = open_estimator(payload)
    sheet = None if sample is None else read_sheet(sample)
    shape = _shape(estimator, sheet, takes)
    names = [feature.name for feature in shape.features]
    said = describe(estimator, takes=shape.takes, names=names)
    probable = said.outputs.has_probabilities
    engine = engine_of(estimator, has_probabilities=probable, takes=shape.takes)
    said, golden = _tried(engine, said, shape.rows, sample)
    contract = _contract(name, payload, said, shape, golden if sample else GoldenRows())
    known = shape.rows if sample or shape.takes != "numbers" else None
    contract, compiled = with_engines(
        contract, estimator, reference=engine, known=known, open_compiled=open_compiled
    )
    return add_version(registry, payload, contract, compiled)


def _contract(
    name: str, payload: bytes, said: Description, shape: Sampled, golden: GoldenRows
) -> Contract:
    return Contract(
        name=name,
        version=UNSTORED,
        task=said.task,
        created_at=datetime.now(UTC),
        commit=commit(),
        libraries=libraries(),
        input=shape.takes,
        features=shape.features,
        outputs=said.outputs,
        artefact=artefact_of(payload),
        golden=golden,
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from error


def _shape(estimator: Any, sheet: Sheet | None, takes: Input | None) -> Sampled:
    try:
        return sampled(estimator, sheet, takes)
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ModelRejectedError(f"a feature of the model fits no contract: {problem}") from error


def _tried(
    engine: Engine, said: Description, rows: Matrix, sample: Path | None
) -> tuple[Description, GoldenRows]:
    """Ask the model once before it is stored, and see what it answers."""
    made_up = "a row of zeros" if rows.dtype != object else "a row that was made up"
    asked = f"{made_up}; give rows that it takes with --sample" if sample is None else sample
    try:
        return confirmed(said, engine.predict(rows)), record(rows, engine)
    except ValidationError as error:
        raise ModelRejectedError("the model answers neither labels nor numbers") from error
    except Exception as error:
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelRejectedError(f"the model cannot answer {asked}: {problem}") from error
