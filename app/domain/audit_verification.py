"""Finds what was changed, removed, put in or moved in the audit log, in memory of constant size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Protocol

from app.domain.audit import Record
from app.domain.audit_chain import CHECKPOINT, CLOSE, OPEN, Chain, Checkpoint, Head, record_hash

Outcome = Literal["good", "wrong signature", "unknown key"]
FaultKind = Literal[
    "changed", "removed", "inserted", "reordered", "missing head", "wrong signature", "unknown key"
]
_MOST_PLACES_MOVED: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Log(Protocol):
    """One state of the log: what is written meanwhile is not in it."""

    def heads(self) -> Iterator[Head]:
        """Yield every head in the order of their numbers."""
        ...

    def checkpoints(self) -> Iterator[Head]:
        """Yield the heads that are checkpoints, the newest first."""
        ...

    def heads_of(self, writer: str) -> Iterator[Head]:
        """Yield the heads of *writer*, by seq and number."""
        ...

    def records_of(self, writer: str) -> Iterator[Record]:
        """Yield the records of *writer* by seq."""
        ...

    def writers(self) -> Iterator[str]:
        """Yield each writer that has records, once."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written."""

    kind: FaultKind
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(slots=True)
class _Span:
    """What the heads say of one writer: where its records start, and where its last head stands."""

    start: Chain
    signed: int = 0
    is_closed: bool = False


