"""Where the rows of the data stand in a request that is made of lines, or names entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from app.errors import FieldError


class Places(NamedTuple):
    """The rows of a request, of which the data may hold fewer.

    Attributes:
        starts: the line on which each row of the request begins, the first line being 1; or the
            entity that each row is about.
        rows: the number of each row that is in the data.
        faults: one of each other row, which could not be read, or whose entity is not known.
        unit: what the starts are.
    """

    starts: Sequence[int | str]
    rows: Sequence[int]
    faults: tuple[FieldError, ...] = ()
    unit: Literal["line", "entity"] = "line"

    def located(self, faults: Iterable[FieldError]) -> list[FieldError]:
        """Return *faults* of the data with the numbers that its rows have in the request."""
        return [
            fault
            if fault.row is None
            else self.fault(self.rows[fault.row], fault.feature, fault.reason)
            for fault in faults
        ]

    def fault(self, row: int, feature: str | None, reason: str) -> FieldError:
        """Return what is wrong with a *row* of the request, and where it stands."""
        return FieldError(row, feature, f"{reason} ({self.unit} {self.starts[row]!r})")
