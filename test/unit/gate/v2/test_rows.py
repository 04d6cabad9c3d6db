from __future__ import annotations

import numpy as np
import pytest

from app.domain.contract import Contract, Feature
from app.errors import InputInvalidError
from app.gate.v2.request import Sent
from app.gate.v2.rows import check_shapes, rows_of
from app.gate.v2.tensors import Tensor, read_tensors
from test.builders import a_contract

TABLE = (
    Feature(name="age", kind="int"),
    Feature(name="member", kind="bool"),
    Feature(name="town", kind="category"),
)


def sent(name: str, *shape: int) -> Sent:
    return Sent(name, "FP64", shape, [0.0], None, is_json=False)


@pytest.mark.parametrize(
    ("inputs", "contract"),
    [
        ([sent("whatever", 3, 2)], a_contract()),
        ([sent("a", 3, 2)], a_contract()),
        ([sent("b", 3, 1), sent("a", 3)], a_contract()),
        ([sent("whatever", 3)], a_contract(Feature(name="only"))),
        ([sent("only", 3)], a_contract(Feature(name="only"))),
    ],
    ids=["one", "one named like a feature", "one a feature", "one of one", "by its name"],
)
def test_one_tensor_of_all_or_one_a_feature_may_come(
    inputs: list[Sent], contract: Contract
) -> None:
    check_shapes(inputs, contract, most_rows=3)


def test_a_feature_alone_is_not_enough() -> None:
    with pytest.raises(InputInvalidError, match="b: is absent"):
        check_shapes([sent("a", 3)], a_contract(), most_rows=3)


def test_numbers_become_one_matrix_in_the_order_of_the_features() -> None:
    tensors = [
        Tensor("b", "INT8", np.array([[1.0], [2.0]])),
        Tensor("a", "FP32", np.array([[3.0], [np.nan]])),
    ]

    matrix = rows_of(tensors, a_contract())

    assert isinstance(matrix, np.ndarray)
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    assert np.array_equal(matrix, [[3.0, 1.0], [np.nan, 2.0]], equal_nan=True)


def test_a_table_becomes_objects() -> None:
    tensors = [
        Tensor("town", "BYTES", np.array([["Bern"], [None]], object)),
        Tensor("member", "BOOL", np.array([[1.0], [0.0]])),
        Tensor("age", "INT64", np.array([[41.0], [7.0]])),
    ]

    matrix = rows_of(tensors, a_contract(*TABLE))

    assert isinstance(matrix, np.ndarray)
    assert matrix.tolist() == [[41.0, 1.0, "Bern"], [7.0, 0.0, None]]
    assert {type(value) for value in matrix.ravel()} == {float, str, type(None)}


def test_a_column_of_json_makes_rows_that_are_checked_one_by_one() -> None:
    elements = Sent("a", "BYTES", (2,), ["1", "null"], None, is_json=True)
    numbers = Sent("b", "FP64", (2, 1), [[2], [3]], None, is_json=False)

    rows = rows_of(read_tensors([elements, numbers], memoryview(b"")), a_contract())

    assert rows == [[1, 2.0], [None, 3.0]]


def test_a_tensor_of_another_kind_is_refused_by_the_name_of_its_feature() -> None:
    whole = Tensor("x", "BOOL", np.zeros((1, 3)))

    with pytest.raises(InputInvalidError) as caught:
        rows_of([whole], a_contract(*TABLE))

    assert [fault.feature for fault in caught.value.faults] == ["age", "town"]
