"""What stands before the head of a pipeline and is plain arithmetic on columns, as arrays.

scikit-learn does these operations in float64, one after the other; so do the engines, so that not
one bit differs. A name is ``step_<place>_<operation>``; the operations are those of
``app/adapters/engines/steps.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from app.domain.ports import FloatArray
from app.errors import NotCompilableError

Operation = tuple[str, FloatArray]
Arrays = dict[str, FloatArray]


def peeled(estimator: Any) -> tuple[Arrays, Any]:
    """Return the operations at the start of *estimator*, and the estimator that is left."""
    operations: list[Operation] = []
    steps = _flat(estimator)
    while len(steps) > 1:
        try:
            operations += _operations(steps[0])
        except NotCompilableError:
            break
        steps = steps[1:]
    rest = steps[0] if len(steps) == 1 else Pipeline([(str(n), s) for n, s in enumerate(steps)])
    return {f"step_{n:02d}_{name}": values for n, (name, values) in enumerate(operations)}, rest


def _flat(estimator: Any) -> list[Any]:
    """Return the steps of a pipeline, those of pipelines within it too, or of a search's best."""
    if isinstance(estimator, BaseSearchCV):
        return _flat(estimator.best_estimator_)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step not in {None, "passthrough"}]
    return [inner for step in steps for inner in _flat(step)]


def _operations(step: Any) -> Iterator[Operation] | list[Operation]:
    reader = _READERS.get(type(step))
    if reader is None:
        raise NotCompilableError(f"a {type(step).__name__} is no arithmetic on columns")
    return [(name, np.asarray(values, dtype=np.float64)) for name, values in reader(step)]


def _imputer(step: SimpleImputer) -> Iterator[tuple[str, Any]]:
    values = np.asarray(step.statistics_, dtype=np.float64)
    fills_nan = isinstance(step.missing_values, float) and np.isnan(step.missing_values)
    if step.add_indicator or np.isnan(values).any() or not fills_nan:
        raise NotCompilableError("an imputer that adds or drops columns, or fills other gaps")
    yield "fill", values


def _standard(step: StandardScaler) -> Iterator[tuple[str, Any]]:
    if step.with_mean:
        yield "subtract", step.mean_
    if step.with_std:
        yield "divide", step.scale_


def _min_max(step: MinMaxScaler) -> Iterator[tuple[str, Any]]:
    yield "multiply", step.scale_
    yield "add", step.min_
    if step.clip:
        yield from _clip(len(step.scale_), *step.feature_range)


def _max_abs(step: MaxAbsScaler) -> Iterator[tuple[str, Any]]:
    yield "divide", step.scale_
    if step.clip:
        yield from _clip(len(step.scale_), -1.0, 1.0)


def _robust(step: RobustScaler) -> Iterator[tuple[str, Any]]:
    if step.with_centering:
        yield "subtract", step.center_
    if step.with_scaling:
        yield "divide", step.scale_


def _clip(width: int, low: float, high: float) -> Iterator[tuple[str, Any]]:
    yield "maximum", np.full(width, low)
    yield "minimum", np.full(width, high)


_READERS: Final[Mapping[type, Callable[[Any], Iterator[tuple[str, Any]]]]] = {
    SimpleImputer: _imputer,
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    RobustScaler: _robust,
}
