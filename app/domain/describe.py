"""What a fitted estimator says about itself, as parts of a contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.contract import Feature, Outputs, Task
from app.errors import ModelRejectedError


@dataclass(frozen=True, slots=True)
class Description:
    """The parts of a contract that an estimator knows by itself."""

    task: Task
    features: tuple[Feature, ...]
    outputs: Outputs


def describe(estimator: Any) -> Description:
    """Read ``n_features_in_``, ``feature_names_in_`` and ``classes_`` of *estimator*.

    Raises:
        ModelRejectedError: it has no ``predict``, is not fitted, or answers several targets.
    """
    kind = type(estimator).__name__
    if not callable(getattr(estimator, "predict", None)):
        raise ModelRejectedError(f"a {kind} has no predict method")
    n_features = getattr(estimator, "n_features_in_", None)
    if n_features is None:
        raise ModelRejectedError(f"this {kind} does not say n_features_in_: is it fitted?")
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"feature_{number}" for number in range(int(n_features))]
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list) or (classes is not None and np.asarray(classes).ndim != 1):
        raise ModelRejectedError(f"this {kind} answers several targets at once")
    outputs = Outputs(
        classes=None if classes is None else tuple(np.asarray(classes).tolist()),
        has_probabilities=classes is not None and hasattr(estimator, "predict_proba"),
    )
    if len(set(map(str, names))) < len(names) or not all(map(str, names)):
        raise ModelRejectedError(f"this {kind} has features without a name of their own")
    return Description(
        task="regression" if classes is None else "classification",
        features=tuple(Feature(name=str(name)) for name in names),
        outputs=outputs,
    )
