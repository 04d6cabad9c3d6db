"""Any fitted estimator on a stage, under a contract that the test writes."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app.domain.contract import Contract, Feature
from app.domain.traffic import Split
from app.lifecycle.stages import CANDIDATE
from app.lifecycle.traffic import TRAFFIC
from app.settings.schema import Settings
from test.builders import a_contract

TOWNS = ("Bern", "Zürich")
TEXTS = ("good day", "bad night", "good night", "bad day")


def promote_estimator(settings: Settings, estimator: Any, contract: Contract) -> Any:
    """Put *estimator* on the stage of *settings*: as the default when there is none yet."""
    file = settings.path(settings.model.model_path)
    if file.exists():
        file = file.parent / contract.name / file.name
    _write(file, estimator, contract)
    return estimator


def announce_canary(settings: Settings, estimator: Any, contract: Contract) -> None:
    """Let *estimator* answer all callers of the default model that name no version."""
    file = settings.path(settings.model.model_path)
    aside = file.parent / CANDIDATE
    _write(aside / file.name, estimator, contract)
    split = Split(model=contract.name, version=contract.version, mode="canary", share=1.0)
    (aside / TRAFFIC).write_text(split.model_dump_json())


def _write(file: Path, estimator: Any, contract: Contract) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    payload = buffer.getvalue()
    artefact = {"size_bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
    described = Contract.model_validate(contract.model_dump() | {"artefact": artefact})
    file.write_bytes(payload)
    file.with_name("manifest.json").write_text(described.model_dump_json())


def a_table_model(settings: Settings) -> Any:
    """A pipeline over a number, a truth value and a category, that answers yes or no."""
    generator = np.random.default_rng(3)
    rows = np.empty((80, 3), dtype=object)
    rows[:, 0] = generator.normal(size=80)
    rows[:, 1] = generator.integers(0, 2, size=80).astype(float)
    rows[:, 2] = generator.choice(TOWNS, size=80)
    target = np.where((rows[:, 0] > 0) == (rows[:, 2] == TOWNS[0]), "yes", "no")
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), [0, 1]), ("town", OneHotEncoder(), [2])]
    )
    contract = a_contract(
        Feature(name="age"),
        Feature(name="member", kind="bool"),
        Feature(name="town", kind="category", categories=TOWNS),
        name="people",
        task="classification",
        outputs={"classes": ("no", "yes"), "has_probabilities": True},
    )
    pipeline = make_pipeline(columns, LogisticRegression()).fit(rows, target)
    return promote_estimator(settings, pipeline, contract)


def a_text_model(settings: Settings) -> Any:
    """A pipeline from one text to 0 or 1."""
    contract = a_contract(
        Feature(name="text", kind="text"),
        name="texts",
        input="texts",
        task="classification",
        outputs={"classes": (0, 1), "has_probabilities": True},
    )
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, [1, 0, 1, 0])
    return promote_estimator(settings, pipeline, contract)


def an_outlier_detector(settings: Settings) -> Any:
    """An isolation forest over two numbers, with its ``decision_function``."""
    rows = np.random.default_rng(5).normal(size=(60, 2))
    contract = a_contract(name="strange", task="outlier-detection", outputs={"has_scores": True})
    forest = IsolationForest(n_estimators=5, random_state=0).fit(rows)
    return promote_estimator(settings, forest, contract)


def a_slope(slope: float) -> Any:
    """A ridge regression that answers about ``slope`` times the first of two numbers."""
    rows = np.random.default_rng(6).normal(size=(60, 2))
    return Ridge(alpha=1e-9).fit(rows, slope * rows[:, 0])


def a_model_of_two_targets(settings: Settings) -> Any:
    """A ridge regression of two numbers to two numbers."""
    rows = np.random.default_rng(6).normal(size=(60, 2))
    contract = a_contract(name="pair", outputs={"targets": ({"name": "sum"}, {"name": "gap"})})
    ridge = Ridge().fit(rows, np.column_stack([rows.sum(axis=1), rows[:, 0] - rows[:, 1]]))
    return promote_estimator(settings, ridge, contract)
