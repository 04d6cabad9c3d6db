"""What is dropped, over SQLite and over PostgreSQL, and that the rest still verifies."""

from __future__ import annotations

from test.adapters.audit.places import DAY, Place
from test.audit_parts import NOON, events


def test_old_segments_go_behind_a_signed_checkpoint_and_the_rest_verifies(place: Place) -> None:
    writer = place.writer(keep_seconds=2 * DAY)
    for _ in range(5):
        writer.write(events(2, at=place.clock.time))
        place.clock.time += DAY
        writer.maintain()

    with place.read() as log:
        kinds = [head.kind for head in log.heads()]
        kept = list(log.between(0, 2**62))
    assert min(record.at_us for record in kept) >= (place.clock.time - 3 * DAY) * 1e6
    assert len(kept) == 4
    assert "checkpoint" in kinds
    assert place.faults() == []
    place.execute("DELETE FROM audit_records WHERE seq = 1")
    assert place.faults() != []


def test_the_table_of_heads_does_not_grow_for_ever(place: Place) -> None:
    writer = place.writer(keep_seconds=DAY)
    for _ in range(40):
        writer.write(events(1, at=place.clock.time))
        place.clock.time += DAY / 4
        writer.maintain()

    (n_heads,) = place.execute("SELECT count(*) FROM audit_heads")[0]
    assert n_heads < 20
    assert place.faults() == []


def test_the_oldest_go_when_the_log_is_too_large(place: Place) -> None:
    writer = place.writer(keep_bytes=10_000)
    for _ in range(10):
        writer.write(events(5))
        place.clock.time += 60
        writer.maintain()

    with place.read() as log:
        kept, heads = list(log.between(0, 2**62)), list(log.heads())
    assert 5 <= len(kept) <= 25  # of 50; the segment that the limit falls into stays
    assert heads[-1].total_bytes - heads[0].total_bytes <= 10_000
    assert place.faults() == []


def test_what_a_dead_writer_left_unsigned_goes_too_once_it_is_old(place: Place) -> None:
    place.writer().write(events(3))  # killed: no head, no end
    writer = place.writer(keep_seconds=2 * DAY)
    for _ in range(5):
        place.clock.time += DAY
        writer.write(events(1, at=place.clock.time))
        writer.maintain()

    assert place.execute("SELECT count(*) FROM audit_records WHERE request_id = 'r3'")[0] == (0,)
    assert place.faults() == []


def test_what_a_dead_writer_left_stays_as_long_as_it_is_young(place: Place) -> None:
    old, young = events(2, at=NOON), events(3, at=NOON + 1.5 * DAY)
    place.writer().write([*old, *young])
    writer = place.writer(keep_seconds=2 * DAY)
    place.clock.time += 3 * DAY
    writer.write(events(1, at=place.clock.time))
    writer.maintain()

    assert len(place.requests()) == 4
    assert place.faults() == []


def test_a_writer_that_lives_is_not_forgotten_with_its_old_records(place: Place) -> None:
    quiet, busy = place.writer(keep_bytes=2_000), place.writer(keep_bytes=2_000)
    quiet.write(events(2))
    place.clock.time += 60
    quiet.maintain()
    for _ in range(10):
        busy.write(events(3))
        place.clock.time += 60
        busy.maintain()
    quiet.write(events(1))
    quiet.close()
    busy.close()

    assert place.faults() == []
