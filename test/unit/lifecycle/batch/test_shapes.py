from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from app.settings.schema import Settings
from test.promoted import a_model_of_two_targets, a_table_model, a_text_model, an_outlier_detector
from test.unit.lifecycle.batch.tables import answers, rejects, scored, some_rows, written

PEOPLE = pa.table(
    {
        "town": ["Bern", "Zürich", "Rom", None] * 10,
        "age": [30, 40, 50, None] * 10,
        "member": [True, False, None, True] * 10,
    }
)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_table_keeps_its_contract(settings: Settings, tmp_path: Path, ending: str) -> None:
    estimator = a_table_model(settings)

    scored(settings, written(tmp_path / f"in.{ending}", PEOPLE), tmp_path / "out", n_workers=1)

    found = answers(tmp_path / "out")
    expected = estimator.predict([[30.0, 1.0, "Bern"], [40.0, 0.0, "Zürich"]])
    assert found["prediction"].to_pylist() == [*expected] * 10
    assert [it["reason"] for it in rejects(tmp_path / "out")[:2]] == [
        "must be one of: Bern, Zürich", "may not be missing",
    ]  # fmt: skip


def test_processes_answer_as_one_does(settings: Settings, tmp_path: Path) -> None:
    a_text_model(settings)
    words = ["good day", "bad night", None, "Wort für Wort"] * 4_500
    source = written(tmp_path / "in.parquet", pa.table({"text": words}))

    outcomes = [
        scored(settings, source, tmp_path / name, n_workers=n_workers)
        for name, n_workers in (("one", 1), ("two", 2))
    ]

    one, two = answers(tmp_path / "one"), answers(tmp_path / "two")
    assert [(it.n_rows, it.n_rejected) for it in outcomes] == [(18_000, 4_500)] * 2
    assert one.equals(two)
    assert rejects(tmp_path / "one") == rejects(tmp_path / "two")


@pytest.mark.parametrize("size", ["", "large_"], ids=["small", "large"])
def test_text_of_bytes_that_are_none_is_rejected(
    settings: Settings, tmp_path: Path, size: str
) -> None:
    a_text_model(settings)
    cells = pa.array([b"good day", b"\xff", None, b""], getattr(pa, f"{size}binary")())
    text = pa.Array.from_buffers(getattr(pa, f"{size}string")(), 4, cells.buffers())

    scored(settings, written(tmp_path / "in.parquet", pa.table({"text": text})), tmp_path / "out")

    assert [(it["row"], it["reason"]) for it in rejects(tmp_path / "out")] == [
        (1, "holds bytes that are no UTF-8"), (2, "may not be missing"),
    ]  # fmt: skip
    assert answers(tmp_path / "out")["row"].to_pylist() == [0, 3]


@pytest.mark.parametrize(
    ("promoted", "columns"),
    [
        (an_outlier_detector, {"prediction": "int64"}),
        (a_model_of_two_targets, {"prediction_sum": "double", "prediction_gap": "double"}),
    ],
    ids=["outliers", "two-targets"],
)
def test_answers_have_columns_of_their_own_types(
    settings: Settings,
    tmp_path: Path,
    promoted: Callable[[Settings], Any],
    columns: dict[str, str],
) -> None:
    promoted(settings)

    scored(settings, written(tmp_path / "in.parquet", some_rows(30)), tmp_path / "out")

    found = answers(tmp_path / "out").schema
    assert {it.name: str(it.type) for it in found if it.name.startswith("pred")} == columns
