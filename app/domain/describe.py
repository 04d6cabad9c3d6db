"""What a fitted estimator says about itself, as parts of a contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from app.domain.contract import Feature, Input, Outputs, Target, Task, Value
from app.domain.ports import Scores
from app.errors import ModelRejectedError

TEXT: Final = "text"
_YES_OR_NO: Final = (0, 1)


@dataclass(frozen=True, slots=True)
class Description:
    """The parts of a contract that an estimator knows by itself."""

    task: Task
    features: tuple[Feature, ...]
    outputs: Outputs


def describe(estimator: Any, *, takes: Input = "numbers", names: Sequence[str] = ()) -> Description:
    """Read ``n_features_in_``, ``feature_names_in_`` and ``classes_`` of *estimator*.

    A regressor does not say how many targets it has: ``confirmed`` finds that out.

    Args:
        estimator: anything with ``predict``.
        takes: how it takes its rows; nothing in it tells texts from a table.
        names: of the columns, where the estimator knows none; of a model of texts, of its one.

    Raises:
        ModelRejectedError: it has no ``predict``, or says too little about its features.
    """
    if not callable(getattr(estimator, "predict", None)):
        raise ModelRejectedError(f"a {type(estimator).__name__} has no predict method")
    classes = getattr(estimator, "classes_", None)
    targets = tuple(_targets(classes)) if _are_several(estimator, classes) else ()
    outputs = Outputs(
        classes=None if classes is None or targets else _plain(classes),
        has_probabilities=classes is not None and hasattr(estimator, "predict_proba"),
        has_scores=hasattr(estimator, "decision_function"),
        targets=targets,
    )
    task: Task = "regression" if classes is None else "classification"
    if classes is None and _finds_outliers(estimator):
        task = "outlier-detection"
    return Description(task, tuple(_features(estimator, takes, names)), outputs)


def confirmed(said: Description, scores: Scores) -> Description:
    """Return *said* with what can be seen in answers of the model: its targets, and its task."""
    answers, outputs = scores.predictions, said.outputs
    n_targets = answers.shape[1] if answers.ndim > 1 else 0
    if n_targets != len(outputs.targets):
        # Of several yes-or-no targets, some estimators list just their numbers as classes.
        classes = None if outputs.classes is None else _YES_OR_NO
        targets = tuple(_target(place, classes) for place in range(n_targets))
        outputs = outputs.model_copy(update={"targets": targets, "classes": None})
    if said.task == "regression" and answers.dtype.kind not in "fiu":
        return replace(said, task="classification", outputs=outputs)
    return replace(said, outputs=outputs)


def _features(estimator: Any, takes: Input, names: Sequence[str]) -> Iterator[Feature]:
    kind = type(estimator).__name__
    if takes == "texts":
        yield Feature(name=names[0] if names else TEXT, kind="text")
        return
    known = getattr(estimator, "feature_names_in_", None)
    n_features = getattr(estimator, "n_features_in_", None)
    if known is None and n_features is None and not names:
        raise ModelRejectedError(
            f"this {kind} does not say n_features_in_: is it fitted? "
            "One that reads texts never says it, and must be registered as such"
        )
    if known is None:
        width = len(names) if n_features is None else int(n_features)
        fits = len(names) == width
        known = names if fits else [f"feature_{number}" for number in range(width)]
    if len(set(map(str, known))) < len(known) or not all(map(str, known)):
        raise ModelRejectedError(f"this {kind} has features without a name of their own")
    for name in known:
        yield Feature(name=str(name))


def _are_several(estimator: Any, classes: Any) -> bool:
    """Say whether *estimator* is known to answer several targets at once."""
    if isinstance(classes, list) or np.ndim(classes) > 1:
        return True
    binarizer = getattr(_last(estimator), "_label_binarizer", None)
    return bool(
        getattr(_last(estimator), "multilabel_", False)
        or str(getattr(binarizer, "y_type_", "")).startswith("multilabel")
    )


def _targets(classes: Any) -> Iterator[Target]:
    for place, known in enumerate(classes):
        yield _target(place, _YES_OR_NO if np.ndim(known) == 0 else _plain(known))


def _target(place: int, classes: tuple[Value, ...] | None) -> Target:
    return Target(name=f"target_{place}", classes=classes)


def _last(estimator: Any) -> Any:
    """Return what answers in the end: the last step, and of a search the best."""
    inner = getattr(estimator, "best_estimator_", None)
    steps = getattr(estimator, "steps", None)
    if inner is None and isinstance(steps, list) and steps:
        inner = steps[-1][-1]
    return estimator if inner is None else _last(inner)


def _finds_outliers(estimator: Any) -> bool:
    try:
        return bool(estimator.__sklearn_tags__().estimator_type == "outlier_detector")
    except Exception:  # noqa: BLE001  whatever it is, it says nothing of the kind
        return getattr(estimator, "_estimator_type", None) == "outlier_detector"


def _plain(classes: Any) -> tuple[Value, ...]:
    return tuple(np.asarray(classes).tolist())
