"""What the fitted steps of a pipeline know of the columns that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

from app.domain.contract import Kind

_VECTORIZERS: Final = (CountVectorizer, HashingVectorizer)
_RAISES: Final = "error"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one column; the defaults say nothing.

    Attributes:
        kind: None where any number may do.
        numbers: the categories of a column of numbers where no other may come.
        ignores_unknown: whether a category that was not seen in training is taken all the same.
        takes_gaps: whether a missing value has a meaning to the model.
        is_unused: whether the model is given the column and drops it.
    """

    kind: Kind | None = None
    categories: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    ignores_unknown: bool = True
    takes_gaps: bool = False
    is_unused: bool = False


def takes_texts(estimator: Any) -> bool:
    """Say whether *estimator* takes a sequence of texts, and not a matrix."""
    first = next(_first_steps(estimator), None)
    if isinstance(first, FeatureUnion):
        return any(takes_texts(part) for _, part in first.transformer_list)
    return isinstance(first, _VECTORIZERS)


def known_columns(estimator: Any, names: Sequence[str]) -> dict[int, Known]:
    """Return what the steps of *estimator* know, by the place of the column among *names*.

    Of steps that cannot be asked, because they are not fitted or not as scikit-learn's are, nothing
    is known.
    """
    known: dict[int, Known] = {}
    try:
        pairs = list(_walk(estimator, list(range(len(names))), names))
    except Exception:  # noqa: BLE001  steps are other people's code; the model is tried in any case
        return known
    for place, found in pairs:
        before = known.get(place, found)
        better = before if found.kind is None else found
        known[place] = replace(better, takes_gaps=found.takes_gaps or before.takes_gaps)
    return known


def _walk(step: Any, columns: list[int], names: Sequence[str]) -> Iterator[tuple[int, Known]]:
    """Yield what *step*, which is given those *columns*, and the steps within it know."""
    for first in _first_steps(step):
        inner = getattr(first, "_preprocessor", None) or first  # boosting encodes by itself
        if isinstance(inner, ColumnTransformer):
            for _, part, chosen in inner.transformers_:
                here = [columns[place] for place in _places(chosen, [names[it] for it in columns])]
                yield from _walk(part, here, names)
        elif isinstance(inner, FeatureUnion):
            for _, part in inner.transformer_list:
                yield from _walk(part, columns, names)
        else:
            yield from zip(columns, _each(inner, len(columns)), strict=True)


def _each(step: Any, n_columns: int) -> Iterable[Known]:
    """Return what one transformer or model knows of each of its columns."""
    if step is None or isinstance(step, str):  # "drop", or nothing at all to do
        return [Known(takes_gaps=step == "drop", is_unused=step == "drop")] * n_columns
    if isinstance(step, _VECTORIZERS):
        return [Known("text")] * n_columns
    if _is_imputer(step):
        return [Known(takes_gaps=True)] * n_columns
    encoded = getattr(step, "categories_", ())
    return map(_encoded(step), encoded) if len(encoded) == n_columns else [Known()] * n_columns


def _first_steps(step: Any) -> Iterator[Any]:
    """Yield the steps that meet the columns as they come: imputers, and what follows them."""
    if isinstance(step, BaseSearchCV):
        yield from _first_steps(step.best_estimator_)
    elif isinstance(step, Pipeline):
        for _, inner in step.steps:
            if inner in (None, "passthrough"):
                continue
            yield from _first_steps(inner)
            if not _is_imputer(inner):
                return
    else:
        yield step


def _is_imputer(step: Any) -> bool:
    """Say whether *step* fills gaps and leaves every column in its place."""
    if not type(step).__name__.endswith("Imputer"):
        return False
    return bool(len(step.get_feature_names_out()) == step.n_features_in_)


def _places(chosen: Any, names: Sequence[str]) -> list[int]:
    """Return the places that a ``ColumnTransformer`` means: by name, number, slice or mask."""
    if isinstance(chosen, slice):
        ends = (chosen.start, chosen.stop)
        start, stop = (names.index(end) if isinstance(end, str) else end for end in ends)
        included = 1 if isinstance(chosen.stop, str) else 0  # as data frames do it
        stop = None if stop is None else stop + included
        return list(range(len(names)))[slice(start, stop, chosen.step)]
    if isinstance(chosen, str):
        return [names.index(chosen)]
    several = np.atleast_1d(np.asarray(chosen))
    if several.dtype == bool:
        return np.flatnonzero(several).tolist()
    if several.dtype.kind in "OU":
        return [names.index(str(name)) for name in several]
    return [int(place) % len(names) for place in several]


def _encoded(encoder: Any) -> Callable[[Any], Known]:
    """Return what makes knowledge of the categories that *encoder* learnt of one column."""
    ignores = getattr(encoder, "handle_unknown", "ignore") != _RAISES

    def known(categories: Any) -> Known:
        values = np.asarray(categories).tolist()
        words = tuple(value for value in values if isinstance(value, str))
        gaps = any(value is None or value != value for value in values)  # noqa: PLR0124  NaN
        if words:
            return Known("category", words, (), ignores, gaps)
        if set(map(type, values)) <= {bool}:
            return Known("bool")
        numbers = () if ignores else tuple(float(it) for it in values if it == it)  # noqa: PLR0124
        is_whole = bool(numbers) and not any(it % 1 for it in numbers)
        return Known("int" if is_whole else None, (), numbers, ignores, gaps)

    return known
