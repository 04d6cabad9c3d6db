"""Says whether the audit log is as it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

from app.domain.audit_chain import Head
from app.domain.audit_verification import Fault, Log, Outcome, Verification, moment


def verify_audit(
    log: Log,
    outcome_of: Callable[[Head], Outcome],
    say: Callable[[str], None],
    anchors: Mapping[int, str] = MappingProxyType({}),
) -> int:
    """Read the whole log, *say* every fault as it is found and then what was checked.

    Args:
        log: one state of it.
        outcome_of: judges a head's signature.
        say: takes a line.
        anchors: digests of heads by their number, as log lines elsewhere have them; each must be
            there, unless a checkpoint has dropped it. What follows the last of them could be cut
            off without a trace.

    Returns:
        The number of faults.

    Raises:
        AuditStoreError: the log cannot be read to its end.
    """
    verification, n_faults = Verification(log, outcome_of), 0
    for fault in chain(verification.faults(), _faults_of_anchors(log, outcome_of, anchors)):
        n_faults += 1
        say(str(fault))
    for line in _summary(verification):
        say(line)
    say(f"{n_faults or 'no'} fault{'' if n_faults == 1 else 's'}")
    return n_faults


def _faults_of_anchors(
    log: Log, outcome_of: Callable[[Head], Outcome], anchors: Mapping[int, str]
) -> Iterator[Fault]:
    digests = {head.number: head.digest() for head in log.heads() if head.number in anchors}
    signed = (head.seq for head in log.checkpoints() if outcome_of(head) == "good")
    dropped = max(signed, default=0)
    for number, digest in anchors.items():
        if number not in digests and number > dropped:
            yield Fault("missing head", f"head {number}, which was logged")
        elif digests.get(number, digest) != digest:
            yield Fault("changed", f"head {number}: another one was logged")
    if next(log.heads(), None) is None:
        yield Fault("missing head", "every one: a log begins with a head")


def _summary(seen: Verification) -> list[str]:
    lines = [f"checked: {seen.n_records} records of {seen.n_writers} writers, {seen.n_heads} heads"]
    if seen.first_us is not None and seen.last_us is not None:
        lines.append(f"time: {moment(seen.first_us)} to {moment(seen.last_us)}")
    if seen.last_head is not None:
        head = seen.last_head
        lines.append(f"newest head: number {head.number}, digest {head.digest()}")
    lines.append(f"{seen.unsigned} records since the last signed head: their chain holds them only")
    return lines
