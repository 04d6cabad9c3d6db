"""The two command lines over a log that a gateway has left behind."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pyarrow import parquet

from app.wiring import audit_log
from scripts import export_audit, verify_audit
from test.audit_parts import events
from test.builders import some_settings
from test.unit.scripts.process import run_script

Said = pytest.CaptureFixture[str]


@pytest.fixture
def log(root: Path) -> Path:
    """A log of five records, from 2027-01-15T08:00:01Z on, a second apart."""
    written = audit_log(some_settings(root)).writer()
    written.write(events(5))
    written.close()
    return root / "runtime" / "audit.sqlite"


def execute(log: Path, statement: str) -> None:
    with closing(sqlite3.connect(log)) as database, database:
        database.execute(statement)


def test_a_good_log_verifies(log: Path, capsys: Said) -> None:
    assert verify_audit.main([]) == 0

    said = capsys.readouterr().out
    assert said.startswith("checked: 5 records of 1 writers, 2 heads\n")
    assert said.endswith("no faults\n")
    assert log.exists()


def test_a_changed_record_is_named(log: Path, capsys: Said) -> None:
    execute(log, "UPDATE audit_records SET inputs = '{}' WHERE seq = 3")

    assert verify_audit.main([]) == 1

    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("changed: record 3 of writer ")
    assert first.endswith("(request r3 at 2027-01-15T08:00:03Z)")


def test_a_log_verifies_elsewhere_with_its_public_key(log: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "runtime").mkdir(parents=True)
    for file in log.parent.glob("audit.sqlite*"):
        shutil.copy(file, elsewhere / "runtime" / file.name)
    public = shutil.copy(log.parent / "audit-key.pub.pem", elsewhere / "gateway.pem")

    without = run_script(elsewhere, "scripts/verify_audit.py")
    done = run_script(elsewhere, "scripts/verify_audit.py", "--public-key", public)

    assert without.returncode == 2
    assert without.stderr.endswith("Fix: name the PEM file of the public key with --public-key.\n")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", ["verify_audit.py", "export_audit.py --from 2026-01-15 --out x"])
def test_without_a_log_there_is_one_line_and_status_2(tmp_path: Path, script: str) -> None:
    done = run_script(tmp_path, *f"scripts/{script}".split())

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {tmp_path}/runtime/audit.sqlite: there is no audit log. "
        "Fix: start the gateway, or set audit.url.\n"
    )


def test_a_damaged_file_is_unreadable_and_not_good(log: Path, capsys: Said) -> None:
    for file in log.parent.glob("audit.sqlite-*"):
        file.unlink()
    log.write_bytes(b"no database" * 1000)

    assert verify_audit.main([]) == 2

    assert capsys.readouterr().err.startswith("error: the audit log: DatabaseError")


def test_a_stretch_of_time_is_exported(log: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "out.parquet"
    times = ["--from", "2027-01-15T08:00:02", "--to", "2027-01-15T09:00:04+01:00"]

    assert export_audit.main([*times, "--out", str(out)]) == 0

    assert capsys.readouterr().out == f"{out}: 2 records\n"
    assert parquet.read_table(out)["request_id"].to_pylist() == ["r2", "r3"]
    assert log.exists()


@pytest.mark.parametrize(
    ("first", "end", "message"),
    [
        ("yesterday", "2027-01-16", "--from: 'yesterday' is no time. Fix: as in 2026-11-21"),
        ("2027-01-16", "2027-01-16", "--from: is not before --to."),
    ],
)
def test_a_time_that_is_none_is_refused(
    root: Path, capsys: Said, first: str, end: str, message: str
) -> None:
    assert export_audit.main(["--from", first, "--to", end, "--out", str(root / "x")]) == 2

    assert capsys.readouterr().err == f"error: {message}\n"
