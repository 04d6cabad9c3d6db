"""The two models that every server is measured with, and rows for them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED: Final = 20_260_101
MANY: Final = 1_000
_BODIES: Final = 24
_SPREAD: Final = 0.01


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted estimator in a file, with rows to ask it.

    Attributes:
        sample: CSV file of training rows, with a header.
        one: a training row.
        many: lists of a thousand rows that no training saw, full precision.
        expected: what scikit-learn predicts for the first list.
    """

    name: str
    file: Path
    sample: Path
    one: list[float]
    many: list[list[list[float]]]
    expected: list[int]

    def rows(self, n_rows: int) -> list[list[list[float]]]:
        """Return the different inputs of *n_rows* rows: 1 or a thousand."""
        return [[self.one]] if n_rows == 1 else self.many


def build(folder: Path) -> dict[str, Model]:
    """Train both models with the scikit-learn of this environment, into *folder*."""
    iris, cancer = load_iris(), load_breast_cancer()
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    return {
        "logistic": fitted(folder, "logistic", iris.data, iris.target, linear),
        "forest": fitted(folder, "forest", cancer.data, cancer.target, forest_of(100)),
    }


def forest_of(n_trees: int) -> RandomForestClassifier:
    """Return a forest that is not fitted yet."""
    return RandomForestClassifier(n_estimators=n_trees, random_state=SEED)


def fitted(folder: Path, name: str, rows: Any, target: Any, estimator: Any) -> Model:
    """Fit *estimator* to *rows*, shape (n_rows, n_features), and store it in *folder*."""
    estimator.fit(rows, target)
    file, sample = folder / f"{name}.joblib", folder / f"{name}.csv"
    joblib.dump(estimator, file)
    with sample.open("w", newline="", encoding="utf-8") as written:
        writer = csv.writer(written)
        writer.writerow([f"x{place}" for place in range(rows.shape[1])])
        writer.writerows(rows.tolist())
    lists = [_varied(rows, number) for number in range(_BODIES)]
    expected = estimator.predict(lists[0]).tolist()
    many = [varied.tolist() for varied in lists]
    return Model(name, file, sample, rows[0].tolist(), many, expected)


def _varied(rows: Any, number: int) -> Any:
    """Return a thousand rows near *rows*, others for each *number*."""
    generator = np.random.default_rng((SEED, number))
    picked = rows[generator.integers(0, len(rows), MANY)]
    return picked * generator.normal(1.0, _SPREAD, picked.shape)
