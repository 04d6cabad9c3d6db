from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
import yaml
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from app.errors import ModelRejectedError, OperatorError, RegistryError
from app.lifecycle.import_mlflow import Doors, Imported, import_mlflow
from app.lifecycle.mlflow_source import Fetched, MlflowRegistry, Source, Wanted, read_model, wanted
from app.lifecycle.registry import Registry, read_version, versions
from app.wiring import open_compiled, open_estimator, reference_engine
from app.wiring.names import name_finder

ROWS = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 4.0]])
SOURCE = Source("Line of mine", "3", "run")
COLUMNS = [{"name": "a", "type": "double"}, {"name": "b", "type": "long"}]


class Kept(MlflowRegistry):
    """An MLflow registry that is a folder with one model in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, source: Source, folder: Path) -> Fetched:  # noqa: ARG002  one model only
        return read_model(self.folder, "MLflow's line 3")


class Unreachable:
    """A client of MLflow that only says *problem*."""

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def get_model_version_by_alias(self, *_: str) -> None:
        raise OSError(self.problem)


class Mine(BaseEstimator):  # type: ignore[misc]
    """A class that no list names."""

    n_features_in_ = 2

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows)[:, 0]


def logged(
    folder: Path,
    estimator: Any,
    *,
    written_as: str = "pickle",
    inputs: Any = None,
    example: Any = None,
) -> Kept:
    """Write *estimator* as MLflow does."""
    folder.mkdir()
    file = "model.skops" if written_as == "skops" else "model.pkl"
    dumps = skops.io.dumps if written_as == "skops" else pickle.dumps
    (folder / file).write_bytes(dumps(estimator))
    said: dict[str, Any] = {
        "flavors": {"sklearn": {"pickled_model": file, "serialization_format": written_as}}
    }
    if inputs is not None:
        said["signature"] = {"inputs": json.dumps(inputs)}
    if example is not None:
        said["saved_input_example_info"] = {"artifact_path": "input_example.json"}
        (folder / "input_example.json").write_text(json.dumps(example))
    (folder / "MLmodel").write_text(yaml.safe_dump(said))
    return Kept(folder)


def imported(
    mlflow: MlflowRegistry,
    root: Path,
    *,
    source: Source = SOURCE,
    allowed: Sequence[str] = (),
    registry: Registry | None = None,
) -> Imported:
    doors = Doors(
        open_estimator=partial(open_estimator, allowed_modules=allowed),
        engine_of=reference_engine,
        open_compiled=open_compiled,
        find=name_finder(allowed),
    )
    place = registry or root / "registry"
    return import_mlflow(mlflow, source, name="line", registry=place, doors=doors)


def a_line() -> LinearRegression:
    return LinearRegression().fit(ROWS, ROWS.sum(axis=1))


@pytest.mark.parametrize("written_as", ["pickle", "cloudpickle", "skops"])
def test_a_model_comes_over_with_signature_and_golden_rows(tmp_path: Path, written_as: str) -> None:
    example = {"columns": ["a", "b"], "data": ROWS.tolist()}
    mlflow = logged(
        tmp_path / "m", a_line(), written_as=written_as, inputs=COLUMNS, example=example
    )

    done = imported(mlflow, tmp_path)

    stored = read_version(tmp_path / "registry", "line", "1")
    assert done.is_new
    assert stored.contract == done.contract
    assert [(it.name, it.kind) for it in stored.contract.features] == [("a", "float"), ("b", "int")]
    assert stored.contract.golden.predictions == pytest.approx(ROWS.sum(axis=1))
    opened = open_estimator(stored.payload)
    assert opened.predict(ROWS) == pytest.approx(a_line().predict(ROWS), abs=0)


def test_an_example_of_bare_rows_is_taken(tmp_path: Path) -> None:
    mlflow = logged(tmp_path / "m", a_line(), example=ROWS.tolist())

    contract = imported(mlflow, tmp_path).contract

    assert contract.feature_names == ("feature_0", "feature_1")
    assert len(contract.golden.inputs) == len(ROWS)


@pytest.mark.parametrize("example", [{"inputs": {"a": 1}}, [], [[1], [2, 3]], "text"])
def test_an_example_that_is_no_table_is_left_out(tmp_path: Path, example: Any) -> None:
    mlflow = logged(tmp_path / "m", a_line(), inputs=COLUMNS, example=example)

    contract = imported(mlflow, tmp_path).contract

    assert contract.feature_names == ("a", "b")
    assert contract.golden.inputs == ()


def test_a_forest_in_skops_is_taken(tmp_path: Path) -> None:
    forest = RandomForestClassifier(3, random_state=1).fit(ROWS, [0, 0, 1, 1])
    mlflow = logged(tmp_path / "m", forest, written_as="skops")

    assert imported(mlflow, tmp_path).contract.outputs.classes == (0, 1)


@pytest.mark.parametrize("written_as", ["pickle", "skops"])
def test_a_class_that_is_not_listed_is_refused_and_nothing_is_stored(
    tmp_path: Path, written_as: str
) -> None:
    mlflow = logged(tmp_path / "m", Mine(), written_as=written_as)

    with pytest.raises(ModelRejectedError, match=r"security\.allowed_modules"):
        imported(mlflow, tmp_path)

    assert versions(tmp_path / "registry", "line") == []


@pytest.mark.parametrize("written_as", ["pickle", "skops"])
def test_a_class_that_is_listed_comes_over(tmp_path: Path, written_as: str) -> None:
    mlflow = logged(tmp_path / "m", Mine(), written_as=written_as)

    done = imported(mlflow, tmp_path, allowed=[__name__])

    assert done.contract.task == "regression"


def test_the_list_of_the_gateway_decides_where_skops_asks_nothing(tmp_path: Path) -> None:
    reader = make_pipeline(FunctionTransformer(np.load), a_line())
    mlflow = logged(tmp_path / "m", reader, written_as="skops")

    with pytest.raises(ModelRejectedError, match=r"numpy\.load"):
        imported(mlflow, tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda it: (it / "MLmodel").unlink(), "its MLmodel file cannot be read"),
        (lambda it: (it / "MLmodel").write_text("{"), "its MLmodel file cannot be read"),
        (lambda it: (it / "MLmodel").write_text("[]"), "its MLmodel file cannot be read"),
        (lambda it: (it / "MLmodel").write_text("flavors: {pytorch: {}}"), "its flavours are: pyt"),
        (lambda it: (it / "model.skops").unlink(), r"model\.skops: No such file"),
        (lambda it: (it / "model.skops").write_bytes(b"PK"), "the skops file cannot be read"),
    ],
    ids=["no MLmodel", "no YAML", "a list", "another flavour", "no file", "a broken file"],
)
def test_what_is_damaged_is_refused_in_words(tmp_path: Path, spoil: Any, message: str) -> None:
    mlflow = logged(tmp_path / "m", a_line(), written_as="skops")
    spoil(tmp_path / "m")

    with pytest.raises(OperatorError, match=message):
        imported(mlflow, tmp_path)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("models:/iris@champion", Wanted("iris", "champion", None)),
        ("models:/My iris/3", Wanted("My iris", None, "3")),
        ("iris/12", Wanted("iris", None, "12")),
        ("iris@best", Wanted("iris", "best", None)),
    ],
)
def test_a_version_is_named_by_number_or_alias(text: str, meant: Wanted) -> None:
    assert wanted(text) == meant


@pytest.mark.parametrize("text", ["", "iris", "models:/iris", "iris/x", "runs:/1/m", "a/b@c"])
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match=r"Fix: models:/NAME@ALIAS or NAME/3\."):
        wanted(text)


@pytest.mark.parametrize("named", ["../model.pkl", "/etc/hostname", "link"])
def test_a_model_outside_of_its_folder_is_refused(tmp_path: Path, named: str) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(a_line()))
    mlflow = logged(tmp_path / "m", a_line())
    (tmp_path / "m/link").symlink_to(tmp_path / "model.pkl")
    said = {"flavors": {"sklearn": {"pickled_model": named}}}
    (tmp_path / "m/MLmodel").write_text(yaml.safe_dump(said))

    with pytest.raises(RegistryError, match=f"names '{named}', which is outside of the model"):
        imported(mlflow, tmp_path)


def test_an_example_outside_of_its_folder_is_refused(tmp_path: Path) -> None:
    mlflow = logged(tmp_path / "m", a_line(), example=ROWS.tolist())
    (tmp_path / "secret.json").write_text(json.dumps(ROWS.tolist()))
    file = tmp_path / "m/MLmodel"
    file.write_text(file.read_text().replace("input_example.json", "../secret.json"))

    with pytest.raises(RegistryError, match=r"'\.\./secret\.json', which is outside"):
        imported(mlflow, tmp_path)


@pytest.mark.parametrize("password", ["secret", "s@cret", "s@c@ret"])
def test_no_part_of_a_password_is_shown(tmp_path: Path, password: str) -> None:
    mlflow = Kept(tmp_path)
    problem = f"no answer from http://ann:{password}@host/api"
    vars(mlflow)["_client"] = Unreachable(problem)

    with pytest.raises(RegistryError) as caught:
        mlflow.find(Wanted("line", "best", None))

    assert str(caught.value) == "MLflow: no answer from http://***@host/api"
