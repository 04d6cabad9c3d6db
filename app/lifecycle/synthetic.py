"""Made-up rows of a chosen number, drift and share of defects: the same seed, the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np

from app.errors import RecordsError
from app.lifecycle.data_contract import EVENT_TIME, DataContract
from app.lifecycle.defects import spoil
from app.lifecycle.records import Chunk
from app.lifecycle.sources import short
from app.lifecycle.transactions import Block, Transactions

_BLOCK_ROWS: Final = 10_000
_SAMPLE_STREAM: Final = 2**32 - 2
_DEFECTS_STREAM: Final = 1


class _Shape(Protocol):
    """Draws rows; equal arguments give equal rows."""

    def block(self, first: int, n_rows: int, stream: int, shift: Mapping[str, float]) -> Block: ...


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """Made-up rows under *contract*, and a source of them for ingestion.

    Attributes:
        labels: columns that are no features: whom a row is about, when, and what came of it.
        drift: how far a number is shifted, in its own standard deviations.
        defects: share of the rows that break the contract.

    Raises:
        RecordsError: *drift* names what is no number.
    """

    shape: _Shape
    contract: DataContract
    n_rows: int
    seed: int
    labels: tuple[str, ...] = ()
    drift: Mapping[str, float] = field(default_factory=dict)
    defects: float = 0.0
    unit: str = field(default="rows", init=False)

    def __post_init__(self) -> None:
        numbers = [it.name for it in self.contract.columns if it.kind in {"float", "int"}]
        for name in self.drift:
            if name not in numbers:
                raise RecordsError(
                    f"--drift {name}: is no number here. Fix: one of {', '.join(numbers)}"
                )

    @cached_property
    def names(self) -> list[str]:
        """The columns that are drawn, in the contract's order."""
        drawn = self.shape.block(0, 1, _SAMPLE_STREAM, {})
        return [it.name for it in self.contract.columns if it.name in drawn]

    @property
    def origin(self) -> str:
        """What decides about every row."""
        drift = "".join(f", {name} drifted by {it:g}" for name, it in sorted(self.drift.items()))
        return f"synthetic rows: seed {self.seed}, {self.defects:g} with defects{drift}"

    @property
    def total(self) -> int:
        """Rows."""
        return self.n_rows

    def content_sha256(self) -> str:
        """Return a digest of what decides about every row."""
        decides = (self.shape, self.contract.digest, self.n_rows, self.origin)
        return sha256(repr(decides).encode()).hexdigest()

    def default_batch_id(self, content: str | None) -> str:  # noqa: ARG002
        """Return a name made from the origin: rows made up on another day replace the last."""
        return f"synthetic-{short(sha256(self.origin.encode()).hexdigest())}"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows as ingestion reads them."""
        first = 0
        for columns in self.blocks():
            n_rows = len(next(iter(columns.values())))
            yield Chunk(columns, range(first + 1, first + n_rows + 1), size=n_rows)
            first += n_rows

    def blocks(self) -> Iterator[dict[str, list[Any]]]:
        """Yield the rows as columns of Python values, None where one is missing."""
        shift = self._shift()
        for number, first in enumerate(range(0, self.n_rows, _BLOCK_ROWS)):
            n_rows = min(_BLOCK_ROWS, self.n_rows - first)
            block = self.shape.block(first, n_rows, number, shift)
            columns = {name: _values(self.contract, name, block[name]) for name in self.names}
            rng = np.random.default_rng([self.seed, number, _DEFECTS_STREAM])
            spoil(columns, self.contract, self.defects, rng)
            yield columns

    def _shift(self) -> dict[str, float]:
        if not self.drift:
            return {}
        sample = self.shape.block(0, min(_BLOCK_ROWS, self.n_rows), _SAMPLE_STREAM, {})
        return {
            name: by * float(np.nanstd(sample[name].astype(np.float64)))
            for name, by in self.drift.items()
        }


def _values(contract: DataContract, name: str, array: Any) -> list[Any]:
    kind = contract.column(name).kind
    if kind == "time":
        return [it.replace(tzinfo=UTC) for it in array.tolist()]
    if array.dtype.kind != "f":
        values: list[Any] = array.tolist()
        return values
    cast = {"int": int, "bool": bool}.get(kind, float)
    return [None if it != it else cast(it) for it in array.tolist()]  # noqa: PLR0124  NaN


def sales(
    contract: DataContract,
    made: Transactions,
    *,
    drift: Mapping[str, float] = MappingProxyType({}),
    defects: float = 0.0,
) -> Synthetic:
    """Return made-up sales, with the columns of them that *contract* has.

    Raises:
        RecordsError: some of their days are in no calendar.
    """
    try:
        made.until.astimezone(UTC) - timedelta(days=made.days)
    except OverflowError:
        raise RecordsError(
            f"the {made.days:,} days before {made.until.isoformat()} are not all in the years 1 to "
            "9999. Fix: fewer --days, or another --until"
        ) from None
    return Synthetic(
        shape=made,
        contract=contract,
        n_rows=made.n_rows,
        seed=made.seed,
        labels=("customer_id", EVENT_TIME, "spend_next_30d"),
        drift=drift,
        defects=defects,
    )
