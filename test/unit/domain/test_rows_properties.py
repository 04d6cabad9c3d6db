"""Whatever JSON is sent as rows: a matrix of just these numbers, or faults at their true places."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contract import Feature, Missing
from app.domain.rows import RowReader
from app.errors import BodyTooLargeError, FieldError, InputInvalidError
from test.builders import a_contract

MAX_ROWS = 6
BOUND = 100.0
FEATURES = (
    Feature(name="float"),
    Feature(name="whole", kind="int"),
    Feature(name="yes", kind="bool"),
    Feature(name="passed", missing=Missing(policy="pass")),
    Feature(name="needed", missing=Missing(policy="refuse")),
)
NAMES = [feature.name for feature in FEATURES]
READER = RowReader(
    a_contract(*FEATURES),
    min_value=-BOUND,
    max_value=BOUND,
    nan_replacement=7.0,
    max_rows=MAX_ROWS,
)

floats = st.floats(-BOUND, BOUND)
good_rows = st.tuples(
    floats | st.none(),
    st.integers(-100, 100) | st.integers(-100, 100).map(float) | st.none(),
    st.booleans() | st.sampled_from([0, 1, 0.0, 1.0, None]),
    floats | st.integers(-100, 100) | st.none(),
    floats,
).map(list)
good_data = st.lists(good_rows, min_size=1, max_size=MAX_ROWS)
beyond = st.floats(BOUND, 1e308, exclude_min=True) | st.integers(101, 2**64 - 1)
no_numbers = st.text() | st.lists(st.none(), max_size=2) | st.dictionaries(st.text(), st.none())
never_good = beyond | beyond.map(lambda value: -float(value)) | no_numbers
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | floats | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=6)
        | st.dictionaries(st.sampled_from([*NAMES, "", "other"]), inside, max_size=6)
    ),
    max_leaves=30,
)


def read(data: object) -> np.ndarray[Any, Any] | tuple[FieldError, ...]:
    """Return the matrix or the faults, after the way that *data* has through a request."""
    try:
        return READER.matrix(orjson.loads(orjson.dumps(data)))
    except InputInvalidError as error:
        return error.faults


def by_name(data: list[Any], seed: int = 0) -> list[dict[str, Any]]:
    """Return *data* as objects whose members stand in any order."""
    shuffled = random.Random(seed)  # noqa: S311  no secret
    order = shuffled.sample(range(len(NAMES)), len(NAMES))
    return [{NAMES[column]: row[column] for column in order} for row in data]


def bits(value: float) -> bytes:
    return np.float64(value).tobytes()


@given(good_data)
def test_a_matrix_holds_just_the_numbers_that_were_sent(data: list[Any]) -> None:
    fills = [7.0, 7.0, 7.0, np.nan, np.nan]
    expected = [
        [fill if value is None else float(value) for value, fill in zip(row, fills, strict=True)]
        for row in data
    ]

    found = read(data)

    assert isinstance(found, np.ndarray)
    assert [[bits(value) for value in row] for row in found] == [
        [bits(value) for value in row] for row in expected
    ]


@given(good_data, st.data())
def test_what_is_wrong_is_found_in_its_row_and_feature(data: list[Any], draw: Any) -> None:
    places = st.tuples(st.integers(0, len(data) - 1), st.integers(0, len(NAMES) - 1))
    spoiled = draw.draw(st.lists(places, min_size=1, max_size=8, unique=True))
    kind = draw.draw(st.sampled_from([never_good, beyond, no_numbers]))
    rows = [list(row) for row in data]
    for row, column in spoiled:
        rows[row][column] = draw.draw(kind)

    found = read(rows)

    assert isinstance(found, tuple)
    named = {(fault.row, fault.feature) for fault in found}
    assert named <= {(row, NAMES[column]) for row, column in spoiled}
    if kind is not never_good:  # kinds of faults that are seen at once
        assert len(named) == len(spoiled)


@given(good_data, st.data())
def test_arrays_and_objects_agree(data: list[Any], draw: Any) -> None:
    rows = [list(row) for row in data]
    for row in rows:
        if draw.draw(st.booleans()):
            row[draw.draw(st.integers(0, len(NAMES) - 1))] = draw.draw(json_values)

    as_arrays, as_objects = read(rows), read(by_name(rows, draw.draw(st.integers())))

    if isinstance(as_arrays, np.ndarray) and isinstance(as_objects, np.ndarray):
        assert np.array_equal(as_arrays, as_objects, equal_nan=True)
    else:
        assert as_arrays == as_objects


@given(json_values | st.lists(json_values, max_size=7) | st.lists(good_rows | json_values))
def test_any_json_is_a_matrix_or_a_refusal_that_names_what_is_there(data: object) -> None:
    try:
        found = read(data)
    except BodyTooLargeError:
        assert isinstance(data, list)
        assert len(data) > MAX_ROWS
        return
    if isinstance(found, np.ndarray):
        assert isinstance(data, list)
        assert found.shape == (len(data), len(NAMES))
        return
    assert 1 <= len(found) <= InputInvalidError.MAX_FAULTS
    for fault in found:
        assert fault.reason
        assert fault.row is None or fault.row < len(data)  # type: ignore[arg-type]
        assert fault.feature is None or fault.feature in {*NAMES, "", "other"}


@pytest.mark.parametrize("value", [2**63, 2**64 - 1, -(2**63), 1e308, -1e308, 5e-324, -0.0])
def test_a_number_at_the_edge_of_its_type_is_kept(value: float) -> None:
    everything = RowReader(
        a_contract(Feature(name="a")),
        min_value=-1.7e308,
        max_value=1.7e308,
        nan_replacement=0.0,
        max_rows=1,
    )

    found = everything.matrix(orjson.loads(orjson.dumps([[value]])))

    assert bits(found[0, 0]) == bits(float(value))
