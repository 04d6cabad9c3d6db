from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.flips import Flips
from app.domain.promotion import Decision
from app.lifecycle.gates import Match, decide
from app.lifecycle.heldout import HeldOut, read_heldout
from app.settings.promotion import Promotion
from app.settings.schema import Settings
from app.wiring.offline import open_version
from test.builders import a_classification_table, a_regression_table, some_settings
from test.unit.lifecycle.training import trained


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """``line`` 1 has learnt the slope 2 and 2 another one; 3 tells classes apart."""
    root: Path = tmp_path_factory.mktemp("gates")
    registry = root / "model/registry"
    trained(registry, a_regression_table(slope=2.0, n_rows=200))
    trained(registry, a_regression_table(slope=1.0, n_rows=200))
    trained(registry, a_classification_table(), name="line")
    return some_settings(root)


def decided(settings: Settings, champion: str, candidate: str, **rules: Any) -> Decision:
    """Against the truth of version 1."""
    held_out = rules.pop("held_out", read_heldout(settings.path("model/registry"), "line", "1"))
    match = Match(
        open_version(settings, "line", candidate), open_version(settings, "line", champion)
    )
    flips = rules.pop("flips", "nobody asked")
    return decide(match, held_out, flips, Promotion(**rules))


def outcomes(decision: Decision) -> dict[str, str]:
    return {it.name: it.outcome for it in decision.gates}


def test_a_worse_model_is_refused(settings: Settings) -> None:
    decision = decided(settings, "1", "2")

    assert decision.failed == ("better",)
    assert outcomes(decision) == {
        "schema": "passed",
        "parity": "passed",
        "latency": "passed",
        "better": "failed",
        "segments": "skipped",
        "replay": "skipped",
    }


def test_a_better_model_passes_whatever_is_asked_for(settings: Settings) -> None:
    assert decided(settings, "2", "1", wanted="better", minimum_gain=0.05).passes


def test_the_same_model_is_not_worse_but_not_better_either(settings: Settings) -> None:
    assert decided(settings, "1", "1").passes
    assert decided(settings, "1", "1", wanted="better", minimum_gain=0.001).failed == ("better",)


def test_a_named_segment_is_judged_by_itself(settings: Settings) -> None:
    decision = decided(settings, "1", "2", segments=("a", "elsewhere"), least_rows=10)

    [gate] = [it for it in decision.gates if it.name == "segments"]
    assert gate.outcome == "failed"
    assert len(gate.numbers["segments"]) == 4
    # One level for all four together.
    assert gate.numbers["segments"][0]["confidence"] == pytest.approx(1 - 0.05 / 4)


def test_segments_that_the_model_lacks_are_said(settings: Settings) -> None:
    decision = decided(settings, "1", "1", segments=("elsewhere",))

    assert "none of promotion.segments is a feature of it" in [it.sentence for it in decision.gates]


def test_a_budget_that_nothing_keeps_refuses(settings: Settings) -> None:
    assert decided(settings, "1", "1", max_one_row_us=0.01).failed == ("latency",)


def test_too_many_flips_refuse(settings: Settings) -> None:
    flips = Flips(n_requests=1, n_rows=10, n_flips=3)

    assert decided(settings, "1", "1", flips=flips, max_flips=0.2).failed == ("replay",)
    assert decided(settings, "1", "1", flips=flips, max_flips=0.3).passes


def test_without_held_out_rows_the_metrics_of_training_are_compared(settings: Settings) -> None:
    decision = decided(settings, "1", "1", held_out=None)

    assert outcomes(decision)["better"] == "passed"
    assert outcomes(decision)["segments"] == "skipped"


def test_another_task_cannot_be_compared(settings: Settings) -> None:
    decision = decided(settings, "1", "3")

    assert decision.failed == ("schema",)
    assert outcomes(decision)["better"] == "skipped"


def test_rows_that_the_champion_refuses_are_no_part_of_the_comparison(settings: Settings) -> None:
    rows = np.full((40, 2), 1e9)

    decision = decided(settings, "1", "1", held_out=HeldOut(rows, np.zeros(40)))

    assert "the champion answers none of its held-out rows" in [
        it.sentence for it in decision.gates
    ]


def test_for_a_free_place_only_the_candidate_is_looked_at(settings: Settings) -> None:
    candidate = open_version(settings, "line", "2")

    decision = decide(Match(candidate, None), None, "", Promotion())

    found = outcomes(decision)
    assert (found.pop("parity"), found.pop("latency")) == ("passed", "passed")
    assert set(found.values()) == {"skipped"}
