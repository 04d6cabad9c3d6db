from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from app.domain.contract import Contract, Feature, GoldenRows
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


class Answers:
    """An engine that answers the same whatever it is asked."""

    def __init__(self, predictions: Any, probabilities: Any = None) -> None:
        self.scores = Scores(np.array(predictions), probabilities)

    def predict(self, matrix: Matrix) -> Scores:
        self.asked = matrix
        return self.scores


WORDS = np.array([[1.0, "Bern"], [np.nan, np.nan]], dtype=object)
SHARES = (np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 0.0]]))
PAIRS = [["a", "x"], ["b", "y"]]


def of_words(engine: Answers, task: str = "classification") -> Contract:
    features = (Feature(name="age"), Feature(name="town", kind="category"))
    contract = a_contract(*features, task=task, golden=record(WORDS, engine))
    return Contract.model_validate_json(contract.model_dump_json())


def test_words_and_gaps_come_back_as_they_were_recorded() -> None:
    engine = Answers(PAIRS, SHARES)

    replay(of_words(engine), engine)

    assert engine.asked.dtype == object
    assert engine.asked[0].tolist() == [1.0, "Bern"]
    assert [value != value for value in engine.asked[1]] == [True, True]  # noqa: PLR0124


def test_every_target_is_recorded_for_its_row() -> None:
    golden = record(WORDS, Answers(PAIRS, SHARES))

    assert golden.predictions == (("a", "x"), ("b", "y"))
    assert golden.probabilities == (
        ((0.25, 0.75), (0.1, 0.2, 0.7)),
        ((0.5, 0.5), (1.0, 0.0, 0.0)),
    )


@pytest.mark.parametrize(
    ("other", "n_wrong"),
    [
        (Answers([["a", "x"], ["b", "z"]], SHARES), 1),
        (Answers(["a", "b"], SHARES), 2),
        (Answers(PAIRS, SHARES[0]), 2),
        (Answers(PAIRS, (SHARES[0], SHARES[1] + [[0.0, 0.0, 1e-4], [0.0, 0.0, 0.0]])), 1),
        (Answers(PAIRS, SHARES[::-1]), 2),
        (Answers(PAIRS), 2),
    ],
    ids=["label", "one target", "one array", "share", "order", "none"],
)
def test_a_change_in_one_target_is_refused(other: Answers, n_wrong: int) -> None:
    contract = of_words(Answers(PAIRS, SHARES))

    with pytest.raises(ModelRejectedError, match=f"{n_wrong} of 2 golden rows"):
        replay(contract, other)


@pytest.mark.parametrize(("factor", "agrees"), [(1 + 5e-7, True), (1 + 5e-6, False)])
def test_numbers_of_several_targets_are_compared_one_by_one(factor: float, agrees: bool) -> None:  # noqa: FBT001
    numbers = np.array([[1.0, 200.0], [3.0, -4.0]])
    contract = of_words(Answers(numbers), "regression")
    other = Answers(numbers * [[1.0, factor], [1.0, 1.0]])

    if agrees:
        replay(contract, other)
        return
    with pytest.raises(ModelRejectedError, match="1 of 2 golden rows"):
        replay(contract, other)


def test_words_instead_of_numbers_are_refused() -> None:
    contract = of_words(Answers([1.0, 2.0]), "regression")

    with pytest.raises(ModelRejectedError, match="2 of 2 golden rows"):
        replay(contract, Answers(["one", "two"]))


def test_without_golden_rows_a_table_is_empty() -> None:
    assert len(golden_matrix(GoldenRows(), "table")) == 0
