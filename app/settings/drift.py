"""Settings of the watch over live inputs and answers."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from app.domain.drift_rules import LEAST_ROWS
from app.settings.section import Section

_ROWS: Final = f"newest rows of each model that are kept, {LEAST_ROWS} or more; 0 watches nothing"


def _enough(rows: int) -> int:
    if 0 < rows < LEAST_ROWS:
        raise ValueError(f"is too few rows to tell anything from: {LEAST_ROWS} or more, or 0")
    return rows


class Drift(Section):
    """When live values count as drifted from training."""

    window_rows: Annotated[NonNegativeInt, AfterValidator(_enough)] = Field(
        1_000, le=1_000_000, description=_ROWS
    )
    alert_index: PositiveFloat = Field(
        0.25, description="population stability index that is too much, as 0.25"
    )
    alert_seconds: PositiveInt = Field(
        900, description="seconds that it must stay so before an alert, 1 or more"
    )
    level: float = Field(0.01, gt=0, lt=0.5, description="level of the tests, as 0.01")
    least_index: NonNegativeFloat = Field(
        0.1, description="a report calls no smaller index drift, however sure it is, as 0.1"
    )
