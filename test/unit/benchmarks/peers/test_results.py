from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.results import Results
from test.unit.benchmarks.peers.builders import a_point, some_results


def test_results_can_be_taken_up_again(tmp_path: Path) -> None:
    file = tmp_path / "results" / "today.json"
    points = (a_point("a", "w", engine_us=3.5), a_point("a", "w", round=1, engine_us=4.0))
    results = some_results(*points, failures={"b": "did not start"}, versions={"a": {"b": "1"}})

    results.write(file)

    assert Results.read(file) == results
    assert results.rounds() == 2


def test_rates_are_medians_over_the_rounds() -> None:
    rates = (100, 900, 300)
    points = [a_point("a", "w", round=n, answers=rate) for n, rate in enumerate(rates)]
    results = some_results(*points, a_point("b", "w", answers=5))

    assert results.rate("a", "w") == 300
    assert results.rate("a", "another") is None
    assert [point.answers for point in results.of("a", "w")] == [100, 900, 300]


def test_a_core_that_the_load_used_is_not_the_servers_to_use() -> None:
    point = a_point("a", "w", answers=300, cpu_seconds=1.2, idle_seconds=0.3)

    assert point.per_second(cores=2) == pytest.approx(400)


def test_a_server_that_did_nothing_has_no_rate() -> None:
    point = a_point("a", "w", answers=0, cpu_seconds=0.0, failures={"lost": 3, "503": 1})

    assert point.per_cpu_second == point.per_second(cores=1) == 0
    assert point.errors == 4


def test_the_last_footprint_of_a_server_holds() -> None:
    results = some_results()

    assert results.footprint("Gatehouse, Granian", "logistic") == results.footprints[0]
    assert results.footprint("Gatehouse, Granian", "forest") is None
    assert some_results().rounds() == 0
