"""What is computed for an entity: the definitions that a training set and the store share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field, FiniteFloat, ValidationError, model_validator
from yaml.constructor import ConstructorError

from app.domain.compiled import Part
from app.domain.contract import NUMBERS, Kind
from app.errors import FeatureDefinitionsError

Aggregate = Literal[
    "count", "count_distinct", "sum", "avg", "min", "max", "stddev", "last", "days_since_last"
]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]
Source = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Expression = Annotated[str, Field(min_length=1, max_length=2_000)]
_HOURS: Final = {"h": 1, "d": 24}
_HOUR_US: Final = 3_600_000_000
_OF_ANY_KIND: Final = frozenset({"min", "max", "last"})
_TWICE: Final = "stands twice"
_WITHOUT_OF: Final = frozenset({"count", "days_since_last"})


class FeatureDefinition(Part):
    """One number or word about an entity at a moment.

    Attributes:
        of: a column or an SQL expression; a count without it counts records.
        where: an SQL condition; other records do not count.
        window: how far back from the moment, such as 30d; None for all that was before.
        default: where there is nothing to aggregate.
    """

    aggregate: Aggregate
    of: Expression | None = None
    where: Expression | None = None
    window: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}[dh]$")] | None = None
    kind: Kind = "float"
    default: FiniteFloat | str | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> FeatureDefinition:
        if self.of is None and self.aggregate not in _WITHOUT_OF:
            raise ValueError(f"{self.aggregate!r} needs 'of', a column or an expression")
        if self.of is not None and self.aggregate == "days_since_last":
            raise ValueError("'days_since_last' has no 'of'")
        if self.kind not in NUMBERS and self.aggregate not in _OF_ANY_KIND:
            raise ValueError(f"{self.aggregate!r} is a number, so 'kind' cannot be {self.kind!r}")
        if self.default is not None and isinstance(self.default, str) is self.is_number:
            raise ValueError(f"'default' does not fit the kind {self.kind!r}")
        return self

    @property
    def is_number(self) -> bool:
        """Whether its value is a number."""
        return self.kind in NUMBERS

    @property
    def window_us(self) -> int | None:
        """Length of the window in microseconds."""
        if self.window is None:
            return None
        return int(self.window[:-1]) * _HOURS[self.window[-1]] * _HOUR_US


class View(Part):
    """Features of one entity from one source of records.

    Attributes:
        entity: the column that names the entity.
        time: the column that says when a record happened.
        known_at: the column that says when it came, where that may be later.
    """

    entity: Identifier
    source: Source
    time: Identifier = "event_time"
    known_at: Identifier | None = None
    features: Annotated[dict[Identifier, FeatureDefinition], Field(min_length=1)]

    @property
    def longest_window_us(self) -> int | None:
        """How far back any feature looks, in microseconds; None for without end."""
        windows = [feature.window_us for feature in self.features.values()]
        known = [window for window in windows if window is not None]
        return max(known) if len(known) == len(windows) else None


class Definitions(Part):
    """All views; a feature's name is its own in all of them."""

    views: Annotated[dict[Identifier, View], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Definitions:
        columns = {name for view in self.views.values() for name in (view.entity, view.time)}
        counts = Counter(name.lower() for view in self.views.values() for name in view.features)
        for name, n_times in counts.items():
            if n_times > 1:
                raise ValueError(f"two features are called {name!r}")
            if name in {column.lower() for column in columns}:
                raise ValueError(f"a feature is called {name!r} like a column of the records")
        return self

    def by_entity(self) -> dict[str, list[View]]:
        """Return the views of each entity, by its column."""
        found: dict[str, list[View]] = {}
        for view in self.views.values():
            found.setdefault(view.entity, []).append(view)
        return found


class _Loader(yaml.SafeLoader):
    """A safe loader that takes no name twice: of two features the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise ConstructorError(None, None, _TWICE, key.start_mark)
        return super().construct_mapping(node, deep)


def load_definitions(path: Path) -> Definitions:
    """Read the definitions at *path*.

    Raises:
        FeatureDefinitionsError: the file is missing, is no YAML, or defines something impossible.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  a safe one
    except OSError as error:
        raise FeatureDefinitionsError(
            f"{path}: cannot be read: {error.strerror}. Fix: features.definitions_path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        is_twice = getattr(error, "problem", "") == _TWICE
        text = "a name stands twice" if is_twice else "is not YAML"
        raise FeatureDefinitionsError(
            f"{path}: {text}{line}. Fix: as in the features.yaml that comes with Gatehouse"
        ) from error
    try:
        return Definitions.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        text = first["msg"].removeprefix("Value error, ")
        raise FeatureDefinitionsError(
            f"{path}: {place}: {text}. Fix: as in the features.yaml that comes with Gatehouse"
        ) from error
