from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.adapters.audit import line as audit_line
from app.errors import AuditDownError, AuditStoreError
from test.adapters.audit.books import LONG, Book, Counts, Make
from test.audit_parts import a_refusal, an_event, events
from test.e2e.calls import until


def test_strict_waits_until_it_is_written(make: Make, book: Book) -> None:
    queue = make(is_strict=True)

    queue.record(an_event(kind="prediction"))
    queue.record(an_event(kind="admin"))

    assert [event.kind for event in book.events] == ["prediction", "admin"]


def test_all_that_wait_are_written_together(make: Make, book: Book) -> None:
    book.may_write.clear()
    queue = make(is_strict=True)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(queue.record, an_event())
        assert book.entered.wait(10)
        rest = [pool.submit(queue.record, event) for event in events(7)]
        until(lambda: len(queue._line._entries) == 8, "they do not wait")
        book.may_write.set()
        for waiting in (first, *rest):
            waiting.result(10)

    assert [len(batch) for batch in book.batches] == [1, 7]


def test_strict_does_not_wait_for_a_refusal(make: Make, book: Book) -> None:
    book.may_write.clear()

    make(is_strict=True).record(a_refusal())

    assert book.events == []


def test_strict_refuses_what_cannot_be_written_and_the_log_says_so(
    make: Make, book: Book, counts: Counts
) -> None:
    book.problem = AuditStoreError("down")
    queue = make(is_strict=True)

    for event in events(2):
        with pytest.raises(AuditDownError):
            queue.record(event)
    book.problem = None
    until(lambda: counts.written == 2, "not written")

    assert [(e.request_id, e.kind, e.status, e.problem, e.evidence) for e in book.events] == [
        (name, "refusal", 503, "audit-down", None) for name in ("r1", "r2")
    ]
    queue.record(an_event(request_id="r3"))
    assert book.events[-1].status == 200


def test_strict_waits_for_so_long_only(
    make: Make, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_line, "STRICT_SECONDS", 0.2)
    book.may_write.clear()
    queue = make(is_strict=True)

    with pytest.raises(AuditDownError):
        queue.record(an_event(request_id="on its way"))
    with pytest.raises(AuditDownError):
        queue.record(an_event(request_id="in the queue"))
    book.may_write.set()
    queue.close()

    told = [(event.request_id, event.status) for event in book.events]
    # The first was being written when its caller was refused, so a second record corrects it.
    assert told == [("on its way", 200), ("in the queue", 503), ("on its way", 503)]


def test_strict_waits_for_nothing_while_the_log_is_down(
    make: Make, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_line, "STRICT_SECONDS", LONG)
    book.problem = AuditStoreError("down")
    queue = make(is_strict=True)
    with pytest.raises(AuditDownError):
        queue.record(an_event())
    book.may_write.clear()

    with ThreadPoolExecutor(1) as pool, pytest.raises(AuditDownError):
        pool.submit(queue.record, an_event()).result(LONG / 6)


def test_strict_refuses_when_there_is_no_room(make: Make, book: Book, counts: Counts) -> None:
    book.may_write.clear()
    queue = make(is_strict=True, queue_bytes=1_500)
    queue.record(a_refusal())

    with pytest.raises(AuditDownError):
        queue.record(an_event())

    assert counts.dropped == 1
