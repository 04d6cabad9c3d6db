from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import DemoFailedError
from app.lifecycle.line import Line


def test_a_station_has_settings_and_models_of_its_own(tmp_path: Path) -> None:
    said: list[str] = []
    line = Line.begin(tmp_path / "demo", said.append)

    line.run("look", "models.py", "list", "--json")

    assert [(it.title, it.result) for it in line.done] == [("look", "[]")]
    assert said[0] == "\n== look\n$ .venv/bin/python scripts/models.py list --json"
    assert (tmp_path / "demo" / "config.yaml").is_file()


def test_what_an_earlier_line_has_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "left").write_text("over")

    Line.begin(tmp_path / "demo", print)

    assert not (tmp_path / "demo" / "left").exists()


def test_a_station_that_fails_ends_the_line_and_is_named(tmp_path: Path) -> None:
    line = Line.begin(tmp_path / "demo", print)

    with pytest.raises(DemoFailedError, match=r"score: scripts/models\.py ended with status 2"):
        line.run("score", "models.py", "show", "nobody")

    assert line.done == []


def test_a_station_that_is_no_script_is_timed_too(tmp_path: Path) -> None:
    line = Line.begin(tmp_path / "demo", print)

    with line.station("ask") as result:
        result("answered")

    [station] = line.done
    assert (station.title, station.result) == ("ask", "answered")
