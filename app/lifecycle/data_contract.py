"""What a record is: its columns, whom it is about and when it happened."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import Field, FiniteFloat, ValidationError, model_validator

from app.domain.compiled import Part
from app.domain.contract import NUMBERS, Contract, Feature, Name
from app.errors import RecordsError

BATCH_ID: Final = "batch_id"
EVENT_TIME: Final = "event_time"
DATE: Final = "date"
_RESERVED: Final = frozenset({BATCH_ID, DATE})
_LIKE: Final = "Fix: as in the data_contract.yaml that comes with Gatehouse"


class RecordColumn(Part):
    """One column. A value that is missing is refused unless the column is ``nullable``.

    A category outside of ``categories`` is refused, unless ``unknown`` only warns or none is named.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Literal["float", "int", "bool", "category", "text", "time"]
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    categories: tuple[str, ...] = ()
    unknown: Literal["refuse", "warn"] = "refuse"
    nullable: bool = False
    unit: str | None = None
    description: str | None = None

    @model_validator(mode="after")
    def _values_fit_the_kind(self) -> RecordColumn:
        low, high = self.minimum, self.maximum
        if self.kind not in NUMBERS - {"bool"} and (low is not None or high is not None):
            raise ValueError(f"'minimum' and 'maximum' are for numbers, and this is {self.kind!r}")
        if low is not None and high is not None and low > high:
            raise ValueError("'minimum' is above 'maximum'")
        if self.categories and self.kind != "category":
            raise ValueError(f"'categories' are for a category, and this is {self.kind!r}")
        return self


class DataContract(Part):
    """What every record of a source keeps.

    Attributes:
        name: of the source.
        entity: the column that says whom a record is about.
        event_time: the column that says when it happened; without one, or where it is missing, it
            is the time of ingestion.
        unique: no two records of a batch are equal in all of these columns.
    """

    name: Name
    entity: str | None = None
    event_time: str | None = None
    unique: tuple[str, ...] = ()
    columns: Annotated[tuple[RecordColumn, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _columns_hold_together(self) -> DataContract:
        names = [column.name for column in self.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two columns are called {twice!r}")
        taken = _RESERVED if self.event_time == EVENT_TIME else _RESERVED | {EVENT_TIME}
        reserved = next((name for name in names if name in taken), None)
        if reserved is not None:
            raise ValueError(f"a column is called {reserved!r}, which ingestion adds itself")
        wanted = {"entity": [self.entity], "event_time": [self.event_time], "unique": self.unique}
        for key, named in wanted.items():
            unknown = next((it for it in named if it is not None and it not in names), None)
            if unknown is not None:
                raise ValueError(f"{key!r} names {unknown!r}, which is no column")
        if self.event_time is not None and self.column(self.event_time).kind != "time":
            raise ValueError(f"'event_time' names {self.event_time!r}, whose kind is not 'time'")
        if self.entity is not None and self.column(self.entity).nullable:
            raise ValueError(f"'entity' names {self.entity!r}, which may not be nullable")
        return self

    def column(self, name: str) -> RecordColumn:
        """Return the column called *name*, which is one."""
        return next(column for column in self.columns if column.name == name)

    @property
    def digest(self) -> str:
        """SHA-256 of all that it says."""
        return sha256(self.model_dump_json().encode()).hexdigest()


def load_data_contract(path: Path) -> DataContract:
    """Read the YAML file at *path*.

    Raises:
        RecordsError: it cannot be read, is no YAML, or says something impossible.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordsError(f"{path}: cannot be read: {error.strerror}. {_LIKE}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise RecordsError(f"{path}: is not YAML{line}. {_LIKE}") from error
    try:
        return DataContract.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        text = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        place = _place(content, first["loc"])
        raise RecordsError(f"{path}: {place}: {text}. {_LIKE}") from error


def _place(content: object, loc: tuple[int | str, ...]) -> str:
    """Return where a fault is, a column by its name."""
    parts = [str(it) for it in loc]
    if isinstance(content, dict) and len(loc) > 1 and isinstance(loc[1], int):
        items = content.get(str(loc[0]))
        item = items[loc[1]] if isinstance(items, list) else None
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            parts[1] = item["name"]
    return ".".join(parts) or "the file"


def contract_of_model(contract: Contract, *, min_value: float, max_value: float) -> DataContract:
    """Return what a record of the model's features keeps.

    Args:
        contract: of the model version. What it fills in or passes on may be missing; what it only
            warns of is valid.
        min_value: the least number any feature may have.
        max_value: the greatest number any feature may have.

    Raises:
        RecordsError: a feature has a name that records need themselves.
    """
    columns = [_column(it, min_value, max_value) for it in contract.features]
    time = RecordColumn(name=EVENT_TIME, kind="time", nullable=True)
    try:
        return DataContract(name=contract.name, event_time=EVENT_TIME, columns=(*columns, time))
    except ValidationError as error:
        text = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RecordsError(f"{contract.name} {contract.version}: {text}") from error


def _column(feature: Feature, min_value: float, max_value: float) -> RecordColumn:
    is_number = feature.kind in NUMBERS
    policy = feature.missing.policy if feature.missing else ("fill" if is_number else "refuse")
    low = min_value if feature.minimum is None else max(feature.minimum, min_value)
    high = max_value if feature.maximum is None else min(feature.maximum, max_value)
    has_bounds = feature.kind in {"float", "int"}
    return RecordColumn(
        name=feature.name,
        kind=feature.kind,
        minimum=low if has_bounds else None,
        maximum=high if has_bounds else None,
        categories=feature.categories if feature.kind == "category" else (),
        unknown=feature.unknown,
        nullable=policy != "refuse",
    )
