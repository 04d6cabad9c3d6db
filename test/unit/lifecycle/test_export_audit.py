from __future__ import annotations

import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import parquet

from app.domain.audit import Record
from app.domain.audit_privacy import LONG, Privacy
from app.errors import OperatorError
from app.lifecycle import export_audit as module
from app.lifecycle.export_audit import export_audit
from test.audit_parts import MemoryLog, a_log, an_event, some_evidence


def records() -> list[Record]:
    return a_log().kept


def test_every_record_is_a_row_and_its_time_a_time(tmp_path: Path) -> None:
    path = tmp_path / "audit.parquet"

    assert export_audit(records(), path) == 11

    table = parquet.read_table(path)
    assert table.column_names == ["at" if n == "at_us" else n for n in Record._fields]
    first = table.slice(0, 1).to_pylist()[0]
    assert first["at"] == datetime(2027, 1, 15, 8, 0, 1, tzinfo=UTC)
    assert (first["status"], first["subject"], first["problem"]) == (200, "alice", None)
    assert first["inputs"] == '{"a":[1.0],"b":[2.0]}'


def test_many_records_are_written_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RECORDS_AT_ONCE", 4)

    assert export_audit(iter(records()), tmp_path / "audit.parquet") == 11

    file = parquet.ParquetFile(tmp_path / "audit.parquet")
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (11, 3)


def test_inputs_of_many_rows_are_numbers_again(tmp_path: Path) -> None:
    whole = Privacy(b"key").kept(an_event(evidence=some_evidence(*[(1.0, 0.5)] * LONG)))
    packed = records()[0]._replace(n_rows=LONG, inputs=whole[-2])

    export_audit([packed, packed._replace(inputs="{")], tmp_path / "audit.parquet")

    found = parquet.read_table(tmp_path / "audit.parquet").column("inputs").to_pylist()
    assert json.loads(found[0]) == {"a": [1.0] * LONG, "b": [0.5] * LONG}
    assert found[1] == "{"


def test_nothing_to_export_is_a_file_without_rows(tmp_path: Path) -> None:
    assert export_audit([], tmp_path / "audit.parquet") == 0

    assert parquet.read_table(tmp_path / "audit.parquet").num_rows == 0


def test_only_this_user_reads_the_file(tmp_path: Path) -> None:
    export_audit(records(), tmp_path / "audit.parquet")

    assert stat.S_IMODE((tmp_path / "audit.parquet").stat().st_mode) == 0o600


def test_a_failure_leaves_the_file_of_before_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "audit.parquet"
    path.write_text("of before")
    odd = MemoryLog(kept=[records()[0]._replace(status="a word")])  # type: ignore[arg-type]

    with pytest.raises(OperatorError, match=r"does not fit its column\. Fix: scripts/verify_audit"):
        export_audit(odd.kept, path)

    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "of before"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be written: No such file or directory"):
        export_audit(records(), tmp_path / "none" / "audit.parquet")


def test_a_machine_without_pyarrow_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(OperatorError, match=r"pyarrow is missing\. Fix: make setup-pipeline"):
        export_audit(records(), tmp_path / "audit.parquet")
