"""Fits a model to a table and stores it, with its contract, as a new version."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy.typing as npt
from sklearn.pipeline import Pipeline

from app.domain.compiled import Digested
from app.domain.contract import Artefact, Contract, GoldenRows, Input, Outputs, Target, Training
from app.domain.golden import record
from app.domain.ports import Engine
from app.errors import TrainingDataError
from app.lifecycle.compiling.engines import CompiledOpener, with_engines
from app.lifecycle.crossval import Outcome, best, cross_validated
from app.lifecycle.datasets import Table
from app.lifecycle.estimators import EstimatorName
from app.lifecycle.fitting import dumped, fitted, given
from app.lifecycle.heldout import HELD_OUT, held_out_bytes
from app.lifecycle.measures import Answers, Measures, asked, measures_of
from app.lifecycle.params import Plan
from app.lifecycle.references import class_shares_of, features_of, references_of
from app.lifecycle.registry import UNSTORED, DocumentsOf, Registry, add_version, checked_name
from app.lifecycle.report import reported
from app.lifecycle.splits import Split, split
from app.lifecycle.study import Study


class EngineMaker(Protocol):
    """Puts the reference engine around an estimator."""

    def __call__(
        self, estimator: Any, *, has_probabilities: bool, takes: Input | None = None
    ) -> Engine:
        """Return the engine."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """How a model is looked for.

    Attributes:
        plan: its candidates, and how they are compared.
        n_jobs: how many fits run at once.
        command: what a reader of the card types to train it again.
    """

    plan: Plan
    n_jobs: int = 1
    command: str = ""


def train(  # noqa: PLR0913  one argument a thing it needs
    table: Table,
    *,
    name: str,
    registry: Registry,
    engine_of: EngineMaker,
    open_compiled: CompiledOpener,
    estimator: EstimatorName | None = None,
    search: Search | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Contract, Path]:
    """Fit, measure on held-out rows, compile, and store a new version of *name*.

    The held-out rows lie beside it, and with *search*, which then chooses the estimator, a card, a
    report and plots. The same rows and seed give the same bytes; only the manifest, the card and
    the report say when.

    Returns:
        The contract and the version's folder.

    Raises:
        RegistryError: the name is none, or the version cannot be written.
        TrainingDataError: *estimator* does not do the table's task, or cannot learn it.
    """
    checked_name(name)
    found = _found(table, estimator, search)
    model, rows = found.model, found.parts.held_out
    outputs = _outputs(table, model)
    engine = engine_of(model, has_probabilities=outputs.has_probabilities, takes=table.input)
    kept = None if rows.target is None else held_out_bytes(rows)
    made = _Made(model, dumped(model), outputs, record(rows.features, engine), kept)
    answers = asked(model, table.task, given(rows), rows.target)
    contract = _contract(name, table, made, _checked(table, measures_of(answers)), now())
    contract, compiled = with_engines(
        contract, model, reference=engine, known=table.features, open_compiled=open_compiled
    )

    documents = _documents(found, kept, answers, search)
    return add_version(registry, made.payload, contract, compiled, documents)


class _Found(NamedTuple):
    """A fitted model, and how it was found."""

    parts: Split
    model: Pipeline
    outcomes: list[Outcome]


def _found(table: Table, estimator: EstimatorName | None, search: Search | None) -> _Found:
    if search is None:
        parts = split(table)
        return _Found(parts, fitted(parts.fit, estimator), [])
    plan = search.plan
    parts = split(table, seed=plan.seed, share=plan.held_out_share)
    outcomes = cross_validated(parts.fit, plan, search.n_jobs)
    trial = best(outcomes, plan.metric).trial
    model = fitted(parts.fit, trial.estimator, trial.settings, plan.seed)
    return _Found(parts, model, outcomes)


class _Made(NamedTuple):
    """What came of training; ``held_out`` is the file of the rows that it did not see."""

    model: Pipeline
    payload: bytes
    outputs: Outputs
    golden: GoldenRows
    held_out: bytes | None


def _checked(table: Table, measures: Measures) -> Measures:
    """Return *measures* that a contract can hold.

    Raises:
        TrainingDataError: one is no number, such as r2 of one row.
    """
    for name, value in measures.items():
        if not isfinite(value):
            raise TrainingDataError(
                f"{table.name}: {name} of the held-out rows is no number. "
                "Fix: more rows, or a larger held_out_share"
            )
    return measures


def _documents(
    found: _Found, held_out: bytes | None, answers: Answers, search: Search | None
) -> DocumentsOf:
    """Return what gives the files beside the version; all but the card's number is made now."""
    files = {} if held_out is None else {HELD_OUT: held_out}
    if search is None:
        return lambda _: files
    study = Study(search.plan, found.outcomes, found.parts, answers, search.command)
    reports = reported(study)
    return lambda contract: {**files, **reports(contract)}


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
        held_out=None if made.held_out is None else _digested(made.held_out),
    )


def artefact_of(payload: bytes) -> Artefact:
    """Return the contract's words for *payload*."""
    return Artefact(**_digested(payload).model_dump())


def _digested(payload: bytes) -> Digested:
    return Digested(size_bytes=len(payload), sha256=sha256(payload).hexdigest())


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
