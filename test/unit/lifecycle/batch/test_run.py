from __future__ import annotations

import fcntl
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.errors import OperatorError
from app.settings.schema import Settings
from app.wiring.offline import open_version
from test.builders import a_classification_table, a_promoted_model, a_regression_table
from test.unit.lifecycle.batch.tables import NOW, answers, rejects, scored, some_rows, written

N_ROWS = 40_000


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_every_form_is_read(line: Settings, tmp_path: Path, ending: str) -> None:
    table = some_rows(N_ROWS, name=[f"n {n}" for n in range(N_ROWS)])

    outcome = scored(line, written(tmp_path / f"in.{ending}", table), tmp_path / "out")

    found = answers(tmp_path / "out")
    rows = np.stack([table["a"].to_numpy(), table["b"].to_numpy()], axis=1)
    expected = open_version(line, "line", "1").engine.predict(rows).predictions
    assert (outcome.n_rows, outcome.n_rejected, outcome.rejects) == (N_ROWS, 0, None)
    assert found["row"].to_pylist() == [*range(N_ROWS)]
    assert found["name"].to_pylist() == table["name"].to_pylist()
    assert np.allclose(found["prediction"].to_numpy(), expected)
    assert set(found["model"].to_pylist()) == {"line"}
    assert set(found["version"].to_pylist()) == {"1"}
    assert set(found["scored_at"].to_pylist()) == {NOW}


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_one_file_is_written_where_one_is_named(
    line: Settings, tmp_path: Path, ending: str
) -> None:
    source = written(tmp_path / "in.parquet", some_rows(N_ROWS))
    target = tmp_path / f"out.{ending}"

    first, again = scored(line, source, target), scored(line, source, target)

    form = "ipc" if ending == "arrow" else ending
    assert answers(target, form)["row"].to_pylist() == [*range(N_ROWS)]
    assert (first.was_done, again.was_done) == (False, True)
    assert not list((tmp_path / f"out.{ending}.parts").glob("part-*"))


@pytest.mark.parametrize("form", ["csv", "arrow"])
def test_parts_have_the_form_that_is_asked_for(line: Settings, tmp_path: Path, form: str) -> None:
    source = written(tmp_path / "in.parquet", some_rows(N_ROWS))

    scored(line, source, tmp_path / "out", form=form)

    names = sorted(it.name for it in (tmp_path / "out").glob("part-*"))
    assert names == [f"part-{number:05}.{form}" for number in range(3)]


def test_a_folder_is_read_in_the_order_of_its_names(line: Settings, tmp_path: Path) -> None:
    for number, name in enumerate(["b/2.parquet", "a.parquet", "_not.parquet", "b/.no.parquet"]):
        written(tmp_path / "in" / name, some_rows(10, file=[number] * 10))

    scored(line, tmp_path / "in", tmp_path / "out")

    assert answers(tmp_path / "out")["file"].to_pylist() == [1] * 10 + [0] * 10


