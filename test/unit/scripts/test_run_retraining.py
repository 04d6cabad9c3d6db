from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.lifecycle import history
from app.lifecycle.registry import versions
from app.lifecycle.retrain import alone
from app.lifecycle.stages import contract_on
from app.lifecycle.traffic import serving
from scripts.run_retraining import main

Said = pytest.CaptureFixture[str]


def write_line(root: Path, *, slope: float = 2.0, n_rows: int = 120) -> list[str]:
    """Write a table of ``slope * a + b``; return the options that name it."""
    rows = np.random.default_rng(7).normal(size=(n_rows, 2))
    lines = [f"{a},{b},{slope * a + b}" for a, b in rows]
    (root / "line.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    return ["--csv", str(root / "line.csv"), "--target", "y"]


def on_dev(root: Path) -> str | None:
    contract = contract_on(root / "model/dev", "line")
    return contract.version if contract is not None else None


def test_a_free_place_gets_a_model_and_the_second_run_nothing(root: Path, capsys: Said) -> None:
    data = write_line(root)

    assert main(["line", *data]) == 0
    assert "line 1 is promoted on dev\n" in capsys.readouterr().out
    assert main(["line", "--when", "always", *data]) == 0

    assert "nothing to do: version 1, of the same data" in capsys.readouterr().out
    assert versions(root / "model/registry", "line") == [1]
    [entry] = history.read(root / "model/dev", "line")
    assert entry.why == "retrained: nothing is promoted yet"


def test_without_a_reason_nothing_is_trained(root: Path, capsys: Said) -> None:
    main(["line", *write_line(root)])
    capsys.readouterr()

    assert main(["line", "--when", "schedule", "--max-age-days", "1"]) == 0

    assert capsys.readouterr().out.startswith("nothing to do: version 1 is 0.0 days old")


def test_new_data_is_trained_and_becomes_a_canary(root: Path, capsys: Said) -> None:
    main(["line", *write_line(root)])
    data = ["--when", "always", *write_line(root, n_rows=160)]

    assert main(["line", *data, "--then", "canary", "--share", "0.2"]) == 0
    assert main(["line", *data, "--then", "canary", "--share", "0.2"]) == 0

    assert "line 2 answers 20% of the callers; the gateway judges it" in capsys.readouterr().out
    candidate = serving(root / "model", "line", stage="dev").candidate
    assert candidate is not None
    assert (candidate.version, candidate.share, candidate.tolerance) == ("2", 0.2, 0.5)
    [trial] = history.read_trials(root / "model/dev", "line")
    assert trial.why == "retrained: it is asked for"
    assert on_dev(root) == "1"
    assert versions(root / "model/registry", "line") == [1, 2]


def test_newer_data_wait_while_a_canary_is_on_trial(root: Path, capsys: Said) -> None:
    main(["line", *write_line(root)])
    canary = ["--then", "canary", "--when", "always"]
    main(["line", *canary, *write_line(root, n_rows=160)])
    capsys.readouterr()

    assert main(["line", *canary, *write_line(root, n_rows=200)]) == 0

    assert "nothing to do: line 2 is on trial, as a canary" in capsys.readouterr().out
    assert versions(root / "model/registry", "line") == [1, 2]
    assert len(history.read_trials(root / "model/dev", "line")) == 1


def test_what_a_gate_refuses_ends_with_1_and_is_not_trained_again(root: Path) -> None:
    main(["line", *write_line(root)])
    (root / "config.yaml").write_text("promotion: {max_one_row_us: 0.01}\n")
    data = ["--when", "always", *write_line(root, n_rows=160)]

    assert main(["line", *data]) == 1
    assert main(["line", *data]) == 1

    assert on_dev(root) == "1"
    assert versions(root / "model/registry", "line") == [1, 2]


def test_the_params_say_how_and_on_what(root: Path, capsys: Said) -> None:
    write_line(root)
    (root / "params.yaml").write_text(
        "models:\n  line:\n    data: {csv: line.csv, target: y}\n    metric: rmse\n    folds: 2\n"
        "    candidates: [{estimator: ridge}]\n"
    )

    assert main(["line", "--tracking", "none"]) == 0

    assert "line 1 is promoted on dev" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["line"], "error: line: nobody says what to train it on. Fix: --csv FILE"),
        (["../line"], "error: '../line' is no model name"),
        (["line", "--params", "nowhere.yaml"], "error: nowhere.yaml: cannot be read"),
        (["line", "--csv", "nowhere.csv", "--target", "y"], "error: nowhere.csv: "),
    ],
    ids=["no data", "name", "params", "csv"],
)
def test_a_mistake_ends_with_2(
    root: Path, capsys: Said, arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2

    assert capsys.readouterr().err.startswith(message)
    assert not (root / "model").exists()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--csv", "x.csv"],
        ["--target", "y"],
        ["--leave-out", "y", "--dataset", "iris"],
        ["--max-age-days", "0"],
        ["--share", "0"],
        ["--share", "1.5"],
        ["--when", "never"],
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["line", *arguments])

    assert ended.value.code == 2


def test_while_another_retrains_the_model_nothing_is_done(root: Path, capsys: Said) -> None:
    with alone(root / "runtime/retraining/line.lock"):
        assert main(["line", *write_line(root)]) == 2

    assert "retrains this model now" in capsys.readouterr().err
    assert on_dev(root) is None


def test_a_runtime_folder_that_is_a_file_is_a_mistake(root: Path, capsys: Said) -> None:
    (root / "runtime").write_text("")

    assert main(["line", *write_line(root)]) == 2

    assert "line.lock: cannot be written: " in capsys.readouterr().err


def test_each_stage_has_its_own_retraining(root: Path, capsys: Said) -> None:
    data = [*write_line(root), "--when", "always"]
    for stage in ("dev", "staging"):
        assert main(["line", *data, "--to", stage]) == 0
    capsys.readouterr()

    for stage in ("dev", "staging"):
        assert main(["line", *data, "--to", stage]) == 0

    assert capsys.readouterr().out.count("nothing to do: ") == 2
    assert versions(root / "model/registry", "line") == [1, 2]


def test_a_state_that_cannot_be_written_is_a_mistake(root: Path, capsys: Said) -> None:
    (root / "runtime/retraining").mkdir(parents=True)
    (root / "runtime/retraining/dev").write_text("")

    assert main(["line", *write_line(root)]) == 2

    assert "dev/line.json: cannot be written: " in capsys.readouterr().err
