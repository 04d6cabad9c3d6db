from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.audit import Record
from app.domain.audit_chain import GENESIS, Chain, Checkpoint, Left, record_hash
from app.domain.audit_privacy import Privacy
from test.audit_parts import MemoryLog, a_log, events

KEPT = [Privacy(b"key").kept(event) for event in events(9)]


def test_each_record_names_the_one_before() -> None:
    records, _, _ = Chain("w").extended(KEPT)

    assert [record.seq for record in records] == list(range(1, 10))
    assert [record.previous for record in records] == [
        GENESIS,
        *(record.hash for record in records[:-1]),
    ]


@given(st.integers(0, 9))
def test_it_does_not_matter_how_events_are_batched(place: int) -> None:
    together, end, n_bytes = Chain("w").extended(KEPT)
    first, middle, n_first = Chain("w").extended(KEPT[:place])
    second, last, n_second = middle.extended(KEPT[place:])

    assert (first + second, last, n_first + n_second) == (together, end, n_bytes)


@pytest.mark.parametrize("column", range(len(Record._fields) - 1), ids=Record._fields[:-1])
def test_the_hash_covers_every_column(column: int) -> None:
    (record,), _, _ = Chain("w").extended(KEPT[:1])
    changed = list(record[:-1])
    changed[column] = "other"

    assert record_hash(record[:-1]) == record.hash
    assert record_hash(changed) != record.hash


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_nothing_can_be_moved_from_one_column_into_the_next(a: str, b: str, c: str, d: str) -> None:
    assert (record_hash([a, b]) == record_hash([c, d])) == ((a, b) == (c, d))


def test_a_number_is_not_its_text() -> None:
    assert record_hash([1]) != record_hash(["1"])
    assert record_hash([None]) != record_hash(["null"])


def test_a_checkpoint_survives_its_head() -> None:
    log, checkpoint = MemoryLog(), Checkpoint(7, "f" * 64, {"w": Left(Chain("w", 3, "e" * 64), 5)})
    log.sign("checkpoint", Chain("", checkpoint.number, checkpoint.hash), checkpoint.detail())

    assert Checkpoint.of(log.signed[0]) == checkpoint


def test_a_checkpoint_forgets_a_writer_that_has_closed() -> None:
    log = a_log()

    moved, dropped = Checkpoint.of(None).moved(log.signed)

    assert (moved.number, moved.hash) == (6, log.signed[-1].digest())
    assert {writer: left.chain.seq for writer, left in moved.writers.items()} == {"b": 3}
    assert {writer: chain.seq for writer, chain in dropped.items()} == {"a": 6, "b": 3}


def test_checkpoints_may_move_in_steps() -> None:
    heads = a_log().signed

    first, _ = Checkpoint.of(None).moved(heads[:4])

    assert first.moved(heads[4:])[0] == Checkpoint.of(None).moved(heads)[0]
