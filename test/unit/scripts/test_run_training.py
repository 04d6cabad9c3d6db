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
        (["--csv", "x.csv"], "--csv FILE and --target COLUMN go together"),
        (["--target", "y"], "--csv FILE and --target COLUMN go together"),
        (["--dataset", "boston"], "invalid choice: 'boston'"),
        (["--dataset", "iris", "--csv", "x.csv"], "not allowed with argument"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    root: Path, capsys: Said, arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not (root / "model").exists()


@pytest.mark.parametrize("name", ["Upper", "a/b", "dev"])
def test_a_name_that_is_none_is_refused(root: Path, capsys: Said, name: str) -> None:
    assert main(["--csv", a_csv(root), "--target", "price", "--name", name]) == 2

    assert capsys.readouterr().err.startswith(f"error: {name!r} is no model name")


def test_wrong_settings_are_refused(capsys: Said, root: Path) -> None:
    (root / "config.yaml").write_text("model_: {}")

    assert main([]) == 2
    assert "did you mean model?" in capsys.readouterr().err
