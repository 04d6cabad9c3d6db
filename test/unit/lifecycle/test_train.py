from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from app.domain.contract import Missing
from app.errors import RegistryError, TrainingDataError
from app.lifecycle.datasets import BUILT_IN, Table, built_in
from app.lifecycle.registry import read_version
from app.lifecycle.train import Search, commit, train
from app.wiring import open_compiled, reference_engine
from test.builders import a_classification_table, a_regression_table
from test.unit.lifecycle.test_params import a_plan
from test.unit.lifecycle.training import replayed, trained


def with_gaps() -> Table:
    table = a_regression_table()
    features = table.features.copy()
    features[::5, 0] = np.nan
    return replace(table, features=features)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_table_gives_a_version_that_answers_its_golden_rows(
    tmp_path: Path, name: str
) -> None:
    contract = trained(tmp_path, built_in(name))

    assert len(contract.golden.inputs) == (5 if name == "linnerud" else 32)
    replayed(tmp_path, contract)


def test_the_contract_as_returned_is_the_one_that_is_stored(tmp_path: Path) -> None:
    contract = trained(tmp_path, a_classification_table())

    assert read_version(tmp_path, "sides", "1").contract == contract


def test_the_contract_names_the_file_of_the_rows_that_were_held_out(tmp_path: Path) -> None:
    held_out = trained(tmp_path, a_classification_table()).held_out

    content = (tmp_path / "sides/1/heldout.npz").read_bytes()
    assert held_out is not None
    assert held_out.size_bytes == len(content)
    assert held_out.sha256 == sha256(content).hexdigest()


def test_the_contract_of_a_model_of_outliers_names_no_such_file(tmp_path: Path) -> None:
    assert trained(tmp_path, a_regression_table().without_target()).held_out is None


def test_the_contract_says_who_made_it_when_and_with_what(tmp_path: Path) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    contract = trained(tmp_path, a_regression_table(), name="mine", now=lambda: noon)

    assert (contract.name, contract.version, contract.created_at) == ("mine", "1", noon)
    assert contract.commit == commit()
    assert set(contract.libraries) == {"python", "scikit-learn", "numpy", "joblib"}


def test_the_contract_describes_each_feature(tmp_path: Path) -> None:
    table = a_regression_table()

    features = trained(tmp_path, table).features

    assert [(f.name, f.kind, f.missing) for f in features] == [
        ("a", "float", None), ("b", "float", None),
    ]  # fmt: skip
    assert [f.trained_minimum for f in features] == table.features.min(axis=0).tolist()
    assert [f.trained_maximum for f in features] == table.features.max(axis=0).tolist()


def test_training_sets_no_bounds_that_refuse(tmp_path: Path) -> None:
    features = trained(tmp_path, a_regression_table()).features

    assert {(f.minimum, f.maximum) for f in features} == {(None, None)}


def test_a_column_with_gaps_passes_missing_values_on(tmp_path: Path) -> None:
    features = trained(tmp_path, with_gaps()).features

    assert [f.missing for f in features] == [Missing(policy="pass"), None]


def test_a_model_of_a_table_with_gaps_answers_missing_values(tmp_path: Path) -> None:
    contract = trained(tmp_path, with_gaps())

    assert any(row[0] is None for row in contract.golden.inputs)
    replayed(tmp_path, contract)


def test_a_regression_promises_numbers(tmp_path: Path) -> None:
    contract = trained(tmp_path, a_regression_table())

    assert (contract.task, contract.outputs.classes) == ("regression", None)
    assert not contract.outputs.has_probabilities


def test_a_classification_promises_classes_and_probabilities(tmp_path: Path) -> None:
    contract = trained(tmp_path, a_classification_table())

    assert (contract.task, contract.outputs.classes) == ("classification", (0, 1, 2))
    assert contract.outputs.has_probabilities
    assert contract.golden.probabilities is not None


def test_text_labels_are_the_classes(tmp_path: Path) -> None:
    table = a_classification_table()
    table = replace(table, target=np.array(["low", "mid", "top"])[table.target])

    contract = trained(tmp_path, table)

    assert contract.outputs.classes == ("low", "mid", "top")
    replayed(tmp_path, contract)


def test_the_contract_vouches_for_the_bytes_of_the_artefact(tmp_path: Path) -> None:
    artefact = trained(tmp_path, a_regression_table()).artefact

    payload = (tmp_path / "line" / "1" / "model.joblib").read_bytes()
    assert artefact.file == "model.joblib"
    assert artefact.engine == "sklearn"
    assert artefact.size_bytes == len(payload)
    assert artefact.sha256 == sha256(payload).hexdigest()


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (a_regression_table(), {"r2", "mae", "rmse"}),
        (a_classification_table(), {"accuracy", "f1_macro", "log_loss"}),
    ],
)
def test_the_model_is_measured_on_held_out_rows(
    tmp_path: Path, table: Table, names: set[str]
) -> None:
    training = trained(tmp_path, table).training

    assert training is not None
    assert set(training.metrics) == names


def test_a_line_is_learnt_well(tmp_path: Path) -> None:
    training = trained(tmp_path, a_regression_table()).training

    assert training is not None
    assert training.metrics["r2"] > 0.99


def test_the_contract_says_on_which_data(tmp_path: Path) -> None:
    table = a_regression_table()

    training = trained(tmp_path, table, name="mine").training

    assert training is not None
    assert (training.dataset, training.n_rows) == ("line", 80)
    assert training.fingerprint_sha256 == table.fingerprint_sha256


def test_the_contract_remembers_how_each_feature_was_distributed(tmp_path: Path) -> None:
    training = trained(tmp_path, with_gaps()).training

    assert training is not None
    reference = training.reference["a"]
    assert reference.missing_share == 0.2
    assert sum(reference.histogram_counts) == 64
    assert len(reference.histogram_edges) == len(reference.histogram_counts) + 1
    assert list(reference.quantiles) == [
        "0", "0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99", "1",
    ]  # fmt: skip


def test_the_contract_remembers_the_share_of_each_class(tmp_path: Path) -> None:
    table = a_classification_table()

    training = trained(tmp_path, table).training

    assert training is not None
    assert training.class_shares == {
        str(label): float(np.mean(table.target == label)) for label in (0, 1, 2)
    }


@pytest.mark.parametrize("table", [a_regression_table(), a_classification_table(), with_gaps()])
def test_the_same_data_give_the_same_digest(tmp_path: Path, table: Table) -> None:
    first, second = (trained(tmp_path, table) for _ in range(2))

    assert (first.version, second.version) == ("1", "2")
    assert first.artefact == second.artefact


@pytest.mark.parametrize("name", ["", "A", "a.b", "../a", "production"])
def test_a_name_that_is_none_stores_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryError, match="is no model name"):
        train(
            a_regression_table(),
            name=name,
            registry=tmp_path,
            engine_of=reference_engine,
            open_compiled=open_compiled,
        )

    assert list(tmp_path.iterdir()) == []


def test_the_commit_is_that_of_the_checkout() -> None:
    root = Path(__file__).parent
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )

    assert commit() == (done.stdout.strip() or None)


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert commit() is None


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_a_measure_that_is_no_number_is_not_stored(tmp_path: Path) -> None:
    """A contract with one could not be read again."""
    plan = a_plan(metric="rmse", folds=2, held_out_share=0.05)

    with pytest.raises(TrainingDataError, match="line: r2 of the held-out rows is no number"):
        trained(tmp_path, a_regression_table(n_rows=20), search=Search(plan))

    assert not list(tmp_path.iterdir())
