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
from typing import Any, Final, Protocol

import joblib
import numpy as np
from sklearn import metrics
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from app.domain.contract import Artefact, Contract, Feature, Missing, Outputs, Reference, Training
from app.domain.golden import record
from app.domain.ports import Engine, FloatArray
from app.lifecycle.compiling.engines import CompiledOpener, with_engines
from app.lifecycle.datasets import Table
from app.lifecycle.registry import UNSTORED, add_version, checked_name

SEED: Final = 20_260_101
HELD_OUT_SHARE: Final = 0.25
_QUANTILES: Final = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_BINS: Final = 10


class EngineMaker(Protocol):
    """Puts the reference engine around an estimator."""

    def __call__(self, estimator: Any, *, has_probabilities: bool) -> Engine:
        """Return the engine."""
        ...


def train(  # noqa: PLR0913  one argument a thing it needs
    table: Table,
    *,
    name: str,
    registry: Path,
    engine_of: EngineMaker,
    open_compiled: CompiledOpener,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Contract, Path]:
    """Fit, measure on held-out rows, compile, and store a new version of *name*.

    Returns:
        The contract and the version's folder.

    Raises:
        RegistryError: the name is none, or the version cannot be written.
    """
    checked_name(name)
    fit, held_out, fit_target, truth = _split(table)
    model = _estimator(table).fit(fit, fit_target)
    payload = _dumped(model)
    engine = engine_of(model, has_probabilities=table.is_classification)
    contract = Contract(
        name=name,
        version=UNSTORED,
        task="classification" if table.is_classification else "regression",
        created_at=now(),
        commit=commit(),
        libraries=libraries(),
        features=_features(table),
        outputs=_outputs(table, model),
        artefact=artefact_of(payload),
        golden=record(held_out, engine),
        training=_training(table, _metrics(table, model, held_out, truth)),
    )
    contract, compiled = with_engines(
        contract, model, reference=engine, known=table.features, open_compiled=open_compiled
    )
    return add_version(registry, payload, contract, compiled)


def _split(table: Table) -> Any:
    return train_test_split(
        table.features,
        table.target,
        test_size=HELD_OUT_SHARE,
        random_state=SEED,
        stratify=table.target if table.is_classification else None,
    )


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


def _estimator(table: Table) -> Pipeline:
    last = LogisticRegression(max_iter=5_000) if table.is_classification else Ridge()
    steps = [SimpleImputer()] if np.isnan(table.features).any() else []
    return make_pipeline(*steps, StandardScaler(), last)


def _training(table: Table, measured: dict[str, float]) -> Training:
    return Training(
        dataset=table.name,
        n_rows=len(table.features),
        fingerprint_sha256=table.fingerprint_sha256,
        metrics=measured,
        reference=_references(table),
        class_shares=_class_shares(table),
    )


def _metrics(table: Table, model: Any, rows: FloatArray, truth: Any) -> dict[str, float]:
    guess = model.predict(rows)
    if not table.is_classification:
        return {
            "r2": float(metrics.r2_score(truth, guess)),
            "mae": float(metrics.mean_absolute_error(truth, guess)),
            "rmse": float(metrics.root_mean_squared_error(truth, guess)),
        }
    shares = model.predict_proba(rows)
    return {
        "accuracy": float(metrics.accuracy_score(truth, guess)),
        "f1_macro": float(metrics.f1_score(truth, guess, average="macro")),
        "log_loss": float(metrics.log_loss(truth, shares, labels=model.classes_)),
    }


def _features(table: Table) -> tuple[Feature, ...]:
    low, high = np.nanmin(table.features, axis=0), np.nanmax(table.features, axis=0)
    gaps = [bool(np.isnan(column).any()) for column in table.features.T]
    return tuple(
        Feature(
            name=name,
            trained_minimum=float(low[place]),
            trained_maximum=float(high[place]),
            missing=Missing(policy="pass") if gaps[place] else None,
        )
        for place, name in enumerate(table.feature_names)
    )


def _outputs(table: Table, model: Any) -> Outputs:
    if not table.is_classification:
        return Outputs()
    return Outputs(classes=tuple(model.classes_.tolist()), has_probabilities=True)


def _references(table: Table) -> dict[str, Reference]:
    return {
        name: _reference(column)
        for name, column in zip(table.feature_names, table.features.T, strict=True)
    }


def _reference(column: FloatArray) -> Reference:
    values = column[~np.isnan(column)]
    counts, edges = np.histogram(values, bins=_BINS)
    return Reference(
        quantiles={f"{q:g}": float(np.quantile(values, q)) for q in _QUANTILES},
        histogram_edges=tuple(edges.tolist()),
        histogram_counts=tuple(counts.tolist()),
        missing_share=float(np.isnan(column).mean()),
    )


def _class_shares(table: Table) -> dict[str, float] | None:
    if not table.is_classification:
        return None
    labels, counts = np.unique(table.target, return_counts=True)
    pairs = zip(labels.tolist(), counts.tolist(), strict=True)
    return {str(label): count / len(table.target) for label, count in pairs}
