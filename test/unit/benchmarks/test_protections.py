from __future__ import annotations

from benchmarks.protections import ALL, NONE, table
from benchmarks.report import Slice
from benchmarks.stripped import PROTECTIONS


def slices(*answers_per_cpu_second: float) -> list[Slice]:
    return [
        Slice(
            server="granian",
            case="new",
            connections=16,
            requests_per_second=rate,
            answers_per_cpu_second=rate,
            p50_ms=1.0,
            p99_ms=1.0,
            errors=0,
            core_share=1.0,
            load_share=0.1,
        )
        for rate in answers_per_cpu_second
    ]


def test_the_cost_of_a_protection_is_the_median_difference_within_a_round() -> None:
    full, without, none = slices(800, 400), slices(1000, 500), slices(1000, 1000)

    shown = table({ALL: full, NONE: none} | dict.fromkeys(PROTECTIONS, without))

    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in shown.splitlines()
        if "|" in line
    ]
    assert [row[0] for row in rows[2:]] == [*PROTECTIONS, "all together"]
    assert rows[2] == [PROTECTIONS[0], "375", "62", "37.5"]  # 250 and 500 of 1000 microseconds
    assert rows[-1] == ["all together", "875", "312", "87.5"]
    assert "without any of them: 1000" in shown
