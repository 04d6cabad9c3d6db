"""Settings of the gates that a candidate must pass before it is promoted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, FiniteFloat, NonNegativeFloat, PositiveFloat, PositiveInt

from app.settings.section import Section


class Promotion(Section):
    """What a candidate must show beside the champion."""

    wanted: Literal["better", "not-worse"] = Field(
        "not-worse", description="better (it must prove that), or not-worse (nobody can prove that)"
    )
    minimum_gain: FiniteFloat = Field(
        0.0, description="of accuracy or r2, which the gain's interval must reach, as 0.01"
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="of the interval, as 0.95")
    least_rows: PositiveInt = Field(30, description="rows below which nothing is proved, 1 or more")
    segments: tuple[str, ...] = Field(
        (), description="a list of feature names, each of whose parts is judged by itself"
    )
    segment_loss: NonNegativeFloat = Field(
        0.02, description="of accuracy or r2, that a segment may lose, 0 or more"
    )
    max_one_row_us: PositiveFloat | None = Field(
        250_000.0, description="microseconds that one row may take, or nothing"
    )
    max_thousand_rows_us: PositiveFloat | None = Field(
        2_500_000.0, description="microseconds that a thousand rows may take, or nothing"
    )
    max_slowdown: PositiveFloat | None = Field(
        None, description="times the champion's time that it may take, as 2, or nothing"
    )
    replay_days: PositiveInt = Field(7, le=365, description="days of the audit log, 1 to 365")
    replay_rows: PositiveInt = Field(100_000, description="newest rows of these, 1 or more")
    replay_tolerance: NonNegativeFloat = Field(
        0.5, description="relative difference up to which two numbers are one answer, as 0.5"
    )
    max_flips: float = Field(
        0.2, ge=0, le=1, description="share of the rows that may be answered otherwise, 0 to 1"
    )
