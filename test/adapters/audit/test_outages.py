"""The queue over real databases, which come and go, and over processes, which do too."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path

import pytest

from app.adapters.audit.queueing import AuditQueue
from app.adapters.null import NullMetrics
from app.errors import AuditDownError
from test.adapters.audit.books import LONG
from test.adapters.audit.places import Place
from test.audit_parts import a_key, an_event
from test.e2e.calls import until
from test.postgres_server import Postgres

FORK = multiprocessing.get_context("fork")


def _in_child(queue: AuditQueue) -> None:
    queue.record(an_event(request_id=f"child {os.getpid()}"))


def queue_over(place: Place, *, is_strict: bool = False, flush_seconds: float = 0.1) -> AuditQueue:
    return AuditQueue(
        place.writer,
        NullMetrics(),
        is_strict=is_strict,
        flush_seconds=flush_seconds,
        queue_bytes=2**20,
    )


def test_a_process_that_was_forked_off_writes_its_own_at_its_end(tmp_path: Path) -> None:
    place = Place(tmp_path, None, a_key())
    queue = queue_over(place, flush_seconds=LONG)
    queue.record(an_event(request_id="parent"))

    child = FORK.Process(target=_in_child, args=(queue,))
    child.start()
    child.join(30)
    queue.close()

    assert child.exitcode == 0
    assert place.requests() == [f"child {child.pid}", "parent"]
    assert len(place.execute("SELECT DISTINCT writer FROM audit_records")) == 2
    assert place.faults() == []


def test_an_outage_of_postgresql_costs_nothing_and_heals_by_itself(
    postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(tmp_path, postgres.new_database(), a_key())
    queue = queue_over(place)
    queue.record(an_event(request_id="before"))
    until(lambda: not queue._line._entries, "not written")
    postgres.stop()
    try:
        queue.record(an_event(request_id="during"))
        until(lambda: "audit log cannot be written" in caplog.messages, "the outage is not told")
    finally:
        postgres.start()
    queue.record(an_event(request_id="after"))
    until(lambda: "audit log is written again" in caplog.messages, "it does not heal")
    queue.close()

    assert place.requests() == ["after", "before", "during"]
    assert place.faults() == []


def test_strict_refuses_while_postgresql_is_down_and_answers_again(
    postgres: Postgres, tmp_path: Path
) -> None:
    place = Place(tmp_path, postgres.new_database(), a_key())
    queue = queue_over(place, is_strict=True)
    queue.record(an_event(request_id="before"))
    postgres.stop()
    try:
        with pytest.raises(AuditDownError):
            queue.record(an_event(request_id="during"))
    finally:
        postgres.start()

    def is_answered() -> bool:
        try:
            queue.record(an_event(request_id="after"))
        except AuditDownError:
            return False
        return True

    until(is_answered, "it does not heal")
    queue.close()
    with place.read() as log:
        told = {record.request_id: record.status for record in log.between(0, 2**62)}
    assert told["before"] == 200
    assert told["during"] == 503
    assert place.faults() == []


def test_nothing_of_an_event_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = Place(tmp_path, None, a_key())
    with caplog.at_level(logging.DEBUG, "gatehouse"):
        queue = queue_over(place)
        queue.record(an_event(subject="mrs-jones"))
        queue.close()

    assert [vars(record)["kind"] for record in caplog.records] == ["open", "close"]
    assert "mrs-jones" not in str([vars(record) for record in caplog.records])
