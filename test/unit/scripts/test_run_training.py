from __future__ import annotations

from pathlib import Path

import pytest

from app.lifecycle.datasets import BUILT_IN
from app.lifecycle.registry import read_version, versions
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
        (["--csv", "x.csv"], "--csv FILE needs --target COLUMN, or --task outliers without one"),
        (["--csv", "x", "--target", "y", "--task", "outliers"], "or --task outliers without one"),
        (["--target", "y"], "--target COLUMN and --leave-out COLUMN go with --csv FILE"),
        (["--leave-out", "y"], "--target COLUMN and --leave-out COLUMN go with --csv FILE"),
        (["--texts", "x", "--csv", "x"], "not allowed with argument"),
        (["--estimator", "magic"], "invalid choice: 'magic'"),
        (["--dataset", "boston"], "invalid choice: 'boston'"),
        (["--dataset", "iris", "--csv", "x.csv"], "not allowed with argument"),
    ],
    ids=[
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
