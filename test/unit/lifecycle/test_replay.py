from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.contract import Contract
from app.domain.prediction import ServedModel
from app.lifecycle.logged import Logged
from app.lifecycle.replay import FOREIGN, REFUSED, Replay
from app.settings.schema import Settings
from app.wiring.models import row_reader
from app.wiring.offline import open_version
from test.builders import a_classification_table, a_regression_table, some_settings
from test.unit.lifecycle.shapes import a_mixed_table
from test.unit.lifecycle.training import trained

AT = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = np.random.default_rng(4).normal(size=(40, 2))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two versions of ``line``, the second four times as steep, of ``sides`` and of ``mixed``."""
    root: Path = tmp_path_factory.mktemp("replay")
    registry = root / "model/registry"
    trained(registry, a_regression_table(slope=1.0))
    trained(registry, a_regression_table(slope=4.0))
    trained(registry, a_classification_table())
    trained(registry, a_classification_table(n_rows=30))
    for _ in range(2):
        trained(registry, a_mixed_table(), name="mixed")
    return some_settings(root)


def opened(settings: Settings, name: str) -> tuple[ServedModel, ServedModel]:
    return open_version(settings, name, "1"), open_version(settings, name, "2")


def asked(model: ServedModel, rows: Any = ROWS, version: str | None = None) -> Logged:
    answered = model.engine.predict(rows).predictions.tolist()
    return Logged(AT, "r", version or model.contract.version, rows, answered, None)


def a_replay(champion: ServedModel, candidate: ServedModel, **options: Any) -> Replay:
    known: Mapping[str, Contract] = {
        it.contract.version: it.contract for it in (candidate, champion)
    }
    return Replay(champion, candidate, contract_of=known.get, tolerance=0.25, **options)


def test_the_champion_again_flips_nothing(settings: Settings) -> None:
    champion, _ = opened(settings, "sides")

    found = a_replay(champion, champion).run([asked(champion)], 1_000)

    assert (found.n_requests, found.n_rows, found.n_flips) == (1, 40, 0)


def test_numbers_that_are_far_off_are_flips(settings: Settings) -> None:
    champion, candidate = opened(settings, "line")
    theirs, ours = (it.engine.predict(ROWS).predictions for it in (champion, candidate))

    found = a_replay(champion, candidate).run([asked(champion)], 1_000)

    assert found.n_flips == np.sum(np.abs(ours - theirs) > 0.25 * np.abs(theirs)) > 20
    assert not found.changes


def test_flips_are_split_by_answer_and_by_feature(settings: Settings) -> None:
    champion, candidate = opened(settings, "sides")
    theirs, ours = (it.engine.predict(ROWS).predictions for it in (champion, candidate))

    replay = a_replay(champion, candidate, features=["b", "unknown"])
    found = replay.run([asked(champion)], 1_000)

    assert found.n_flips == np.sum(theirs != ours) > 0
    features = {it.feature for it in found.by_segment}
    assert features == {"answer", "b"}
    for feature in features:
        parts = [it for it in found.by_segment if it.feature == feature]
        assert sum(it.n_rows for it in parts) == 40
        assert sum(it.n_flips for it in parts) == found.n_flips
    assert sum(count for _, _, count in found.changes) == found.n_flips


def test_what_another_version_answered_is_asked_of_the_champion(settings: Settings) -> None:
    champion, candidate = opened(settings, "line")

    found = a_replay(champion, candidate).run([asked(candidate)], 1_000)

    assert found.n_flips > 20


def test_what_the_candidate_refuses_is_a_flip(settings: Settings) -> None:
    champion, candidate = opened(settings, "line")
    contract = candidate.contract.model_dump()
    contract["features"][0]["maximum"] = 0.0
    narrow = open_version(settings, "line", "1")
    strict = ServedModel(
        contract=Contract.model_validate(contract | {"version": "1"}),
        engine=narrow.engine,
        reader=row_reader(settings, Contract.model_validate(contract)),
        loaded_at=AT,
    )

    found = a_replay(champion, strict).run([asked(champion)], 1_000)

    assert found.n_refused == found.n_flips == np.sum(ROWS[:, 0] > 0)


def test_rows_of_other_features_are_left_out(settings: Settings) -> None:
    champion, candidate = opened(settings, "line")
    features = tuple(
        it.model_copy(update={"name": f"old_{it.name}"}) for it in champion.contract.features
    )
    old = champion.contract.model_copy(update={"version": "9", "features": features})
    replay = Replay(champion, candidate, {"9": old}.get, tolerance=0.25)

    found = replay.run([asked(champion, version="9")], 1_000)

    assert (found.n_rows, found.left_out) == (0, {FOREIGN: 40})


def test_rows_that_the_champion_refuses_by_now_are_left_out(settings: Settings) -> None:
    champion, candidate = opened(settings, "line")
    far = ROWS.copy()
    far[0, 0] = 1e9

    found = a_replay(champion, candidate).run([asked(candidate, far)], 1_000)

    assert (found.n_rows, found.left_out) == (39, {REFUSED: 1})


def test_no_more_rows_are_asked_than_allowed(settings: Settings) -> None:
    champion, candidate = opened(settings, "line")

    found = a_replay(champion, candidate).run([asked(champion)] * 5, 80)

    assert (found.n_requests, found.n_rows) == (2, 80)


def test_so_many_requests_as_a_week_brings_are_asked_in_batches(settings: Settings) -> None:
    champion, candidate = opened(settings, "line")
    one = a_replay(champion, candidate).run([asked(champion)], 1_000)

    found = a_replay(champion, candidate).run([asked(champion)] * 60, 10_000)

    assert (found.n_requests, found.n_rows) == (60, 2_400)
    assert found.n_flips == 60 * one.n_flips


def test_words_and_gaps_are_asked_as_they_were_kept(settings: Settings) -> None:
    champion, candidate = opened(settings, "mixed")
    rows = champion.reader.matrix(a_mixed_table().features.tolist())

    replay = a_replay(champion, candidate, features=[it.name for it in champion.contract.features])
    found = replay.run([asked(champion, rows)], 1_000)

    assert (found.n_rows, found.n_flips, dict(found.left_out)) == (len(rows), 0, {})
    assert {it.label for it in found.by_segment} >= {"red", "green", "blue", "missing"}
