"""How well a model answers rows that it was not fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics

from app.domain.contract import Task
from app.domain.ports import Matrix

Measures = dict[str, float]


def measured(model: Any, task: Task, rows: Matrix, truth: Any) -> Measures:
    """Return the usual numbers of *task* for *rows*; with several targets their mean.

    Args:
        model: fitted.
        task: of the model.
        rows: held out, shape (n_rows, n_features), or (n_rows,) of texts.
        truth: shape (n_rows,) or (n_rows, n_targets); None for outliers, of which the share is
            counted.
    """
    guess = model.predict(rows)
    if task == "outlier-detection":
        return {"outlier_share": float(np.mean(guess == -1))}
    if task == "regression":
        return _of_quantities(truth, guess)
    if truth.ndim > 1:
        return _of_several_classes(truth, guess)
    shares = model.predict_proba(rows)
    return _of_classes(truth, guess) | {
        "log_loss": float(metrics.log_loss(truth, shares, labels=model.classes_))
    }


def _of_quantities(truth: Any, guess: Any) -> Measures:
    return {
        "r2": float(metrics.r2_score(truth, guess)),
        "mae": float(metrics.mean_absolute_error(truth, guess)),
        "rmse": float(metrics.root_mean_squared_error(truth, guess)),
    }


def _of_classes(truth: Any, guess: Any) -> Measures:
    return {
        "accuracy": float(metrics.accuracy_score(truth, guess)),
        "f1_macro": float(metrics.f1_score(truth, guess, average="macro")),
    }


def _of_several_classes(truth: Any, guess: Any) -> Measures:
    """Return the means over the targets, and the share of rows that are right in every one."""
    each = [_of_classes(truth[:, place], guess[:, place]) for place in range(truth.shape[1])]
    means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    return means | {"exact_match": float((truth == guess).all(axis=1).mean())}