def test_only_named_keys_are_kept(line: Settings, tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", some_rows(5, x=range(5), y=range(5)))

    scored(line, source, tmp_path / "out", keys=["y", "a"])

    names = answers(tmp_path / "out").column_names
    assert names == ["y", "a", "row", "prediction", "model", "version", "scored_at"]


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_bad_rows_are_set_aside_with_reason_and_keys(
    line: Settings, tmp_path: Path, ending: str
) -> None:
    table = some_rows(N_ROWS, name=[f"n {n}" for n in range(N_ROWS)])
    a, bad = table["a"].to_numpy().copy(), [3, 4, 7_000, N_ROWS - 1]
    a[bad] = 1e9
    table = table.set_column(0, "a", pa.array(a))

    outcome = scored(line, written(tmp_path / f"in.{ending}", table), tmp_path / "out")

    found = answers(tmp_path / "out")["row"].to_pylist()
    reason = "must be from -1000000 to 1000000"
    assert outcome.n_rejected == len(bad)
    assert found == sorted({*range(N_ROWS)} - {*bad})
    assert rejects(tmp_path / "out") == [
        {"name": f"n {row}", "row": row, "feature": "a", "reason": reason} for row in bad
    ]


def test_labels_and_probabilities_are_columns(settings: Settings, tmp_path: Path) -> None:
    a_promoted_model(settings, a_classification_table())

    scored(settings, written(tmp_path / "in.parquet", some_rows(50)), tmp_path / "out")

    found = answers(tmp_path / "out")
    shares = np.stack([found[f"probability_{it}"].to_numpy() for it in range(3)])
    assert found.schema.field("prediction").type == pa.int64()
    assert np.allclose(shares.sum(axis=0), 1)
    assert np.array_equal(shares.argmax(axis=0), found["prediction"].to_numpy())


def test_no_row_is_no_mistake(line: Settings, tmp_path: Path) -> None:
    outcome = scored(line, written(tmp_path / "in.parquet", some_rows(0)), tmp_path / "out")

    assert outcome.n_rows == 0
    assert answers(tmp_path / "out").column_names[0] == "row"


def test_a_missing_number_is_filled_in(line: Settings, tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", pa.table({"a": [1.0, None], "b": [0, 1]}))

    assert scored(line, source, tmp_path / "out").n_rejected == 0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"a": [1.0]}), r"in.parquet: has no column 'b', which line needs\. Fix: .*: a$"),
        (pa.table({"a": ["x"], "b": [1]}), r"a is string, and the model needs numbers"),
        (pa.table({"a": [1], "b": [1], "row": [1]}), r"the column 'row' would stand beside one of"),
        (pa.table([[1], [2], [3]], ["a", "b", "a"]), r"two columns are called 'a'"),
    ],
    ids=["missing", "kind", "clash", "twice"],
)
def test_columns_that_do_not_fit_are_told(
    line: Settings, tmp_path: Path, table: pa.Table, message: str
) -> None:
    source = written(tmp_path / "in.parquet", table)

    with pytest.raises(OperatorError, match=message):
        scored(line, source, tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("nothing.parquet", "out", r"nothing.parquet: there is no such file"),
        ("empty", "out", r"empty: holds no input"),
        ("broken.parquet", "out", r"broken.parquet: ArrowInvalid: .*Fix: "),
        ("rows.txt", "out", r"rows.txt: is of no known form"),
        ("in", "in/out", r"input and output lie in each other"),
        ("in/rows.parquet", "in", r"input and output lie in each other"),
        ("in", "strange", r"strange: is not empty, and nothing says that a batch"),
        ("in", "strange/file.csv", r"file.csv: is there, and not from a batch"),
    ],
    ids=["none", "empty", "broken", "form", "inside", "around", "folder", "file"],
)
def test_a_source_or_target_that_cannot_be_used_is_told(
    line: Settings, tmp_path: Path, source: str, target: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.parquet").write_bytes(b"no Parquet")
    (tmp_path / "rows.txt").touch()
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange/file.csv").touch()
    written(tmp_path / "in/rows.parquet", some_rows(5))

    with pytest.raises(OperatorError, match=message):
        scored(line, tmp_path / source, tmp_path / target)


@pytest.mark.parametrize("what", ["input", "model", "keys", "format", "rules"])
def test_another_batch_is_not_mixed_in(line: Settings, tmp_path: Path, what: str) -> None:
    source = written(tmp_path / "in.parquet", some_rows(50, key=range(50)))
    scored(line, source, tmp_path / "out")
    changed: dict[str, dict[str, object]] = {
        "keys": {"keys": ["a"]}, "format": {"form": "csv"}, "rules": {"rules": {"min_value": 1.0}},
    }  # fmt: skip
    if what == "input":
        os.utime(source, (1, 1))
    if what == "model":
        a_promoted_model(line, a_regression_table(slope=3.0))
    wishes = changed.get(what, {})

    with pytest.raises(OperatorError, match=r"out: holds another batch: the .*|other keys|another"):
        scored(line, source, tmp_path / "out", **wishes)

    assert scored(line, source, tmp_path / "out", restart=True, **wishes).n_rows == 50


def test_a_part_that_is_gone_is_scored_again(line: Settings, tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", some_rows(N_ROWS))
    scored(line, source, tmp_path / "out")
    whole = answers(tmp_path / "out")
    (tmp_path / "out/part-00001.parquet").unlink()

    outcome = scored(line, source, tmp_path / "out")

    assert not outcome.was_done
    assert answers(tmp_path / "out").equals(whole)


def test_two_runs_at_once_are_not_possible(line: Settings, tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet", some_rows(5))
    (tmp_path / "out").mkdir()
    handle = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    with pytest.raises(OperatorError, match="another run is writing there"):
        scored(line, source, tmp_path / "out")

    os.close(handle)


def test_rejects_of_a_file_lie_beside_it(line: Settings, tmp_path: Path) -> None:
    source = written(tmp_path / "in.csv", pa.table({"a": ["x", "1"], "b": ["2", "3"]}))

    outcome = scored(line, source, tmp_path / "out.csv")

    assert outcome.rejects == f"{tmp_path}/out.csv.rejects.parquet"
    [reject] = parquet.read_table(outcome.rejects).to_pylist()
    assert reject == {"row": 0, "feature": "a", "reason": "must be a number, not 'x'"}
