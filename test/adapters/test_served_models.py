"""What is promoted, what is served, and what happens when the two differ."""

from __future__ import annotations

import gc
import json
import os
import time
import weakref
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from app.adapters.null import NullMetrics
from app.adapters.stage_models import Loading, StageModels
from app.domain.rates import Charge, Rate
from app.errors import ModelNotReadyError, ModelRejectedError
from app.settings.schema import Settings
from app.wiring import build_services, check_model
from app.wiring.models import promoted_models
from test.builders import a_promoted_model, a_regression_table, some_settings


def artefact(settings: Settings) -> Path:
    return settings.path(settings.model.model_path)


def corrupt(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def append(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def swap(file: Path) -> None:
    joblib.dump(LinearRegression().fit([[1.0, 2.0]], [3.0]), file)


def remove(file: Path) -> None:
    file.unlink()


def spoil_contract(file: Path) -> None:
    (file.parent / "manifest.json").write_text('{"name": "line"}')


def break_contract(file: Path) -> None:
    (file.parent / "manifest.json").write_text("{")


def change_golden_rows(file: Path) -> None:
    def move(contract: dict[str, Any]) -> None:
        contract["golden"]["predictions"][0] += 0.01

    change_contract(file, move)


def change_contract(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = file.parent / "manifest.json"
    contract = json.loads(manifest.read_text())
    change(contract)
    manifest.write_text(json.dumps(contract))


def fill_a_number_with_text(file: Path) -> None:
    missing = {"policy": "fill", "value": "abc"}
    change_contract(file, lambda contract: contract["features"][0].update(missing=missing))


def widen(file: Path) -> None:
    def add_a_feature(contract: dict[str, Any]) -> None:
        contract["features"].append({"name": "c"})
        contract["golden"] = {}

    change_contract(file, add_a_feature)


def forget_an_answer(file: Path) -> None:
    change_contract(file, lambda contract: contract["golden"]["predictions"].pop())


def name_a_kind_that_is_not_served(file: Path) -> None:
    change_contract(file, lambda contract: contract["features"][0].update(kind="text"))


DAMAGE = [
    fill_a_number_with_text,
    widen,
    forget_an_answer,
    name_a_kind_that_is_not_served,
    corrupt,
    truncate,
    append,
    swap,
    remove,
    spoil_contract,
    break_contract,
    change_golden_rows,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_refused_before_it_serves(
    settings: Settings, damage: Callable[[Path], None]
) -> None:
    a_promoted_model(settings)
    damage(artefact(settings))

    with pytest.raises(ModelRejectedError, match=r"model\.joblib: "):
        check_model(settings)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_worker_that_starts_after_the_damage_serves_the_last_good_version(
    settings: Settings, damage: Callable[[Path], None]
) -> None:
    contract = a_promoted_model(settings)
    check_model(settings)
    damage(artefact(settings))

    models = build_services(settings).models

    assert models.current().contract == contract
    assert models.problem() is not None


def test_a_kept_copy_that_was_damaged_too_is_not_served(settings: Settings) -> None:
    a_promoted_model(settings)
    check_model(settings)
    corrupt(artefact(settings))
    for kept in settings.path(settings.runtime_path).glob("models/*/model.joblib"):
        corrupt(kept)

    with pytest.raises(ModelNotReadyError):
        build_services(settings).models.current()


def test_only_versions_that_are_still_wanted_are_kept(settings: Settings) -> None:
    kept = settings.path(settings.runtime_path) / "models"
    for slope in (1.0, 2.0, 3.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
        for copy in kept.glob("*"):
            os.utime(copy, (0, 0))
        check_model(settings)

    assert len(list(kept.glob("*/model.joblib"))) == 1


def test_a_copy_that_another_worker_may_be_about_to_point_to_is_kept(settings: Settings) -> None:
    kept = settings.path(settings.runtime_path) / "models"
    for slope in (1.0, 2.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
        check_model(settings)

    assert len(list(kept.glob("*/model.joblib"))) == 2


def watched(settings: Settings, *, poll_seconds: float = 3_600.0) -> StageModels:
    """The models of a worker whose watch sleeps, unless a test is about the watch."""
    return StageModels(
        partial(promoted_models, settings, NullMetrics()),
        settings.path(settings.model.model_path),
        metrics=NullMetrics(),
        loading=Loading(poll_seconds=poll_seconds),
    )


def test_a_promotion_is_taken_and_the_old_version_serves_until_then(settings: Settings) -> None:
    a_promoted_model(settings)
    models = watched(settings)
    a_promoted_model(settings, a_regression_table(slope=5.0))
    before = models.current().contract.version

    models.refresh()

    assert (before, models.current().contract.version) == ("1", "2")


def test_a_bad_promotion_leaves_the_old_version_serving_until_it_is_mended(
    settings: Settings,
) -> None:
    a_promoted_model(settings)
    models = watched(settings)
    good = artefact(settings).read_bytes()

    corrupt(artefact(settings))
    models.refresh()
    models.refresh()
    problem = models.problem()
    artefact(settings).write_bytes(good)
    models.refresh()

    assert problem is not None
    assert "SHA-256" in problem
    assert models.current().contract.version == "1"
    assert models.problem() is None


def test_a_change_is_noticed_without_asking(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    a_promoted_model(settings)
    models = watched(settings, poll_seconds=0.01)
    a_promoted_model(settings, a_regression_table(slope=5.0))

    deadline = time.monotonic() + 10
    while models.current().contract.version != "2" and time.monotonic() < deadline:
        time.sleep(0.01)

    assert models.current().contract.version == "2"


def a_bare_file(settings: Settings) -> bytes:
    file = artefact(settings)
    file.parent.mkdir(parents=True)
    joblib.dump(LinearRegression().fit(np.eye(3), [1.0, 2.0, 3.0]), file)
    return file.read_bytes()


def test_a_file_without_a_contract_is_served_outside_production(settings: Settings) -> None:
    a_bare_file(settings)

    contract = watched(settings).current().contract

    assert contract.name == "unregistered"
    assert contract.feature_names == ("feature_0", "feature_1", "feature_2")


def test_production_serves_a_bare_file_only_by_its_digest(tmp_path: Path) -> None:
    prod = {"APP_ENV": "prod"}
    digest = sha256(a_bare_file(some_settings(tmp_path, prod))).hexdigest()

    with pytest.raises(ModelRejectedError, match=r"no manifest\.json"):
        check_model(some_settings(tmp_path, prod))
    with pytest.raises(ModelRejectedError, match="SHA-256"):
        check_model(some_settings(tmp_path, prod, model={"sha256": "0" * 64}))
    check_model(some_settings(tmp_path, prod, model={"sha256": digest}))


def test_a_digest_of_the_settings_counts_beside_a_contract_too(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, model={"sha256": "0" * 64})
    a_promoted_model(settings)

    with pytest.raises(ModelRejectedError, match="SHA-256"):
        check_model(settings)


def test_two_gateways_live_in_one_process_and_their_watch_ends_with_them(
    settings: Settings,
) -> None:
    a_promoted_model(settings)
    first, second = build_services(settings), build_services(settings)
    for services in (first, second):
        services.models.current()
        assert services.limits.admit([Charge("alice", Rate(100, 60))]).allowed
    watch = weakref.ref(second.models)

    del first, second, services
    gc.collect()

    assert watch() is None


def test_the_number_of_features_must_be_that_of_the_settings(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, model={"n_features": 3})
    a_promoted_model(settings)

    with pytest.raises(ModelRejectedError, match=r"2 features, model\.n_features says 3"):
        check_model(settings)


def test_a_model_fitted_on_column_names_gets_them_back(settings: Settings) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": [0.0, 1.0, 0.0]})
    file = artefact(settings)
    file.parent.mkdir(parents=True)
    estimator = LinearRegression().fit(frame, [1.0, 2.0, 3.0])
    joblib.dump(estimator, file)

    served = watched(settings).current()

    assert served.contract.feature_names == ("x", "y")
    expected = estimator.predict(frame).tolist()
    assert served.engine.predict(frame.to_numpy()).predictions.tolist() == expected
