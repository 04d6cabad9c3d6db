from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.audit import Record
from app.domain.audit_chain import CHECKPOINT, Chain, Checkpoint, record_hash
from app.domain.audit_verification import moment
from test.audit_parts import NOON, MemoryLog, a_key, a_log

SIGNED = [("a", seq) for seq in range(1, 7)] + [("b", seq) for seq in range(1, 4)]
signed = st.sampled_from(SIGNED)


def at(log: MemoryLog, writer: str, seq: int) -> int:
    """Where that record lies in the list."""
    return next(i for i, r in enumerate(log.kept) if (r.writer, r.seq) == (writer, seq))


def alter(log: MemoryLog, writer: str, seq: int, **changes: Any) -> None:
    place = at(log, writer, seq)
    log.kept[place] = log.kept[place]._replace(**changes)


def rehash(record: Record) -> Record:
    """What somebody does who knows how records are hashed."""
    return record._replace(hash=record_hash(record[:-1]))


def said(log: MemoryLog) -> list[str]:
    return [str(fault) for fault in log.faults()]


def named(seq: int, writer: str = "a") -> str:
    """How a record is named; its request has a number from 1 in each batch."""
    return f"record {seq} of writer {writer} (request r"


def test_a_log_that_nobody_touched_has_no_fault() -> None:
    verification = a_log().verification()

    assert list(verification.faults()) == []
    assert (verification.n_writers, verification.n_records, verification.n_heads) == (2, 11, 6)
    assert verification.unsigned == 2
    assert verification.first_us == (NOON + 1) * 1e6
    assert verification.last_us == (NOON + 3) * 1e6


def test_an_empty_log_has_no_fault() -> None:
    assert MemoryLog().faults() == []


@given(signed, st.sampled_from([n for n in Record._fields if n not in ("writer", "seq")]))
def test_a_changed_column_is_found_and_its_record_named(place: tuple[str, int], name: str) -> None:
    log = a_log()
    changes: dict[str, Any] = {name: "changed"}
    alter(log, *place, **changes)

    assert any(f"record {place[1]} of writer {place[0]} " in fault for fault in said(log))


def test_a_change_names_request_and_time() -> None:
    log = a_log()
    alter(log, "a", 2, status=500)

    (fault,) = said(log)
    assert fault == ("changed: record 2 of writer a (request r2 at 2027-01-15T08:00:02Z)")


def test_a_record_that_was_hashed_again_does_not_fit_the_next() -> None:
    log = a_log()
    place = at(log, "a", 2)
    log.kept[place] = rehash(log.kept[place]._replace(status=500))

    (fault,) = said(log)
    assert fault.startswith(f"changed: {named(2)}")
    assert f"{named(3)}" in fault
    assert fault.endswith("follows on another one")


def test_a_chain_that_was_hashed_again_to_its_end_does_not_fit_a_head() -> None:
    log = a_log()
    previous = log.kept[at(log, "a", 3)].hash
    for seq in (4, 5, 6):
        place = at(log, "a", seq)
        log.kept[place] = rehash(log.kept[place]._replace(subject="mallory", previous=previous))
        previous = log.kept[place].hash

    assert [fault.partition(": ")[2] for fault in said(log)] == [
        f"{named(6)}3 at 2027-01-15T08:00:03Z): head {number} has signed another one"
        for number in (5, 6)
    ]


@given(signed)
def test_a_removed_record_is_found(place: tuple[str, int]) -> None:
    log = a_log()
    del log.kept[at(log, *place)]

    (fault,) = said(log)
    assert fault.startswith(f"removed: record {place[1]} of writer {place[0]}")


def test_a_tail_that_was_cut_off_is_found() -> None:
    log = a_log()
    log.kept = [record for record in log.kept if record.writer != "a" or record.seq < 4]

    assert said(log) == ["removed: records 4 to 6 of writer a, at the end"]


def test_a_writer_that_was_removed_is_found() -> None:
    log = a_log()
    log.kept = [record for record in log.kept if record.writer != "a"]

    assert said(log) == ["removed: records 1 to 6 of writer a, at the end"]


@given(st.permutations(range(1, 7)))
def test_records_that_changed_places_are_found_and_told_where_they_were(order: list[int]) -> None:
    log = a_log()
    for seq, became in zip(range(1, 7), order, strict=True):
        place = next(i for i, r in enumerate(a_log().kept) if (r.writer, r.seq) == ("a", seq))
        log.kept[place] = log.kept[place]._replace(seq=became)

    moved = {was: is_now for was, is_now in zip(range(1, 7), order, strict=True) if was != is_now}
    told = said(log)
    for was, is_now in moved.items():
        assert any(
            fault.startswith(f"reordered: {named(is_now)}")
            and fault.endswith(f"it was written as record {was}")
            for fault in told
        )
    assert bool(told) == bool(moved)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seq": 7}, "after its writer's end"),
        ({"seq": 0}, "before what its writer has begun with"),
        ({"seq": -3}, "before what its writer has begun with"),
    ],
)
def test_a_record_that_was_put_in_at_an_end_is_found(changes: dict[str, Any], what: str) -> None:
    log = a_log()
    last = log.kept[at(log, "a", 6)]
    log.kept.append(rehash(last._replace(previous=last.hash, **changes)))

    (fault,) = said(log)
    assert fault.startswith(f"inserted: {named(changes['seq'])}")
    assert fault.endswith(what)


