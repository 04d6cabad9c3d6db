from __future__ import annotations

import pytest

from app.lifecycle.datasets import from_csv
from test.unit.lifecycle.csv_files import NUMBERS, Write, refusal


def test_a_text_target_makes_classes(write: Write) -> None:
    lines = [f"{n},{'yes ' if n % 3 else 'no'}" for n in range(40)]

    table = from_csv(write("x,y", *lines), ["y"])

    assert table.is_classification
    assert table.target is not None
    assert set(table.target.tolist()) == {"yes", "no"}


def test_few_whole_numbers_make_classes(write: Write) -> None:
    table = from_csv(write("x,y", *[f"{n},{float(n % 3)}" for n in range(40)]), ["y"])

    assert table.is_classification
    assert table.target is not None
    assert set(table.target.tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    "targets",
    [
        [n * 1.5 for n in range(40)],  # not whole
        list(range(40)),  # whole and many
        [1e30 if n % 2 else 5 for n in range(40)],  # whole by rounding only
    ],
)
def test_other_numbers_make_a_quantity(write: Write, targets: list[float]) -> None:
    table = from_csv(write("x,y", *[f"{n},{y}" for n, y in enumerate(targets)]), ["y"])

    assert not table.is_classification
    assert table.target is not None
    assert table.target.tolist() == targets


@pytest.mark.parametrize("gap", ["", "NaN", "-nan"])
def test_a_missing_target_is_refused(write: Write, gap: str) -> None:
    assert refusal(write("x,y", *NUMBERS, f"1.5,{gap}")) == "line 42: the target 'y' is missing"


def test_a_class_that_is_there_once_is_refused(write: Write) -> None:
    lines = [f"{n},{n == 7}" for n in range(40)]

    assert refusal(write("x,y", *lines)) == "y: needs two classes or more, each twice or more"


def test_a_single_class_is_refused(write: Write) -> None:
    lines = [f"{n},always" for n in range(40)]

    assert refusal(write("x,y", *lines)) == "y: needs two classes or more, each twice or more"


@pytest.mark.parametrize(("n_rows", "n_classes"), [(40, 11), (408, 51)])
def test_too_many_classes_for_the_rows_are_refused(
    write: Write, n_rows: int, n_classes: int
) -> None:
    lines = [f"{n},class {n % n_classes}" for n in range(n_rows)]

    expected = f"y: {n_classes} classes in {n_rows} rows; is this the target?"
    assert refusal(write("x,y", *lines)) == expected


def test_several_targets_stand_side_by_side(write: Write) -> None:
    table = from_csv(
        write("x,y,z", *[f"{line},{n}.5" for n, line in enumerate(NUMBERS)]), ["z", "y"]
    )

    assert table.target_names == ("z", "y")
    assert table.target is not None
    assert table.target[:2].tolist() == [[0.5, 0.0], [1.5, 1.5]]


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("1.5", "a", "holds classes, and the target 'y' holds quantities; train two models"),
        ("1", "a", "has labels that are text or numbers, and 'y' of the other kind"),
    ],
    ids=["quantity-and-class", "number-and-text"],
)
def test_targets_that_do_not_go_together_are_refused(
    write: Write, first: str, second: str, problem: str
) -> None:
    lines = [f"{n},{first if n % 2 else 0},{second if n % 2 else 'b'}" for n in range(40)]
    lines = [line.replace("1.5", f"1.{n}") for n, line in enumerate(lines)]

    assert refusal(write("x,y,z", *lines), "y", "z") == f"z: {problem}"


def test_several_targets_of_classes_keep_their_type(write: Write) -> None:
    lines = [f"{n},{n % 2},{n % 3}" for n in range(60)]

    table = from_csv(write("x,y,z", *lines), ["y", "z"])

    assert table.is_classification
    assert table.target is not None
    assert table.target[:3].tolist() == [[0, 0], [1, 1], [0, 2]]
