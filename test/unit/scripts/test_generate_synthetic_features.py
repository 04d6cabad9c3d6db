from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scripts.generate_synthetic_features import main
from test.builders import a_promoted_model, some_settings
from test.unit.scripts.process import run_module


def test_the_same_options_give_the_same_bytes_of_sales(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rows", "300", "--seed", "3", "--drift", "amount=0.5", "--until", "2026-11-21"]

    assert [main([name, *options]) for name in ("a.csv", "b.csv")] == [0, 0]
    assert (root / "a.csv").read_bytes() == (root / "b.csv").read_bytes()
    said = capsys.readouterr().out.splitlines()[0]
    assert said == (
        "a.csv: 300 rows; synthetic rows: seed 3, 0 with defects, amount drifted by 0.5"
    )


def test_rows_of_a_model_have_its_features(root: Path) -> None:
    a_promoted_model(some_settings(root))

    assert main(["rows.csv", "--model", "line", "--rows", "50", "--drift", "a=1"]) == 0

    with (root / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert ([*rows[0]], len(rows)) == (["a", "b"], 50)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rows.txt"], "rows.txt: is no .csv, .parquet, .jsonl"),
        (["rows.csv", "--model", "no"], "no version of no is promoted"),
        (["no/rows.csv"], "no/rows.csv: there is no such folder. Fix: mkdir -p no"),
        (["rows.csv", "--days", "100000000"], "the 100,000,000 days before "),
        (["rows.csv", "--until", "0001-01-01"], "the 30 days before 0001-01-01T00:00:00+00:00 are"),
        (["rows.csv", "--drift", "channel=1"], "--drift channel: is no number here"),
    ],
)
@pytest.mark.usefixtures("root")
def test_a_mistake_is_one_message_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--rows", "0", "a whole number from 1 on"),
        ("--rows", "many", "a whole number from 1 on"),
        ("--seed", "-1", "a whole number from 0 on"),
        ("--drift", "bmi", "as bmi=0.5"),
        ("--drift", "bmi=inf", "as bmi=0.5"),
        ("--until", "soon", "a time, as 2026-11-21T08:00"),
    ],
)
@pytest.mark.usefixtures("root")
def test_an_option_that_is_wrong_is_told(
    capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["rows.csv", f"{option}={value}"])

    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_help_has_an_example_as_a_module(tmp_path: Path) -> None:
    done = run_module(tmp_path, "scripts.generate_synthetic_features", "--help")

    assert done.returncode == 0
    assert "examples:\n  scripts/generate_synthetic_features.py" in done.stdout
