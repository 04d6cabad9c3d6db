from __future__ import annotations

from pathlib import Path

from benchmarks import footprint
from benchmarks.models import Model
from benchmarks.peers.entries import TWO_CORES, gateway
from benchmarks.peers.results import Footprint
from benchmarks.server import Workshop
from test.unit.benchmarks.peers.builders import a_point, some_results

MODEL = Model("logistic", Path("model.joblib"), Path("sample.csv"), [5.1], [], [])


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_two_workers_are_shown_with_what_both_cores_would_give(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path, "secret" * 8, MODEL)
    entry = gateway("granian, 2", workshop, (TWO_CORES,), "granian", workers=2)
    point = a_point("granian, 2", TWO_CORES.name, answers=1_500, cpu_seconds=1.5)
    results = some_results(
        point, footprints=[Footprint("granian, 2", "logistic", 1.5, 180.4, 90.2)]
    )

    row = footprint.table(results, [entry]).splitlines()[-1]

    assert cells(row) == ["granian, 2", "1.50", "180", "1000", "2000"]
