from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gatehouse_client import ColumnsError, DataError
from gatehouse_client.contract import Model, model_of
from gatehouse_client.table import parts_of, table_of

from test.unit.client.gateways import a_card

NAN = float("nan")
TABLE = model_of(
    a_card(
        input="table",
        features=[
            {"name": "age", "kind": "float"},
            {"name": "deck", "kind": "category", "categories": ["1", "2.0", "A"]},
            {"name": "alone", "kind": "bool"},
        ],
    )
)
TEXTS = model_of(a_card(input="texts", features=[{"name": "text", "kind": "text"}]))
FRAME = pd.DataFrame({"alone": [True, False], "deck": ["A", None], "age": [41, np.nan]})
ROWS: list[list[Any]] = [[41, "A", True], [None, None, False]]
COLUMNS: dict[str, list[Any]] = {"age": [41, None], "deck": ["A", None], "alone": [True, False]}


def _sent(data: Any, model: Model | None) -> Any:
    [part] = parts_of(table_of(data, model), {}, max_rows=100, max_bytes=10_000)
    return json.loads(part.body)["data"]


@pytest.mark.parametrize(
    "data",
    [
        [{"alone": True, "age": 41, "deck": "A"}, {"age": NAN, "deck": NAN, "alone": False}],
        {"alone": [True, False], "deck": ("A", None), "age": np.array([41, NAN])},
        {"age": pd.Series([41, NAN]), "deck": ["A", None], "alone": [True, False]},
        FRAME,
        FRAME.set_index(pd.Index([7, 3])),
        FRAME.astype({"age": "Int64", "deck": "category", "alone": "boolean"}),
        FRAME.astype({"deck": "string"}),
    ],
    ids=["mappings", "columns", "series", "frame", "index", "nullable", "string"],
)
def test_columns_with_names_keep_them(data: Any) -> None:
    assert _sent(data, TABLE) == COLUMNS


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        [tuple(row) for row in ROWS],
        np.array([[41.0, "A", True], [NAN, None, False]], dtype=object),
    ],
    ids=["lists", "tuples", "array"],
)
def test_rows_without_names_are_sent_in_their_order(data: Any) -> None:
    assert _sent(data, TABLE) == ROWS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("A", "A"),
        (1, "1"),
        (1.0, "1"),
        (2, "2.0"),
        (2.0, "2.0"),
        (1.5, "1.5"),
        (np.int64(1), "1"),
        (np.str_("A"), "A"),
        (None, None),
        (pd.NA, None),
        (pd.NaT, None),
        (NAN, None),
    ],
    ids=repr,
)
def test_categories_become_text(value: Any, text: str | None) -> None:
    assert _sent([[1.0, value, True]], TABLE) == [[1.0, text, True]]


def test_numbers_of_numpy_are_numbers() -> None:
    rows = [[np.float32(0.5), "A", np.bool_(True)]]

    assert _sent(rows, TABLE) == [[0.5, "A", True]]


@pytest.mark.parametrize(
    "data",
    [["good", "bad"], [["good"], ["bad"]], pd.Series(["good", "bad"])],
    ids=["strings", "rows", "series"],
)
def test_texts_may_be_a_list_of_strings(data: Any) -> None:
    assert _sent(data, TEXTS) == [["good"], ["bad"]]


def test_without_a_contract_the_names_are_sent() -> None:
    assert _sent(FRAME, None) == COLUMNS
    assert _sent(np.array([[1.0, NAN]]), None) == [[1.0, None]]


@pytest.mark.parametrize(
    ("data", "missing", "unknown"),
    [
        (FRAME.drop(columns="age"), ("age",), ()),
        (FRAME.assign(target=1), (), ("target",)),
        (FRAME.rename(columns={"age": "Age"}), ("age",), ("Age",)),
    ],
    ids=["missing", "unknown", "renamed"],
)
def test_names_that_do_not_fit_are_named(
    data: Any, missing: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    with pytest.raises(ColumnsError) as caught:
        table_of(data, TABLE)

    assert (caught.value.missing, caught.value.unknown) == (missing, unknown)
    assert all(repr(name) in str(caught.value) for name in missing + unknown)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "no rows"),
        ({}, "no rows"),
        (FRAME.iloc[:0], "no rows"),
        ("age", "must be a list"),
        (7, "must be a list"),
        ({"age": 41, "deck": "A", "alone": True}, "column 'age' must be a list of values, not int"),
        ([41, "A", True], "row 0 must be a list of values, not int"),
        ([[1, "A", True], [1, "A"]], "Row 1 has 2 values, row 0 has 3"),
        ([[1, "A"]], "takes 3: age, deck, alone"),
        ({"age": [1, 2], "deck": ["A"], "alone": [True]}, "differ in length"),
        ([{"age": 1}, [1]], "Row 1 has other names"),
        (pd.DataFrame([[1, 2]], columns=["age", "age"]), "one name"),
        ([[1, "A", True], [b"bytes", "A", True]], "row 1, column 'age': a bytes cannot be sent"),
        ([[dt.date(2026, 1, 1), "A", True]], "a date cannot be sent"),
    ],
    ids=str,
)
def test_what_cannot_be_sent_is_told_with_its_place(data: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        table_of(data, TABLE)


def test_an_infinite_number_is_told() -> None:
    table = table_of([[float("inf"), "A", True]], TABLE)

    with pytest.raises(DataError, match="infinite"):
        next(parts_of(table, {}, max_rows=1, max_bytes=100))


def test_parts_keep_to_rows_and_bytes() -> None:
    table = table_of([[n, "A" * (n % 7), True] for n in range(1_000)], None)

    parts = list(parts_of(table, {"scores": True}, max_rows=90, max_bytes=1_000))

    sent = [row for part in parts for row in json.loads(part.body)["data"]]
    assert sent == [[n, "A" * (n % 7), True] for n in range(1_000)]
    assert all(len(part.body) <= 1_000 and part.n_rows <= 90 for part in parts)
    assert [part.first_row for part in parts][:1] == [0]
    assert sum(part.n_rows for part in parts) == 1_000


def test_a_row_that_is_too_long_goes_alone() -> None:
    table = table_of([["x" * 500], ["y"]], None)

    assert [part.n_rows for part in parts_of(table, {}, max_rows=9, max_bytes=100)] == [1, 1]
