from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.errors import RecordsError
from app.lifecycle.data_contract import DataContract
from app.lifecycle.records import Checked, Chunk, RecordChecker, record_schema
from app.lifecycle.sheets import is_missing

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "who": "customer-7",
    "at": "2026-11-20T08:00:00Z",
    "size": "2.5",
    "n": "3",
    "by": "web",
    "is_in": "true",
    "rest": "",
}
CONTRACT = DataContract.model_validate(
    {
        "name": "sales",
        "entity": "who",
        "event_time": "at",
        "columns": [
            {"name": "who", "kind": "text"},
            {"name": "at", "kind": "time", "nullable": True},
            {"name": "size", "kind": "float", "minimum": 0, "maximum": 10},
            {"name": "n", "kind": "int", "minimum": 1},
            {"name": "by", "kind": "category", "categories": ["web", "store", "NA"]},
            {"name": "is_in", "kind": "bool"},
            {"name": "rest", "kind": "float", "nullable": True},
        ],
    }
)


def checked(*rows: dict[str, Any], contract: DataContract = CONTRACT) -> Checked:
    whole = [GOOD | row for row in rows]
    columns = {name: [row[name] for row in whole] for name in GOOD}
    return RecordChecker(contract, "here").check(Chunk(columns, range(1, len(rows) + 1)))


def test_a_record_has_the_types_of_the_contract() -> None:
    [record] = checked({}).records.to_pylist()

    assert record == {
        "who": "customer-7",
        "at": AT,
        "size": 2.5,
        "n": 3,
        "by": "web",
        "is_in": True,
        "rest": None,
    }


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({"minimum": 1.5, "maximum": 3.5}, [2, 3]),
        ({"minimum": -1e30, "maximum": 1e30}, [1, 2, 3, 4]),
    ],
    ids=["fractions", "beyond 64 bits"],
)
def test_a_whole_number_may_have_any_bounds(bounds: dict[str, float], kept: list[int]) -> None:
    columns = [{"name": "n", "kind": "int", **bounds}]
    contract = DataContract.model_validate({"name": "sales", "columns": columns})

    found = RecordChecker(contract, "here").check(Chunk({"n": ["1", "2", "3", "4"]}, range(1, 5)))

    assert found.records["n"].to_pylist() == kept


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("who", "", "may not be missing"),
        ("who", None, "may not be missing"),
        ("size", "-0.1", "should be greater than or equal to 0"),
        ("size", "10.1", "should be less than or equal to 10"),
        ("size", "twelve", "should be a valid number, unable to parse string as a number"),
        ("size", "nan", "may not be missing"),
        ("size", " NaN ", "may not be missing"),
        pytest.param("size", float("nan"), "may not be missing", id="size-a NaN"),
        ("size", "inf", "should be a finite number"),
        ("size", "1e400", "should be a finite number"),
        ("size", Decimal(11), "should be less than or equal to 10"),
        ("n", "2.5", "should be a valid integer, unable to parse string as an integer"),
        ("n", 2.5, "should be a valid integer, got a number with a fractional part"),
        ("n", str(2**63), "should be less than or equal to 9223372036854775807"),
        ("by", "kiosk", "should be one of web, store, NA"),
        ("is_in", "maybe", "should be a valid boolean, unable to interpret input"),
        ("at", "20261120", "should be a time, as 2026-11-20T08:00:00Z"),
        ("at", 1_700_000_000, "should be a time, as 2026-11-20T08:00:00Z"),
        ("at", "0001-01-01T00:00:00+05:00", "is out of range"),
        ("rest", "n.a.", "should be a valid number, unable to parse string as a number"),
    ],
)
def test_a_value_that_breaks_the_contract_is_rejected(name: str, value: Any, reason: str) -> None:
    found = checked({}, {name: value}, {})

    assert found.records.num_rows == 2
    [rejected] = found.rejected
    assert (rejected.row, rejected.reasons) == (2, [f"{name}: {reason}"])
    assert rejected.values == GOOD | {name: value} or value != value  # noqa: PLR0124  NaN


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("at", "2026-11-20T09:00:00+01:00", AT),
        ("at", "2026-11-20 08:00:00", AT),
        ("at", datetime(2026, 11, 20, 8), AT),  # noqa: DTZ001
        ("at", "2026-11-20", AT.replace(hour=0)),
        ("at", "null", None),
        ("rest", "None", None),
        ("rest", " nan", None),
        pytest.param("rest", float("nan"), None, id="rest-a NaN"),
        ("size", " 2.5 ", 2.5),
        ("size", Decimal("2.5"), 2.5),
        ("n", 3.0, 3),
        ("by", " store", "store"),
        ("by", "NA", "NA"),
        ("is_in", "no", False),
        ("is_in", 1.0, True),
        ("who", "None", "None"),
        ("who", 7, "7"),
    ],
)
def test_a_value_in_another_form_is_read(name: str, value: Any, kept: Any) -> None:
    found = checked({name: value})

    assert [it.reasons for it in found.rejected] == []
    assert found.records[name].to_pylist() == [kept]


