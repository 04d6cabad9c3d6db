from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.svm import LinearSVC

from app.errors import NotCompilableError
from app.lifecycle.compiling.linear import linear_arrays

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0], [4.0, 0.0], [5.0, 5.0]])
TWO, THREE = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]


class Louder(Ridge):  # type: ignore[misc]
    """A linear model with an answer of its own."""

    def predict(self, rows: Any) -> Any:
        return 2.0 * super().predict(rows)


@pytest.mark.parametrize(
    ("estimator", "target", "link", "shape"),
    [
        (Ridge(), TWO, "identity", (2,)),
        (LogisticRegression(), TWO, "logistic", (1, 2)),
        (LogisticRegression(), THREE, "softmax", (3, 2)),
        (LinearSVC(), TWO, "sign", (1, 2)),
        (LinearSVC(), THREE, "largest", (3, 2)),
        (SGDClassifier(loss="log_loss", random_state=0), THREE, "normalised", (3, 2)),
    ],
    ids=["identity", "logistic", "softmax", "sign", "largest", "normalised"],
)
def test_the_link_says_how_scores_become_answers(
    estimator: Any, target: list[int], link: str, shape: tuple[int, ...]
) -> None:
    arrays = linear_arrays(estimator.fit(ROWS, target))

    assert arrays["link"] == link
    assert arrays["coef"].shape == shape
    assert {name: arrays[name].dtype for name in ("coef", "intercept")} == {
        "coef": np.float64,
        "intercept": np.float64,
    }


@pytest.mark.parametrize(
    ("estimator", "target", "reason"),
    [
        (RandomForestClassifier(2), TWO, "a RandomForestClassifier is no linear model"),
        (Louder(), TWO, "a Louder is no linear model"),
        (
            SGDClassifier(loss="modified_huber", random_state=0),
            TWO,
            "a SGDClassifier is no linear model",
        ),
        (LinearRegression(), ROWS, "several targets at once"),
    ],
    ids=["no linear model", "an answer of its own", "shares of another kind", "two targets"],
)
def test_what_cannot_be_told_in_arrays_is_refused(estimator: Any, target: Any, reason: str) -> None:
    with pytest.raises(NotCompilableError, match=reason):
        linear_arrays(estimator.fit(ROWS, target))
