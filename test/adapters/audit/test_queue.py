from __future__ import annotations

import gc
import threading
import weakref

import pytest

from app.adapters.audit.queueing import AuditQueue
from app.errors import AuditStoreError
from test.adapters.audit.books import LONG, Book, Counts, Make
from test.audit_parts import a_refusal, an_event, events, some_evidence
from test.e2e.calls import until


def test_nobody_waits_and_all_is_written_together(make: Make, book: Book, counts: Counts) -> None:
    queue, sent = make(flush_seconds=0.2), events(50)

    for event in sent:
        queue.record(event)

    assert book.batches == []
    until(lambda: counts.written == 50, "not written")
    assert book.events == sent
    assert len(book.batches) == 1


def test_closing_writes_what_waits(make: Make, book: Book, counts: Counts) -> None:
    queue = make()
    for event in events(3):
        queue.record(event)

    queue.close()

    assert (len(book.events), counts.written, book.is_closed.is_set()) == (3, 3, True)


def test_a_full_queue_drops_and_counts(make: Make, book: Book, counts: Counts) -> None:
    book.may_write.clear()
    evidence = some_evidence((0.0,) * 1_000)
    queue = make(queue_bytes=4 * 9_100)

    for event in events(6, evidence=evidence):
        queue.record(event)

    assert counts.dropped == 2
    book.may_write.set()
    queue.close()
    assert [event.request_id for event in book.events] == ["r1", "r2", "r3", "r4"]


def test_half_a_queue_is_written_at_once(make: Make, book: Book) -> None:
    queue = make(queue_bytes=4 * 1_100)

    for event in [a_refusal()] * 3:
        queue.record(event)

    assert book.entered.wait(10)


def test_what_was_not_written_is_tried_again_in_its_order(
    make: Make, book: Book, counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    book.problem = AuditStoreError("the audit log: disk full")
    queue, sent = make(flush_seconds=0.01), events(5)
    for event in sent[:3]:
        queue.record(event)
    until(lambda: counts.failed >= 3, "did not fail")
    for event in sent[3:]:
        queue.record(event)
    until(lambda: counts.failed >= 8, "not tried again")
    book.problem = None
    until(lambda: counts.written == 5, "not written")

    assert book.events == sent
    said = [(record.message, getattr(record, "reason", None)) for record in caplog.records]
    assert said == [
        ("audit log cannot be written", "the audit log: disk full"),
        ("audit log is written again", None),
    ]


def test_a_writer_that_cannot_be_opened_is_opened_again(
    make: Make, book: Book, counts: Counts
) -> None:
    tries: list[int] = []

    def opened() -> Book:
        tries.append(1)
        if len(tries) < 3:
            raise OSError
        return book

    make(flush_seconds=0.01, open_writer=opened).record(an_event())

    until(lambda: counts.written == 1, "not written")
    assert len(tries) == 3


def test_what_was_written_all_the_same_is_not_written_again(
    make: Make, book: Book, counts: Counts
) -> None:
    book.problem, book.keeps_all_the_same = AuditStoreError("connection lost"), True
    queue = make(flush_seconds=0.01)
    queue.record(an_event())
    until(lambda: counts.written == 1, "not settled")
    book.problem = None
    queue.close()

    assert len(book.events) == 1


def test_a_failure_at_the_end_is_tried_again(make: Make, book: Book, counts: Counts) -> None:
    book.problem = AuditStoreError("database is locked")
    queue = make(flush_seconds=LONG)
    queue.record(an_event())
    closing = threading.Thread(target=queue.close)
    closing.start()
    until(lambda: counts.failed == 1, "it did not fail")
    book.problem = None
    closing.join(LONG)

    assert (len(book.events), counts.dropped) == (1, 0)


def test_what_cannot_be_written_at_the_end_is_told(
    make: Make, book: Book, counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    book.problem = AuditStoreError("down")
    queue = make()
    for event in events(3):
        queue.record(event)

    queue.close()

    assert counts.dropped == 3
    assert [vars(r)["events"] for r in caplog.records if r.message == "audit events lost"] == [3]
    queue.record(an_event())
    assert counts.dropped == 4


def test_a_queue_that_nobody_holds_any_more_ends(book: Book, counts: Counts) -> None:
    queue = AuditQueue(lambda: book, counts, is_strict=False, flush_seconds=LONG, queue_bytes=2**20)
    queue.record(an_event())
    gone = weakref.ref(queue)
    del queue
    gc.collect()

    assert gone() is None
    assert book.is_closed.wait(10)
    assert len(book.events) == 1