def test_all_faults_of_a_row_are_told() -> None:
    [rejected] = checked({"who": "", "size": "x", "n": "0"}).rejected

    assert [it.split(":")[0] for it in rejected.reasons] == ["who", "size", "n"]


def test_a_category_that_only_warns_is_kept() -> None:
    columns = [{"name": "by", "kind": "category", "categories": ["web"], "unknown": "warn"}]
    contract = DataContract.model_validate({"name": "s", "columns": columns})

    assert checked({"by": "kiosk"}, contract=contract).rejected == []


def test_a_long_list_of_categories_is_cut_in_the_reason() -> None:
    columns = [{"name": "by", "kind": "category", "categories": [str(n) for n in range(9_000)]}]
    contract = DataContract.model_validate({"name": "s", "columns": columns})
    [rejected] = checked({"by": "kiosk"}, contract=contract).rejected

    assert len(rejected.reasons[0]) < 150


def test_a_repeated_key_is_rejected_also_across_chunks_and_a_gap_repeats_nothing() -> None:
    contract = CONTRACT.model_copy(update={"unique": ("who", "at")})
    checker = RecordChecker(contract, "here")
    times = [[GOOD["at"], "2026-11-20T09:00:00+01:00", ""], ["", GOOD["at"], "2026-11-21"]]
    chunks = [Chunk({k: [v] * 3 for k, v in GOOD.items()} | {"at": at}, [1, 2, 3]) for at in times]

    rejected = [[it.row for it in checker.check(chunk).rejected] for chunk in chunks]

    assert rejected == [[2], [2]]


def test_a_faulty_row_is_no_reason_to_reject_a_good_one_like_it() -> None:
    contract = CONTRACT.model_copy(update={"unique": ("who",)})

    found = checked({"size": "x"}, {}, contract=contract)

    assert [it.row for it in found.rejected] == [1]


def test_a_needed_column_that_is_not_there_is_an_operators_mistake() -> None:
    chunk = Chunk({"who": ["a"], "rest": [1]}, [1], file="b.parquet")

    with pytest.raises(RecordsError, match=r"here: b.parquet: there is no column 'size', 'n'"):
        RecordChecker(CONTRACT, "here").check(chunk)


values = st.one_of(
    st.none(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.decimals(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from([*GOOD.values(), "NA", "1", "0", "-1", "2e0", "yes", "2026-02-30", "1_0"]),
)


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, values)))
def test_the_verdict_by_columns_is_that_of_the_record_schema(row: dict[str, Any]) -> None:
    kinds = {it.name: it for it in CONTRACT.columns}
    row = {
        name: None if _is_gap(kinds[name].kind, kinds[name].categories, value) else value
        for name, value in row.items()
    }
    try:
        record_schema(CONTRACT).model_validate(row)
        is_valid = True
    except ValidationError:
        is_valid = False

    assert (checked(row).rejected == []) is is_valid


def _is_gap(kind: str, categories: tuple[str, ...], value: Any) -> bool:
    if isinstance(value, str):
        return value == "" if kind == "text" else is_missing(value) and value not in categories
    return isinstance(value, float) and value != value  # noqa: PLR0124
