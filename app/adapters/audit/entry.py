"""An event on its way into the audit log."""

from __future__ import annotations

import threading
from typing import Final

from app.domain.audit import Event
from app.errors import AuditDownError
from app.gate.problems import KIND_OF

ENTRY_BYTES: Final = 1_024  # what an event takes in memory besides matrix and answer
_DOWN: Final = KIND_OF[AuditDownError]


class Entry:
    """An event that waits; where its request waits too, ``settled`` ends that."""

    __slots__ = ("event", "is_written", "n_bytes", "settled")

    def __init__(self, event: Event, settled: threading.Event | None = None) -> None:
        self.event = event
        self.settled = settled
        self.is_written = False
        self.n_bytes = ENTRY_BYTES
        evidence = event.evidence
        if evidence is not None:
            self.n_bytes += evidence.matrix.nbytes + len(evidence.fragment)

    def refuse(self) -> None:
        """Say of the request that it was refused, which is what its caller is told."""
        self.event = self.event._replace(
            kind="refusal", status=int(_DOWN.status), problem=_DOWN.slug, evidence=None
        )
