"""Columns by their places, for estimators that were fitted on the columns of a data frame.

A fitted ColumnTransformer looks its columns up by name, and so takes nothing but data frames. Where
pandas is not installed it is told their places instead; the estimator was unpickled for us alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def select_by_position(estimator: Any) -> None:
    """Make every fitted ColumnTransformer inside of *estimator* take arrays."""
    for part in _parts(estimator):
        names = getattr(part, "feature_names_in_", None)
        if names is not None and isinstance(getattr(part, "transformers_", None), list):
            places = {name: place for place, name in enumerate(names)}
            part.transformers_ = [
                (name, transformer, _placed(columns, places))
                for name, transformer, columns in part.transformers_
            ]


def _placed(columns: Any, places: Mapping[str, int]) -> Any:
    """Return the places of *columns*; what is no name is a place already."""
    if isinstance(columns, str):
        return places[columns]
    if isinstance(columns, slice) and isinstance(columns.start or columns.stop, str):
        first = 0 if columns.start is None else places[columns.start]
        last = len(places) - 1 if columns.stop is None else places[columns.stop]
        return slice(first, last + 1, columns.step)
    if isinstance(columns, list | tuple | np.ndarray):
        return [places.get(column, column) for column in list(columns)]
    return columns


def _parts(estimator: Any) -> Iterator[Any]:
    """Go through *estimator* and all estimators that it is made of, each once."""
    waiting, seen = [estimator], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, Mapping):
            waiting += part.values()
        elif hasattr(part, "get_params") and hasattr(part, "__dict__") and id(part) not in seen:
            seen.add(id(part))
            waiting += vars(part).values()
            yield part
