"""Ten models of every shape behind one gateway: what it answers is what each of them says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import numpy.typing as npt
import pytest

from app.domain.contract import Contract
from app.domain.ports import Matrix
from app.lifecycle.datasets import Table, built_in, from_csv
from app.lifecycle.labelled_texts import from_texts
from app.lifecycle.promote import promote
from app.lifecycle.splits import split
from app.lifecycle.train import train
from app.wiring import open_compiled, reference_engine
from test.builders import a_token
from test.e2e.calls import a_body, ask, json_headers
from test.e2e.server import Server, project, running_server

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the folder ../shared/data with housing.csv and titanic.csv is absent"
)
NO_FEATURES: Final = ["PassengerId", "Name", "Ticket", "Cabin"]
TABLES: Final[dict[str, Callable[[], Table]]] = {
    "iris": lambda: built_in("iris"),
    "wine": lambda: built_in("wine"),
    "digits": lambda: built_in("digits"),
    "breast_cancer": lambda: built_in("breast_cancer"),
    "diabetes": lambda: built_in("diabetes"),
    "housing": lambda: from_csv(DATA / "housing.csv", ["median_house_value"]),
    "titanic": lambda: from_csv(DATA / "titanic.csv", ["Survived"], NO_FEATURES),
    "tweets": lambda: from_texts(DATA / "sentiment"),
    "linnerud": lambda: built_in("linnerud"),
    "outliers": lambda: built_in("breast_cancer").without_target(),
}
PARITY: Final = 1e-5
ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Trained:
    """A model on the stage: its contract, its estimator as it was stored, and held-out rows."""

    contract: Contract
    estimator: Any
    rows: Matrix

    @property
    def given(self) -> Any:
        """The rows as the estimator takes them."""
        return self.rows[:, 0] if self.contract.input == "texts" else self.rows


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ten")


@pytest.fixture(scope="module")
def ten(root: Path) -> dict[str, Trained]:
    settings = project(root)
    models, registry = root / "model", root / "model" / "registry"
    found = {}
    for name, table_of in TABLES.items():
        table = table_of()
        contract, folder = train(
            table,
            name=name,
            registry=registry,
            engine_of=reference_engine,
            open_compiled=open_compiled,
        )
        promote(models, registry, name, contract.version, stage=settings.stage)
        found[name] = Trained(
            contract, joblib.load(folder / "model.joblib"), split(table).held_out.features
        )
    return found


@pytest.fixture(scope="module")
def gateway(root: Path, ten: dict[str, Trained]) -> Iterator[Server]:
    assert len(ten) == 10
    with running_server(root, RATE_LIMIT="1000000 per minute") as server:
        yield server


def sendable(rows: Matrix) -> list[list[Any]]:
    """The rows for JSON: None for NaN."""
    return [[None if value != value else value for value in row] for row in rows.tolist()]  # noqa: PLR0124  NaN


def answers(server: Server, model: Trained, **wishes: Any) -> dict[str, list[Any]]:
    """What the gateway says of all rows, member by member."""
    found: dict[str, list[Any]] = {}
    headers = json_headers(a_token(sub="ten"))
    path = f"/api/v1/models/{model.contract.name}/predict"
    for start in range(0, len(model.rows), ROWS_AT_ONCE):
        part = sendable(model.rows[start : start + ROWS_AT_ONCE])
        reply = ask(server, "POST", path, body=a_body(*part, **wishes), headers=headers)
        assert reply.status == 200, reply.body
        said = reply.json()
        assert said["model"] == {"name": model.contract.name, "version": model.contract.version}
        for member in ("predictions", *wishes):
            found.setdefault(member, []).extend(said[member])
    return found


def agree(found: list[Any], expected: npt.NDArray[Any]) -> bool:
    """Whether labels are equal, and numbers within the bound that compiled engines keep."""
    if expected.dtype.kind != "f":
        return bool(found == expected.tolist())
    return np.allclose(np.array(found, dtype=float), expected, rtol=PARITY, atol=PARITY)


@pytest.mark.parametrize("name", list(TABLES))
def test_every_held_out_row_is_answered_as_the_estimator_does(
    gateway: Server, ten: dict[str, Trained], name: str
) -> None:
    model = ten[name]

    found = answers(gateway, model)["predictions"]

    assert agree(found, np.asarray(model.estimator.predict(model.given)))


@pytest.mark.parametrize("name", ["iris", "wine", "digits", "breast_cancer", "titanic", "tweets"])
def test_probabilities_are_those_of_the_estimator(
    gateway: Server, ten: dict[str, Trained], name: str
) -> None:
    model = ten[name]

    found = answers(gateway, model, probabilities=True)["probabilities"]

    assert agree(found, model.estimator.predict_proba(model.given))


def test_scores_of_outliers_are_those_of_the_estimator(
    gateway: Server, ten: dict[str, Trained]
) -> None:
    model = ten["outliers"]

    found = answers(gateway, model, scores=True)["scores"]

    assert agree(found, model.estimator.decision_function(model.given))


def test_all_ten_are_listed_as_ready(gateway: Server, ten: dict[str, Trained]) -> None:
    for model in ten.values():
        answers(gateway, Trained(model.contract, model.estimator, model.rows[:1]))

    listed = ask(gateway, "GET", "/api/v1/models", headers=json_headers()).json()["models"]

    assert {(it["name"], it["status"]) for it in listed} == {(name, "ready") for name in ten}
