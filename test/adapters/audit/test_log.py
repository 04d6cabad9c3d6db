"""One behaviour of the audit log over SQLite and over PostgreSQL."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from app.adapters.audit.store import AuditStore, Writing
from app.errors import AuditStoreError
from test.adapters.audit.places import Place
from test.audit_parts import NOON, a_refusal, events

FORK = multiprocessing.get_context("fork")


def test_what_was_written_is_read_and_verifies(place: Place) -> None:
    writer = place.writer()
    writer.write([*events(3), a_refusal(request_id="r4", at=NOON + 4, subject="zoë\0")])
    writer.close()

    with place.read() as log:
        kept = list(log.between(0, 2**62))
        heads = list(log.heads())
    assert [record.request_id for record in kept] == ["r1", "r2", "r3", "r4"]
    assert kept[0].inputs == '{"a":[1.0],"b":[2.0]}'
    assert kept[3].subject == r"zoë\0"
    assert [(head.kind, head.seq) for head in heads] == [("open", 0), ("close", 4)]
    assert place.faults() == []


def test_a_stretch_of_time_has_its_first_moment_and_not_its_last(place: Place) -> None:
    place.writer().write(events(5))

    with place.read() as log:
        found = list(log.between(int((NOON + 2) * 1e6), int((NOON + 4) * 1e6)))

    assert [record.request_id for record in found] == ["r2", "r3"]


def test_a_head_is_signed_when_it_is_due_and_there_is_something_new(place: Place) -> None:
    writer = place.writer(head_seconds=60)
    writer.write(events(1))
    for _ in range(5):
        place.clock.time += 30
        writer.maintain()

    with place.read() as log:
        assert [(head.kind, head.seq) for head in log.heads()] == [("open", 0), ("head", 1)]


def test_a_chain_that_rests_is_closed_and_another_one_begun(place: Place) -> None:
    writer = place.writer()
    writer.write(events(1))
    place.clock.time += 1_900
    writer.maintain()
    writer.write(events(1))
    writer.close()

    with place.read() as log:
        assert [head.kind for head in log.heads()] == ["open", "close", "open", "close"]
    assert place.faults() == []


def _write(place: Place, count: int) -> None:
    writer = place.writer()
    for _ in range(count):
        writer.write(events(5))
        place.clock.time += 60
        writer.maintain()
    writer.close()


def test_processes_write_one_log(place: Place) -> None:
    workers = [FORK.Process(target=_write, args=(place, 10)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0] * 4
    with place.read() as log:
        heads = list(log.heads())
    assert len(heads) == 4 * 12
    assert all(after.previous == before.digest() for before, after in pairwise(heads))
    assert place.requests() == sorted(5 * 40 // 5 * [f"r{n}" for n in range(1, 6)])
    assert place.faults() == []


def test_what_is_written_meanwhile_is_not_read(place: Place) -> None:
    writer = place.writer()
    writer.write(events(2))
    with place.read() as log:
        first = list(log.heads())
        writer.write(events(2))
        writer.close()

        assert len(list(log.between(0, 2**62))) == 2
        assert list(log.heads()) == first


class Lossy(AuditStore):
    """A store that may lose its connection right behind a commit."""

    is_cut = False

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        with super().writing() as writing:
            yield writing
        if self.is_cut:
            raise AuditStoreError("connection lost")


def test_a_write_whose_answer_was_lost_is_known_to_be_written(place: Place) -> None:
    writer = place.writer(kind=Lossy)
    (store,) = place.stores
    assert isinstance(store, Lossy)
    store.is_cut = True
    with pytest.raises(AuditStoreError):
        writer.write(events(2))
    store.is_cut = False

    assert writer.was_written()
    assert not writer.was_written()
    writer.write(events(1))
    writer.close()
    assert place.requests() == ["r1", "r1", "r2"]
    assert place.execute("SELECT count(*) FROM audit_heads WHERE kind = 'open'")[0] == (1,)
    assert place.faults() == []


def test_a_write_that_failed_is_known_not_to_be_written(place: Place) -> None:
    writer = place.writer()
    writer.write(events(1))
    place.execute("ALTER TABLE audit_records RENAME TO elsewhere")
    with pytest.raises(AuditStoreError):
        writer.write(events(2))
    place.execute("ALTER TABLE elsewhere RENAME TO audit_records")

    assert not writer.was_written()
    writer.write(events(2))
    writer.close()
    assert place.requests() == ["r1", "r1", "r2"]
    assert place.faults() == []


def test_a_chain_that_could_not_be_written_for_hours_is_not_taken_up_again(place: Place) -> None:
    writer = place.writer()
    writer.write(events(1))
    place.clock.time += 2 * 3_600
    writer.write(events(1))
    writer.close()

    with place.read() as log:
        assert [head.kind for head in log.heads()] == ["open", "open", "close"]
    assert place.faults() == []
