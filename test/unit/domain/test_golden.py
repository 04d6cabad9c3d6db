from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from app.domain.contract import Contract, GoldenRows
from app.domain.golden import COMPILED, golden_matrix, record, replay
from app.domain.ports import Matrix, Scores
from app.errors import ModelRejectedError
from test.builders import a_contract


@dataclass
class Sums:
    """An engine that adds its columns up, and may be a little off."""

    factor: float = 1.0

    def predict(self, matrix: Matrix) -> Scores:
        return Scores(np.nansum(matrix, axis=1) * self.factor, None)


@dataclass
class Sides:
    """An engine that says on which side of zero a row lies."""

    limit: float = 0.0
    probability: float | None = 0.75

    def predict(self, matrix: Matrix) -> Scores:
        labels = np.where(np.nansum(matrix, axis=1) > self.limit, "right", "left")
        if self.probability is None:
            return Scores(labels, None)
        return Scores(labels, np.full((len(matrix), 2), self.probability))


class Fails:
    def predict(self, matrix: Matrix) -> Scores:
        raise ValueError("no such column", matrix.shape)


class Twice:
    def predict(self, matrix: Matrix) -> Scores:
        return Scores(np.vstack([matrix, matrix]), None)


ROWS = np.array([[1.0, 2.0], [np.nan, 3.0], [-4.0, 1.0]])


def of_sums() -> Contract:
    return a_contract(golden=record(ROWS, Sums()))


def test_a_compiled_engine_may_be_a_little_further_off() -> None:
    replay(of_sums(), Sums(1.0 + 5e-6), COMPILED)
    with pytest.raises(ModelRejectedError, match="answered differently"):
        replay(of_sums(), Sums(1.0 + 5e-5), COMPILED)


def of_sides(engine: Sides | None = None) -> Contract:
    return a_contract(task="classification", golden=record(ROWS, engine or Sides()))


def test_recorded_rows_keep_input_and_answer() -> None:
    golden = record(ROWS, Sums())

    assert golden == GoldenRows(
        inputs=((1.0, 2.0), (None, 3.0), (-4.0, 1.0)), predictions=(3.0, 3.0, -3.0)
    )


def test_recorded_rows_keep_probabilities() -> None:
    assert record(ROWS[:1], Sides()).probabilities == ((0.75, 0.75),)


def test_at_most_32_rows_are_recorded() -> None:
    assert len(record(np.zeros((1_000, 2)), Sums()).inputs) == 32


def test_recorded_rows_spread_over_the_data() -> None:
    matrix = np.arange(1_000.0)[:, None]

    inputs = [row[0] for row in record(matrix, Sums()).inputs]

    assert (inputs[0], inputs[-1], len(set(inputs))) == (0.0, 999.0, 32)


def test_a_single_row_can_be_recorded() -> None:
    assert record(np.ones((1, 2)), Sums()).predictions == (2.0,)


def test_a_missing_value_comes_back_as_nan() -> None:
    np.testing.assert_array_equal(golden_matrix(record(ROWS, Sums())), ROWS)


@pytest.mark.parametrize("factor", [1.0, 1.0 + 5e-7, 1.0 - 5e-7])
def test_numbers_within_a_millionth_agree(factor: float) -> None:
    replay(of_sums(), Sums(factor))


def test_numbers_further_off_are_refused() -> None:
    with pytest.raises(ModelRejectedError, match="3 of 3 golden rows are answered differently"):
        replay(of_sums(), Sums(1.0 + 5e-6))


def test_equal_labels_agree() -> None:
    replay(of_sides(), Sides())


def test_a_changed_label_is_refused() -> None:
    with pytest.raises(ModelRejectedError, match="2 of 3 golden rows"):
        replay(of_sides(), Sides(limit=5.0))


def test_labels_of_another_type_are_refused() -> None:
    with pytest.raises(ModelRejectedError, match="3 of 3"):
        replay(a_contract(task="classification", golden=record(ROWS, Sums())), Sides())


def test_changed_probabilities_are_refused() -> None:
    with pytest.raises(ModelRejectedError, match="3 of 3"):
        replay(of_sides(), Sides(probability=0.7501))


def test_lost_probabilities_are_refused() -> None:
    with pytest.raises(ModelRejectedError, match="3 of 3"):
        replay(of_sides(), Sides(probability=None))


def test_probabilities_that_nobody_recorded_are_no_reason_to_refuse() -> None:
    replay(of_sides(Sides(probability=None)), Sides())


def test_answers_of_another_shape_are_refused() -> None:
    with pytest.raises(ModelRejectedError, match="3 of 3"):
        replay(of_sums(), Twice())


def test_an_engine_that_fails_is_refused() -> None:
    with pytest.raises(
        ModelRejectedError, match=r"cannot be replayed: ValueError: .*no such column"
    ):
        replay(of_sums(), Fails())


def test_without_golden_rows_nothing_is_asked() -> None:
    replay(a_contract(), Fails())
