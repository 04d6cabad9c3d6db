from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contract import Feature, Missing
from app.domain.rows import RowReader
from app.domain.words import MAX_CHARACTERS
from app.errors import BodyTooLargeError, InputInvalidError, ModelRejectedError
from test.builders import a_contract

TOWNS = ("Bern", "Genf")
AGE = Feature(name="age", missing=Missing(policy="pass"), trained_minimum=0, trained_maximum=90)
TOWN = Feature(name="town", kind="category", categories=TOWNS, unknown="warn")
GROUP = Feature(name="group", kind="category", categories=("1", "2"))
NOTE = Feature(name="note", kind="text", missing=Missing(policy="fill", value="nothing"))
ILL = Feature(name="ill", kind="bool")
ALL = (AGE, TOWN, GROUP, NOTE, ILL)


def a_reader(*features: Feature, takes: str = "table", **changes: Any) -> RowReader:
    limits: dict[str, Any] = {
        "min_value": -100.0,
        "max_value": 100.0,
        "nan_replacement": 7.0,
        "max_rows": 30,
    }
    return RowReader(a_contract(*features, input=takes), **(limits | changes))


READER = a_reader(*ALL)


def faults_of(reader: RowReader, data: object) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(InputInvalidError) as caught:
        reader.matrix(data)
    return [(fault.row, fault.feature, fault.reason) for fault in caught.value.faults]


def test_a_row_holds_floats_and_strings() -> None:
    matrix = READER.matrix([[41, "Bern", "1", "hm", True], [0.5, "Genf", "2", "", 0]])

    assert matrix.dtype == object
    assert matrix.tolist() == [[41.0, "Bern", "1", "hm", 1.0], [0.5, "Genf", "2", "", 0.0]]
    assert {type(value) for value in matrix.ravel()} == {float, str}


def test_a_table_of_nothing_but_numbers_holds_objects_too() -> None:
    assert a_reader(AGE, ILL).matrix([[1, 0]]).dtype == object
    assert a_reader(AGE, ILL).matrix(np.array([[1.0, 0.0]])).tolist() == [[1.0, 0.0]]


def test_objects_and_columns_are_put_into_the_order_of_the_contract() -> None:
    names = ["ill", "note", "group", "town", "age"]
    rows = [[False, "a", "1", "Bern", None], [True, "b", "2", "Genf", 3]]

    as_objects = READER.matrix([dict(zip(names, row, strict=True)) for row in rows])
    as_columns = READER.matrix(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))

    assert as_objects[1].tolist() == [3.0, "Genf", "2", "b", 1.0]
    assert isnan(as_objects[0, 0])
    assert as_columns[:, 1:].tolist() == as_objects[:, 1:].tolist()


def test_the_contract_decides_what_happens_to_a_missing_value() -> None:
    passed = Feature(name="town", kind="category", missing=Missing(policy="pass"))

    row = a_reader(AGE, passed, NOTE, ILL).matrix([[None, None, None, None]])[0].tolist()

    assert isnan(row[0])
    assert isnan(row[1])
    assert row[2:] == ["nothing", 7.0]


@pytest.mark.parametrize("missing", [None, Missing(policy="refuse")], ids=["unsaid", "refused"])
def test_a_category_is_needed_unless_the_contract_says_otherwise(missing: Missing | None) -> None:
    reader = a_reader(Feature(name="town", kind="category", missing=missing))

    assert faults_of(reader, [["x"], [None]]) == [(1, "town", "may not be missing")]


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, "41", "must be a number or null, not a string"),
        (0, True, "must be a number or null, not a boolean"),
        (0, 101, "must be from -100 to 100"),
        (1, 5, "must be a string or null, not a number"),
        (1, ["x"], "must be a string or null, not an array"),
        (1, None, "may not be missing"),
        (2, "3", "must be one of: 1, 2"),
        (2, {}, "must be a string or null, not an object"),
        (3, False, "must be a string or null, not a boolean"),
        (3, "x" * (MAX_CHARACTERS + 1), "has 65537 characters; at most 65536 are taken"),
        (4, 2, "must be true or false"),
        (4, "yes", "must be a number or null, not a string"),
    ],
    ids=["text", "truth", "beyond", "number", "list", "missing", "unknown", "object", "false",
         "long", "two", "yes"],
)  # fmt: skip
def test_a_value_that_breaks_the_contract_is_named(place: int, value: Any, reason: str) -> None:
    good: list[Any] = [1.0, "Bern", "1", "a", True]
    bad = [*good[:place], value, *good[place + 1 :]]

    assert faults_of(READER, [good, bad, good]) == [(1, ALL[place].name, reason)]


