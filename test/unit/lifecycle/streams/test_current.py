from __future__ import annotations

import logging
from functools import partial

import pytest

from app.domain.prediction import ServedModel
from app.errors import NotPromotedError
from app.lifecycle.registry import STAGES_FOLDER
from app.lifecycle.streams import current
from app.lifecycle.streams.current import CurrentModel, current_model
from app.settings.schema import Settings
from app.wiring.offline import open_version
from test.builders import a_promoted_model, a_regression_table


@pytest.fixture(autouse=True)
def _looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "LOOK_SECONDS", 0.0)


def opened(settings: Settings, named: str | None) -> CurrentModel:
    return current_model(settings, named, partial(open_version, settings))


def version(model: CurrentModel) -> str:
    return model.get().contract.version


def test_what_is_promoted_meanwhile_scores_the_next_batch(settings: Settings) -> None:
    a_promoted_model(settings)
    model = opened(settings, None)
    before = version(model)
    a_promoted_model(settings, a_regression_table(slope=3.0))

    assert (before, version(model)) == ("1", "2")


def test_a_version_that_was_named_stays(settings: Settings) -> None:
    a_promoted_model(settings)
    model = opened(settings, "line@1")
    a_promoted_model(settings, a_regression_table(slope=3.0))

    assert version(model) == "1"


def test_a_promoted_version_that_is_damaged_is_told_of_once_and_the_one_before_scores_on(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    a_promoted_model(settings)
    stage = settings.path(STAGES_FOLDER) / settings.stage
    model = CurrentModel(
        stage, "line", None, partial(opened_once, [open_version(settings, "line")])
    )
    a_promoted_model(settings, a_regression_table(slope=3.0))

    with caplog.at_level(logging.INFO):
        assert [version(model), version(model)] == ["1", "1"]

    assert [it.getMessage() for it in caplog.records] == ["promoted version refused"]


def opened_once(left: list[ServedModel], _name: str, _version: str | None) -> ServedModel:
    if not left:
        raise NotPromotedError("it is damaged")
    return left.pop()


def test_without_a_promoted_model_there_is_none(settings: Settings) -> None:
    with pytest.raises(NotPromotedError, match=r"scripts/first_model\.py"):
        opened(settings, None)
