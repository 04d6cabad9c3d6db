from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.contract import Feature, Missing
from app.errors import RecordsError
from app.lifecycle.data_contract import contract_of_model, load_data_contract
from app.settings.overlay import PROJECT
from test.builders import a_contract

COLUMNS = "columns: [{name: who, kind: text}, {name: at, kind: time}, {name: much, kind: float}]"


def written(folder: Path, text: str) -> Path:
    path = folder / "contract.yaml"
    path.write_text(text)
    return path


def test_the_contract_that_ships_is_one_of_transactions() -> None:
    contract = load_data_contract(PROJECT / "data_contract.yaml")

    assert (contract.name, contract.entity, contract.event_time) == (
        "transactions",
        "customer_id",
        "event_time",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"name: s\n{COLUMNS}\nentity: nobody", "the file: 'entity' names 'nobody', which is no"),
        (f"name: s\n{COLUMNS}\nevent_time: much", "the file: 'event_time' names 'much', whose"),
        (f"name: s\n{COLUMNS}\nunique: [who, x]", "the file: 'unique' names 'x', which is no"),
        (f"name: S T\n{COLUMNS}", "name: String should match pattern"),
        (f"name: s\n{COLUMNS}\nextra: 1", "extra: Extra inputs are not permitted"),
        ("name: s", "columns: Field required"),
        ("name: s\ncolumns: []", "columns: Tuple should have at least 1 item"),
        ("name: s\ncolumns: 7", "columns: Input should be a valid tuple"),
        ("name: s\ncolumns: [7]", "columns.0: Input should be"),
        ("name: s\ncolumns: [{name: a, kind: number}]", "columns.a.kind: Input should be 'float'"),
        ("name: s\ncolumns: [{name: a, kind: int, nulable: true}]", "columns.a.nulable: Extra"),
        (
            "name: s\ncolumns: [{name: a, kind: int, minimum: 2, maximum: 1}]",
            "columns.a: 'minimum' is above 'maximum'",
        ),
        (
            "name: s\ncolumns: [{name: a, kind: text, minimum: 2}]",
            "columns.a: 'minimum' and 'maximum' are for numbers, and this is 'text'",
        ),
        (
            "name: s\ncolumns: [{name: a, kind: int, categories: [b]}]",
            "columns.a: 'categories' are for a category, and this is 'int'",
        ),
        (
            "name: s\ncolumns: [{name: a, kind: category, categories: [yes, no]}]",
            "columns.a.categories.0: Input should be a valid string",
        ),
        (
            "name: s\ncolumns: [{name: a, kind: int}, {name: a, kind: int}]",
            "the file: two columns are called 'a'",
        ),
        (
            "name: s\ncolumns: [{name: batch_id, kind: text}]",
            "the file: a column is called 'batch_id', which ingestion adds itself",
        ),
        (
            "name: s\nentity: a\ncolumns: [{name: a, kind: int, nullable: true}]",
            "the file: 'entity' names 'a', which may not be nullable",
        ),
        ("name: [", "is not YAML in line 1"),
        ("- 1", "the file: Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_with_a_contract_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(RecordsError) as refused:
        load_data_contract(path)

    assert str(refused.value).startswith(f"{path}: {said}")
    assert "Fix:" in str(refused.value)


def test_a_contract_that_is_not_there_is_an_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_data_contract(tmp_path / "nowhere.yaml")


def test_a_models_features_become_columns_with_the_tighter_bounds() -> None:
    model = a_contract(
        Feature(name="a", minimum=-5.0, maximum=5.0),
        Feature(name="b", kind="int"),
        Feature(name="c", kind="category", categories=("x",), unknown="warn"),
        Feature(name="d", missing=Missing(policy="refuse")),
    )

    found = contract_of_model(model, min_value=-10, max_value=3).columns

    assert [(it.name, it.minimum, it.maximum, it.nullable) for it in found] == [
        ("a", -5, 3, True),
        ("b", -10, 3, True),
        ("c", None, None, False),
        ("d", -10, 3, False),
        ("event_time", None, None, True),
    ]


def test_a_model_with_a_feature_that_records_need_themselves_is_refused() -> None:
    model = a_contract(Feature(name="batch_id"))

    with pytest.raises(RecordsError, match="line 1: a column is called 'batch_id'"):
        contract_of_model(model, min_value=0, max_value=1)
