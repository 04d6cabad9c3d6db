"""The chains of the audit log: each record names the one before it, and heads are signed.

Every process that writes has a chain of records of its own. Over all of them runs one chain of
heads: a head signs how far a writer had come, and names the head before it, whoever wrote that.
So a record that is changed, removed or put in no longer fits the next, or a signed head; and a
writer that is removed as a whole is missed by the heads.

Both are hashed over a JSON array without white space, whose first element names the format: text
is quoted and escaped, so nothing can be moved from one column into the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple, Self

import orjson

from app.domain.audit import Fields, Record

GENESIS: Final = "0" * 64  # what the first record and the first head name as the one before
OPEN, HEAD, CLOSE, CHECKPOINT = "open", "head", "close", "checkpoint"
_RECORD: Final = "gatehouse-audit-record-1"
_HEAD: Final = "gatehouse-audit-head-1"
# What a row takes in a database besides its text: 40 in SQLite, 150 in PostgreSQL, were measured.
_ROW_BYTES: Final = 150


def record_hash(columns: Sequence[Any]) -> str:
    """Return the SHA-256 of a record's *columns*, all but its hash, as hexadecimal digits.

    Raises:
        TypeError: a column is neither text nor integer nor None.
    """
    return sha256(orjson.dumps((_RECORD, *columns))).hexdigest()


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a writer has come: the number of its last record, and its hash."""

    writer: str
    seq: int = 0
    hash: str = GENESIS

    def extended(self, events: Iterable[Fields]) -> tuple[list[Record], Chain, int]:
        """Return the records of *events*, the chain behind them, and the bytes they take."""
        records, seq, previous, n_bytes = [], self.seq, self.hash, 0
        for fields in events:
            seq += 1
            columns = (self.writer, seq, previous, *fields)
            encoded = orjson.dumps((_RECORD, *columns))
            previous = sha256(encoded).hexdigest()
            n_bytes += len(encoded) + _ROW_BYTES
            records.append(Record(*columns, previous))
        return records, Chain(self.writer, seq, previous), n_bytes


class Head(NamedTuple):
    """A signed statement: at ``at_us``, ``writer`` had come to record ``seq`` with that ``hash``.

    Attributes:
        number: 1, 2, 3, … over all writers.
        kind: open (seq 0), head, close (the last one of its writer), or checkpoint: everything up
            to the head numbered ``seq`` was dropped, ``hash`` is that head's, ``writer`` is empty
            and ``detail`` holds a ``Checkpoint``.
        total_bytes: that records have taken since the log was begun, up to here.
        key: id of the key that signed.
        previous: hash of the head before.
        signature: Ed25519 over the head's other members, as hexadecimal digits.
    """

    number: int
    kind: str
    writer: str
    seq: int
    hash: str
    at_us: int
    total_bytes: int
    detail: str | None
    key: str
    previous: str
    signature: str = ""

    def payload(self) -> bytes:
        """Return what is signed and hashed.

        Raises:
            TypeError: a member is neither text nor integer nor None.
        """
        return orjson.dumps((_HEAD, *self[:-1]))

    def digest(self) -> str:
        """Return the hash that the next head names."""
        return sha256(self.payload()).hexdigest()


@dataclass(frozen=True, slots=True)
class Left:
    """Where a writer stands that was not at its end: its last head's place, and its time."""

    chain: Chain
    at_us: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where what is left goes on: behind the last dropped head, and record of each writer.

    Attributes:
        number: of the last dropped head.
        hash: of that head.
        writers: those that were not at their end.
    """

    number: int
    hash: str
    writers: Mapping[str, Left]

    def detail(self) -> str:
        """Return the writers as JSON: an object of ``[seq, hash, at_us]``."""
        found = {w: [at.chain.seq, at.chain.hash, at.at_us] for w, at in self.writers.items()}
        return orjson.dumps(found).decode()

    @classmethod
    def of(cls, head: Head | None) -> Self:
        """Return the checkpoint in *head*; without one, nothing was dropped."""
        if head is None:
            return cls(0, GENESIS, {})
        found: dict[str, tuple[int, str, int]] = orjson.loads(head.detail or "{}")
        writers = {w: Left(Chain(w, seq, end), at) for w, (seq, end, at) in found.items()}
        return cls(head.seq, head.hash, writers)

    def moved(self, heads: Iterable[Head]) -> tuple[Checkpoint, dict[str, Chain]]:
        """Drop *heads*, the next ones in order.

        Returns:
            The checkpoint behind them, and by writer the last record that can be dropped.
        """
        writers, dropped = dict(self.writers), dict[str, Chain]()
        number, last = self.number, self.hash
        for head in heads:
            number, last = head.number, head.digest()
            if head.kind == CHECKPOINT:
                continue
            dropped[head.writer] = Chain(head.writer, head.seq, head.hash)
            writers[head.writer] = Left(dropped[head.writer], head.at_us)
            if head.kind == CLOSE:
                del writers[head.writer]
        return Checkpoint(number, last, writers), dropped
