from __future__ import annotations

from typing import Any

import pytest

from app.domain.prediction import Wish
from app.errors import BodyMalformedError
from app.gate.v2.outputs import chosen, outputs_of, wish_for
from app.gate.v2.request import Wanted
from test.builders import a_contract

COLOURS = {"name": "colour", "classes": ("red", "blue", "green")}
SIZE = {"name": "size"}


@pytest.mark.parametrize(
    ("task", "outputs", "expected"),
    [
        ("regression", {}, [("predict", "FP64", 1)]),
        ("classification", {"classes": ("a", "b")}, [("predict", "BYTES", 1)]),
        ("classification", {"classes": (True, False)}, [("predict", "BOOL", 1)]),
        ("classification", {"classes": (0.5, 1.5)}, [("predict", "FP64", 1)]),
        ("classification", {"classes": (1, "a")}, [("predict", "BYTES", 1)]),
        (
            "classification",
            {"classes": (0, 1, 2), "has_probabilities": True, "has_scores": True},
            [("predict", "INT64", 1), ("probabilities", "FP64", 3)],
        ),
        (
            "classification",
            {"classes": (0, 1), "has_scores": True},
            [("predict", "INT64", 1), ("scores", "FP64", 1)],
        ),
        (
            "outlier-detection",
            {"has_scores": True},
            [("predict", "INT64", 1), ("scores", "FP64", 1)],
        ),
        (
            "classification",
            {"targets": (COLOURS, COLOURS | {"name": "hue"}), "has_probabilities": True},
            [
                ("colour", "BYTES", 1),
                ("hue", "BYTES", 1),
                ("probabilities_colour", "FP64", 3),
                ("probabilities_hue", "FP64", 3),
            ],
        ),
        ("regression", {"targets": (SIZE,)}, [("size", "FP64", 1)]),
        (
            "classification",
            {
                "targets": (COLOURS, COLOURS | {"name": "probabilities_colour"}),
                "has_probabilities": True,
            },
            [
                ("colour", "BYTES", 1),
                ("probabilities_colour", "BYTES", 1),
                ("probabilities_colour_", "FP64", 3),
                ("probabilities_probabilities_colour", "FP64", 3),
            ],
        ),
        (
            "regression",
            {"targets": (SIZE | {"name": "scores"},), "has_scores": True},
            [("scores", "FP64", 1), ("scores_", "FP64", 1)],
        ),
    ],
    ids=[
        "a quantity", "texts", "truth values", "numbers", "mixed classes", "probabilities",
        "scores instead", "outliers", "labels", "several quantities",
        "a target called like probabilities", "a target called like scores",
    ],
)  # fmt: skip
def test_the_outputs_follow_from_the_contract(
    task: str, outputs: dict[str, Any], expected: list[tuple[str, str, int]]
) -> None:
    found = outputs_of(a_contract(task=task, outputs=outputs))

    assert [(it.name, it.datatype, it.n_columns) for it in found] == expected


def test_scores_beside_probabilities_come_when_they_are_named() -> None:
    contract = a_contract(
        task="classification",
        outputs={"classes": (0, 1), "has_probabilities": True, "has_scores": True},
    )

    found = chosen(contract, [Wanted("decision_function", is_binary=False)])

    assert [(it.name, it.what) for it in found] == [("decision_function", "scores")]
    assert wish_for(found) == Wish(scores=True)
    assert wish_for(outputs_of(contract)) == Wish(probabilities=True)


def test_an_unknown_output_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(BodyMalformedError, match="'x' is no output of this model; it has: predict"):
        chosen(a_contract(), [Wanted("x", is_binary=False)])


def test_a_target_may_be_named_like_another_output() -> None:
    contract = a_contract(outputs={"targets": ({"name": "predictions"}, {"name": "scores"})})

    found = chosen(contract, [Wanted("scores", is_binary=False)])

    assert [(it.what, it.target) for it in found] == [("predictions", 1)]
