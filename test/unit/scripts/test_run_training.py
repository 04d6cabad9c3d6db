from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.lifecycle.datasets import BUILT_IN
from app.lifecycle.registry import names, read_version, versions
from scripts.run_training import main

Said = pytest.CaptureFixture[str]


def a_csv(folder: Path) -> str:
    lines = [f"{n},{n % 7},{n * 1.5}" for n in range(40)]
    (folder / "Sales 2025.csv").write_text("\n".join(["a,b,price", *lines, ""]))
    return "Sales 2025.csv"


@pytest.mark.parametrize("dataset", BUILT_IN)
def test_each_built_in_table_is_trained_by_name(root: Path, dataset: str) -> None:
    assert main(["--dataset", dataset]) == 0

    assert versions(root / "model/registry", dataset) == [1]


def test_a_csv_file_is_trained(root: Path, capsys: Said) -> None:
    assert main(["--csv", a_csv(root), "--target", "price"]) == 0

    assert capsys.readouterr().out.startswith("sales-2025 1: regression, held-out r2 0.99")


def test_a_name_of_ones_own_is_taken(root: Path) -> None:
    assert main(["--csv", a_csv(root), "--target", "price", "--name", "mine"]) == 0

    stored = read_version(root / "model/registry", "mine", "1")
    assert stored.contract.feature_names == ("a", "b")


def test_versions_count_up(root: Path) -> None:
    for _ in range(2):
        main(["--dataset", "iris"])

    assert versions(root / "model/registry", "iris") == [1, 2]


