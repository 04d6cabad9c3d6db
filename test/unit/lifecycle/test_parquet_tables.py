from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import TrainingDataError
from app.lifecycle.parquet_tables import from_parquet

N = 40
FEATURES: dict[str, Any] = {
    "entity": [f"customer-{n}" for n in range(N)],
    "event_time": [datetime(2026, 1, 1)] * N,  # noqa: DTZ001  a column without zone
    "spent": pa.array([None if n == 3 else n / 7 for n in range(N)], pa.float32()),
    "visits": list(range(N)),
    "is_new": [n % 2 == 0 for n in range(N)],
    "town": pa.array(["Ulm", "Bonn"] * (N // 2)).dictionary_encode(),
    "code": ["01", "02"] * (N // 2),
    "left": [n % 3 == 0 for n in range(N)],
}
LEFT_OUT = ["entity", "event_time"]


def written(folder: Path, **changes: Any) -> Path:
    pq.write_table(pa.table(FEATURES | changes), folder / "features.parquet")
    return folder / "features.parquet"


def test_a_columns_type_says_its_kind(tmp_path: Path) -> None:
    table = from_parquet(written(tmp_path), ["left"], LEFT_OUT)

    assert dict(zip(table.feature_names, table.kinds, strict=True)) == {
        "spent": "float", "visits": "float", "is_new": "bool", "town": "category",
        "code": "category",
    }  # fmt: skip
    assert table.name == "features"
    assert table.features[1].tolist() == [float(np.float32(1 / 7)), 1.0, 0.0, "Bonn", "02"]
    assert np.isnan(table.features[3][0])


def test_true_and_false_are_classes(tmp_path: Path) -> None:
    table = from_parquet(written(tmp_path), ["left"], LEFT_OUT)

    assert table.is_classification
    assert table.target is not None
    assert table.target[:4].tolist() == [1, 0, 0, 1]


def test_numbers_alone_are_one_matrix(tmp_path: Path) -> None:
    path = written(tmp_path)

    table = from_parquet(path, [], [*LEFT_OUT, "town", "code", "left"])

    assert table.features.dtype == np.float64
    assert table.task == "outlier-detection"


def test_a_folder_of_partitions_is_one_table(tmp_path: Path) -> None:
    for day in ("2026-01-01", "2026-01-02"):
        (tmp_path / "f" / f"date={day}").mkdir(parents=True)
        written(tmp_path / "f" / f"date={day}")

    table = from_parquet(tmp_path / "f", ["left"], [*LEFT_OUT, "date"])

    assert len(table.features) == 2 * N


@pytest.mark.parametrize(
    ("changes", "targets", "message"),
    [
        ({}, ["gone"], "there is no column 'gone'; there is: entity, event_time, "),
        ({"when": FEATURES["event_time"]}, ["left"], "a model takes no timestamp"),
        ({"many": [[1.0]] * N}, ["left"], "many: a model takes no list<"),
        ({"spent": pa.nulls(N, pa.float64())}, ["left"], "spent: holds no value at all"),
        ({"spent": [float("nan")] * N}, ["left"], "spent: holds no value at all"),
        ({"spent": [float("inf")] * N}, ["left"], "spent: holds a value beyond"),
        ({"left": pa.array([None, *[True] * (N - 1)])}, ["left"], "the target 'left' is missing"),
    ],
    ids=["column", "time", "list", "nulls", "nan", "infinite", "target"],
)
def test_what_cannot_be_learnt_is_refused(
    tmp_path: Path, changes: dict[str, Any], targets: list[str], message: str
) -> None:
    path = written(tmp_path, **changes)

    with pytest.raises(TrainingDataError) as refused:
        from_parquet(path, targets, LEFT_OUT)

    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1.0], "y": [1.0]}), tmp_path / "few.parquet")

    with pytest.raises(TrainingDataError, match="has 1 rows; 20 are needed"):
        from_parquet(tmp_path / "few.parquet", ["y"])


@pytest.mark.parametrize("content", [None, b"", b"a,b\n1,2\n"], ids=["gone", "empty", "csv"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "table.parquet"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(TrainingDataError, match=r"table\.parquet: cannot be read as Parquet: "):
        from_parquet(path, ["y"])
