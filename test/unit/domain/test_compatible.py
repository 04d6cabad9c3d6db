from __future__ import annotations

import pytest

from app.domain.compatible import narrower, relabelled
from app.domain.contract import Contract, Feature, Missing
from test.builders import a_contract

REFUSE = Missing(policy="refuse")
PASS = Missing(policy="pass")


def town(*names: str, unknown: str = "refuse", missing: Missing | None = None) -> Feature:
    return Feature.model_validate(
        {"name": "x", "kind": "category", "categories": names, "unknown": unknown,
         "missing": missing}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        (Feature(name="x"), Feature(name="x", minimum=0.0), ["x below 0"]),
        (Feature(name="x", maximum=9.0), Feature(name="x", maximum=8.0), ["x above 8"]),
        (Feature(name="x"), Feature(name="x", missing=REFUSE), ["x without a value"]),
        (town("a", missing=PASS), town("a"), ["x without a value"]),
        (town("a", "b"), town("a"), ["x as b"]),
        (town("a", unknown="warn"), town("a"), ["x as a new category"]),
    ],
    ids=["minimum", "maximum", "number missing", "category missing", "gone", "closed"],
)
def test_what_is_refused_now_is_named(old: Feature, new: Feature, refused: list[str]) -> None:
    assert narrower(a_contract(old), a_contract(new)) == refused


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Feature(name="x", minimum=0.0, maximum=1.0), Feature(name="x", minimum=-1.0)),
        (Feature(name="x", missing=REFUSE), Feature(name="x")),
        (Feature(name="x", missing=PASS), Feature(name="x")),
        (town("a"), town("a", "b")),
        (town("a", "b"), town("a", unknown="warn")),
    ],
    ids=["bounds", "missing", "filled", "more", "open"],
)
def test_what_takes_more_refuses_nothing(old: Feature, new: Feature) -> None:
    assert narrower(a_contract(old), a_contract(new)) == []


def answering(*labels: object) -> Contract:
    return a_contract(task="classification", outputs={"classes": labels})


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ((0, 1), ("0", "1", "x"), ["'0', and not 0"]),
        ((False, True), (0, 1), ["0, and not False"]),
        ((0, 1), (0, 1, 2), []),
        (("a", "b"), ("a",), []),
    ],
    ids=["text", "bool", "more", "fewer"],
)
def test_labels_of_another_type_are_named(
    old: tuple[object, ...], new: tuple[object, ...], found: list[str]
) -> None:
    assert relabelled(answering(*old), answering(*new)) == found


def test_the_labels_of_each_target_are_compared() -> None:
    def several(labels: list[object]) -> Contract:
        targets = [{"name": "a", "classes": [0, 1]}, {"name": "b", "classes": labels}]
        return a_contract(task="classification", outputs={"targets": targets})

    assert relabelled(several([0, 1]), several(["0", "1"])) == ["'0', and not 0"]