def test_the_registry_of_the_settings_is_used(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_MODEL__REGISTRY_PATH", "elsewhere")

    main(["--dataset", "iris"])

    assert versions(root / "elsewhere", "iris") == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parquet", "x"], "--parquet FILE needs --target COLUMN, or --task outliers without"),
        (["--model", "a", "--estimator", "ridge"], "do not go with --params or --model"),
        (["--model", "a", "--task", "outliers"], "do not go with --params or --model"),
        (["--jobs", "2"], "--tracking and --jobs go with --params FILE or --model NAME"),
        (["--tracking", "none"], "--tracking and --jobs go with --params FILE or --model NAME"),
        (["--model", "a", "--jobs", "0"], "--jobs is 1 or more, or -1"),
        (["--model", "a", "--model", "b", "--name", "c"], "go with one --model NAME"),
        (["--model", "a", "--model", "b", "--dataset", "iris"], "go with one --model NAME"),
        (["--params", "p", "--name", "c"], "--name goes with --model NAME, or with data"),
        (["--csv", "x.csv"], "--csv FILE needs --target COLUMN, or --task outliers without one"),
        (["--csv", "x", "--target", "y", "--task", "outliers"], "or --task outliers without one"),
        (["--target", "y"], "--target COLUMN and --leave-out COLUMN go with --csv FILE or"),
        (["--leave-out", "y"], "--target COLUMN and --leave-out COLUMN go with --csv FILE or"),
        (["--texts", "x", "--csv", "x"], "not allowed with argument"),
        (["--estimator", "magic"], "invalid choice: 'magic'"),
        (["--dataset", "boston"], "invalid choice: 'boston'"),
        (["--dataset", "iris", "--csv", "x.csv"], "not allowed with argument"),
    ],
    ids=[
        "parquet-alone", "planned-estimator", "planned-task", "jobs", "tracking", "no-jobs",
        "name-of-two", "data-of-two", "name-of-all",
        "no-target", "target-of-outliers", "target", "leave-out", "two-sources", "estimator",
        "dataset", "data-and-file",
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(
    root: Path, capsys: Said, arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not (root / "model").exists()


def test_a_table_says_how_it_was_read(root: Path, capsys: Said) -> None:
    lines = [f"{n},{'red' if n % 2 else 'blue'},{n % 3 == 0},{n * 1.5}" for n in range(40)]
    (root / "cars.csv").write_text("\n".join(["id,colour,late,price", *lines, ""]))

    assert main(["--csv", "cars.csv", "--target", "price", "--leave-out", "id"]) == 0

    assert "\nread as colour category, late bool\n" in capsys.readouterr().out


def test_several_targets_are_trained(root: Path) -> None:
    assert main(["--csv", a_csv(root), "--target", "price", "--target", "a"]) == 0

    stored = read_version(root / "model/registry", "sales-2025", "1").contract
    assert [target.name for target in stored.outputs.targets] == ["price", "a"]
    assert stored.feature_names == ("b",)


@pytest.mark.parametrize("source", ["csv", "dataset"])
def test_outliers_are_looked_for_without_a_target(root: Path, capsys: Said, source: str) -> None:
    arguments = ["--csv", a_csv(root)] if source == "csv" else ["--dataset", "wine"]

    assert main([*arguments, "--task", "outliers"]) == 0

    assert "1: outlier-detection, held-out outlier_share" in capsys.readouterr().out


def test_a_folder_of_texts_is_trained(root: Path, capsys: Said) -> None:
    (root / "tweets").mkdir()
    (root / "tweets/text.txt").write_text("all is well\nall is lost\n" * 20)
    (root / "tweets/labels.txt").write_text("good\nbad\n" * 20)

    assert main(["--texts", "tweets"]) == 0

    assert capsys.readouterr().out.startswith("tweets 1: classification, held-out accuracy 1,")


@pytest.mark.usefixtures("root")
def test_an_estimator_of_another_task_is_refused(capsys: Said) -> None:
    assert main(["--dataset", "iris", "--estimator", "ridge"]) == 2

    assert "error: 'ridge' does no classification" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Upper", "a/b", "dev"])
def test_a_name_that_is_none_is_refused(root: Path, capsys: Said, name: str) -> None:
    assert main(["--csv", a_csv(root), "--target", "price", "--name", name]) == 2

    assert capsys.readouterr().err.startswith(f"error: {name!r} is no model name")


def test_wrong_settings_are_refused(capsys: Said, root: Path) -> None:
    (root / "config.yaml").write_text("model_: {}")

    assert main([]) == 2
    assert "did you mean model?" in capsys.readouterr().err


def plans(root: Path, **models: str) -> None:
    lines = [f"  {name}: {{metric: r2, folds: 2, {text}}}" for name, text in models.items()]
    (root / "params.yaml").write_text("\n".join(["models:", *lines, ""]))


RIDGES = "candidates: [{estimator: ridge, grid: {alpha: [0.1, 9.0]}}]"


def test_a_model_of_the_params_is_chosen_from_its_candidates(root: Path, capsys: Said) -> None:
    plans(root, diabetes=f"data: {{dataset: diabetes}}, {RIDGES}")

    assert main(["--model", "diabetes", "--tracking", "none"]) == 0

    said = capsys.readouterr()
    assert "\nchosen: ridge (alpha " in said.out
    assert "cross-validating diabetes: 4 of 4 fits" in said.err
    card = (root / "model/registry/diabetes/1/card.md").read_text()
    assert "python scripts/run_training.py --model diabetes --tracking none" in card


def test_params_alone_train_all_models_that_name_their_data(root: Path) -> None:
    data = f"data: {{csv: '{a_csv(root)}', target: price}}, {RIDGES}"
    plans(root, one=data, two=data, three=RIDGES)

    assert main(["--params", "params.yaml", "--tracking", "none"]) == 0

    assert names(root / "model/registry") == ["one", "two"]


def test_data_of_the_command_line_go_before_those_of_the_params(root: Path) -> None:
    plans(root, sales=RIDGES)

    options = ["--csv", a_csv(root), "--target", "price", "--tracking", "none"]
    assert main(["--model", "sales", "--name", "mine", *options]) == 0

    assert (root / "model/registry/mine/1/report.json").exists()


def test_data_without_a_plan_train_the_usual_estimator(root: Path) -> None:
    plans(root, other=RIDGES)

    assert main(["--params", "params.yaml", "--csv", a_csv(root), "--target", "price"]) == 0

    assert not (root / "model/registry/sales-2025/1/report.json").exists()
    assert (root / "model/registry/sales-2025/1/heldout.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "x"], "has no model 'x'; there is: sales"),
        (["--model", "sales"], "the plan of sales names no data. Fix: data: "),
        (["--params", "none.yaml"], "none.yaml: cannot be read: No such file"),
    ],
    ids=["model", "data", "file"],
)
def test_params_that_do_not_say_it_are_refused(
    root: Path, capsys: Said, arguments: list[str], message: str
) -> None:
    plans(root, sales=RIDGES)

    assert main(arguments) == 2

    assert message in capsys.readouterr().err


def test_a_table_of_parquet_is_trained(root: Path) -> None:
    columns = {"who": [str(n) for n in range(40)], "a": range(40), "y": [n / 3 for n in range(40)]}
    pq.write_table(pa.table(columns), root / "spend.parquet")

    assert main(["--parquet", "spend.parquet", "--target", "y", "--leave-out", "who"]) == 0

    contract = read_version(root / "model/registry", "spend", "1").contract
    assert contract.feature_names == ("a",)


def test_a_version_is_kept_where_there_is_no_mlflow(
    root: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    plans(root, diabetes=f"data: {{dataset: diabetes}}, {RIDGES}")

    assert main(["--model", "diabetes"]) == 0

    said = "warning: diabetes 1 is stored, but MLflow was not told: import of mlflow halted"
    assert said in capsys.readouterr().err
    assert versions(root / "model/registry", "diabetes") == [1]


def test_the_card_says_no_password_of_the_tracking_server(root: Path) -> None:
    plans(root, diabetes=f"data: {{dataset: diabetes}}, {RIDGES}")

    assert main(["--model", "diabetes", "--tracking", "http://me:geheim@127.0.0.1:1"]) == 0

    card = (root / "model/registry/diabetes/1/card.md").read_text()
    assert "--tracking http://***@127.0.0.1:1" in card
    assert "geheim" not in card
