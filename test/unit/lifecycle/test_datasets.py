from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.errors import TrainingDataError
from app.lifecycle.datasets import BUILT_IN, built_in, from_csv

Write = Callable[..., Path]
NUMBERS = [f"{n / 7},{n * 1.5}" for n in range(40)]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(header: str, *lines: str, name: str = "table.csv") -> Path:
        (tmp_path / name).write_text("\n".join((header, *lines, "")), encoding="utf-8")
        return tmp_path / name

    return write


def refusal(path: Path, target: str = "y") -> str:
    with pytest.raises(TrainingDataError) as refused:
        from_csv(path, target)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "shape", "is_classification"),
    [
        ("diabetes", (442, 10), False),
        ("iris", (150, 4), True),
        ("breast_cancer", (569, 30), True),
        ("wine", (178, 13), True),
        ("digits", (1797, 64), True),
    ],
)
def test_a_built_in_table_has_its_rows_and_columns(
    name: str,
    shape: tuple[int, int],
    is_classification: bool,  # noqa: FBT001
) -> None:
    table = built_in(name)

    assert (table.name, table.features.shape, table.is_classification) == (
        name, shape, is_classification,
    )  # fmt: skip


def test_the_five_built_in_tables_are_listed() -> None:
    assert BUILT_IN == ("diabetes", "iris", "breast_cancer", "wine", "digits")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_column_has_a_name_without_spaces(name: str) -> None:
    names = built_in(name).feature_names

    assert len(set(names)) == len(names)
    assert not any(" " in one for one in names)


def test_numbers_are_read_by_column(write: Write) -> None:
    table = from_csv(write("x,y", *NUMBERS), "y")

    assert table.feature_names == ("x",)
    np.testing.assert_array_equal(table.features[:, 0], [n / 7 for n in range(40)])
    np.testing.assert_array_equal(table.target, [n * 1.5 for n in range(40)])


def test_the_target_may_be_any_column(write: Write) -> None:
    assert from_csv(write("y,x", *NUMBERS), "y").feature_names == ("x",)


def test_a_table_is_named_after_its_file(write: Write) -> None:
    assert from_csv(write("x,y", *NUMBERS, name="House Prices.csv"), "y").name == "house-prices"


def test_a_byte_order_mark_is_no_part_of_the_first_name(write: Write) -> None:
    assert from_csv(write("\ufeffx,y", *NUMBERS), "y").feature_names == ("x",)


def test_blank_lines_are_no_rows(write: Write) -> None:
    assert len(from_csv(write("\nx,y", *NUMBERS, "", ""), "y").target) == 40


@pytest.mark.parametrize("gap", ["", " ", "NA", "nan", "-nan", "null", "None"])
def test_an_empty_cell_is_a_missing_value(write: Write, gap: str) -> None:
    table = from_csv(write("x,y", f"{gap},1.5", *NUMBERS), "y")

    assert np.isnan(table.features[:, 0]).tolist() == [True] + [False] * 40


def test_a_text_target_makes_classes(write: Write) -> None:
    lines = [f"{n},{'yes ' if n % 3 else 'no'}" for n in range(40)]

    table = from_csv(write("x,y", *lines), "y")

    assert table.is_classification
    assert set(table.target.tolist()) == {"yes", "no"}


def test_few_whole_numbers_make_classes(write: Write) -> None:
    table = from_csv(write("x,y", *[f"{n},{float(n % 3)}" for n in range(40)]), "y")

    assert table.is_classification
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
    table = from_csv(write("x,y", *[f"{n},{y}" for n, y in enumerate(targets)]), "y")

    assert not table.is_classification
    assert table.target.tolist() == targets


def test_the_same_table_has_the_same_fingerprint(write: Write) -> None:
    one = from_csv(write("x,y", *NUMBERS), "y")
    two = from_csv(write("x,y", *NUMBERS, name="copy.csv"), "y")

    assert one.fingerprint_sha256 == two.fingerprint_sha256


@pytest.mark.parametrize(
    ("header", "first"), [("z,y", NUMBERS[0]), ("x,y", "0.5,0.0"), ("x,y", "0.0,0.5")]
)
def test_another_name_value_or_target_has_another_fingerprint(
    write: Write, header: str, first: str
) -> None:
    one = from_csv(write("x,y", *NUMBERS), "y")
    two = from_csv(write(header, first, *NUMBERS[1:]), "y")

    assert one.fingerprint_sha256 != two.fingerprint_sha256


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nobody.csv").startswith("cannot be read as CSV: ")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"x,y\n\xff,1\n")

    assert "can't decode byte 0xff" in refusal(tmp_path / "table.csv")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "table.csv").write_text(content)

    assert refusal(tmp_path / "table.csv") == "the file is empty"


def test_a_cell_without_end_is_refused(write: Write) -> None:
    assert "field larger than field limit" in refusal(write("x,y", '"' + "1" * 200_000))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("x,z", "there is no column 'y'; there is: x, z"),
        ("x;y", "there is no column 'y'; there is: x;y"),
        ("y,y", "needs two columns or more, each with its own name"),
        ("y", "needs two columns or more, each with its own name"),
        ("x,x,y", "needs two columns or more, each with its own name"),
        (",y", "column 1 needs a name of 1 to 200 characters"),
        ("y," + "x" * 201, "column 2 needs a name of 1 to 200 characters"),
    ],
)
def test_a_header_that_names_no_columns_is_refused(write: Write, header: str, message: str) -> None:
    assert refusal(write(header, *NUMBERS)) == message


@pytest.mark.parametrize(("line", "n_cells"), [("1", 1), ("1,2,3", 3)])
def test_a_ragged_line_is_refused(write: Write, line: str, n_cells: int) -> None:
    message = refusal(write("x,y", *NUMBERS[:3], line, *NUMBERS))

    assert message == f"line 5 has {n_cells} cells; 2 are needed"


@pytest.mark.parametrize("n_rows", [0, 19])
def test_too_few_rows_are_refused(write: Write, n_rows: int) -> None:
    assert refusal(write("x,y", *NUMBERS[:n_rows])) == f"has {n_rows} rows; 20 are needed"


def test_a_text_feature_is_refused(write: Write) -> None:
    assert refusal(write("x,y", *NUMBERS[:2], "red,1.5", *NUMBERS)) == (
        "line 4: x: 'red' is not a number. Encode text as numbers, or leave the column out"
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

    assert refusal(write("x,y", line, *NUMBERS)) == f"{column}: holds a value beyond 1e+100"


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
