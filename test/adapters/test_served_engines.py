"""Which engine serves a promoted model, and what happens when it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import create_app
from app.adapters.model_files import ARTEFACT, MANIFEST, contract_of
from app.adapters.null import NullMetrics
from app.adapters.watched_model import WatchedModel
from app.domain.prediction import ServedModel
from app.errors import ModelRejectedError
from app.settings.schema import Settings
from app.wiring import build_services, check_model
from app.wiring.models import promoted_models
from test.adapters.test_served_models import artefact, change_contract, corrupt, watched
from test.builders import ROW, a_promoted_model, bearer, some_settings


def linear(settings: Settings) -> Path:
    return artefact(settings).parent / "linear.npz"


def served(settings: Settings) -> ServedModel:
    return build_services(settings).models.current()


def replaced(settings: Settings, content: bytes) -> None:
    """Put other bytes in the engine's place, with the digest that belongs to them."""
    linear(settings).write_bytes(content)

    def name(contract: dict[str, Any]) -> None:
        contract["compiled"][0]["sha256"] = sha256(content).hexdigest()
        contract["compiled"][0]["size_bytes"] = len(content)

    change_contract(artefact(settings), name)


def test_a_compiled_engine_serves_without_unpickling_anything(settings: Settings) -> None:
    a_promoted_model(settings)

    def never(_: bytes) -> Any:
        raise AssertionError("the pickle was opened")

    source = replace(promoted_models(settings, NullMetrics()), open_estimator=never)
    model = WatchedModel(source).current()

    assert (model.engine_name, model.fallback) == ("linear", None)
    assert model.timing == model.contract.compiled[0].timing


@pytest.mark.parametrize(
    "damage",
    [corrupt, Path.unlink, lambda file: file.write_bytes(b"")],
    ids=["byte", "gone", "cut"],
)
def test_a_damaged_engine_is_a_damaged_model(
    settings: Settings, damage: Callable[[Path], object]
) -> None:
    a_promoted_model(settings)
    check_model(settings)
    damage(linear(settings))

    with pytest.raises(ModelRejectedError, match=r"model\.joblib: linear\.npz: "):
        check_model(settings)
    models = build_services(settings).models
    assert models.current().engine_name == "linear"
    assert "linear.npz" in (models.problem() or "")


def test_a_change_of_an_engines_file_alone_is_noticed(settings: Settings) -> None:
    a_promoted_model(settings)
    models = watched(settings)
    good = linear(settings).read_bytes()

    corrupt(linear(settings))
    models.refresh()
    problem = models.problem()
    linear(settings).write_bytes(good)
    models.refresh()

    assert "SHA-256" in (problem or "")
    assert models.problem() is None


def moved(content: bytes) -> bytes:
    """The same model with other intercepts."""
    with np.load(BytesIO(content)) as found:
        arrays = {name: found[name] for name in found.files}
    buffer = BytesIO()
    np.savez(buffer, **arrays | {"intercept": arrays["intercept"] + 0.01})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(lambda _: b"no arrays", "linear: the arrays cannot be read", id="unreadable"),
        pytest.param(moved, "linear: 20 of 20 golden rows", id="another model"),
    ],
)
def test_an_engine_that_cannot_serve_gives_way_to_scikit_learn(
    settings: Settings, content: Callable[[bytes], bytes], reason: str
) -> None:
    a_promoted_model(settings)
    expected = served(settings).engine.predict(np.array([ROW])).predictions
    replaced(settings, content(linear(settings).read_bytes()))

    app = create_app(services=build_services(settings)).test_client()

    health = app.get("/api/v1/health").json["model"]
    assert (health["status"], health["engine"]) == ("ready", "sklearn")
    assert health["fallback"].startswith(reason)
    (listed,) = app.get("/api/v1/models", headers=bearer()).json["models"]
    card = app.get("/api/v1/models/line", headers=bearer()).json["model"]
    for told in (listed, card):
        assert (told["engine"], told["fallback"]) == ("sklearn", health["fallback"])
    counted = 'gatehouse_engine_fallbacks_total{engine="sklearn",model="line"} 1.0'
    assert counted in app.get("/api/v1/metrics").text
    answer = app.post("/api/v1/predict", json={"data": [ROW]}, headers=bearer()).json
    assert answer["predictions"] == pytest.approx(expected, rel=1e-12)


def test_a_model_whose_fastest_engine_serves_falls_back_from_nothing(settings: Settings) -> None:
    a_promoted_model(settings)
    app = create_app(services=build_services(settings)).test_client()

    health = app.get("/api/v1/health").json["model"]
    card = app.get("/api/v1/models/line", headers=bearer()).json["model"]

    assert health["engine"] == card["engine"] == "linear"
    assert "fallback" not in health
    assert card["compiled"][0]["parity"]["label_disagreements"] == 0
    assert "gatehouse_engine_fallbacks_total{" not in app.get("/api/v1/metrics").text


def test_a_digest_of_the_settings_vouches_for_the_joblib_file_alone(tmp_path: Path) -> None:
    contract = a_promoted_model(some_settings(tmp_path))
    pinned = some_settings(tmp_path, model={"sha256": contract.artefact.sha256})

    model = served(pinned)

    assert model.engine_name == "sklearn"
    assert model.fallback == "linear: model.sha256 vouches for the joblib file alone"
    assert model.contract.compiled != ()


def test_a_model_from_before_there_were_engines_is_served_as_it_was(settings: Settings) -> None:
    a_promoted_model(settings)

    def forget(contract: dict[str, Any]) -> None:
        for name in ("compiled", "not_compiled", "reference_timing"):
            del contract[name]

    change_contract(artefact(settings), forget)

    model = served(settings)

    assert (model.engine_name, model.fallback, model.timing) == ("sklearn", None, None)


def test_the_kept_copy_holds_all_files_of_a_version(settings: Settings) -> None:
    a_promoted_model(settings)
    check_model(settings)
    folder = artefact(settings).parent

    (kept,) = settings.path(settings.runtime_path).glob("models/*/")

    contract = contract_of((folder / MANIFEST).read_bytes())
    files = {ARTEFACT, MANIFEST, *(it.file for it in contract.compiled)}
    assert len(files) > 2
    assert {file.name: file.read_bytes() for file in kept.iterdir()} == {
        name: (folder / name).read_bytes() for name in files
    }
    assert all(file.stat().st_mode & 0o077 == 0 for file in kept.iterdir())


def test_a_kept_copy_with_a_damaged_engine_is_not_served(settings: Settings) -> None:
    a_promoted_model(settings)
    check_model(settings)
    corrupt(artefact(settings))
    (kept,) = settings.path(settings.runtime_path).glob("models/*/linear.npz")
    corrupt(kept)

    assert watched(settings).problem() is not None
    assert watched(settings).default_name is None


def test_the_contract_names_the_engine_that_is_served(settings: Settings) -> None:
    a_promoted_model(settings)
    manifest = json.loads((artefact(settings).parent / "manifest.json").read_text())

    assert manifest["compiled"][0]["engine"] == served(settings).engine_name
