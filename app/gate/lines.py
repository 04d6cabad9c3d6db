"""Where the rows of a body stand that is made of lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.errors import FieldError


class Lines(NamedTuple):
    """The rows of a body that is made of lines.

    Attributes:
        starts: the line on which each row of the body begins, the first line being 1.
        rows: the number of each row that is in the data.
        faults: one of each other row, which could not be read.
    """

    starts: Sequence[int]
    rows: Sequence[int]
    faults: tuple[FieldError, ...] = ()

    def located(self, faults: Iterable[FieldError]) -> list[FieldError]:
        """Return *faults* of the data with the numbers that its rows have in the body."""
        return [
            fault
            if fault.row is None
            else self.fault(self.rows[fault.row], fault.feature, fault.reason)
            for fault in faults
        ]

    def fault(self, row: int, feature: str | None, reason: str) -> FieldError:
        """Return what is wrong with a *row* of the body, and on which line."""
        return FieldError(row, feature, f"{reason} (line {self.starts[row]})")
