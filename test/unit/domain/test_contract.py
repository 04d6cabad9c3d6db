from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.contract import Contract, Feature, GoldenRows, Missing
from test.builders import a_contract

DIGEST = "0" * 64


@pytest.mark.parametrize("name", ["a", "churn-2", "0_x", "a" * 64])
def test_a_name_is_lower_case_letters_digits_and_dashes(name: str) -> None:
    assert a_contract(name=name).name == name


@pytest.mark.parametrize("name", ["", "A", "-a", "a.b", "../a", "a/b", "a" * 65, "a\n", "é"])
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        a_contract(name=name)


@pytest.mark.parametrize("version", ["0", "01", "1.0", "-1", "", "v1", "1\n", "1" * 10])
def test_a_version_is_a_whole_number_from_one(version: str) -> None:
    with pytest.raises(ValidationError, match="version"):
        a_contract(version=version)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"task": "clustering"}, "task"),
        ({"format": 2}, "format"),
        ({"features": ()}, "features"),
        ({"surprise": 1}, "surprise"),
        ({"artefact": {"size_bytes": 0, "sha256": DIGEST}}, "size_bytes"),
        ({"artefact": {"size_bytes": 1, "sha256": "0"}}, "sha256"),
        ({"artefact": {"size_bytes": 1, "sha256": DIGEST, "file": "../x"}}, "file"),
        ({"artefact": {"size_bytes": 1, "sha256": DIGEST, "engine": "pickle"}}, "engine"),
        ({"signature": {"key": "0", "value": "A" * 86 + "=="}}, "key"),
        ({"signature": {"key": "0" * 16, "value": "A" * 88}}, "value"),
        ({"signature": {"key": "0" * 16}}, "value"),
        ({"held_out": {"size_bytes": 0, "sha256": DIGEST}}, "size_bytes"),
        ({"held_out": {"size_bytes": 1, "sha256": DIGEST, "file": "../x"}}, "file"),
        ({"source": {"name": "Line"}}, "version"),
    ],
)
def test_a_part_that_is_none_is_refused(change: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        Contract.model_validate(a_contract().model_dump() | change)


COMPILED = {
    "engine": "linear",
    "file": "linear.npz",
    "size_bytes": 9,
    "sha256": DIGEST,
    "parity": {"rows": 4_000, "largest_difference": 1e-9},
    "timing": {"one_row_us": 4.0, "thousand_rows_us": 100.0},
}


def test_an_engine_is_known_with_its_comparison_and_its_speed() -> None:
    (found,) = a_contract(compiled=[COMPILED], not_compiled={"onnx": "3 answers differ"}).compiled

    assert found.parity.label_disagreements == 0
    assert found.timing.mean_us == 20.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"engine": "pickle"}, "engine"),
        ({"file": "../linear.npz"}, "the file of linear is linear.npz"),
        ({"file": "model.onnx"}, "the file of linear is linear.npz"),
        ({"parity": {"rows": -1}}, "rows"),
        ({"parity": {"rows": 1, "largest_difference": float("nan")}}, "largest_difference"),
        ({"timing": {"one_row_us": 0.0, "thousand_rows_us": 1.0}}, "one_row_us"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"surprise": 1}, "surprise"),
    ],
    ids=["kind", "path", "another file", "rows", "nan", "no time", "empty", "unknown"],
)
def test_an_engine_that_is_none_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        a_contract(compiled=[COMPILED | change])


def test_an_engine_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="an engine is compiled twice"):
        a_contract(compiled=[COMPILED, COMPILED])


def test_a_contract_from_before_there_were_engines_still_loads() -> None:
    since = {"compiled", "not_compiled", "reference_timing"}
    old = a_contract().model_dump(mode="json", exclude=since)

    contract = Contract.model_validate(old)

    assert (contract.compiled, contract.not_compiled, contract.reference_timing) == ((), {}, None)


@pytest.mark.parametrize(("policy", "passes"), [("pass", True), ("refuse", False), (None, False)])
def test_a_contract_knows_whether_the_model_meets_gaps(policy: str | None, *, passes: bool) -> None:
    missing = None if policy is None else {"policy": policy}
    feature = Feature.model_validate({"name": "b", "missing": missing})

    assert a_contract(Feature(name="a"), feature).passes_missing is passes


def test_two_features_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two features have one name"):
        a_contract(Feature(name="a"), Feature(name="a"))


@pytest.mark.parametrize(("policy", "value"), [("fill", None), ("pass", 0.0), ("refuse", "x")])
def test_only_the_policy_fill_has_a_value(policy: str, value: object) -> None:
    with pytest.raises(ValidationError, match="goes with the policy 'fill'"):
        Missing.model_validate({"policy": policy, "value": value})


@pytest.mark.parametrize(("policy", "value"), [("fill", 0.0), ("pass", None), ("refuse", None)])
def test_a_policy_for_missing_values_holds(policy: str, value: object) -> None:
    assert Missing.model_validate({"policy": policy, "value": value}).policy == policy


def test_a_bound_is_a_finite_number() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Feature(name="a", minimum=float("-inf"))


def test_a_contract_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        a_contract().version = "2"  # type: ignore[misc]  # that is the point


def test_a_contract_survives_its_file() -> None:
    contract = a_contract(
        Feature(name="a", minimum=-1.5, missing=Missing(policy="fill", value=0.1)),
        Feature(name="b", kind="category", categories=("x", "y")),
        task="classification",
        outputs={"classes": (0, "one", True, 2.5), "has_probabilities": True},
        golden=GoldenRows(inputs=((1.0, None),), predictions=(0,), probabilities=((0.1, 0.9),)),
    )

    assert Contract.model_validate_json(contract.model_dump_json(indent=2)) == contract


def test_feature_names_keep_the_order_of_the_columns() -> None:
    assert a_contract(Feature(name="z"), Feature(name="a")).feature_names == ("z", "a")


def test_the_first_golden_row_is_the_example() -> None:
    golden = GoldenRows(inputs=((1.0, None), (3.0, 4.0)), predictions=(5.0, 6.0))

    assert a_contract(golden=golden).example_row == (1.0, None)


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (Feature(name="a"), 0.0),
        (Feature(name="a", minimum=2, maximum=4), 3.0),
        (Feature(name="a", minimum=0, maximum=100, trained_minimum=2, trained_maximum=4), 3.0),
        (Feature(name="a", minimum=2), 1.0),
        (Feature(name="a", kind="int", trained_minimum=1, trained_maximum=4), 2),
        (Feature(name="a", kind="bool"), True),
        (Feature(name="a", kind="category", categories=("x", "y")), "x"),
    ],
)
def test_without_golden_rows_the_example_is_the_middle(feature: Feature, value: object) -> None:
    assert a_contract(feature).example_row == (value,)


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (Feature(name="c", kind="category", categories=("x", "y")), "x"),
        (Feature(name="c", kind="category"), "text"),
        (Feature(name="t", kind="text"), "text"),
    ],
    ids=["category", "any category", "text"],
)
def test_an_example_of_words_is_a_word(feature: Feature, value: str) -> None:
    assert a_contract(feature).example_row == (value,)


def test_an_unknown_category_is_refused_unless_the_contract_warns() -> None:
    assert Feature(name="c", kind="category").unknown == "refuse"
    with pytest.raises(ValidationError):
        Feature.model_validate({"name": "c", "kind": "category", "unknown": "ignore"})
