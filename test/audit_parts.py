"""Small real parts of the audit log: events, a log in memory, a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.adapters.audit.key import AuditKey, judge
from app.domain.audit import Event, Evidence, Record
from app.domain.audit_chain import CLOSE, GENESIS, HEAD, OPEN, Chain, Head
from app.domain.audit_privacy import Privacy
from app.domain.audit_verification import Fault, Verification
from app.domain.contract import Contract
from test.builders import a_contract

NOON = 1_800_000_000.0  # 2027-01-15, 08:00 UTC
FRAGMENT = b'"predictions":[4.5]'


def a_key() -> AuditKey:
    return AuditKey(Ed25519PrivateKey.generate())


def some_evidence(*rows: Sequence[float], contract: Contract | None = None) -> Evidence:
    return Evidence(contract or a_contract(), np.array(rows or [(1.0, 2.0)]), FRAGMENT)


def an_event(**changes: Any) -> Event:
    """A prediction at noon, answered in a millisecond."""
    event = Event(
        kind="prediction",
        at=NOON,
        request_id="r1",
        method="POST",
        route="/api/v1/predict",
        status=200,
        seconds=0.001,
        address="127.0.0.1",
        subject="alice",
        evidence=some_evidence(),
    )
    return event._replace(**changes)


def a_refusal(**changes: Any) -> Event:
    """A request whose token did not hold."""
    about: dict[str, Any] = {"kind": "refusal", "status": 401, "problem": "invalid-token"}
    return an_event(**(about | {"evidence": None, "subject": None} | changes))


def events(count: int, **changes: Any) -> list[Event]:
    """Events a second apart, unless *changes* say when, with the request ids r1, r2, …"""
    return [
        an_event(**({"request_id": f"r{number}", "at": NOON + number} | changes))
        for number in range(1, count + 1)
    ]


@dataclass(slots=True)
class MemoryLog:
    """A log as two lists; fulfils ``Log`` of the verification."""

    key: AuditKey = field(default_factory=a_key)
    kept: list[Record] = field(default_factory=list)
    signed: list[Head] = field(default_factory=list)

    def write(self, chain: Chain, count: int) -> Chain:
        """Append *count* records to *chain*."""
        fields = map(Privacy(b"key").kept, events(count))
        records, chain, _ = chain.extended(fields)
        self.kept.extend(records)
        return chain

    def sign(self, kind: str, chain: Chain, detail: str | None = None) -> None:
        before = self.signed[-1] if self.signed else None
        number, previous = (before.number + 1, before.digest()) if before else (1, GENESIS)
        head = Head(number, kind, *_of(chain), int(NOON * 1e6), 0, detail, "", previous)
        self.signed.append(self.key.signed(head))

    def faults(self) -> list[Fault]:
        return list(self.verification().faults())

    def verification(self) -> Verification:
        return Verification(self, judge([self.key.public]))

    def heads(self) -> Iterator[Head]:
        return iter(sorted(self.signed))

    def checkpoints(self) -> Iterator[Head]:
        return (head for head in sorted(self.signed, reverse=True) if head.kind == "checkpoint")

    def heads_of(self, writer: str) -> Iterator[Head]:
        mine = (head for head in self.signed if head.writer == writer)
        return iter(sorted(mine, key=lambda head: (head.seq, head.number)))

    def records_of(self, writer: str) -> Iterator[Record]:
        mine = (record for record in self.kept if record.writer == writer)
        return iter(sorted(mine, key=lambda record: record.seq))

    def writers(self) -> Iterator[str]:
        return iter(sorted({record.writer for record in self.kept}))


def _of(chain: Chain) -> tuple[str, int, str]:
    return chain.writer, chain.seq, chain.hash


def a_log() -> MemoryLog:
    """Writer a: records 1 to 6, heads after 3 and 6, closed. Writer b: 1 to 5, one head after 3."""
    log = MemoryLog()
    first, second = Chain("a"), Chain("b")
    log.sign(OPEN, first)
    first = log.write(first, 3)
    log.sign(OPEN, second)
    second = log.write(second, 3)
    log.sign(HEAD, first)
    log.sign(HEAD, second)
    first = log.write(first, 3)
    second = log.write(second, 2)
    log.sign(HEAD, first)
    log.sign(CLOSE, first)
    return log
