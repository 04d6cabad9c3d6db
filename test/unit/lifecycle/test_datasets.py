from __future__ import annotations

import numpy as np
import pytest

from app.errors import TrainingDataError
from app.lifecycle.datasets import BUILT_IN, built_in, from_csv
from test.unit.lifecycle.csv_files import NUMBERS, Write, refusal


@pytest.mark.parametrize(
    ("name", "shape", "is_classification"),
    [
        ("diabetes", (442, 10), False),
        ("iris", (150, 4), True),
        ("breast_cancer", (569, 30), True),
        ("wine", (178, 13), True),
        ("digits", (1797, 64), True),
        ("linnerud", (20, 3), False),
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


def test_the_built_in_tables_are_listed() -> None:
    assert BUILT_IN == ("diabetes", "iris", "breast_cancer", "wine", "digits", "linnerud")


def test_a_built_in_table_may_have_several_targets() -> None:
    table = built_in("linnerud")

    assert table.target_names == ("Weight", "Waist", "Pulse")
    assert table.target is not None
    assert table.target.shape == (20, 3)


def test_without_its_target_a_table_is_for_outliers() -> None:
    table = built_in("breast_cancer").without_target()

    assert (table.task, table.target, table.features.shape) == (
        "outlier-detection",
        None,
        (569, 30),
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_column_has_a_name_without_spaces(name: str) -> None:
    names = built_in(name).feature_names

    assert len(set(names)) == len(names)
    assert not any(" " in one for one in names)


def test_numbers_are_read_by_column(write: Write) -> None:
    table = from_csv(write("x,y", *NUMBERS), ["y"])

    assert table.feature_names == ("x",)
    np.testing.assert_array_equal(table.features[:, 0], [n / 7 for n in range(40)])
    assert table.target is not None
    np.testing.assert_array_equal(table.target, [n * 1.5 for n in range(40)])


def test_the_target_may_be_any_column(write: Write) -> None:
    assert from_csv(write("y,x", *NUMBERS), ["y"]).feature_names == ("x",)


def test_a_table_is_named_after_its_file(write: Write) -> None:
    assert from_csv(write("x,y", *NUMBERS, name="House Prices.csv"), ["y"]).name == "house-prices"


def test_the_same_table_has_the_same_fingerprint(write: Write) -> None:
    one = from_csv(write("x,y", *NUMBERS), ["y"])
    two = from_csv(write("x,y", *NUMBERS, name="copy.csv"), ["y"])

    assert one.fingerprint_sha256 == two.fingerprint_sha256


@pytest.mark.parametrize(
    ("header", "first"), [("z,y", NUMBERS[0]), ("x,y", "0.5,0.0"), ("x,y", "0.0,0.5")]
)
def test_another_name_value_or_target_has_another_fingerprint(
    write: Write, header: str, first: str
) -> None:
    one = from_csv(write("x,y", *NUMBERS), ["y"])
    two = from_csv(write(header, first, *NUMBERS[1:]), ["y"])

    assert one.fingerprint_sha256 != two.fingerprint_sha256


@pytest.mark.parametrize("n_rows", [0, 19])
def test_too_few_rows_are_refused(write: Write, n_rows: int) -> None:
    assert refusal(write("x,y", *NUMBERS[:n_rows])) == f"has {n_rows} rows; 20 are needed"


def test_a_target_alone_is_refused(write: Write) -> None:
    assert refusal(write("y", *map(str, range(40)))) == "no column is left to learn from"


def test_columns_of_text_make_a_table_of_objects(write: Write) -> None:
    lines = [f"{n},{'red' if n % 2 else 'blue'},{n % 3 == 0},{n * 1.5}" for n in range(40)]

    table = from_csv(write("x,colour,late,y", *lines), ["y"])

    assert (table.input, table.kinds) == ("table", ("float", "category", "bool"))
    assert table.features[:2].tolist() == [[0.0, "blue", 1.0], [1.0, "red", 0.0]]


def test_true_and_false_are_numbers_to_a_model(write: Write) -> None:
    table = from_csv(write("late,y", *[f"{n % 2 == 0},{n * 1.5}" for n in range(40)]), ["y"])

    assert (table.input, table.kinds) == ("numbers", ("bool",))
    assert table.features.dtype == np.float64


def test_free_text_alone_makes_a_table_of_texts(write: Write) -> None:
    lines = [f'"note {n}, the {n}th of all",{"good" if n % 2 else "bad"}' for n in range(40)]

    table = from_csv(write("note,y", *lines), ["y"])

    assert (table.input, table.kinds) == ("texts", ("text",))
    assert table.features[1, 0] == "note 1, the 1th of all"


def test_columns_may_be_left_out(write: Write) -> None:
    path = write("id,x,y", *[f"{n},{line}" for n, line in enumerate(NUMBERS)])

    assert from_csv(path, ["y"], leave_out=["id"]).feature_names == ("x",)


def test_a_column_to_leave_out_must_be_there(write: Write) -> None:
    with pytest.raises(TrainingDataError, match="there is no column 'id'; there is: x, y"):
        from_csv(write("x,y", *NUMBERS), ["y"], leave_out=["id"])


def test_without_targets_every_column_is_a_feature(write: Write) -> None:
    table = from_csv(write("x,y", *NUMBERS), [])

    assert (table.task, table.target, table.feature_names) == (
        "outlier-detection",
        None,
        ("x", "y"),
    )


def test_another_text_has_another_fingerprint(write: Write) -> None:
    lines = [f"{'red' if n % 2 else 'blue'},{n * 1.5}" for n in range(40)]

    one = from_csv(write("x,y", *lines), ["y"])
    two = from_csv(write("x,y", "red,0.0", *lines[1:]), ["y"])

    assert one.kinds == two.kinds == ("category",)
    assert one.fingerprint_sha256 != two.fingerprint_sha256
