"""Fits a model to a table and stores it, with its contract, as a new version."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import joblib
import numpy.typing as npt
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from app.domain.contract import Artefact, Contract, GoldenRows, Input, Outputs, Target, Training
from app.domain.golden import record
from app.domain.ports import Engine, Matrix
from app.errors import TrainingDataError
from app.lifecycle.compiling.engines import CompiledOpener, with_engines
from app.lifecycle.datasets import Table
from app.lifecycle.estimators import SEED, EstimatorName, estimator_for, without_addresses
from app.lifecycle.measures import Measures, measured
from app.lifecycle.references import class_shares_of, features_of, references_of
from app.lifecycle.registry import UNSTORED, Registry, add_version, checked_name

HELD_OUT_SHARE: Final = 0.25


class EngineMaker(Protocol):
    """Puts the reference engine around an estimator."""

    def __call__(
        self, estimator: Any, *, has_probabilities: bool, takes: Input | None = None
    ) -> Engine:
        """Return the engine."""
        ...


def train(  # noqa: PLR0913  one argument a thing it needs
    table: Table,
    *,
    name: str,
    registry: Registry,
    engine_of: EngineMaker,
    open_compiled: CompiledOpener,
    estimator: EstimatorName | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Contract, Path]:
    """Fit, measure on held-out rows, compile, and store a new version of *name*.

    Returns:
        The contract and the version's folder.

    Raises:
        RegistryError: the name is none, or the version cannot be written.
        TrainingDataError: *estimator* does not do the table's task, or cannot learn it.
    """
    checked_name(name)
    fit, held_out, fit_target, truth = _split(table)
    model = _fitted(estimator_for(table, estimator), table, fit, fit_target)
    outputs = _outputs(table, model)
    engine = engine_of(model, has_probabilities=outputs.has_probabilities, takes=table.input)
    made = _Made(model, _dumped(model), outputs, record(held_out, engine))
    measures = measured(model, table.task, _given(table, held_out), truth)
    contract = _contract(name, table, made, measures, now())
    contract, compiled = with_engines(
        contract, model, reference=engine, known=table.features, open_compiled=open_compiled
    )
    return add_version(registry, made.payload, contract, compiled)


class _Made(NamedTuple):
    """What came of training."""

    model: Pipeline
    payload: bytes
    outputs: Outputs
    golden: GoldenRows


def _contract(
    name: str, table: Table, made: _Made, measures: Measures, created_at: datetime
) -> Contract:
    return Contract(
        name=name,
        version=UNSTORED,
        task=table.task,
        created_at=created_at,
        commit=commit(),
        libraries=libraries(),
        input=table.input,
        features=features_of(table),
        outputs=made.outputs,
        artefact=artefact_of(made.payload),
        golden=made.golden,
        training=_training(table, measures),
    )


def _split(table: Table) -> Any:
    if table.target is None:
        parts = train_test_split(table.features, test_size=HELD_OUT_SHARE, random_state=SEED)
        return *parts, None, None
    has_one = table.is_classification and not table.target_names
    return train_test_split(
        table.features,
        table.target,
        test_size=HELD_OUT_SHARE,
        random_state=SEED,
        stratify=table.target if has_one else None,
    )


def _given(table: Table, rows: Matrix) -> Matrix:
    """Return *rows* as an estimator takes them: a column of texts is one sequence."""
    return rows[:, 0] if table.input == "texts" else rows


def _fitted(estimator: Pipeline, table: Table, rows: Matrix, target: Any) -> Pipeline:
    try:
        return without_addresses(estimator.fit(_given(table, rows), target))
    except ValueError as error:
        problem = str(error).splitlines()[0]
        raise TrainingDataError(f"{table.name}: cannot be learnt: {problem}") from error


def _dumped(model: Pipeline) -> bytes:
    buffer = BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def artefact_of(payload: bytes) -> Artefact:
    """Return the contract's words for *payload*."""
    return Artefact(size_bytes=len(payload), sha256=sha256(payload).hexdigest())


def libraries() -> dict[str, str]:
    """Return the versions that decide what a stored model answers."""
    found = {name: importlib.metadata.version(name) for name in ("scikit-learn", "numpy", "joblib")}
    return {"python": platform.python_version(), **found}


def commit() -> str | None:
    """Return the commit of the code that trains; None outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607  whichever git the user has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _training(table: Table, measures: Measures) -> Training:
    return Training(
        dataset=table.name,
        n_rows=len(table.features),
        fingerprint_sha256=table.fingerprint_sha256,
        metrics=measures,
        reference=references_of(table),
        class_shares=class_shares_of(table),
    )


def _outputs(table: Table, model: Any) -> Outputs:
    named: dict[str, Any] = {}
    if table.target_names:
        several = model.classes_ if table.is_classification else [None] * len(table.target_names)
        pairs = zip(table.target_names, several, strict=True)
        named["targets"] = tuple(Target(name=name, classes=_listed(it)) for name, it in pairs)
    elif table.is_classification:
        named["classes"] = _listed(model.classes_)
    return Outputs(
        has_probabilities=table.is_classification and hasattr(model, "predict_proba"),
        has_scores=hasattr(model, "decision_function"),
        **named,
    )


def _listed(classes: npt.NDArray[Any] | None) -> tuple[Any, ...] | None:
    return None if classes is None else tuple(classes.tolist())
