from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.settings.overlay import PROJECT
from scripts.run_stream_consumer import main
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.unit.scripts.process import environment

Said = pytest.CaptureFixture[str]
SCRIPT = str(PROJECT / "scripts/run_stream_consumer.py")
SECONDS = 30.0


@pytest.fixture
def project(root: Path) -> Path:
    """A project whose default model tells three classes by two numbers."""
    a_promoted_model(some_settings(root), a_classification_table())
    return root


def start(root: Path, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.Popen(
        command, cwd=root, env=environment(root), stderr=subprocess.PIPE, **options
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not is_so() and time.monotonic() < end:
        time.sleep(0.005)
    assert is_so()


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def rows(n_rows: int) -> str:
    return "".join(f'{{"features": [{it / n_rows}, 1], "id": {it}}}\n' for it in range(n_rows))


def ids(path: Path) -> list[int]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_without_arguments_the_settings_name_input_and_output(project: Path, capsys: Said) -> None:
    folder = project / "runtime/stream"
    folder.mkdir(parents=True)
    (folder / "input.jsonl").write_text(rows(3) + "no JSON\n")

    assert main([]) == 0

    assert ids(folder / "output.jsonl") == [0, 1, 2]
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        f"3 answered in {folder}/output.jsonl, 1 rejected in {folder}/output.jsonl.rejects.jsonl"
    )


def test_a_named_version_answers_with_probabilities(project: Path) -> None:
    (project / "in.jsonl").write_text(rows(1))

    assert main(["in.jsonl", "out.jsonl", "--model", "sides@1", "--probabilities"]) == 0

    found = json.loads((project / "out.jsonl").read_text())
    assert (found["version"], len(found["probabilities"])) == ("1", 3)


@pytest.mark.usefixtures("project")
def test_the_schema_is_printed(capsys: Said) -> None:
    assert main(["--schema"]) == 0

    assert json.loads(capsys.readouterr().out)["title"] == "A message for sides 1"


REFUSED = {
    "no such model": (["in.jsonl", "--model", "nobody@1"], "nobody"),
    "nothing promoted": (["in.jsonl", "--model", "nobody"], "no version of nobody is promoted"),
    "no name": (["in.jsonl", "--model", "@"], "names no model"),
    "no input": (["absent.jsonl", "out.jsonl"], "absent.jsonl: there is no such file"),
    "no folder": (["in.jsonl", "in.jsonl/out"], "in.jsonl/out: cannot be written"),
}


@pytest.mark.parametrize(("arguments", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_is_told_in_one_message(
    project: Path, capsys: Said, arguments: list[str], expected: str
) -> None:
    (project / "in.jsonl").write_text(rows(1))

    assert main(arguments) == 2

    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert expected in said[0]


@pytest.mark.usefixtures("root")
def test_without_any_model_the_message_says_how_to_make_one(capsys: Said) -> None:
    assert main([]) == 2

    assert "scripts/first_model.py" in capsys.readouterr().err


def test_probabilities_that_the_model_has_not_are_refused(root: Path, capsys: Said) -> None:
    a_promoted_model(some_settings(root))

    assert main(["--probabilities"]) == 2

    assert "line has no probabilities" in capsys.readouterr().err


def test_between_two_pipes_an_answer_comes_before_the_next_line(project: Path) -> None:
    process = start(project, "-", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    found = []
    for line in rows(3).splitlines(keepends=True):
        process.stdin.write(line.encode())
        process.stdin.flush()
        found.append(json.loads(process.stdout.readline())["id"])

    process.communicate(timeout=SECONDS)

    assert (found, process.returncode) == ([0, 1, 2], 0)


def test_what_was_killed_and_what_was_not_end_alike(project: Path) -> None:
    n_rows = 20_000
    (project / "in.jsonl").write_text(rows(n_rows))
    output = project / "out.jsonl"
    process = start(project, "in.jsonl", "out.jsonl")
    wait_until(lambda: size_of(output) > 0)
    process.kill()
    process.communicate()

    assert main(["in.jsonl", "out.jsonl"]) == 0

    assert ids(output) == [*range(n_rows)]


def test_who_follows_ends_well_when_asked_to(project: Path) -> None:
    (project / "in.jsonl").write_text(rows(5))
    process = start(project, "in.jsonl", "out.jsonl", "--follow")
    wait_until(lambda: size_of(project / "out.jsonl") > 0)
    process.send_signal(signal.SIGTERM)

    _, said = process.communicate(timeout=SECONDS)

    assert process.returncode == 0
    assert b"Traceback" not in said
    assert said.splitlines()[-1] == b"5 answered in out.jsonl, 0 rejected"
    assert main(["in.jsonl", "out.jsonl"]) == 0
    assert ids(project / "out.jsonl") == [0, 1, 2, 3, 4]