@dataclass(slots=True)
class Verification:
    """Reads the whole log once. The counts are complete when ``faults`` is exhausted.

    Attributes:
        outcome_of: whether a head's signature holds.
        unsigned: records behind the last head of their writer, which only their chain protects.
        first_us, last_us: the time that the records span.
        last_head: the newest one.
    """

    log: Log
    outcome_of: Callable[[Head], Outcome]
    n_heads: int = 0
    n_writers: int = 0
    n_records: int = 0
    unsigned: int = 0
    first_us: int | None = None
    last_us: int | None = None
    last_head: Head | None = None
    _spans: dict[str, _Span] = field(default_factory=dict)
    _doubtful: set[int] = field(default_factory=set)

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong: in the heads, then writer by writer."""
        signed = (head for head in self.log.checkpoints() if self.outcome_of(head) == "good")
        start = Checkpoint.of(next(signed, None))
        self._spans = {writer: _Span(left.chain) for writer, left in start.writers.items()}
        yield from self._faults_of_heads(start)
        for writer, span in self._spans.items():
            self.n_writers += 1
            yield from self._faults_of_records(writer, span)
        for writer in self.log.writers():
            if writer not in self._spans:
                yield Fault("inserted", f"records of writer {_shown(writer)}, which no head names")

    def _faults_of_heads(self, start: Checkpoint) -> Iterator[Fault]:
        number, digest = start.number, start.hash
        for head in self.log.heads():
            self.n_heads += 1
            self.last_head = head
            outcome = self.outcome_of(head)
            if head.number <= number:
                yield Fault("inserted", f"head {head.number}, before the checkpoint")
                continue
            if head.number > number + 1:
                yield Fault("missing head", _range("head", number + 1, head.number - 1))
            elif outcome == "good" and head.previous != digest and number not in self._doubtful:
                yield Fault("changed", f"head {number}: head {head.number} follows on another one")
            number = head.number
            if outcome != "good":
                self._doubtful.add(number)
                yield Fault(outcome, f"head {number}, of writer {_shown(head.writer or '-')}")
                continue
            digest = head.digest()
            yield from self._faults_of_span(head)

    def _faults_of_span(self, head: Head) -> Iterator[Fault]:
        """Take what a good head says about its writer."""
        if head.kind == CHECKPOINT:
            return
        span = self._spans.get(head.writer)
        if span is None:
            span = self._spans[head.writer] = _Span(Chain(head.writer))
            if head.kind != OPEN:
                yield Fault("missing head", f"the one that opens writer {_shown(head.writer)}")
        span.signed = max(span.signed, head.seq)
        span.is_closed = span.is_closed or head.kind == CLOSE

    def _faults_of_records(self, writer: str, span: _Span) -> Iterator[Fault]:
        heads = (h for h in self.log.heads_of(writer) if h.number not in self._doubtful)
        walk = _Walk(span, heads)
        for record in self.log.records_of(writer):
            self.n_records += 1
            yield from walk.faults_of(record)
            if type(record.at_us) is int:
                at = record.at_us
                self.first_us = at if self.first_us is None else min(self.first_us, at)
                self.last_us = at if self.last_us is None else max(self.last_us, at)
        yield from walk.faults_at_end(writer)
        self.unsigned += walk.unsigned


@dataclass(slots=True)
class _Walk:
    """Goes along one writer's records, from each to the next."""

    span: _Span
    heads: Iterable[Head]
    unsigned: int = 0
    _seq: int = -1
    _hash: str = ""
    _before: Record | None = None
    _is_linked: bool = True
    _heads: Iterator[Head] = field(init=False)
    _head: Head | None = None

    def __post_init__(self) -> None:
        self._seq, self._hash = self.span.start.seq, self.span.start.hash
        self._heads = iter(self.heads)
        self._head = next(self._heads, None)

    def faults_of(self, record: Record) -> Iterator[Fault]:
        """Yield what is wrong with the next record."""
        seq = record.seq
        if type(seq) is not int or seq <= self._seq:
            yield Fault("inserted", f"{_named(record)}: before what its writer has begun with")
            return
        if self.span.is_closed and seq > self.span.signed:
            yield Fault("inserted", f"{_named(record)}: after its writer's end")
            return
        if seq > self._seq + 1:
            yield Fault("removed", _range("record", self._seq + 1, seq - 1, record.writer))
            self._is_linked = False
        yield from self._faults_of_content(record)
        self._seq, self._hash = seq, record.hash
        self.unsigned += seq > self.span.signed
        yield from self._faults_of_head(record)

    def _faults_of_content(self, record: Record) -> Iterator[Fault]:
        before, self._before = self._before, record
        if not _holds(record, record.seq):
            was = _written_as(record)
            self._is_linked = False
            if was is None:
                yield Fault("changed", _named(record))
            else:
                yield Fault("reordered", f"{_named(record)}: it was written as record {was}")
            return
        if self._is_linked and record.previous != self._hash:
            name = f"what was before record {record.seq}" if before is None else _named(before)
            yield Fault("changed", f"{name}: {_named(record)} follows on another one")
        self._is_linked = True

    def _faults_of_head(self, record: Record) -> Iterator[Fault]:
        while self._head is not None and self._head.seq <= self._seq:
            head = self._head
            if head.seq == self._seq and head.hash != record.hash:
                what = f"{_named(record)}: head {head.number} has signed another one"
                yield Fault("changed", what)
            self._head = next(self._heads, None)

    def faults_at_end(self, writer: str) -> Iterator[Fault]:
        """Yield what a head has signed and what is not there any more."""
        if self._seq < self.span.signed:
            what = _range("record", self._seq + 1, self.span.signed, writer)
            yield Fault("removed", f"{what}, at the end")


def _holds(record: Record, seq: int) -> bool:
    """Say whether the hash of *record* is right, had it been written as number *seq*."""
    try:
        return record_hash((record.writer, seq, *record[2:-1])) == record.hash
    except TypeError:  # somebody has put in a number with a point, or bytes
        return False


def _written_as(record: Record) -> int | None:
    near = range(max(1, record.seq - _MOST_PLACES_MOVED), record.seq + _MOST_PLACES_MOVED + 1)
    return next((seq for seq in near if _holds(record, seq)), None)


def _named(record: Record) -> str:
    at: Any = record.at_us
    when = f" at {moment(at)}" if type(at) is int else ""
    request = f"request {_shown(record.request_id)}{when}"
    return f"record {record.seq} of writer {_shown(record.writer)} ({request})"


def _shown(text: object) -> str:
    """Return *text*, which may be anybody's, without what would steer a terminal."""
    return repr(str(text)[:128])[1:-1]


def moment(at_us: int) -> str:
    """Return microseconds since the epoch as RFC 3339 in UTC; as a number where it is no time."""
    try:
        return (_EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{at_us} us"


def _range(what: str, first: int, last: int, writer: str | None = None) -> str:
    numbers = f"{what} {first}" if first == last else f"{what}s {first} to {last}"
    return numbers if writer is None else f"{numbers} of writer {_shown(writer)}"
