from __future__ import annotations

from benchmarks.arrivals import Met
from benchmarks.overload import Round, table


def test_goodput_is_a_share_of_the_capacity() -> None:
    calm = Met(
        seconds=1,
        offered=30,
        answers=30,
        refused=0,
        errors=0,
        p50_ms=1,
        p99_ms=4.0,
        refused_p99_ms=0,
    )
    loaded = Met(
        seconds=2,
        offered=600,
        answers=190,
        refused=410,
        errors=0,
        p50_ms=5,
        p99_ms=9.0,
        refused_p99_ms=1.5,
    )

    row = table({"one row": [Round(100.0, calm, loaded)]}).splitlines()[-1]

    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["one row", "100", "95%", "68%", "0", "4.0", "9.0", "1.5"]
