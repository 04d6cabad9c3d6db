from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from app.domain.contract import Feature
from app.domain.rows import RowReader
from app.domain.sifting import sift
from app.lifecycle.batch.extents import Block, Refused
from app.lifecycle.batch.rows import Scorer, sieve
from app.settings.schema import Settings
from app.wiring.offline import open_version
from test.builders import a_contract

FEATURES = {
    "numbers": (Feature(name="a"), Feature(name="b", kind="int"), Feature(name="c", kind="bool")),
    "table": (
        Feature(name="a"),
        Feature(name="b", kind="category", categories=("x", "y")),
        Feature(name="c", kind="bool"),
    ),
}


def some_matrix(form: str, share_bad: float) -> np.ndarray:
    generator = np.random.default_rng(4)
    n_rows = 2_000
    matrix = np.empty((n_rows, 3), dtype=object)
    matrix[:, 0] = generator.normal(size=n_rows).tolist()
    matrix[:, 1] = [*map(float, range(n_rows))] if form == "numbers" else ["x", "y"] * 1_000
    matrix[:, 2] = 1.0
    for column, bad in ((0, 1e9), (1, 0.5 if form == "numbers" else "z"), (2, 7.0)):
        matrix[generator.random(n_rows) < share_bad / 2, column] = bad
    return matrix.astype(np.float64) if form == "numbers" else matrix


def a_reader(form: str) -> RowReader:
    return RowReader(
        a_contract(*FEATURES[form]), min_value=-1e6, max_value=1e6, nan_replacement=0, max_rows=1
    )


@pytest.mark.parametrize("share_bad", [0.0, 0.01, 0.5, 2.0])
@pytest.mark.parametrize("form", ["numbers", "table"])
def test_it_finds_the_rows_that_are_refused_one_by_one(form: str, share_bad: float) -> None:
    matrix, check = some_matrix(form, share_bad), a_reader(form).checked
    block = Block(pa.RecordBatch.from_pydict({}), np.arange(len(matrix)))

    found, expected = sieve(check, matrix.copy(), block), sift(check, matrix.copy())

    assert [it.row for it in found.faults] == [it.row for it in expected.faults]
    if form == "numbers":  # of a table's row with two faults it may name the other
        assert found.faults == expected.faults
    assert [*found.kept] == [*expected.kept]
    if expected.parts:
        assert np.array_equal(found.matrix, np.concatenate(expected.parts))


def test_rows_with_cells_that_could_not_be_read_are_out_from_the_start() -> None:
    matrix = np.array([[1.0, 1.0, 1.0]] * 3)
    faults = [Refused(1, "a", "must be a number, not 'x'")]
    block = Block(pa.RecordBatch.from_pydict({}), np.arange(3), faults=faults)

    found = sieve(a_reader("numbers").checked, matrix, block)

    assert [*found.kept] == [0, 2]
    assert [(it.row, it.feature) for it in found.faults] == [(1, "a")]


def test_of_nothing_but_faulty_cells_no_row_is_left() -> None:
    faults = [Refused(row, "a", "must be a number, not '1,5'") for row in range(2)]
    block = Block(pa.RecordBatch.from_pydict({}), np.arange(2), faults=faults)

    found = sieve(a_reader("numbers").checked, np.ones((2, 3)), block)

    assert ([*found.kept], len(found.faults)) == ([], 2)


def test_answers_stay_when_more_blocks_are_scored(line: Settings) -> None:
    model = open_version(line, None)
    assert model.engine_name == "linear"
    scorer = Scorer(model, pa.schema([]), datetime(2026, 1, 1, tzinfo=UTC))
    numbers = np.arange(500.0)

    told = [
        scorer.score(Block(pa.RecordBatch.from_pydict({"a": it, "b": -it}), np.arange(len(it))))[0]
        for it in (numbers[:200], numbers[200:250], numbers[250:])
    ]

    answers = np.concatenate([it.column("prediction").to_numpy() for it in told])
    expected = model.engine.predict(np.column_stack([numbers, -numbers])).predictions
    assert np.allclose(answers, expected, rtol=1e-12)
