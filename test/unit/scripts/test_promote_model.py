from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.domain.audit import Evidence
from app.lifecycle import history
from app.lifecycle.promotion_report import FOLDER, objection
from app.lifecycle.registry import read_folder
from app.lifecycle.train import train
from app.settings.schema import Settings
from app.wiring import audit_log, open_compiled, reference_engine
from scripts.promote_model import main
from test.audit_parts import an_event
from test.builders import a_classification_table, a_regression_table, some_settings

Said = pytest.CaptureFixture[str]


def stored(root: Path, *names: str) -> None:
    for name in names:
        train(
            a_regression_table(),
            name=name,
            registry=root / "model/registry",
            engine_of=reference_engine,
            open_compiled=open_compiled,
        )


def on(root: Path, stage: str) -> tuple[str, str]:
    contract = read_folder(root / "model" / stage).contract
    return contract.name, contract.version


@pytest.mark.parametrize("stage", ["dev", "staging", "production"])
def test_a_version_goes_to_the_stage_that_is_named(root: Path, stage: str) -> None:
    stored(root, "line", "line")

    assert main(["line", "1", "--to", stage]) == 0

    assert on(root, stage) == ("line", "1")


def test_without_a_version_the_newest_goes(root: Path) -> None:
    stored(root, "line", "line")

    assert main(["line"]) == 0

    assert on(root, "dev") == ("line", "2")


def test_without_arguments_the_newest_default_model_goes_to_this_environments_stage(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(root, "diabetes")
    monkeypatch.setenv("APP_ENV", "prod")
    monkeypatch.setenv("JWT_SECRET", "5f0c2b7e9d3a41866cb9e07f12d8a34b")

    assert main([]) == 0

    assert on(root, "production") == ("diabetes", "1")


def test_an_older_version_rolls_back(root: Path) -> None:
    stored(root, "line", "line")
    main(["line", "2"])

    main(["line", "1"])

    assert on(root, "dev") == ("line", "1")


def test_a_model_beside_the_default_is_said_to_be_so(root: Path, capsys: Said) -> None:
    stored(root, "line", "other")
    main(["line"])
    capsys.readouterr()

    assert main(["other"]) == 0

    said = capsys.readouterr().out
    assert f"\nother 1 is promoted: {root}/model/dev/other/model.joblib\n" in said
    assert "it answers at /api/v1/models/" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["line", "3"], "error: line has no version '3'; there is: 1\n"),
        (["nobody"], "error: nobody has no version '?'; there is: none\n"),
        (["../line"], "error: '../line' is no model name"),
    ],
)
def test_what_was_never_stored_is_refused(
    root: Path, capsys: Said, arguments: list[str], message: str
) -> None:
    stored(root, "line")

    assert main(arguments) == 2

    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(message)


def test_a_damaged_version_is_refused(root: Path, capsys: Said) -> None:
    stored(root, "line")
    (root / "model/registry/line/1/model.joblib").write_bytes(b"damaged")

    assert main(["line", "1"]) == 2

    assert "is not the file that its contract names" in capsys.readouterr().err


def test_an_unknown_stage_is_refused(root: Path, capsys: Said) -> None:
    stored(root, "line")

    with pytest.raises(SystemExit) as ended:
        main(["line", "1", "--to", "prod"])

    assert ended.value.code == 2
    assert "invalid choice: 'prod'" in capsys.readouterr().err


@pytest.fixture
def worse(root: Path) -> Path:
    """``line`` 1 is on dev, and 2 is no better, as it would have to be."""
    stored(root, "line", "line")
    assert main(["line", "1"]) == 0
    with (root / "config.yaml").open("a") as config:
        config.write("promotion: {wanted: better, minimum_gain: 0.1, least_rows: 9}\n")
    return root


def test_a_gate_refuses_with_1_and_changes_nothing(worse: Path, capsys: Said) -> None:
    assert main(["line", "2"]) == 1

    said = capsys.readouterr().out
    assert "line 2 against 1 on dev\n" in said
    assert "\nfailed   better    r2 " in said
    assert "\nrefused by better\n" in said
    assert on(worse, "dev") == ("line", "1")


