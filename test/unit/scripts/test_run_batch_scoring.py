from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv

from scripts import run_batch_scoring
from scripts.run_batch_scoring import main
from test.builders import a_promoted_model, some_settings
from test.unit.scripts.process import run_script

Said = pytest.CaptureFixture[str]


@pytest.fixture
def rows(root: Path) -> Path:
    a_promoted_model(some_settings(root))
    csv.write_csv(pa.table({"a": ["1", "x", "3", "4"], "b": [1, 2, 3, 4]}), root / "in.csv")
    return root


def test_it_says_what_was_scored_and_what_was_rejected(rows: Path, capsys: Said) -> None:
    assert main(["in.csv", "out/", "--model", "line@1"]) == 0

    assert capsys.readouterr().out == (
        f"{rows}/out: 3 of 4 rows are scored\n{rows}/out/_rejects: 1 rows are rejected (25.00%)\n"
    )


def test_done_again_it_says_so(rows: Path, capsys: Said) -> None:
    main(["in.csv", "out.csv"])
    capsys.readouterr()

    assert main(["in.csv", "out.csv"]) == 0

    assert "out.csv: 3 of 4 rows are scored; an earlier run had done it" in capsys.readouterr().out
    assert (rows / "out.csv").read_text().startswith('"row","prediction","model"')


@pytest.mark.parametrize(("share", "status"), [("0.2", 1), ("0.25", 0)])
def test_too_many_rejects_are_a_verdict(rows: Path, share: str, status: int) -> None:
    assert main([str(rows / "in.csv"), "out", "--max-rejected", share]) == status


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.csv", "out", "--model", "nobody"], "no version of nobody is promoted to dev. Fix:"),
        (["in.csv", "out", "--model", "line@7"], "line has no version '7'"),
        (["none.csv", "out"], "none.csv: there is no such file. Fix: another path"),
        (["in.csv", "out.csv", "--format", "arrow"], "out.csv: would hold arrow. Fix:"),
        (["in.csv", "out", "--key", "c"], "has no column 'c', which is a key"),
        (["what://in", "out"], "what://in: ValueError: Protocol not known: what"),
    ],
    ids=["model", "version", "input", "format", "key", "store"],
)
def test_a_mistake_is_one_message(arguments: list[str], message: str, capsys: Said) -> None:
    assert main(arguments) == 2

    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--workers", "0"], ["--max-rejected", "2"], ["--engine", "spark"], ["--address", "a:1"]],
    ids=["workers", "share", "engine", "address"],
)
def test_options_that_make_no_sense_are_refused(rows: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(rows / "in.csv"), "out", *arguments])

    assert ended.value.code == 2


@pytest.mark.usefixtures("rows")
def test_interrupted_it_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_batch_scoring, "run_batch", interrupted)

    assert main(["in.csv", "out"]) == 130
    assert capsys.readouterr() == ("", "interrupted; the same command goes on where it was\n")


def test_it_runs_from_anywhere(rows: Path) -> None:
    done = run_script(rows, "scripts/run_batch_scoring.py", "in.csv", "out")

    assert (done.returncode, done.stderr[:22]) == (0, "scoring: 4 of 4 rows, ")
