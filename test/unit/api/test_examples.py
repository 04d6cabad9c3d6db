from __future__ import annotations

from app.api.examples import csv_example, example_body, json_examples, ndjson_example
from app.domain.contract import Feature, GoldenRows, Missing, Outputs
from test.builders import a_contract

TABLE = a_contract(
    Feature(name="age", kind="int"),
    Feature(name='a, "b"', kind="category", categories=("x",)),
    Feature(name="ill", kind="bool"),
    golden=GoldenRows(inputs=((41.0, 'o"k', 0.0),), predictions=(1.0,)),
)


def test_every_form_of_a_row_is_shown() -> None:
    outputs = Outputs(classes=("no", "yes"), has_probabilities=True, has_scores=True)
    golden = GoldenRows(inputs=((1.0, 2.0),), predictions=("yes",))
    contract = a_contract(task="classification", outputs=outputs, golden=golden)

    bodies = {name: example["value"] for name, example in json_examples(contract).items()}

    assert bodies == {
        "arrays": {"data": [[1.0, 2.0]]},
        "objects": {"data": [{"a": 1.0, "b": 2.0}]},
        "columns": {"data": {"a": [1.0], "b": [2.0]}},
        "probabilities": {"data": [[1.0, 2.0]], "probabilities": True},
        "scores": {"data": [[1.0, 2.0]], "scores": True},
        "missing": {"data": [[1.0, 2.0], [None, 2.0]]},
    }


def test_a_model_that_has_less_shows_less() -> None:
    assert list(json_examples(a_contract())) == ["arrays", "objects", "columns", "missing"]
    assert json_examples(None) == {}


def test_null_is_shown_where_the_first_feature_may_be_missing() -> None:
    refused = Feature(name="a", missing=Missing(policy="refuse"))
    passed = Feature(name="b", missing=Missing(policy="pass"))

    assert "missing" not in json_examples(a_contract(refused, passed))
    assert "missing" in json_examples(a_contract(passed, refused))


def test_a_table_is_shown_by_name_first_and_each_value_as_its_kind() -> None:
    row = {"age": 41, 'a, "b"': 'o"k', "ill": False}

    assert example_body(TABLE) == {"data": [row]}
    assert next(iter(json_examples(TABLE))) == "objects"
    assert [type(value) for value in example_body(TABLE)["data"][0].values()] == [int, str, bool]


def test_text_forms_are_quoted_as_their_formats_say() -> None:
    assert csv_example(TABLE) == 'age,"a, ""b""",ill\n41,"o""k",false\n'
    assert ndjson_example(TABLE) == '{"age": 41, "a, \\"b\\"": "o\\"k", "ill": false}\n'


def test_an_outlier_detector_is_asked_how_far() -> None:
    contract = a_contract(task="outlier-detection", outputs=Outputs(has_scores=True))

    assert example_body(contract)["scores"] is True
