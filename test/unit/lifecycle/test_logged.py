from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pytest

from app.domain.audit import Event, Evidence, Record
from app.domain.audit_chain import Chain
from app.domain.audit_privacy import LONG, ModelPrivacy, Privacy
from app.domain.contract import Contract, Feature, Missing
from app.lifecycle.logged import DAMAGED, HIDDEN, UNKNOWN, Logged, logged
from test.audit_parts import an_event, some_evidence
from test.builders import a_contract

PEOPLE = a_contract(
    Feature(name="age", missing=Missing(policy="pass")),
    Feature(name="town", kind="category", categories=("Bern", "Basel")),
    name="people",
    task="classification",
    outputs={"classes": ("no", "yes"), "has_probabilities": True},
)


def kept(*events: Event, privacy: ModelPrivacy | None = None) -> list[Record]:
    rules = Privacy(b"key", privacy or ModelPrivacy())
    return Chain("w").extended(map(rules.kept, events))[0]


def read(
    records: list[Record], *contracts: Contract, name: str = "line"
) -> tuple[list[Logged], Counter[str]]:
    known: Mapping[str, Contract] = {it.version: it for it in contracts or (a_contract(),)}
    left_out: Counter[str] = Counter()
    return list(logged(records, known.get, name=name, left_out=left_out)), left_out


def test_an_answered_request_is_read_back() -> None:
    [found], left_out = read(kept(an_event()))

    assert (found.request_id, found.version) == ("r1", "1")
    assert f"{found.at:%Y-%m-%dT%H:%M:%S%z}" == "2027-01-15T08:00:00+0000"
    np.testing.assert_array_equal(found.rows, [[1.0, 2.0]])
    assert found.rows.dtype == np.float64
    assert (found.predictions, found.probabilities) == ([4.5], None)
    assert not left_out


def test_many_rows_are_read_back_bit_for_bit() -> None:
    rows = np.random.default_rng(1).normal(size=(LONG + 5, 2))
    rows[3, 1] = np.nan
    fragment = b'"predictions":' + orjson.dumps([0.0] * len(rows))

    [found], _ = read(kept(an_event(evidence=Evidence(a_contract(), rows, fragment))))

    assert found.rows.tobytes() == rows.tobytes()


def test_rows_of_words_are_objects_with_nan_for_what_was_missing() -> None:
    rows = np.array([[41.0, "Bern"], [np.nan, "Basel"]], dtype=object)
    fragment = b'"predictions":["yes","no"],"probabilities":[[0.1,0.9],[0.8,0.2]]'

    records = kept(an_event(evidence=Evidence(PEOPLE, rows, fragment)))
    [found], _ = read(records, PEOPLE, name="people")

    assert found.rows.tolist()[0] == [41.0, "Bern"]
    assert np.isnan(found.rows[1, 0])
    assert found.predictions == ["yes", "no"]
    assert found.probabilities == [[0.1, 0.9], [0.8, 0.2]]


@pytest.mark.parametrize(
    "changes",
    [
        {"route": "shadow"},
        {"kind": "refusal", "status": 401, "evidence": None},
        {"evidence": some_evidence(contract=a_contract(name="other"))},
        {"kind": "admin"},
    ],
    ids=["shadow", "refusal", "another model", "an administrator"],
)
def test_what_was_no_answer_of_this_model_is_passed_over(changes: dict[str, Any]) -> None:
    assert read(kept(an_event(**changes))) == ([], Counter())


@pytest.mark.parametrize(
    "privacy",
    [
        ModelPrivacy(inputs="hashed"),
        ModelPrivacy(inputs="omitted"),
        ModelPrivacy(outputs="hashed"),
        ModelPrivacy(outputs="omitted"),
        ModelPrivacy(features={"b": "hashed"}),
        ModelPrivacy(features={"b": "omitted"}),
    ],
    ids=["inputs hashed", "inputs omitted", "outputs hashed", "outputs omitted", "b hashed",
         "b omitted"],
)  # fmt: skip
def test_what_was_not_kept_as_it_was_is_counted(privacy: ModelPrivacy) -> None:
    assert read(kept(an_event(), privacy=privacy)) == ([], Counter({HIDDEN: 1}))


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": "{"},
        {"inputs": '{"a":[1.0],"b":[2.0,3.0]}'},
        {"inputs": '{"a":["x"],"b":[2.0]}'},
        {"inputs": '{"a":1.0,"b":2.0}'},
        {"inputs": "[1.0,2.0]"},
        {"outputs": "{}"},
        {"outputs": '{"predictions":[1.0,2.0]}'},
        {"n_rows": 2},
        {"at_us": 10**30},
    ],
    ids=["no JSON", "lengths", "no number", "no columns", "a list", "no answers", "too many",
         "rows", "time"],
)  # fmt: skip
def test_what_somebody_has_changed_is_counted(changes: dict[str, Any]) -> None:
    [record] = kept(an_event())

    assert read([record._replace(**changes)]) == ([], Counter({DAMAGED: 1}))


def test_an_answer_of_a_version_that_is_gone_is_counted() -> None:
    assert read(kept(an_event()), a_contract(version="2")) == ([], Counter({UNKNOWN: 1}))
