from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from xdist.remote import Producer  # type: ignore[import-untyped]

from app import create_app
from app.gate.services import Services
from app.lifecycle import cpu_time
from app.log import JsonLines
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.scheduling import ByServer

# A busy machine is slow, and no test here is about time.
hypothesis.settings.register_profile("gatehouse", deadline=None)
hypothesis.settings.load_profile("gatehouse")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage in tests of Hypothesis: it doubles their time.

    The lines that they run again and again, the examples beside them run too.
    """
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    return ByServer(config, log)


@pytest.fixture(autouse=True, scope="session")
def _short_measurements() -> Iterator[None]:
    """Time dear engines with few calls: hundreds of tests train a model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu_time, "_MEASURED_SECONDS", 0.005)
        yield


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """Give back the log handlers that an app under test has installed."""
    yield
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, JsonLines):
            root.removeHandler(handler)
            handler.close()


@pytest.fixture(scope="module")
def unmeasured_processes() -> Iterator[None]:
    """Measure no coverage in processes that tests start: it doubles what they cost.

    For tests whose processes run the lines that others run within theirs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return some_settings(tmp_path)


@pytest.fixture
def services(settings: Settings) -> Services:
    a_promoted_model(settings)
    return build_services(settings)


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services=services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def classifier_client(tmp_path: Path) -> FlaskClient:
    settings = some_settings(tmp_path)
    a_promoted_model(settings, a_classification_table())
    return create_app(services=build_services(settings)).test_client()