def test_all_faults_are_told_in_the_order_of_the_rows() -> None:
    rows = [[101, "Bern", "1", "a", 2], [1, None, "3", "a", 0], [-101, "Bern", "1", "a", 1]]

    found = [(row, feature) for row, feature, _ in faults_of(READER, rows)]

    assert found == [(0, "age"), (1, "town"), (1, "group"), (2, "age")]


def test_no_more_than_twenty_faults_are_listed() -> None:
    assert len(faults_of(READER, [[1, None, "3", "a", 0]] * 25)) == 20


def test_of_many_categories_some_are_named() -> None:
    many = Feature(name="c", kind="category", categories=tuple(f"c{n}" for n in range(57)))

    [(_, _, reason)] = faults_of(a_reader(many), [["x"]])

    assert reason.startswith("must be one of 57 categories, such as: c0, c1, ")
    assert reason.endswith("c19")


def test_of_categories_with_long_names_no_more_is_told_than_a_row_is_worth() -> None:
    names = tuple(f"{number}{'x' * 45}" for number in range(9))

    [(_, _, reason)] = faults_of(
        a_reader(Feature(name="c", kind="category", categories=names)), [["y"]]
    )

    assert reason.startswith("must be one of 9 categories, such as: 0xxx")
    assert reason.endswith("…")
    assert len(reason) == 200


def test_values_outside_of_training_are_counted() -> None:
    rows = [[91, "Chur", "1", None, 0], [None, "Bern", "2", "x", 1], [-1, "Chur", "2", "x", 1]]

    assert READER.outside_training(READER.matrix(rows)) == 4


def test_texts_are_one_column() -> None:
    reader = a_reader(Feature(name="tweet", kind="text"), takes="texts")

    forms: list[Any] = [
        [["a"], ["b\0"]],
        ["a", "b\0"],
        {"tweet": ["a", "b\0"]},
        [{"tweet": "a"}, {"tweet": "b\0"}],
    ]
    for data in forms:
        assert reader.matrix(data).dtype == object
        assert reader.matrix(data).tolist() == [["a"], ["b\0"]]
    assert faults_of(reader, ["a", None]) == [(1, None, "must be a list of 1 values")]


def test_half_a_character_is_no_text() -> None:
    reason = "holds half of a character (a lone surrogate)"

    assert faults_of(a_reader(NOTE), [["ok é"], ["\ud800"]]) == [(1, "note", reason)]


def test_a_contract_that_fills_a_text_with_a_number_is_rejected() -> None:
    with pytest.raises(ModelRejectedError, match="note: 'missing' fills a text with a number"):
        a_reader(Feature(name="note", kind="text", missing=Missing(policy="fill", value=3.0)))


def test_an_array_may_hold_anything_too() -> None:
    rows = np.array([[1.0, "Bern", "1", float("nan"), 1.0]], dtype=object)

    assert READER.checked(rows).tolist() == [[1.0, "Bern", "1", "nothing", 1.0]]
    assert faults_of(READER, np.array([[1.0] * 5]))[0][1:] == (
        "town",
        "must be a string or null, not a number",
    )


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(TOWNS),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.sampled_from([it.name for it in ALL]) | st.text(), inner, max_size=6)
    ),
    max_leaves=20,
)
GOOD = st.tuples(
    st.none() | st.floats(-100, 100) | st.integers(-100, 100),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["1", "2"]),
    st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    st.none() | st.booleans() | st.sampled_from([0, 1, 1.0]),
).map(list)


@given(JSON_VALUES | st.lists(st.lists(JSON_VALUES, min_size=5, max_size=5) | GOOD, max_size=4))
def test_whatever_is_sent_is_rows_or_a_named_fault(data: object) -> None:
    try:
        matrix = READER.matrix(data)
    except (InputInvalidError, BodyTooLargeError) as error:
        assert str(error)  # noqa: PT017  both outcomes are right
        return
    assert matrix.shape[1] == 5
    assert {type(value) for value in matrix.ravel()} <= {float, str}
    orjson.dumps(matrix.tolist())


@given(st.lists(GOOD, min_size=1, max_size=8))
def test_good_rows_are_kept_value_by_value(rows: list[list[Any]]) -> None:
    fills = [None, None, None, "nothing", 7.0]

    found = READER.matrix(rows).tolist()

    expected = [
        [fill if value is None else value for value, fill in zip(row, fills, strict=True)]
        for row in rows
    ]
    assert [[None if v != v else v for v in row] for row in found] == expected  # noqa: PLR0124
