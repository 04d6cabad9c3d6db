from __future__ import annotations

from typing import Final

import pytest

from benchmarks.peers.entries import (
    ALONE,
    EMPTY,
    ONE_FOREST,
    ONE_LOGISTIC,
    OURS,
    OURS_TWICE,
    TWO_CORES,
)
from benchmarks.peers.reach import Goal, best_of, goals
from benchmarks.peers.results import Results
from test.unit.benchmarks.peers.builders import a_point, some_results

PLAIN: Final = "FastAPI, uvicorn"
BATCHING: Final = "MLServer, batching"


def goal(results: Results, words: str) -> Goal:
    (found,) = [one for one in goals(results) if words in one.what]
    return found


def test_the_best_peer_is_the_one_with_most_answers_a_cpu_second() -> None:
    results = some_results(
        a_point(PLAIN, "w", answers=300),
        a_point(BATCHING, "w", answers=500),
        a_point("KServe", "w", answers=900, cpu_seconds=9.0),
    )

    assert best_of(results, "w", [PLAIN, BATCHING, "KServe", "absent"]) == BATCHING
    assert best_of(results, "other", [PLAIN]) is None


def test_ratios_are_made_within_a_round() -> None:
    name = ONE_LOGISTIC.name
    results = some_results(
        *(a_point(PLAIN, name, round=n, answers=rate) for n, rate in enumerate((100, 50, 10))),
        *(a_point(OURS, name, round=n, answers=rate) for n, rate in enumerate((900, 400, 90))),
    )

    found = goal(results, "one row, logistic, against")
    assert (found.measured, found.is_met, found.against) == (9.0, True, PLAIN)


def test_peers_with_batching_have_a_line_of_their_own_for_the_forest() -> None:
    name = ONE_FOREST.name
    results = some_results(
        a_point(PLAIN, name, answers=10),
        a_point(BATCHING, name, answers=100),
        a_point(OURS, name, answers=420),
    )

    assert goal(results, "without batching").measured == pytest.approx(42)
    assert goal(results, "with batching").measured == pytest.approx(4.2)
    assert not goal(results, "with batching").is_met


def test_the_shortest_wait_of_a_peer_is_what_ours_is_compared_with() -> None:
    results = some_results(
        a_point(PLAIN, ALONE.name, p50_ms=2.0),
        a_point(BATCHING, ALONE.name, p50_ms=8.0),
        a_point(OURS, ALONE.name, p50_ms=0.4),
    )

    assert goal(results, "one connection").measured == pytest.approx(0.2)


def test_the_engine_is_taken_out_before_the_floor_is_compared() -> None:
    results = some_results(
        a_point(EMPTY, ONE_LOGISTIC.name, answers=10_000),  # 100 microseconds each
        a_point(OURS, ONE_LOGISTIC.name, answers=2_000),  # 500 microseconds each
        a_point(OURS, ALONE.name, engine_us=100.0),
    )

    assert goal(results, "empty function").measured == pytest.approx(0.25)


def test_two_workers_are_compared_by_what_their_cores_could_give() -> None:
    results = some_results(
        a_point(OURS, ONE_LOGISTIC.name, answers=1_000),
        a_point(OURS_TWICE, TWO_CORES.name, answers=1_500, cpu_seconds=1.6),
    )

    assert goal(results, "two workers").measured == pytest.approx(1.875)


def test_memory_and_start_must_stay_below_their_bounds() -> None:
    memory, start = goal(some_results(), "memory"), goal(some_results(), "start")

    assert (memory.measured, memory.is_met) == (99.5, True)
    assert (start.measured, start.is_met) == (1.25, True)


def test_what_was_not_measured_is_not_met() -> None:
    nothing = Results("m")

    assert all(found.measured is None and not found.is_met for found in goals(nothing))
