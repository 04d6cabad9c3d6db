from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.judge import Rules
from app.lifecycle.promote import promote
from app.lifecycle.registry import read_folder
from app.lifecycle.stages import locked
from app.lifecycle.traffic import serving
from app.settings.overlay import PROJECT
from scripts.models import main
from test.builders import a_regression_table
from test.unit.lifecycle.test_rollback import three_versions
from test.unit.lifecycle.training import trained
from test.unit.scripts.process import environment

Said = pytest.CaptureFixture[str]


@pytest.fixture
def models(root: Path) -> Path:
    """Versions 1, 2 and 3 of ``line``; 1 was on dev, and 2 is."""
    return three_versions(root / "model", "1", "2")


@pytest.fixture
def trained_models(root: Path) -> Path:
    """Versions 1 and 2 of ``line``, whose gates can be asked; 1 is on dev."""
    models = root / "model"
    for _ in range(2):
        trained(models / "registry", a_regression_table())
    promote(models, models / "registry", "line", "1", stage="dev")
    return models


def on_dev(models: Path) -> str:
    return read_folder(models / "dev").contract.version


@pytest.mark.usefixtures("models")
def test_the_list_is_a_table(capsys: Said) -> None:
    assert main(["list"]) == 0

    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["name", "version", "stages", "task"]
    assert [row.split()[:4] for row in rows] == [
        ["line", "3", "-", "regression"],
        ["line", "2", "dev", "regression"],
        ["line", "1", "-", "regression"],
    ]
    assert len({line.index("sklearn") for line in rows}) == 1


