from __future__ import annotations

from pathlib import Path

import pytest

from app.lifecycle.batch.inputs import find_inputs
from app.lifecycle.batch.plan import plan_of
from test.unit.lifecycle.batch.tables import some_rows, written


@pytest.mark.parametrize(
    ("n_rows", "group_rows", "expected"),
    [
        (40_000, 40_000, [16_384, 16_384, 7_232]),
        (200_000, 200_000, [25_000] * 8),
        (40_000, 4_000, [16_000, 16_000, 8_000]),
        (0, 10, [0]),
    ],
    ids=["one-group", "one-large-group", "small-groups", "none"],
)
def test_parts_are_cut_by_rows(
    tmp_path: Path, n_rows: int, group_rows: int, expected: list[int]
) -> None:
    file = written(tmp_path / "in.parquet", some_rows(n_rows), group_rows=group_rows)

    plan = plan_of(find_inputs(str(file)))

    assert [part.n_rows for part in plan.parts] == expected


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_small_files_share_parts(tmp_path: Path, ending: str) -> None:
    for number in range(10):
        written(tmp_path / "in" / f"{number}.{ending}", some_rows(5_000))

    plan = plan_of(find_inputs(str(tmp_path / "in")))

    assert [part.n_rows for part in plan.parts] == [15_000, 15_000, 15_000, 5_000]
    firsts = [piece.first_row for part in plan.parts for piece in part.pieces]
    assert firsts == [5_000 * number for number in range(10)]