def test_records_of_a_writer_that_no_head_names_are_found() -> None:
    log = a_log()
    log.write(Chain("mallory"), 2)

    assert said(log) == ["inserted: records of writer mallory, which no head names"]


def test_a_record_that_was_put_in_between_moves_the_others() -> None:
    log = a_log()
    log.kept = [
        record._replace(seq=record.seq + 1) if record.writer == "a" and record.seq > 2 else record
        for record in log.kept
    ]
    second = log.kept[at(log, "a", 2)]
    log.kept.append(rehash(second._replace(seq=3, previous=second.hash)))

    told = said(log)
    assert sum(fault.startswith("reordered: ") for fault in told) == 3
    assert any("after its writer's end" in fault for fault in told)


@given(st.integers(0, 5), st.sampled_from(["seq", "at_us", "total_bytes"]))
def test_a_changed_head_is_found(place: int, name: str) -> None:
    log = a_log()
    changes: dict[str, Any] = {name: 99}
    log.signed[place] = log.signed[place]._replace(**changes)

    assert f"wrong signature: head {place + 1}" in " ".join(said(log))


@given(st.integers(0, 4))
def test_a_removed_head_is_missed(place: int) -> None:
    log = a_log()
    del log.signed[place]

    assert f"missing head: head {place + 1}" in said(log)


@pytest.mark.parametrize(("place", "writer"), [(3, "b"), (4, "a"), (5, "a")])
def test_a_head_that_somebody_else_signed_is_found_once(place: int, writer: str) -> None:
    log = a_log()
    log.signed[place] = a_key().signed(log.signed[place])

    assert said(log) == [f"unknown key: head {place + 1}, of writer {writer}"]


def test_a_head_that_was_signed_again_over_another_one_does_not_fit_the_next() -> None:
    log = a_log()
    log.signed[3] = log.key.signed(log.signed[3]._replace(at_us=1))

    assert said(log) == ["changed: head 4: head 5 follows on another one"]


@pytest.mark.parametrize("odd", [b"bytes", 1.5, "\udcff"])
def test_what_no_writer_writes_is_a_change_and_no_crash(odd: Any) -> None:
    for name in ("at_us", "subject"):
        log = a_log()
        alter(log, "a", 2, **{name: odd})

        assert said(log)[0].startswith(f"changed: {named(2)}")


def test_what_steers_a_terminal_is_not_printed() -> None:
    log = a_log()
    alter(log, "a", 2, request_id="\x1b[2Jall is well")

    assert "\x1b" not in said(log)[0]


def after_a_checkpoint() -> MemoryLog:
    """The log, with everything up to head 4 dropped: records 1 to 3 of both writers."""
    log = a_log()
    checkpoint, dropped = Checkpoint.of(None).moved(log.signed[:4])
    log.sign(CHECKPOINT, Chain("", checkpoint.number, checkpoint.hash), checkpoint.detail())
    log.signed = log.signed[4:]
    log.kept = [record for record in log.kept if record.seq > dropped[record.writer].seq]
    return log


def test_what_is_left_behind_a_checkpoint_verifies() -> None:
    verification = after_a_checkpoint().verification()

    assert list(verification.faults()) == []
    assert (verification.n_records, verification.n_heads) == (5, 3)


def test_a_removal_cannot_hide_behind_a_checkpoint() -> None:
    log = after_a_checkpoint()
    log.kept = [record for record in log.kept if record.seq > 4]

    assert said(log) == ["removed: record 4 of writer a", "removed: record 4 of writer b"]


def test_a_dropped_record_that_is_put_back_is_found() -> None:
    log, whole = after_a_checkpoint(), a_log()
    log.kept.append(whole.kept[at(whole, "a", 2)])

    assert said(log)[0].startswith(f"inserted: {named(2)}")


def test_a_checkpoint_that_was_removed_leaves_a_gap() -> None:
    log = after_a_checkpoint()
    log.signed.pop()

    assert "missing head: heads 1 to 4" in said(log)


def test_a_checkpoint_of_somebody_else_counts_for_nothing() -> None:
    log = after_a_checkpoint()
    log.signed[-1] = a_key().signed(log.signed[-1])

    assert "unknown key: head 7, of writer -" in said(log)
    assert "missing head: heads 1 to 4" in said(log)


def test_a_moment_that_is_none_is_a_number() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(2**62) == f"{2**62} us"
