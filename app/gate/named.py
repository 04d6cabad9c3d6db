"""Which entity each row of a request is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.errors import FieldError


class Named(NamedTuple):
    """The rows of a request that names entities.

    Attributes:
        starts: the entity of each row of the request.
        rows: the number of each row that is in the data.
        faults: one of each other row, whose entity is not known.
    """

    starts: Sequence[str]
    rows: Sequence[int]
    faults: tuple[FieldError, ...] = ()

    def located(self, faults: Iterable[FieldError]) -> list[FieldError]:
        """Return *faults* of the data with the rows that they have in the request."""
        return [
            fault
            if fault.row is None
            else self.fault(self.rows[fault.row], fault.feature, fault.reason)
            for fault in faults
        ]

    def fault(self, row: int, feature: str | None, reason: str) -> FieldError:
        """Return what is wrong with a *row* of the request, and of which entity."""
        return FieldError(row, feature, f"{reason} (entity {self.starts[row]!r})")
