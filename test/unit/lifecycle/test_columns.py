from __future__ import annotations

import numpy as np
import pytest

from app.lifecycle.columns import Column, matrix_of, read_column
from app.lifecycle.datasets import from_csv
from app.lifecycle.sheets import read_sheet
from test.unit.lifecycle.csv_files import NUMBERS, Write, refusal


@pytest.mark.parametrize("gap", ["", " ", "NA", "nan", "-nan", "null", "None"])
def test_an_empty_cell_is_a_missing_value(write: Write, gap: str) -> None:
    table = from_csv(write("x,y", f"{gap},1.5", *NUMBERS), ["y"])

    assert np.isnan(table.features[:, 0]).tolist() == [True] + [False] * 40


def test_a_text_among_numbers_is_refused(write: Write) -> None:
    assert refusal(write("x,y", *NUMBERS[:2], "red,1.5", *NUMBERS)) == (
        "line 4: x: 'red' is not a number; leave the cell empty where one is missing"
    )


def test_a_column_without_values_is_refused(write: Write) -> None:
    message = refusal(write("x,z,y", *[f",{line}" for line in NUMBERS]))

    assert message == "x: holds no value at all; leave the column out"


@pytest.mark.parametrize("value", ["inf", "-inf", "1e101", "1e999"])
@pytest.mark.parametrize("column", ["x", "y"])
def test_a_value_that_arithmetic_cannot_hold_is_refused(
    write: Write, column: str, value: str
) -> None:
    line = f"{value},0.5" if column == "x" else f"0.5,{value}"

    message = refusal(write("x,y", line, *NUMBERS))

    assert message == f"line 2: {column}: holds a value beyond 1e+100"


def column(write: Write, *cells: str) -> Column:
    return read_column(read_sheet(write("x,n", *[f"{cell},0" for cell in cells])), "x")


@pytest.mark.parametrize(
    ("cells", "kind", "first"),
    [
        (["1.5", "2", "-3e4"], "float", 1.5),
        (["0", "1", "0", "2"], "float", 0.0),
        (["0", "0"], "float", 0.0),
        (["1", "1.0"], "float", 1.0),
        (["1", "0", "0"], "bool", 1.0),
        (["yes", "NO", "0"], "bool", 1.0),
        (["False", "True", ""], "bool", 0.0),
        (["yes"], "bool", 1.0),
        (["red ", "blue", "red", "blue"] * 2, "category", "red"),
        (["red", "red", "", "red", "red"], "category", "red"),
        (["a word", "another", "and one more"], "text", "a word"),
    ],
    ids=[
        "numbers", "three-digits", "one-digit", "fraction", "digits", "words", "gap", "only-yes",
        "colours", "one-colour", "sentences",
    ],
)  # fmt: skip
def test_the_cells_decide_the_kind(
    write: Write, cells: list[str], kind: str, first: float | str
) -> None:
    read = column(write, *cells)

    assert (read.kind, read.values[0]) == (kind, first)
    assert type(read.values[0]) is type(first)


@pytest.mark.parametrize(("n_different", "kind"), [(100, "category"), (101, "text")])
def test_many_different_texts_are_no_categories(write: Write, n_different: int, kind: str) -> None:
    assert column(write, *[f"town {n % n_different}" for n in range(500)]).kind == kind


@pytest.mark.parametrize("cells", [["red"] * 5 + ["blue"] * 4 + [""], ["yes"] * 9 + ["NA"]])
def test_a_missing_word_is_nan(write: Write, cells: list[str]) -> None:
    assert np.isnan(column(write, *cells).values[-1])


def test_a_missing_text_is_a_text_of_nothing(write: Write) -> None:
    assert column(write, "one", " ", "None", "four").values == ["one", "", "None", "four"]


def test_a_column_that_is_half_numbers_is_text(write: Write) -> None:
    assert column(write, "A5", "21171", "PC 17599", "113803").kind == "text"


def test_columns_of_numbers_make_a_matrix_of_float64() -> None:
    matrix = matrix_of([Column("float", [1.0, 2.0]), Column("bool", [0.0, 1.0])])

    assert matrix.dtype == np.float64
    assert matrix.tolist() == [[1.0, 0.0], [2.0, 1.0]]


def test_a_column_of_words_makes_a_matrix_of_objects() -> None:
    matrix = matrix_of([Column("float", [1.0, 2.0]), Column("category", ["a", "b"])])

    assert matrix.tolist() == [[1.0, "a"], [2.0, "b"]]
    assert [type(value) for value in matrix[0]] == [float, str]
