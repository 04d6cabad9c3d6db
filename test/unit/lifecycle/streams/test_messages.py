from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import pytest

from app.domain.ports import Engine, Matrix, Scores
from app.domain.prediction import ServedModel
from app.lifecycle.streams.messages import Fault, answered


def answer(model: ServedModel, text: bytes | None, **options: bool) -> dict[str, Any]:
    [found] = answered(model, [text], **options)
    assert not isinstance(found, Fault), found
    return found


def reason(model: ServedModel, text: bytes | None) -> str:
    [found] = answered(model, [text])
    assert isinstance(found, Fault), found
    return found.reason


@pytest.mark.parametrize(
    "text",
    [b'{"features": [1, 2]}', b'{"features": {"b": 2, "a": 1}}'],
    ids=["by place", "by name"],
)
def test_features_by_place_and_by_name_are_one_row(sides: ServedModel, text: bytes) -> None:
    found = answer(sides, text)

    assert (found["prediction"], found["model"], found["version"]) == (2, "sides", "1")


def test_an_id_and_other_members_come_back(sides: ServedModel) -> None:
    found = answer(sides, b'{"id": "x", "features": [1, 2], "customer": {"n": [7]}}')

    assert (found["id"], found["context"]) == ("x", {"customer": {"n": [7]}})


def test_without_other_members_there_is_no_context(sides: ServedModel) -> None:
    assert {"id", "context"}.isdisjoint(answer(sides, b'{"features": [1, 2]}'))


def test_probabilities_come_where_they_are_asked_for(sides: ServedModel) -> None:
    found = answer(sides, b'{"features": [1, 2]}', with_probabilities=True)

    assert found["classes"] == (0, 1, 2)
    assert sum(found["probabilities"]) == pytest.approx(1)
    assert "probabilities" not in answer(sides, b'{"features": [1, 2]}')


def test_several_targets_stand_in_one_answer(pair: ServedModel) -> None:
    found = answer(pair, b'{"features": [3, 1]}')

    assert found["targets"] == ["sum", "gap"]
    assert np.round(found["prediction"]).tolist() == [4, 2]


def test_a_text_is_a_row_of_a_model_of_texts(texts: ServedModel) -> None:
    assert answer(texts, b'{"features": "good day"}')["prediction"] == 1


def test_a_row_of_a_table_keeps_its_kinds(people: ServedModel) -> None:
    text = '{"features": {"age": 2, "member": true, "town": "Zürich"}}'.encode()

    assert answer(people, text)["prediction"] in {"yes", "no"}


def test_a_bare_nan_is_a_missing_value(sides: ServedModel) -> None:
    assert answer(sides, b'{"features": [1, NaN]}') | {"time": 0} == answer(
        sides, b'{"features": [1, null]}'
    ) | {"time": 0}


FAULTS = {
    "nothing": (None, "has no value"),
    "no JSON": (b"{", "is not JSON: unexpected end of data at character 1"),
    "no UTF-8": (
        b"\xff", "is not JSON: str is not valid UTF-8: surrogates not allowed at character 0",
    ),
    "infinite": (
        b'{"features": [1e999, 1]}',
        "is not JSON: number is infinity when parsed as double at character 14",
    ),
    "an array": (b"[1, 2]", "must be an object with 'features'"),
    "no features": (b'{"data": [1, 2]}', "must be an object with 'features'"),
    "a number": (b'{"features": 1}', "'features' must be a list or an object"),
    "a text": (b'{"features": "x"}', "must be a list of 2 values"),
    "too few": (b'{"features": [1]}', "has 1 values; 2 are needed"),
    "empty": (b'{"features": []}', "has 0 values; 2 are needed"),
    "no names": (b'{"features": {}}', "a: is absent; send null if it is missing"),
    "unknown": (b'{"features": {"a": 1, "b": 2, "c": 3}}', "c: is no feature of this model"),
    "a word": (b'{"features": [1, "x"]}', "b: must be a number or null, not a string"),
    "nested": (b'{"features": [1, [2]]}', "b: must be a number or null, not an array"),
    "beyond": (b'{"features": [1e7, 2]}', "a: must be from -1000000 to 1000000"),
    "twice": (b'{"features": [9, 9], "features": [1, 2]}', "'features' stands twice"),
    "twice by name": (b'{"features": {"a": 1, "b": 2, "a": 3}}', "'a' stands twice"),
    "twice escaped": (b'{"features": {"a": 1, "b": 2, "\\u0061": 3}}', "'a' stands twice"),
    "deep": (b'{"features": [1, 2], "x": ' + b"[" * 400 + b"]" * 400 + b"}", "nests too deep"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_scored_says_why(
    sides: ServedModel, text: bytes | None, expected: str
) -> None:
    assert reason(sides, text) == expected


def test_a_faulty_message_leaves_those_around_it_their_answers(sides: ServedModel) -> None:
    texts = [
        b'{"features": [-2, -2], "id": 0}',
        b"{",
        b'{"features": {"a": 2, "b": 2}, "id": 2}',
        b'{"features": [1], "id": 3}',
        b'{"features": [2, 2], "id": 4}',
        b'{"features": {"a": 2}, "id": 5}',
    ]

    found = answered(sides, texts)

    answers = {number: it for number, it in enumerate(found) if not isinstance(it, Fault)}
    assert {number: (it["id"], it["prediction"]) for number, it in answers.items()} == {
        0: (0, 0),
        2: (2, 2),
        4: (4, 2),
    }


def test_a_batch_gets_what_each_message_gets_alone(sides: ServedModel) -> None:
    rows = np.random.default_rng(1).normal(size=(300, 2)).tolist()
    texts = [orjson.dumps({"features": row}) for row in rows]

    together = [it["prediction"] for it in answered(sides, texts) if not isinstance(it, Fault)]

    assert together == [answer(sides, text)["prediction"] for text in texts]


def test_no_messages_get_no_answers(sides: ServedModel) -> None:
    assert answered(sides, []) == []


@dataclass
class Picky:
    """An engine that takes no value above a limit."""

    engine: Engine
    error: type[Exception] = ValueError
    limit: float = 100.0

    def predict(self, matrix: Matrix) -> Scores:
        if (matrix > self.limit).any():
            raise self.error
        return self.engine.predict(matrix)


@pytest.mark.parametrize("error", [ValueError, RuntimeError, KeyError])
def test_values_that_only_the_model_refuses_cost_no_other_row_its_answer(
    sides: ServedModel, error: type[Exception]
) -> None:
    picky = replace(sides, engine=Picky(sides.engine, error))

    good, bad = answered(picky, [b'{"features": [1, 2]}', b'{"features": [101, 2]}'])

    assert not isinstance(good, Fault)
    assert bad == Fault("the model refuses these values, although they keep its contract")


def test_a_model_that_answers_nothing_any_more_rejects_no_message(sides: ServedModel) -> None:
    broken = replace(sides, engine=Picky(sides.engine, RuntimeError, limit=-np.inf))

    with pytest.raises(RuntimeError):
        answered(broken, [b'{"features": [1, 2]}', b'{"features": [3, 4]}'])
