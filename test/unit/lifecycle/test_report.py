"""What lies beside a version that was chosen from several candidates."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.domain.contract import Contract
from app.lifecycle.datasets import Table
from app.lifecycle.report import chosen_line
from app.lifecycle.train import Search, train
from app.wiring import open_compiled, reference_engine
from test.builders import a_regression_table
from test.unit.lifecycle.shapes import a_mixed_table, with_two_targets
from test.unit.lifecycle.test_crossval import a_class_plan
from test.unit.lifecycle.test_params import a_plan

RIDGES = a_plan(candidates=[{"estimator": "ridge", "grid": {"alpha": [1000.0, 0.1]}}], folds=3)
LOGISTIC = a_class_plan(candidates=[{"estimator": "logistic", "grid": {"C": [0.001, 1.0]}}])


def studied(registry: Path, table: Table, search: Search) -> tuple[Contract, Path]:
    return train(
        table,
        name=table.name,
        registry=registry,
        engine_of=reference_engine,
        open_compiled=open_compiled,
        search=search,
    )


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contract, Path]:
    registry = tmp_path_factory.mktemp("registry")
    table = a_mixed_table(with_text=False)
    many = table.take(np.tile(np.arange(len(table.features)), 6))
    return studied(registry, many, Search(LOGISTIC, command="make it"))


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contract, Path]:
    return studied(tmp_path_factory.mktemp("registry"), a_regression_table(), Search(RIDGES))


def test_classes_have_a_card_a_report_and_two_plots(mixed: tuple[Contract, Path]) -> None:
    assert {it.name for it in mixed[1].iterdir()} == {
        "model.joblib", "manifest.json", "heldout.npz", "card.md", "report.json",
        "confusion.svg", "calibration.svg",
    }  # fmt: skip


def test_quantities_have_a_plot_of_residuals(line: tuple[Contract, Path]) -> None:
    assert {it.name for it in line[1].glob("*.svg")} == {"residuals.svg"}


def test_the_card_says_what_was_tried_and_what_came_of_it(mixed: tuple[Contract, Path]) -> None:
    contract, folder = mixed
    card = (folder / "card.md").read_text()

    assert card.startswith("# mixed 1\n\nA classification model: logistic (C 1.0), ")
    assert contract.training is not None
    assert contract.training.fingerprint_sha256 in card
    assert contract.artefact.sha256 in card
    assert re.search(r"\| logistic \(C 0.001\) \| 0\.\d+ ± 0\.\d+ \|", card)
    assert re.search(r"\| logistic \(C 1.0\) \*\*chosen\*\* \|", card)
    assert f"| accuracy | {contract.training.metrics['accuracy']:.4g} | 0." in card
    assert re.search(r"\| colour \| blue \| \d+ \| [01]", card)
    assert "```\nmake it\n```" in card
    assert "![confusion.svg](confusion.svg)" in card


def test_every_heading_of_the_card_is_there(mixed: tuple[Contract, Path]) -> None:
    headings = re.findall("^## (.*)$", (mixed[1] / "card.md").read_text(), re.MULTILINE)

    assert headings == [
        "Data", "How it was chosen", "How well it does", "By segment", "Limits of use",
        "How to make it again",
    ]  # fmt: skip


def test_the_report_holds_each_fold_and_an_interval_around_each_measure(
    line: tuple[Contract, Path],
) -> None:
    contract, folder = line
    report = json.loads((folder / "report.json").read_bytes())

    assert report["chosen"] == {"estimator": "ridge", "settings": {"alpha": 0.1}}
    assert [len(it["folds"]) for it in report["cross_validation"]] == [3, 3]
    assert contract.training is not None
    for name, it in report["held_out"].items():
        assert it["low"] <= it["value"] <= it["high"]
        assert it["value"] == contract.training.metrics[name]


def test_the_choice_is_said_in_a_line(line: tuple[Contract, Path]) -> None:
    said = chosen_line(line[1])

    assert re.fullmatch(r"chosen: ridge \(alpha 0.1\), of 2: r2 1 ± \S+ over 3 folds", said)


def test_several_targets_get_a_panel_each(tmp_path: Path) -> None:
    _, folder = studied(tmp_path, with_two_targets(a_regression_table()), Search(RIDGES))

    assert (folder / "residuals.svg").read_bytes().count(b'id="axes_') == 2


def test_without_a_library_for_plots_there_is_a_card_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    _, folder = studied(tmp_path, a_regression_table(), Search(RIDGES))

    assert "![" not in (folder / "card.md").read_text()
    assert not list(folder.glob("*.svg"))


def test_the_same_rows_in_another_order_give_the_same_files(
    line: tuple[Contract, Path], tmp_path: Path
) -> None:
    table = a_regression_table()
    assert table.target is not None
    turned = replace(table, features=table.features[::-1], target=table.target[::-1])

    _, folder = studied(tmp_path, turned, Search(RIDGES, n_jobs=1))

    for file in line[1].iterdir():
        if file.name not in {"manifest.json", "card.md"}:
            assert file.read_bytes() == (folder / file.name).read_bytes(), file.name
