from __future__ import annotations

from benchmarks.peers.entries import ONE_LOGISTIC, OURS
from benchmarks.peers.reach import goals
from benchmarks.peers.tables import plot, tables
from test.unit.benchmarks.peers.builders import a_point, some_results

PEER = "FastAPI, uvicorn"
RESULTS = some_results(
    a_point(OURS, ONE_LOGISTIC.name, answers=1_000),
    a_point(OURS, ONE_LOGISTIC.name, answers=1_200, round=1, failures={"503": 2}),
    a_point(PEER, ONE_LOGISTIC.name, answers=100),
    failures={"LitServe": "Traceback\nno such module"},
    versions={"fastapi": {"fastapi": "0.1"}},
)


def test_every_server_that_took_part_has_a_row() -> None:
    shown = tables(RESULTS, goals(RESULTS))

    assert f"| {OURS}" in shown
    assert "1,100 (±5%)" in shown
    assert f"| {PEER}" in shown
    assert "| KServe" not in shown


def test_what_went_wrong_is_said() -> None:
    shown = tables(RESULTS, goals(RESULTS))

    assert "- LitServe: no such module" in shown
    assert f"{OURS} 503: 2" in shown


def test_goals_say_whether_they_were_met() -> None:
    rows = [line for line in tables(RESULTS, goals(RESULTS)).splitlines() if "against the" in line]

    assert "10x" in rows[0]
    assert rows[0].split("|")[-2].strip() == "met"


def test_the_picture_shows_who_was_measured() -> None:
    assert PEER in plot(RESULTS)
    assert "KServe" not in plot(RESULTS)
