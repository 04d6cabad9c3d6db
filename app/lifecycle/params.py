"""``params.yaml``: of each model its data, its candidates, and how the best of them is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from app.domain.contract import Name
from app.errors import TrainingDataError
from app.lifecycle.datasets import BUILT_IN, Table, built_in, from_csv
from app.lifecycle.estimators import EstimatorName
from app.lifecycle.labelled_texts import from_texts
from app.lifecycle.parquet_tables import from_parquet
from app.lifecycle.splits import HELD_OUT_SHARE, SEED

PARAMS: Final = "params.yaml"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Listed = BeforeValidator(_listed)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Trial:
    """One estimator with its settings."""

    estimator: EstimatorName
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        said = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return f"{self.estimator} ({said})" if said else self.estimator


class Candidate(_Part):
    """One estimator, with each setting's values to try; the first are tried first."""

    estimator: EstimatorName
    grid: dict[str, Annotated[tuple[Any, ...], Listed, Field(min_length=1)]] = {}

    def trials(self) -> list[Trial]:
        """Return every combination of the values, in their order."""
        combined = product(*self.grid.values())
        return [Trial(self.estimator, dict(zip(self.grid, it, strict=True))) for it in combined]


class Data(_Part):
    """Where the rows come from; exactly one source."""

    dataset: str | None = None
    csv: Path | None = None
    parquet: Path | None = None
    texts: Path | None = None
    target: Annotated[tuple[str, ...], Listed] = ()
    leave_out: Annotated[tuple[str, ...], Listed] = ()

    @model_validator(mode="after")
    def _is_one_source(self) -> Data:
        named = [it for it in (self.dataset, self.csv, self.parquet, self.texts) if it is not None]
        if len(named) != 1:
            raise ValueError("needs one of dataset, csv, parquet and texts")
        if self.dataset is not None and self.dataset not in BUILT_IN:
            raise ValueError(f"dataset is one of {', '.join(BUILT_IN)}")
        if bool(self.target) != (self.csv is not None or self.parquet is not None):
            raise ValueError("target goes with csv and parquet")
        return self

    def table(self, folder: Path) -> Table:
        """Read the rows; relative paths start at *folder*.

        Raises:
            TrainingDataError: they cannot be read, or are not what is needed.
        """
        if self.csv is not None:
            return from_csv(folder / self.csv, self.target, self.leave_out)
        if self.parquet is not None:
            return from_parquet(folder / self.parquet, self.target, self.leave_out)
        if self.texts is not None:
            return from_texts(folder / self.texts)
        return built_in(str(self.dataset))


class Plan(_Part):
    """How the model of one name is chosen.

    Attributes:
        data: None where the command line names it.
        metric: by which the mean over the folds is compared.
        folds: of the cross-validation.
        held_out_share: of the rows, which no fold and no fit sees.
    """

    data: Data | None = None
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1)]
    metric: str
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = SEED
    held_out_share: Annotated[float, Field(ge=0.05, le=0.5)] = HELD_OUT_SHARE

    def table(self, name: str, folder: Path) -> Table:
        """Read the rows of the model called *name*; relative paths start at *folder*.

        Raises:
            TrainingDataError: the plan names none, or they are not what is needed.
        """
        if self.data is None:
            raise TrainingDataError(
                f"the plan of {name} names no data. Fix: data: {{csv: FILE, target: COLUMN}}, or "
                "--csv FILE --target COLUMN"
            )
        return self.data.table(folder)

    @property
    def trials(self) -> list[Trial]:
        """Every candidate with every combination of its settings, in the order of the file."""
        return [trial for candidate in self.candidates for trial in candidate.trials()]


_PLANS: Final = TypeAdapter(dict[Name, Plan])


def read_params(file: Path) -> dict[str, Plan]:
    """Return the plan of each model under ``models`` of *file*; other keys are for other readers.

    Raises:
        TrainingDataError: it cannot be read, or something in it is wrong; the message says where.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise TrainingDataError(f"{file}: cannot be read: {problem}") from error
    models = content.get("models") if isinstance(content, dict) else None
    if not isinstance(models, dict) or not models:
        raise TrainingDataError(f"{file}: has no models. Fix: models: {{NAME: {{candidates: …}}}}")
    try:
        return _PLANS.validate_python(models)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(it) for it in ("models", *fault["loc"]) if it != "[key]")
        said = fault["msg"].removeprefix("Value error, ")
        raise TrainingDataError(f"{file}: {key}: {said}") from error


def plan_of(plans: Mapping[str, Plan], file: Path, name: str) -> Plan:
    """Return the plan for *name*.

    Raises:
        TrainingDataError: there is none.
    """
    if name not in plans:
        there = ", ".join(plans)
        raise TrainingDataError(f"{file}: has no model {name!r}; there is: {there}")
    return plans[name]
