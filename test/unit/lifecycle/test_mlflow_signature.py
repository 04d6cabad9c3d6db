from __future__ import annotations

from typing import Any

import pytest

from app.domain.contract import Contract, Feature, Missing
from app.errors import ModelRejectedError
from app.lifecycle.mlflow_signature import column_names, signed_contract
from test.builders import a_contract


def columns(**types: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind, "required": True} for name, kind in types.items()]


def a_tensor(*shape: int) -> list[dict[str, Any]]:
    return [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": list(shape)}}]


def nameless() -> Contract:
    return a_contract(Feature(name="feature_0"), Feature(name="feature_1"))


def test_columns_give_an_estimator_without_names_its_names() -> None:
    signed = signed_contract(nameless(), columns(age="double", bmi="float"))

    assert signed.feature_names == ("age", "bmi")
    assert {it.kind for it in signed.features} == {"float"}


def test_the_order_is_the_estimators_own() -> None:
    signed = signed_contract(a_contract(), columns(b="long", a="double"))

    assert [(it.name, it.kind) for it in signed.features] == [("a", "float"), ("b", "int")]


@pytest.mark.parametrize(
    ("written", "kind", "policy"),
    [
        ("double", "float", None),
        ("float", "float", None),
        ("long", "int", "refuse"),
        ("integer", "int", "refuse"),
        ("boolean", "bool", "refuse"),
    ],
)
def test_a_type_is_a_kind_and_whole_numbers_may_not_be_missing(
    written: str, kind: str, policy: str | None
) -> None:
    [a, _] = signed_contract(a_contract(), columns(a=written, b="double")).features

    assert (a.kind, a.missing and a.missing.policy) == (kind, policy)


def test_an_example_with_gaps_keeps_its_policy() -> None:
    passing = Missing(policy="pass")
    contract = a_contract(Feature(name="a", missing=passing))

    [a] = signed_contract(contract, columns(a="long")).features

    assert a.missing == passing


def test_a_text_stays_what_the_estimator_reads_it_as() -> None:
    contract = a_contract(Feature(name="a", kind="category", categories=("x", "y")))

    assert signed_contract(contract, columns(a="string")).features == contract.features


@pytest.mark.parametrize("inputs", [None, [], a_tensor(-1, 2), a_tensor(-1, -1)])
def test_a_signature_without_columns_leaves_the_contract_as_it_is(
    inputs: list[dict[str, Any]] | None,
) -> None:
    assert signed_contract(nameless(), inputs) == nameless()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        pytest.param(columns(a="double"), "has 1 columns, the estimator takes 2", id="fewer"),
        pytest.param(columns(a="double", c="double"), "names the column 'c', which", id="strange"),
        pytest.param(columns(a="double", b="string"), "'b' is a string, and the estim", id="text"),
        pytest.param(columns(a="double", b="datetime"), "column 'b' is a datetime", id="date"),
        pytest.param(a_tensor(-1, 3), r"shape \[-1, 3\], the estimator rows of 2", id="wide"),
        pytest.param(a_tensor(-1, 2) * 2, "takes tensors", id="two tensors"),
    ],
)
def test_a_signature_of_another_model_is_refused(
    inputs: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ModelRejectedError, match=message):
        signed_contract(a_contract(), inputs)


def test_a_column_without_a_name_is_called_by_its_place() -> None:
    assert column_names([{"type": "double"}, {"type": "long"}]) == ["feature_0", "feature_1"]
