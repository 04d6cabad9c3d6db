from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from app.lifecycle.measures import measured

ROWS = np.zeros((4, 1))


@dataclass
class Fixed:
    """A model that always answers the same."""

    answers: Any
    shares: Any = None
    classes_: Any = None

    def predict(self, _: object) -> Any:
        return np.array(self.answers)

    def predict_proba(self, _: object) -> Any:
        return np.array(self.shares)


def test_quantities_are_measured_by_their_errors() -> None:
    model = Fixed([1.0, 2.0, 3.0, 8.0])

    found = measured(model, "regression", ROWS, np.array([1.0, 2.0, 3.0, 4.0]))

    assert (found["mae"], found["rmse"]) == (1.0, 2.0)
    assert found["r2"] == pytest.approx(1 - 16 / 5)


def test_classes_are_measured_with_their_probabilities() -> None:
    model = Fixed([0, 0, 1, 1], [[0.5, 0.5]] * 4, np.array([0, 1]))

    found = measured(model, "classification", ROWS, np.array([0, 1, 1, 1]))

    assert found["accuracy"] == 0.75
    assert found["f1_macro"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert found["log_loss"] == pytest.approx(np.log(2))


def test_several_targets_of_classes_are_measured_together_and_as_a_whole() -> None:
    model = Fixed([[0, 1], [0, 1], [1, 0], [1, 0]])

    found = measured(model, "classification", ROWS, np.array([[0, 1], [0, 0], [1, 1], [1, 0]]))

    assert found["accuracy"] == 0.75
    assert found["exact_match"] == 0.5


def test_several_quantities_are_measured_by_their_mean() -> None:
    model = Fixed([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]])

    found = measured(
        model, "regression", ROWS, np.array([[1.0, 3.0], [2.0, 4.0], [3.0, 5.0], [4.0, 6.0]])
    )

    assert found["mae"] == 1.0


def test_of_outliers_the_share_is_counted() -> None:
    found = measured(Fixed([1, -1, 1, 1]), "outlier-detection", ROWS, None)

    assert found == {"outlier_share": 0.25}
