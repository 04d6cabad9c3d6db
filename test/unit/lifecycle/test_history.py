from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from app.domain.judge import Rules
from app.domain.traffic import Split
from app.lifecycle.history import (
    Entry,
    Trial,
    append_line,
    line_of,
    read,
    read_trials,
    undone,
)

Action = Literal["promote", "rollback", "found"]


def an_entry(to: str, *, name: str = "line", action: Action = "promote") -> Entry:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Entry(
        at=at, action=action, name=name, before=None, to=to, sha256="0" * 64, who="ann", why="é"
    )


def append(stage: Path, entry: Entry) -> None:
    append_line(stage, line_of(entry))


def a_trial(to: str) -> Trial:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rules = Rules(tolerated_disagreement=None)
    split = Split(model="line", version=to, mode="canary", share=0.1, judge=rules)
    fields = {"action": "canary", "name": "line", "champion": "1", "who": "a\nb"}
    return Trial(at=at, before=None, after=split, **fields)


def test_trials_stand_between_promotions_and_each_is_read_by_itself(tmp_path: Path) -> None:
    promoted, trial = [an_entry("1"), an_entry("2")], a_trial("2")
    for it in (promoted[0], trial, promoted[1]):
        append_line(tmp_path, line_of(it))

    assert read(tmp_path) == promoted
    assert read_trials(tmp_path) == [trial.model_copy(update={"who": r"a\nb"})]
    assert read_trials(tmp_path, "other") == []


def test_a_stage_that_nobody_changed_has_no_history(tmp_path: Path) -> None:
    assert read(tmp_path / "dev") == []


def test_what_was_written_comes_back_in_order(tmp_path: Path) -> None:
    entries = [an_entry("1"), an_entry("2"), an_entry("1", name="other")]

    for it in entries:
        append(tmp_path, it)

    assert read(tmp_path) == entries
    assert read(tmp_path, "other") == entries[2:]


def test_a_line_says_from_and_to(tmp_path: Path) -> None:
    append(tmp_path, an_entry("2").model_copy(update={"before": "1"}))

    assert b'"from":"1","to":"2"' in (tmp_path / "history.jsonl").read_bytes()


@pytest.mark.parametrize("torn", [b"{", b'{"at": "20', b"\xff\xfe", b"null"])
def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path, torn: bytes) -> None:
    append(tmp_path, an_entry("1"))
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(torn)

    append(tmp_path, an_entry("2"))

    assert [it.to for it in read(tmp_path)] == ["1", "2"]


def test_an_entry_of_a_later_release_is_read(tmp_path: Path) -> None:
    line = an_entry("1").model_dump_json(by_alias=True).replace("{", '{"ticket": 7, ', 1)
    (tmp_path / "history.jsonl").write_text(line + "\n")

    assert [it.to for it in read(tmp_path)] == ["1"]


@pytest.mark.parametrize(
    ("steps", "current", "expected"),
    [
        pytest.param("", None, "", id="nothing"),
        pytest.param("1", "1", "", id="only one"),
        pytest.param("1 2 3", "3", "21", id="straight on"),
        pytest.param("1 2 3 r2", "2", "1", id="back once"),
        pytest.param("1 2 3 r2 r1", "1", "", id="back twice"),
        pytest.param("1 2 3 r2 4", "4", "21", id="on after going back"),
        pytest.param("1 2 2 2", "2", "1", id="mended in place"),
        pytest.param("1 2 1", "1", "2", id="an older one promoted by hand"),
        pytest.param("1 2", None, "21", id="what is there is damaged"),
        pytest.param("1 2", "7", "21", id="another one came without a record"),
        pytest.param("2 r1", "1", "2", id="back to what no line knows"),
        pytest.param("1 2 3", "2", "1", id="the last promotion was cut off"),
        pytest.param("1 2 3 r2", "3", "21", id="the roll-back was cut off"),
        pytest.param("1 2 3 f2 4", "4", "21", id="on after one that was cut off"),
        pytest.param("1 2 3 r2 f3 4", "4", "321", id="on after a roll-back that was cut off"),
    ],
)
def test_the_way_back_is_the_way_that_was_come(
    steps: str, current: str | None, expected: str
) -> None:
    actions: dict[str, Action] = {"r": "rollback", "f": "found"}
    entries = [an_entry(it[-1], action=actions.get(it[0], "promote")) for it in steps.split()]

    assert undone(entries, current) == list(expected)


def test_what_cannot_be_printed_comes_back_as_escapes(tmp_path: Path) -> None:
    entry = an_entry("1").model_copy(update={"why": "\x1b[31mred", "who": "a\nb"})

    append(tmp_path, entry)

    [read_back] = read(tmp_path)
    assert (read_back.why, read_back.who) == (r"\x1b[31mred", r"a\nb")
