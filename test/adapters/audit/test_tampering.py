"""Whoever has the database and not the key, SQLite or PostgreSQL."""

from __future__ import annotations

import pytest

from test.adapters.audit.places import Place
from test.audit_parts import events


def a_written_log(place: Place) -> str:
    """Nine records, heads after the third, the sixth and the ninth; return the writer."""
    writer = place.writer()
    for _ in range(3):
        writer.write(events(3))
        place.clock.time += 60
        writer.maintain()
    writer.close()
    return str(place.execute("SELECT max(writer) FROM audit_records")[0][0])


TAMPERING = {
    "changed: record 5": "UPDATE audit_records SET outputs = '{}' WHERE seq = 5",
    "removed: record 5": "DELETE FROM audit_records WHERE seq = 5",
    "removed: records 8 to 9": "DELETE FROM audit_records WHERE seq > 7",
    "removed: records 1 to 9": "DELETE FROM audit_records",
    "inserted: record 105 ": "UPDATE audit_records SET seq = 105 WHERE seq = 5",
    "inserted: record 10 ": (
        "INSERT INTO audit_records SELECT writer, 10, hash, at_us, kind, request_id, method, route,"
        " status, duration_us, address, subject, problem, detail, model, version, digest, n_rows,"
        " inputs, outputs, hash FROM audit_records WHERE seq = 9"
    ),
    "inserted: records of writer mallory": (
        "UPDATE audit_records SET writer = 'mallory' WHERE seq = 5"
    ),
    "wrong signature: head 2": "UPDATE audit_heads SET seq = 2 WHERE number = 2",
    "missing head: head 2": "DELETE FROM audit_heads WHERE number = 2",
    "unknown key: head 2": "UPDATE audit_heads SET key = 'other' WHERE number = 2",
}


@pytest.mark.parametrize("fault", TAMPERING)
def test_whoever_has_the_database_and_not_the_key_is_found(place: Place, fault: str) -> None:
    writer = a_written_log(place)
    assert place.faults() == []

    place.execute(TAMPERING[fault])

    found = [said for said in place.faults() if said.startswith(fault)]
    assert found
    assert "head" in fault or "mallory" in fault or all(writer in said for said in found)


def test_records_that_were_exchanged_are_found(place: Place) -> None:
    a_written_log(place)

    place.execute(
        "UPDATE audit_records SET seq = 99 WHERE seq = 4",
        "UPDATE audit_records SET seq = 4 WHERE seq = 5",
        "UPDATE audit_records SET seq = 5 WHERE seq = 99",
    )

    first, second = [said for said in place.faults() if said.startswith("reordered")]
    assert first.startswith("reordered: record 4 ")
    assert first.endswith("it was written as record 5")
    assert second.startswith("reordered: record 5 ")