def test_a_forced_promotion_needs_a_reason_and_is_recorded(worse: Path, capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["line", "2", "--force", "--reason", " "])
    assert ended.value.code == 2
    assert "--force needs --reason" in capsys.readouterr().err

    assert main(["line", "2", "--force", "--reason", "we must"]) == 0

    assert "line 2 is promoted, although better refused it: " in capsys.readouterr().out
    first, last = history.read(worse / "model/dev", "line")
    assert (first.forced, last.forced, last.why) == ((), ("better",), "we must")
    assert '"forced"' not in (worse / "model/dev/history.jsonl").read_text().splitlines()[0]


def test_force_where_nothing_refuses_is_no_forced_promotion(root: Path) -> None:
    stored(root, "line")

    assert main(["line", "--force", "--reason", "to be safe"]) == 0

    [entry] = history.read(root / "model/dev", "line")
    assert entry.forced == ()


@pytest.mark.parametrize(("gain", "status"), [(0.0, 1), (-0.1, 0)])
def test_a_dry_run_shows_the_verdict_and_changes_nothing(
    worse: Path, gain: float, status: int
) -> None:
    rules = f"{{wanted: better, minimum_gain: {gain}, least_rows: 9}}"
    (worse / "config.yaml").write_text(f"promotion: {rules}\n")

    assert main(["line", "2", "--dry-run"]) == status

    assert on(worse, "dev") == ("line", "1")


def test_what_passes_a_dry_run_is_known_to_have_passed(root: Path) -> None:
    stored(root, "line", "line")
    main(["line", "1"])
    reports = root / "runtime" / FOLDER
    second = read_folder(root / "model/registry/line/2").document
    before = objection(reports, second, stage="dev", champion="1")

    assert main(["line", "2", "--dry-run"]) == 0

    assert before is not None
    assert objection(reports, second, stage="dev", champion="1") is None


@pytest.mark.usefixtures("worse")
def test_the_same_version_again_is_asked_nothing(capsys: Said) -> None:
    assert main(["line", "1"]) == 0

    said = capsys.readouterr().out
    assert "line 1 against 1 on dev: it is promoted there already, so no gate is asked" in said


@pytest.mark.usefixtures("worse")
def test_the_verdict_is_kept_for_machines_and_for_readers(root: Path) -> None:
    main(["line", "2"])

    folder = root / "runtime/reports/promotion"
    verdict = json.loads((folder / "line-2-dev.json").read_text())
    assert (verdict["passes"], verdict["failed"], verdict["champion"]) == (False, ["better"], "1")
    assert [it["name"] for it in verdict["gates"]] == [
        "schema", "parity", "latency", "better", "segments", "replay"
    ]  # fmt: skip
    assert (folder / "line-2-dev.md").read_text().startswith("# line 2 against version 1 on dev\n")


def answered(settings: Settings, rows: Sequence[list[float]], *, age: timedelta) -> None:
    """Leave answers of the champion in the audit log, each of which is 1,000."""
    contract = read_folder(settings.path("model/dev")).contract
    fragment = b'"predictions":' + json.dumps([1000.0] * len(rows)).encode()
    evidence = Evidence(contract, np.array(rows), fragment)
    at = (datetime.now(UTC) - age).timestamp()
    writer = audit_log(settings).writer()
    writer.write([an_event(evidence=evidence, at=at)])
    writer.close()


def test_a_candidate_that_changes_last_weeks_answers_is_refused(root: Path, capsys: Said) -> None:
    stored(root, "line", "line")
    main(["line", "1"])
    settings = some_settings(root, promotion={"segments": ["a"]})
    rows = np.random.default_rng(1).normal(size=(40, 2)).tolist()
    answered(settings, rows, age=timedelta(days=3))

    assert main(["line", "2"]) == 1

    assert "40 of 40 rows of the last 7 days would be" in capsys.readouterr().out
    report = (root / "runtime/reports/promotion/line-2-dev.md").read_text()
    assert "## Flips by segment\n\n| segment | rows | flips | share |" in report
    assert "| answer: 1000 | 40 | 40 | 100.00% |" in report


