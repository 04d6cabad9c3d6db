"""The drift report as a user sees it: of the audit log, of files, and of files that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app import create_app
from app.wiring import build_services
from scripts import run_drift_report
from test.builders import (
    a_classification_table,
    a_promoted_model,
    a_regression_table,
    bearer,
    some_settings,
)

Said = pytest.CaptureFixture[str]


@pytest.fixture
def trained(root: Path) -> Path:
    a_promoted_model(some_settings(root), a_regression_table(n_rows=600))
    return root


def rows(n_rows: int = 400, shift: float = 0.0, **columns: Any) -> pd.DataFrame:
    values = np.random.default_rng(3).normal((0.0, shift), size=(n_rows, 2))
    return pd.DataFrame(values, columns=["a", "b"]).assign(**columns)


def verdict(root: Path, name: str = "drift-line") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / f"runtime/reports/{name}.json").read_bytes())
    return found


def own_report(root: Path) -> Path:
    return root / "runtime/reports/drift-line.json"


def report(*arguments: str | Path) -> int:
    return run_drift_report.main([*map(str, arguments), "--no-html"])


def test_rows_like_those_of_training_end_with_status_0(trained: Path, capsys: Said) -> None:
    rows().to_csv("now.csv", index=False)

    assert report("--current", "now.csv") == 0

    said = capsys.readouterr()
    assert said.out.startswith("line@1: no drift\ncurrent: 400 rows of now.csv\n")
    assert "drift: 3 of 3 steps" in said.err
    assert verdict(trained)["drifted"] is False


def test_drift_ends_with_status_1_and_is_named_first(trained: Path) -> None:
    rows(shift=0.5).to_parquet("now.parquet")

    assert report("--model", "line@1", "--current", "now.parquet") == 1

    found = verdict(trained)
    assert (found["model"], found["version"], found["drifted"]) == ("line", "1", True)
    first = found["checks"][0]
    assert (first["name"], first["aspect"], first["has_drifted"]) == ("b", "values", True)
    assert found == verdict(trained, "drift")


def test_few_rows_are_said_to_be_few(trained: Path, capsys: Said) -> None:
    rows(150, shift=9.0).to_csv("now.csv", index=False)

    assert report("--current", "now.csv") == 0

    assert "150 rows are too few to tell: 200 are needed" in capsys.readouterr().out
    assert verdict(trained)["verdict"] == "insufficient"


def test_too_few_rows_take_no_verdict_back(trained: Path, capsys: Said) -> None:
    rows(shift=0.5).to_csv("then.csv", index=False)
    rows(150).to_csv("now.csv", index=False)
    report("--current", "then.csv")
    capsys.readouterr()

    assert report("--current", "now.csv") == 0

    assert verdict(trained)["drifted"]
    assert verdict(trained, "drift")["verdict"] == "insufficient"
    assert capsys.readouterr().out.endswith("stays: " + str(own_report(trained)) + "\n")


def test_a_damaged_report_is_written_anew_from_few_rows_too(trained: Path) -> None:
    rows(150).to_csv("now.csv", index=False)
    report("--current", "now.csv")
    own_report(trained).write_text("[]")

    report("--current", "now.csv")

    assert verdict(trained)["verdict"] == "insufficient"


def test_rows_of_a_file_can_stand_for_training(trained: Path) -> None:
    rows(500, shift=3.0).to_csv("then.csv", index=False)
    rows(400, shift=3.0).to_csv("now.csv", index=False)

    assert report("--current", "now.csv", "--reference", "then.csv") == 0

    found = verdict(trained)
    assert found["reference"] == "500 rows of then.csv"
    assert {it["test"] for it in found["checks"]} > {"Kolmogorov-Smirnov"}


def test_answers_drift_with_their_rows(root: Path) -> None:
    settings = some_settings(root)
    a_promoted_model(settings, a_classification_table(n_rows=900))
    rows(shift=3.0).to_csv("now.csv", index=False)

    assert report("--current", "now.csv") == 1

    checks = {(it["aspect"], it["name"]): it for it in verdict(root, "drift")["checks"]}
    assert checks["prediction", "prediction"]["has_drifted"]
    assert checks["confidence", "confidence"]["has_drifted"]


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_the_audit_log_is_what_is_looked_at(trained: Path, shift: float) -> None:
    settings = some_settings(trained, rate_limit="100000 per minute")
    services = build_services(settings)
    client = create_app(services=services).test_client()
    for part in np.array_split(rows(shift=shift).to_numpy(), 8):
        client.post("/api/v1/predict", json={"data": part.tolist()}, headers=bearer())
    close: Any = services.audit
    close.close()

    assert report() == (1 if shift else 0)

    assert verdict(trained)["current"].startswith("400 rows of 8 requests in the audit log")


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (rows().drop(columns="b"), "there is no column 'b'; there is: a. Fix: the columns of line"),
        (rows(b="many"), "b: 'many' is no number. Fix: a number, or nothing"),
    ],
    ids=["no-column", "no-number"],
)
def test_a_file_that_does_not_fit_is_one_line(
    trained: Path, capsys: Said, frame: pd.DataFrame, fault: str
) -> None:
    frame.to_csv("now.csv", index=False)

    assert report("--current", "now.csv") == 2

    assert f"error: now.csv: {fault}" in capsys.readouterr().err
    assert not (trained / "runtime/reports").exists()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--current", "none.csv"], "none.csv: cannot be read: "),
        (["--current", "broken.parquet"], "broken.parquet: cannot be read: "),
        (["--model", "nobody"], "no version of nobody is promoted to dev. Fix: "),
        (["--model", "line@9"], "line"),
        (["--days", "0"], "--days: is not above 0 and up to 36,500. Fix: as in --days 7"),
        (["--days", "nan"], "--days: is not above 0"),
        (["--days", "1e300"], "--days: is not above 0"),
        ([], "there is no audit log. Fix: start the gateway"),
    ],
    ids=[
        "no-file",
        "broken",
        "no-model",
        "no-version",
        "no-days",
        "nan-days",
        "endless-days",
        "no-log",
    ],
)
def test_what_is_not_there_is_one_line(
    trained: Path, capsys: Said, arguments: list[str], fault: str
) -> None:
    (trained / "broken.parquet").write_bytes(b"PAR1 broken")

    assert report(*arguments) == 2

    said = capsys.readouterr().err
    assert fault in said
    assert said.splitlines()[-1].startswith("error: ")
