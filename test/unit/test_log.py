from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.log import REDACTED, configure

log = logging.getLogger("gatehouse.test")
WRITE = """
import logging, sys
from pathlib import Path
from app.log import configure
configure(level="info", file=Path(sys.argv[1]), max_bytes=20_000, backups=50)
print("ready", flush=True)
sys.stdin.readline()
for number in range(400):
    logging.getLogger("gatehouse").info("line", extra={"writer": sys.argv[2], "number": number})
"""


class Written(io.StringIO):
    """Stands in for standard error."""

    def line(self) -> dict[str, Any]:
        (line,) = self.getvalue().splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    stream = Written()
    monkeypatch.setattr(sys, "stderr", stream)
    configure(level="info")
    return stream


def test_a_line_is_one_json_object(written: Written) -> None:
    log.warning("something %s", "happened", extra={"request_id": "r-1", "status": 429})

    line = written.line()
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    assert line == {
        "level": "warning", "logger": "gatehouse.test", "event": "something happened",
        "request_id": "r-1", "status": 429,
    }  # fmt: skip


def test_a_line_break_in_a_value_makes_no_second_line(written: Written) -> None:
    log.info("one\ntwo", extra={"path": '/a\r\n{"level": "error"}'})

    assert written.line()["path"] == '/a\r\n{"level": "error"}'


@pytest.mark.parametrize("name", [*sorted(REDACTED), "Authorization", "JWT_SECRET"])
def test_a_value_under_a_telling_name_is_not_written(written: Written, name: str) -> None:
    log.info("call", extra={name: "Zx9Qk"})

    assert written.line()[name] == "***"


def test_an_exception_is_named_without_its_message(written: Written) -> None:
    try:
        float("row 3 holds Zx9Qk")
    except ValueError:
        log.exception("failed")

    text = written.getvalue()
    assert "Zx9Qk" not in text
    assert json.loads(text)["exception"].startswith("ValueError at ")


def test_an_exception_says_where_it_was_raised(written: Written) -> None:
    def deep_inside() -> None:
        raise KeyError("Zx9Qk")

    try:
        deep_inside()
    except KeyError:
        log.exception("failed")

    assert "test_log.py" in written.line()["exception"].split(" < ")[0]


def test_a_value_that_json_does_not_know_is_written_as_text(written: Written) -> None:
    log.info("model", extra={"file": Path("model.joblib")})

    assert written.line()["file"] == "model.joblib"


def test_lines_below_the_level_are_left_out(written: Written) -> None:
    log.debug("detail")

    assert written.getvalue() == ""


def test_configuring_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        configure(level="info")

    log.info("once")

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_handlers_of_others_stay() -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)

    configure(level="info")

    assert other in logging.getLogger().handlers
    logging.getLogger().removeHandler(other)


def test_a_file_gets_the_same_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "logs" / "gatehouse.log"
    configure(level="info", file=file, max_bytes=10_000, backups=1)

    log.info("twice")

    assert file.read_text() == capsys.readouterr().err


def test_processes_that_share_a_rotating_file_lose_no_line(tmp_path: Path) -> None:
    file = tmp_path / "gatehouse.log"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(file), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for name in "ab"
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)

    files = sorted(tmp_path.glob("gatehouse.log*"))
    lines = [json.loads(line) for one in files for line in one.read_text().splitlines()]
    found = sorted((line["writer"], line["number"]) for line in lines)
    assert len(files) > 2
    assert found == [(name, number) for name in "ab" for number in range(400)]