def test_answers_of_the_week_before_are_no_evidence(root: Path, capsys: Said) -> None:
    stored(root, "line", "line")
    main(["line", "1"])
    answered(some_settings(root), [[1.0, 2.0]], age=timedelta(days=8))
    capsys.readouterr()

    assert main(["line", "2"]) == 0

    assert "skipped  replay    the audit log has no answer of the last 7" in capsys.readouterr().out


def test_a_damaged_audit_log_is_no_reason_to_look_away(root: Path, capsys: Said) -> None:
    stored(root, "line", "line")
    main(["line", "1"])
    (root / "runtime/audit.sqlite").write_bytes(b"no database" * 100)

    assert main(["line", "2"]) == 2

    assert "error: the audit log" in capsys.readouterr().err
    assert on(root, "dev") == ("line", "1")


@pytest.mark.usefixtures("worse")
def test_a_champion_that_is_gone_from_the_registry_still_defends_its_place(root: Path) -> None:
    shutil.rmtree(root / "model/registry/line/1")

    assert main(["line", "2"]) == 1


@pytest.mark.parametrize("file", ["model.joblib", "manifest.json"])
def test_the_place_of_a_damaged_champion_is_taken_by_force_alone(
    root: Path, capsys: Said, file: str
) -> None:
    stored(root, "line", "line")
    main(["line", "1"])
    (root / "model/dev" / file).write_bytes(b"damaged")

    assert main(["line", "2"]) == 1
    said = capsys.readouterr().out
    assert "failed   champion  version 1, which is promoted there, cannot be opened: " in said
    assert "\nrefused by champion\n" in said

    assert main(["line", "2", "--force", "--reason", "it is damaged"]) == 0
    assert on(root, "dev") == ("line", "2")
    assert history.read(root / "model/dev", "line")[-1].forced == ("champion",)


@pytest.mark.parametrize("file", ["model.joblib", "manifest.json"])
def test_a_damaged_champion_is_mended_by_itself(root: Path, file: str) -> None:
    stored(root, "line")
    main(["line", "1"])
    (root / "model/dev" / file).write_bytes(b"damaged")

    assert main(["line", "1"]) == 0

    assert on(root, "dev") == ("line", "1")


@pytest.mark.parametrize(("version", "warns"), [("1", True), ("2", False)])
def test_a_promotion_says_when_the_settings_name_another_version(
    root: Path, capsys: Said, version: str, *, warns: bool
) -> None:
    stored(root, "line", "line")
    with (root / "config.yaml").open("a") as config:
        config.write('traffic: {line: {version: "2"}}\n')

    assert main(["line", version]) == 0
    said = capsys.readouterr().out
    assert ("traffic.line of the settings decides all the same: version 2. " in said) is warns

    assert main(["line", version, "--to", "staging"]) == 0
    assert "traffic.line" not in capsys.readouterr().out


def test_a_report_that_cannot_be_written_stops_the_promotion(root: Path, capsys: Said) -> None:
    stored(root, "line")
    (root / "runtime/reports").parent.mkdir(exist_ok=True)
    (root / "runtime/reports").write_text("")

    assert main(["line"]) == 2

    assert "line-1-dev.json: cannot be written: " in capsys.readouterr().err
    assert not (root / "model/dev/model.joblib").exists()


def test_answers_of_another_kind_are_not_replayed(root: Path, capsys: Said) -> None:
    stored(root, "line")
    main(["line", "1"])
    answered(some_settings(root), [[1.0, 2.0]], age=timedelta(days=1))
    train(
        a_classification_table(),
        name="line",
        registry=root / "model/registry",
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    capsys.readouterr()

    assert main(["line", "2"]) == 1

    assert "skipped  replay    the two answer something else" in capsys.readouterr().out
