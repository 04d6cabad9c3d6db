from __future__ import annotations

import time

import pytest

from app.domain.contract import Feature, Kind
from app.gate.cells import values_of


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1", 1.0),
        ("-2.5e-3", -0.0025),
        ("+.5", 0.5),
        (" 7\t", 7.0),
        ("1e-400", 0.0),
        ("", None),
        ("  ", None),
        ("NaN", None),
        ("nan", None),
    ],
)
@pytest.mark.parametrize("others", [[], ["true"]], ids=["alone", "beside another kind of cell"])
def test_a_number_is_read_as_it_is_written(
    cell: str, expected: float | None, others: list[str]
) -> None:
    values, _ = values_of(Feature(name="a"), [cell, *others])

    assert values[0] == expected


@pytest.mark.parametrize(
    "cell",
    [
        "inf",
        "-inf",
        "Infinity",
        "1_0",
        "0x1",
        "\u0661",
        "NA",
        "1,5",
        "1 2",
        "-",
        "e5",
        "=1",
        "\u00b2",
    ],
)
@pytest.mark.parametrize("kind", ["float", "int", "bool"])
def test_what_python_or_a_spreadsheet_takes_for_a_number_is_none(cell: str, kind: Kind) -> None:
    values, wrong = values_of(Feature(name="a", kind=kind), ["1", cell])

    assert values == [1.0, None]
    assert list(wrong) == [1]


def test_a_number_beyond_a_float_is_refused() -> None:
    _, wrong = values_of(Feature(name="a"), ["1e308", "1e309", "-1e309", "9" * 400])

    assert wrong == dict.fromkeys([1, 2, 3], "is too large for a float64")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("true", 1.0), ("FALSE", 0.0), ("True ", 1.0), ("1", 1.0), ("0.0", 0.0), ("", None)],
)
def test_a_boolean_is_a_word_or_a_number(cell: str, expected: float | None) -> None:
    assert values_of(Feature(name="a", kind="bool"), [cell]) == ([expected], {})


@pytest.mark.parametrize("kind", ["category", "text"])
def test_a_text_stays_as_it_is_and_an_empty_one_is_missing(kind: Kind) -> None:
    cells = ["x", " y ", "NaN", "1", ""]

    values, wrong = values_of(Feature(name="a", kind=kind), cells)

    assert values == ["x", " y ", "NaN", "1", None]
    assert not wrong


@pytest.mark.parametrize("cell", ["9" * 100_000, "0." + "1" * 100_000, "1e" + "9" * 100_000])
def test_a_long_number_is_read_or_refused_in_linear_time(cell: str) -> None:
    started = time.process_time()
    values_of(Feature(name="a"), [cell] * 10)

    assert time.process_time() - started < 5


def test_a_faulty_cell_is_found_among_many_good_ones() -> None:
    cells = [*map(str, range(200))]
    cells[130] = "x"

    values, wrong = values_of(Feature(name="a"), cells)

    assert values == [None if number == 130 else number for number in range(200)]
    assert wrong == {130: "must be a number, or empty if it is missing"}