@pytest.mark.usefixtures("models")
def test_the_list_as_json(capsys: Said) -> None:
    assert main(["list", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert [(it["name"], it["version"], it["stages"]) for it in found] == [
        ("line", "3", []),
        ("line", "2", ["dev"]),
        ("line", "1", []),
    ]


@pytest.mark.usefixtures("root")
def test_an_empty_registry_says_what_to_do(capsys: Said) -> None:
    assert main(["list"]) == 0

    assert "no model is registered; scripts/run_training.py" in capsys.readouterr().out


def test_a_version_is_shown_with_its_history(models: Path, capsys: Said) -> None:
    assert main(["show", "line@2"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("line 2\n")
    assert "features     a, b" in said
    assert f"stored       {models}/registry/line/2" in said
    assert [line.split()[2:6] for line in said.splitlines()[-2:]] == [
        ["dev", "promote", "none", "1"],
        ["dev", "promote", "1", "2"],
    ]


@pytest.mark.usefixtures("models")
def test_without_a_version_the_newest_is_shown(capsys: Said) -> None:
    assert main(["show", "line", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["version"], found["contract"]["version"]) == ("3", "3")
    assert [(it["stage"], it["from"], it["to"]) for it in found["history"]] == [
        ("dev", None, "1"),
        ("dev", "1", "2"),
    ]


@pytest.mark.usefixtures("models")
def test_two_that_callers_can_exchange_compare_with_0(capsys: Said) -> None:
    assert main(["compare", "line@1", "line@3"]) == 0

    said = capsys.readouterr().out
    assert "contract  bytes  3       5       differs" in said
    assert said.endswith("callers of line@1 can call line@3 unchanged\n")


def test_two_that_callers_cannot_exchange_compare_with_1(models: Path, capsys: Said) -> None:
    manifest = models / "registry/line/3/manifest.json"
    manifest.write_text(manifest.read_text().replace('"name": "b"', '"name": "c"'))

    assert main(["compare", "line@1", "line@3", "--json"]) == 1

    found = json.loads(capsys.readouterr().out)
    assert found["interchangeable"] is False
    assert {"part": "feature", "name": "b", "left": "2: float", "right": None} in found["lines"]


@pytest.mark.usefixtures("models")
def test_all_lines_are_shown_when_asked_for(capsys: Said) -> None:
    main(["compare", "line@1", "line@3"])
    short = capsys.readouterr().out
    main(["compare", "line@1", "line@3", "--all"])

    assert "more lines are the same" in short
    assert "task" not in short
    assert "task" in capsys.readouterr().out


def test_a_version_is_promoted_and_the_reason_kept(trained_models: Path, capsys: Said) -> None:
    assert main(["promote", "line@2", "--to", "staging", "--reason", "better"]) == 0
    first = capsys.readouterr().out
    assert main(["promote", "line@2", "--json"]) == 0

    promoted = f"line 2 is promoted on staging: {trained_models}/staging/model.joblib\n"
    assert first.endswith(f"no gate refuses it\n{promoted}")
    assert json.loads(capsys.readouterr().out)["replaced"] == "1"
    main(["show", "line"])
    assert "better" in capsys.readouterr().out


def test_a_roll_back_puts_the_version_before_back(models: Path, capsys: Said) -> None:
    assert main(["rollback", "line", "--to", "dev", "--reason", "wrong"]) == 0

    assert on_dev(models) == "1"
    said = capsys.readouterr().out
    assert said.startswith("line 1 is back on dev, in place of 2: ")


def test_what_the_settings_name_is_said_and_is_not_retired(models: Path, capsys: Said) -> None:
    settings = "traffic: {line: {version: '2', candidate: '3', share: 0.5}}\n"
    (models.parent / "config.yaml").write_text(settings)

    assert main(["rollback", "line"]) == 0
    assert main(["rollback", "line", "--json"]) == 2
    assert main(["promote", "line@1", "--json"]) == 0
    assert main(["retire", "line@3", "--reason", "wrong rows"]) == 2

    said = capsys.readouterr()
    decides = "traffic.line of the settings decides all the same: version 2, candidate 3. "
    text, document = said.out.split("\n{", 1)
    assert text.splitlines()[1].startswith(decides)
    assert json.loads("{" + document)["warning"].startswith(decides)
    assert "traffic.line.candidate of the settings is 3, so line 3 cannot be retired" in said.err


def test_a_retired_version_cannot_be_promoted(models: Path, capsys: Said) -> None:
    assert main(["retire", "line@3", "--reason", "wrong rows"]) == 0
    assert main(["promote", "line@3"]) == 2

    said = capsys.readouterr()
    assert said.out.startswith("line 3 is retired and will not be promoted: wrong rows (")
    assert said.err.startswith("error: line 3 is retired and cannot be promoted: wrong rows (")
    assert on_dev(models) == "2"


@pytest.mark.usefixtures("models")
def test_a_retirement_as_json(capsys: Said) -> None:
    assert main(["retire", "line@3", "--reason", "wrong rows", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["why"] == "wrong rows"


@pytest.mark.parametrize("command", ["promote line@3", "rollback line"])
def test_a_change_that_somebody_else_was_faster_with_ends_with_3(
    models: Path, capsys: Said, command: str
) -> None:
    assert main([*command.split(), "--replaces", "1"]) == 3

    assert "somebody else promoted line on dev meanwhile" in capsys.readouterr().err
    assert on_dev(models) == "2"


def test_a_stage_that_is_held_ends_with_3(trained_models: Path, capsys: Said) -> None:
    with locked(trained_models / "dev", "ann"):
        assert main(["promote", "line@2"]) == 3

    assert "ann (process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("list nobody", "no model is called 'nobody'"),
        ("show line@9", "line has no version '9'; there is: 1, 2, 3"),
        ("show Line", "'Line' is no model name"),
        ("compare line@1 nobody", "nobody has no version '?'; there is: none"),
        ("promote line@x", "line has no version 'x'"),
        ("rollback line --to production", "line is not on production"),
        ("canary line@2", "line 2 is promoted on dev already"),
        ("canary line@3 --share 2", "share: Input should be less than or equal to 1"),
        ("canary line@3 --share 1 --judge", "'judge' needs a canary whose 'share' lies between"),
        ("shadow line@3 --header X:Y", "sticky: "),
        ("canary nobody@1", "no nobody is promoted on dev"),
        ("stop line --to staging", "no line is promoted on staging"),
        ("retire line --reason r", "'line' names no version. Fix: line@VERSION."),
        ("retire line@2 --reason r", "line 2 is on dev, so it cannot be retired"),
    ],
)
@pytest.mark.usefixtures("models")
def test_a_mistake_is_one_line_and_status_2(capsys: Said, arguments: str, message: str) -> None:
    assert main(arguments.split()) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "nothing",
        "retire line@1",
        "promote",
        "promote a --to prod",
        "canary line@3 --share x",
        "shadow line@3 --judge",
    ],
)
@pytest.mark.usefixtures("root")
def test_a_command_that_is_none_shows_how_it_goes(capsys: Said, arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())

    assert ended.value.code == 2
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["canary", "shadow"])
def test_a_candidate_is_started_and_stopped(models: Path, capsys: Said, mode: str) -> None:
    assert main([mode, "line@3", "--share", "0.25", "--header", "X-Key"]) == 0
    assert main(["list"]) == 0
    assert main(["stop", "line", "--json"]) == 0

    started, _, newest, *_ = capsys.readouterr().out.splitlines()
    assert started == f"line 3 is a {mode} beside 2 on dev, for 25%"
    assert "dev (candidate)" in newest
    assert not (models / "dev" / ".candidate").exists()


@pytest.mark.usefixtures("models")
def test_the_life_of_a_candidate_is_in_the_history(capsys: Said) -> None:
    main(["canary", "line@3", "--share", "0.25", "--reason", "new rows"])
    main(["stop", "line", "--reason", "slow"])
    capsys.readouterr()

    main(["show", "line", "--json"])
    main(["show", "line"])

    said = capsys.readouterr().out
    document, _, shown = said.partition("\n}\n")
    began, ended = json.loads(document + "}")["history"][2:]
    assert (began["action"], began["before"], began["why"]) == ("canary", None, "new rows")
    assert (began["after"]["version"], began["after"]["share"]) == ("3", 0.25)
    assert (ended["action"], ended["before"], ended["after"]) == ("stop", began["after"], None)
    assert "canary   none             3 (canary, 25%)" in shown
    assert "stop     3 (canary, 25%)  none" in shown


def test_a_judged_canary_begins_when_no_gate_refuses_it(trained_models: Path, capsys: Said) -> None:
    assert main(["canary", "line@2", "--share", "0.25", "--judge"]) == 0

    said = capsys.readouterr().out
    assert "no gate refuses it\nline 2 is a canary beside 1 on dev, for 25%\n" in said
    candidate = serving(trained_models, "line", stage="dev").candidate
    assert candidate is not None
    assert (candidate.judge, candidate.tolerance) == (Rules(), 0.5)


def test_a_canary_that_a_gate_refuses_is_not_judged(trained_models: Path, capsys: Said) -> None:
    config = trained_models.parent / "config.yaml"
    config.write_text("promotion: {max_one_row_us: 0.01}\n")

    assert main(["canary", "line@2", "--judge", "--json"]) == 1

    assert json.loads(capsys.readouterr().out)["failed"] == ["latency"]
    assert serving(trained_models, "line", stage="dev").candidate is None


@pytest.mark.usefixtures("models")
def test_a_candidate_that_is_not_there_is_no_mistake(capsys: Said) -> None:
    assert main(["stop", "line"]) == 0

    assert capsys.readouterr().out == "line had no candidate; 2 answers everybody on dev\n"


@pytest.mark.parametrize(
    "command",
    ["list", "show", "compare", "promote", "rollback", "retire", "canary", "shadow", "stop"],
)
def test_every_command_has_an_example(capsys: Said, command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert f"example:\n  scripts/models.py {command}" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    three_versions(tmp_path / "model")
    command = [sys.executable, str(PROJECT / "scripts/models.py"), "list", "--json"]
    with subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as lister:
        assert lister.stdout is not None
        assert lister.stderr is not None
        lister.stdout.close()

        assert lister.stderr.read() == b""

    assert lister.returncode == 0


@pytest.mark.parametrize("command", [["promote", "line@3"], ["rollback", "line"]])
def test_a_reason_that_is_no_text_changes_nothing(
    models: Path, capsys: Said, command: list[str]
) -> None:
    assert main([*command, "--to", "dev", "--reason", "\udcff"]) == 2

    assert "the reason has a character that cannot be printed" in capsys.readouterr().err
    assert on_dev(models) == "2"
