from __future__ import annotations

import json
from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
import pytest

from app.domain.audit import Event, Evidence, Record
from app.domain.audit_privacy import HASHED, LONG, PACKED, ModelPrivacy, Privacy, unpacked
from app.domain.contract import Feature
from test.audit_parts import NOON, a_refusal, an_event, some_evidence
from test.builders import a_contract

OMITTED = ModelPrivacy(inputs="omitted", outputs="omitted")


def kept(event: Event, rest: ModelPrivacy | None = None, **more: Any) -> dict[str, Any]:
    """The columns of the event's record by name."""
    fields = Privacy(b"key", rest or ModelPrivacy(), **more).kept(event)
    return dict(zip(Record._fields[3:-1], fields, strict=True))


def inputs(rest: ModelPrivacy, *rows: Sequence[float], key: bytes = b"key") -> Any:
    fields = Privacy(key, rest).kept(an_event(evidence=some_evidence(*rows)))
    return json.loads(fields[-2] or "null")


def test_a_prediction_is_kept_as_integers_and_text() -> None:
    found = kept(an_event(evidence=some_evidence((1.0, nan), (2.5, 4.0))))

    assert found == {
        "at_us": int(NOON * 1e6),
        "kind": "prediction",
        "request_id": "r1",
        "method": "POST",
        "route": "/api/v1/predict",
        "status": 200,
        "duration_us": 1000,
        "address": "127.0.0.1",
        "subject": "alice",
        "problem": None,
        "detail": None,
        "model": "line",
        "version": "1",
        "digest": "0" * 64,
        "n_rows": 2,
        "inputs": '{"a":[1.0,2.5],"b":[null,4.0]}',
        "outputs": '{"predictions":[4.5]}',
    }


def test_columns_of_many_rows_are_packed_and_lose_nothing() -> None:
    rows = [(n / 7, nan if n % 3 else -float(n)) for n in range(LONG)]
    packed = kept(an_event(evidence=some_evidence(*rows)))["inputs"]

    assert list(json.loads(packed)["a"]) == [PACKED]
    read = json.loads(unpacked(packed))
    assert read["a"] == [n / 7 for n in range(LONG)]
    assert read["b"] == [None if n % 3 else -float(n) for n in range(LONG)]


def test_privacy_holds_for_many_rows_too() -> None:
    rest = ModelPrivacy(inputs="hashed", features={"b": "omitted"})

    few, many = inputs(rest, (1.0, 2.0)), inputs(rest, *[(1.0, 2.0)] * LONG)

    assert many == {"a": few["a"] * LONG}


def test_a_refusal_has_no_model() -> None:
    found = kept(a_refusal())

    assert found["problem"] == "invalid-token"
    assert [found[name] for name in ("model", "n_rows", "inputs", "outputs")] == [None] * 4


def test_equal_values_of_a_feature_have_one_hash_and_no_value_can_be_read() -> None:
    found = inputs(ModelPrivacy(inputs="hashed"), (41.0, 41.0), (41.0, 42.0))

    (first, second), (third, fourth) = found["a"], found["b"]
    assert first == second
    assert len({first, third, fourth}) == 3
    assert all(value.startswith(HASHED) for value in (first, third, fourth))
    assert "41" not in json.dumps(found).replace(first, "").replace(third, "").replace(fourth, "")


def test_a_hash_cannot_be_guessed_without_the_key() -> None:
    hashed = ModelPrivacy(inputs="hashed")

    assert inputs(hashed, key=b"one") != inputs(hashed, key=b"another")


def test_features_may_differ_from_the_rest_of_the_inputs() -> None:
    assert inputs(ModelPrivacy(features={"a": "omitted"}), (1.0, 2.0)) == {"b": [2.0]}
    assert inputs(ModelPrivacy(inputs="omitted", features={"b": "whole"})) == {"b": [2.0]}


def test_what_is_omitted_is_not_there_and_the_rows_are_counted() -> None:
    found = kept(an_event(), OMITTED)

    assert (found["inputs"], found["outputs"], found["n_rows"]) == (None, None, 1)


def test_outputs_may_be_hashed() -> None:
    found = kept(an_event(), ModelPrivacy(outputs="hashed"))

    assert json.loads(found["outputs"]).startswith(HASHED)
    assert "4.5" not in found["outputs"]


def test_a_model_may_differ_from_the_rest() -> None:
    other = an_event(evidence=some_evidence(contract=a_contract(name="other")))

    assert kept(an_event(), OMITTED, models={"line": ModelPrivacy()})["inputs"] is not None
    assert kept(other, OMITTED, models={"line": ModelPrivacy()})["inputs"] is None


def test_features_that_a_model_lacks_are_told_once() -> None:
    told: list[tuple[str, Sequence[str]]] = []
    named = ModelPrivacy(features={"a": "hashed", "aeg": "hashed"})
    privacy = Privacy(b"key", models={"line": named}, unknown=lambda *about: told.append(about))

    for _ in range(3):
        privacy.kept(an_event())

    assert told == [("line", ["aeg"])]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("zoë", "zoë"), ("a\0b", r"a\0b"), ("\ud800", r"\ud800"), ("é\udcff", r"é\udcff")],
)
def test_text_that_a_database_refuses_is_written_out(sent: str, stored: str) -> None:
    assert kept(an_event(subject=sent))["subject"] == stored


def of_words(rest: ModelPrivacy, n_rows: int = 2) -> Any:
    """What is kept of rows with a number and a text."""
    features = (Feature(name="age"), Feature(name="note", kind="text"))
    matrix = np.empty((n_rows, 2), dtype=object)
    matrix[:] = [(41.0, "a secret"), (nan, nan)] * (n_rows // 2)
    evidence = Evidence(a_contract(*features), matrix, b'"predictions":[1]')
    fields = Privacy(b"key", rest).kept(an_event(evidence=evidence))
    return json.loads(unpacked(fields[-2] or "{}"))


@pytest.mark.parametrize("n_rows", [2, LONG], ids=["few", "many"])
def test_words_are_kept_as_they_are(n_rows: int) -> None:
    found = of_words(ModelPrivacy(), n_rows)

    assert found == {
        "age": [41.0, None] * (n_rows // 2),
        "note": ["a secret", None] * (n_rows // 2),
    }


@pytest.mark.parametrize("n_rows", [2, LONG], ids=["few", "many"])
def test_words_may_be_hashed_or_left_out(n_rows: int) -> None:
    hashed = of_words(ModelPrivacy(features={"note": "hashed"}), n_rows)

    assert hashed["age"] == [41.0, None] * (n_rows // 2)
    assert len(hashed["note"]) == n_rows
    assert hashed["note"][0].startswith(HASHED)
    assert "secret" not in json.dumps(hashed)
    assert "note" not in of_words(ModelPrivacy(features={"note": "omitted"}), n_rows)
