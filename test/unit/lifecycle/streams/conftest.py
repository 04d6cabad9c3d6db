from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.prediction import ServedModel
from app.lifecycle.streams.current import CurrentModel
from app.wiring.offline import open_version
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.promoted import a_model_of_two_targets, a_table_model, a_text_model


@pytest.fixture(scope="package")
def sides(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    """Three classes by the sum of ``a`` and ``b``."""
    settings = some_settings(tmp_path_factory.mktemp("sides"))
    a_promoted_model(settings, a_classification_table())
    return open_version(settings, "sides")


@pytest.fixture(scope="package")
def people(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    """Yes or no by a number, a truth value and a town."""
    settings = some_settings(tmp_path_factory.mktemp("people"))
    a_table_model(settings)
    return open_version(settings, "people")


@pytest.fixture(scope="package")
def texts(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    settings = some_settings(tmp_path_factory.mktemp("texts"))
    a_text_model(settings)
    return open_version(settings, "texts")


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    """Sum and gap of two numbers."""
    settings = some_settings(tmp_path_factory.mktemp("pair"))
    a_model_of_two_targets(settings)
    return open_version(settings, "pair")


@pytest.fixture
def current(sides: ServedModel, tmp_path: Path) -> CurrentModel:
    return CurrentModel(tmp_path, "sides", "1", lambda _name, _version: sides)
