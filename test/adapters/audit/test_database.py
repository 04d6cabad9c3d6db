from __future__ import annotations

import multiprocessing
import stat
import subprocess
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from app.adapters.audit.database import SchemaTooNewError, migrate, postgresql, sqlite
from app.adapters.audit.opening import AuditLog
from app.errors import AuditStoreError, SettingsError
from test.adapters.audit.places import Place
from test.audit_parts import a_key, events
from test.postgres_server import Postgres

FORK = multiprocessing.get_context("fork")


def _begin(place: Place, at_once: Barrier, begun: multiprocessing.Queue[bool]) -> None:
    writer = place.writer()
    at_once.wait(60)
    writer.write(events(1))
    writer.close()
    begun.put(True)


def test_processes_may_find_no_database_at_once(place: Place) -> None:
    begun, at_once = FORK.Queue(), FORK.Barrier(6)
    workers = [FORK.Process(target=_begin, args=(place, at_once, begun)) for _ in range(6)]
    for worker in workers:
        worker.start()
    assert all(begun.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()

    assert place.execute("SELECT version FROM audit_schema") == [(1,)]
    assert place.faults() == []


def test_a_schema_of_a_newer_gateway_is_left_alone(place: Place) -> None:
    place.writer().write(events(1))
    place.execute("INSERT INTO audit_schema VALUES (99)")

    with pytest.raises(SchemaTooNewError, match=r"has schema 99, and this Gatehouse knows 1\. Fix"):
        place.writer().write(events(1))
    with pytest.raises(SchemaTooNewError), place.read():
        pass
    with pytest.raises(SettingsError, match="schema 99"):
        AuditLog(place.settings()).check()


def test_only_this_user_reads_the_file(tmp_path: Path) -> None:
    place = Place(tmp_path, None, a_key())
    place.writer().write(events(1))

    files = list(place.file.parent.glob("audit.sqlite*"))
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    place.leave()


def test_a_file_that_was_removed_is_made_again_and_what_is_gone_is_found(tmp_path: Path) -> None:
    place = Place(tmp_path, None, a_key())
    writer = place.writer()
    writer.write(events(3))
    for file in place.file.parent.glob("audit.sqlite*"):
        file.unlink()

    writer.write(events(1))
    writer.close()

    (_, _, first) = place.execute("SELECT writer, hash, seq FROM audit_records")[0]
    assert first == 4
    assert place.faults()[0].startswith("missing head: the one that opens")


def test_a_reader_makes_no_database(tmp_path: Path) -> None:
    place = Place(tmp_path, None, a_key())

    with pytest.raises(AuditStoreError, match=r"there is no audit log\. Fix"):
        AuditLog(place.settings()).opened().__enter__()
    with pytest.raises(AuditStoreError, match="unable to open database file"), place.read():
        pass

    assert not place.file.exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, None, a_key())
    place.file.parent.mkdir()
    place.file.write_bytes(b"no database" * 1000)

    with pytest.raises(AuditStoreError, match="the audit log: DatabaseError"):
        place.writer().write(events(1))
    place.leave()


def test_a_password_is_never_told(postgres: Postgres) -> None:
    wrong = postgres.url().replace(postgres.password, "pass-word-that-is-wrong")
    engine = postgresql(wrong)

    with pytest.raises(AuditStoreError) as refused:
        Place(Path("/"), wrong, a_key()).writer().write(events(1))

    assert 'password authentication failed for user "gate"' in str(refused.value)
    assert "pass-word-that-is-wrong" not in str(refused.value) + repr(engine)


def test_no_value_of_a_record_is_told(place: Place) -> None:
    writer = place.writer()
    writer.write(events(1))
    place.execute("DROP TABLE audit_records")

    with pytest.raises(AuditStoreError) as refused:
        writer.write(events(1, subject="mrs-jones"))

    assert "mrs-jones" not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://h:port/x", "no url at all"])
def test_what_is_no_url_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match=r"audit\.url: is no url\. Fix: postgresql://user"):
        postgresql(url)


def test_an_at_sign_in_a_password_puts_its_end_into_no_message() -> None:
    with pytest.raises(SettingsError, match="write %40 for @") as refused:
        postgresql("postgresql://gate:hush@hush@127.0.0.1/x")

    assert "hush" not in str(refused.value)


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").touch()
    engine = sqlite(tmp_path / "x.sqlite")
    migrate(engine)
    migrate(engine)

    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM audit_schema").scalar()
    engine.dispose()
    assert found == 1


LOOK = """
import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1])) as database:
    print(database.execute("SELECT count(*) FROM audit_records").fetchone()[0])
"""


def looked(place: Place) -> int:
    """What somebody counts who opens the file in a process of his own, and closes it again."""
    command = [sys.executable, "-c", LOOK, str(place.file)]
    return int(subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE).stdout)


def test_whoever_looks_into_the_file_takes_nothing_from_a_writer(tmp_path: Path) -> None:
    place = Place(tmp_path, None, a_key())
    writer = place.writer()
    found = []

    for _ in range(3):
        writer.write(events(3))
        found.append(looked(place))
    writer.close()

    assert found == [3, 6, 9]
    assert place.faults() == []
