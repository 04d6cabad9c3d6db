"""A deployment is tried out with the real gateway, as its clients meet it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.contract import Contract
from app.errors import OperatorError
from app.lifecycle.deployment import Gateway, faults, running_gateway
from scripts import validate_deployment
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.e2e.server import variables

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Contract]]:
    settings = some_settings(tmp_path_factory.mktemp("deployed"))
    contract = a_promoted_model(settings, a_classification_table())
    with running_gateway(variables(settings.root)) as gateway:
        yield gateway, contract


def test_a_model_that_answers_as_it_was_trained_holds(deployed: tuple[Gateway, Contract]) -> None:
    assert faults(*deployed) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "7"}, ["version 1 answers, not 7"]),
        ({"name": "nobody"}, ["its golden rows got 404: No model of this name is served here."]),
    ],
    ids=["version", "name"],
)
def test_what_does_not_hold_is_named(
    deployed: tuple[Gateway, Contract], change: dict[str, Any], said: list[str]
) -> None:
    gateway, contract = deployed

    assert faults(gateway, contract.model_copy(update=change)) == said


def test_golden_rows_that_are_answered_otherwise_are_named(
    deployed: tuple[Gateway, Contract],
) -> None:
    gateway, contract = deployed
    first, *rest = contract.golden.predictions
    golden = contract.golden.model_copy(update={"predictions": ((first or 0) + 1, *rest)})  # type: ignore[operator]

    [problem] = faults(gateway, contract.model_copy(update={"golden": golden}))

    assert problem == "golden rows [0] are answered in another way than in training"


def test_a_gateway_that_does_not_start_says_why(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    environment = variables(settings.root) | {"GATEHOUSE_SERVER__DEBUG": "perhaps"}

    with pytest.raises(OperatorError, match=r"server\.debug"), running_gateway(environment):
        pass


def test_a_model_that_is_not_promoted_cannot_be_validated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = some_settings(tmp_path)
    monkeypatch.setenv("CONFIG_PATH", str(settings.root / "config.yaml"))

    status = validate_deployment.main(["--model", "nobody"])

    assert status == 2
    assert "nobody is not promoted to dev; there is: nothing" in capsys.readouterr().err
