"""How many rows of a binary body are taken: a short one may stand for many values in memory."""

from __future__ import annotations

from typing import Final, NamedTuple

from app.domain.contract import Contract
from app.errors import BodyTooLargeError
from app.settings.schema import Settings

_NUMBER_BYTES: Final = 8
# A float or a short str by itself, and where it is held: in a list by feature, and in the matrix.
_OBJECT_BYTES: Final = 100


class Room(NamedTuple):
    """The most rows of one request.

    Attributes:
        max_rows: however small they are.
        max_bytes: of all rows in memory, and of their texts.
        n_values: in one row.
        value_bytes: of one value in memory.
    """

    max_rows: int
    max_bytes: int
    n_values: int
    value_bytes: int = _NUMBER_BYTES

    @classmethod
    def of(cls, settings: Settings, contract: Contract) -> Room:
        """Return the room for rows of *contract*."""
        value_bytes = _NUMBER_BYTES if contract.input == "numbers" else _OBJECT_BYTES
        limits = settings.model.max_arrow_rows, settings.server.max_arrow_bytes
        return cls(*limits, len(contract.features), value_bytes)

    def check(self, n_rows: int, counted: str = "rows") -> None:
        """Pass when there is room for so many rows.

        Args:
            n_rows: of the body, as far as it is known.
            counted: what they are called in a refusal.

        Raises:
            BodyTooLargeError: there is none; says how many would pass.
        """
        if n_rows > self.max_rows:
            raise BodyTooLargeError(f"{n_rows} {counted}; at most {self.max_rows} are taken.")
        most = self.max_bytes // (self.value_bytes * self.n_values)
        if n_rows > most:
            raise BodyTooLargeError(
                f"{n_rows} {counted}; at most {most} are taken: {self.n_values} values a row, "
                f"{self.value_bytes} bytes each, and 'max_arrow_bytes' is {self.max_bytes}."
            )
