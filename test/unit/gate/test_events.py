from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.domain.access import Action
from app.domain.audit import Evidence
from app.gate.call import ACCESS, ADDRESS, DETAIL, ENDPOINT, EVIDENCE, PROBLEM, REQUEST_ID, SUBJECT
from app.gate.events import PUBLIC, event_of
from test.builders import a_contract


def environ(**notes: Any) -> dict[str, Any]:
    about = {REQUEST_ID: "r1", ADDRESS: "127.0.0.1", ENDPOINT: "/route", "REQUEST_METHOD": "POST"}
    return about | notes


def test_a_prediction_is_remembered_with_its_evidence() -> None:
    evidence = Evidence(a_contract(), np.zeros((1, 2)), b'"predictions":[0]')
    notes = {ACCESS: Action.PREDICT, SUBJECT: "alice", EVIDENCE: evidence}

    event = event_of(environ(**notes), 200, 0.25, 99.0)

    assert event is not None
    assert (event.kind, event.subject, event.evidence) == ("prediction", "alice", evidence)
    assert (event.at, event.seconds, event.status, event.route) == (99.0, 0.25, 200, "/route")


def test_an_act_of_an_administrator_is_remembered_with_what_was_asked_for() -> None:
    notes = {ACCESS: Action.ADMIN, SUBJECT: "root", DETAIL: "{}"}

    event = event_of(environ(**notes), 201, 0.1, 1.0)

    assert event is not None
    assert (event.kind, event.detail) == ("admin", "{}")


@pytest.mark.parametrize(
    ("notes", "status", "remembered"),
    [
        ({ACCESS: Action.PREDICT, PROBLEM: "invalid-token"}, 401, True),
        ({ACCESS: Action.READ, SUBJECT: "alice", PROBLEM: "insufficient-permissions"}, 403, True),
        ({ACCESS: Action.PREDICT, SUBJECT: "alice", PROBLEM: "rate-limited"}, 429, True),
        ({ACCESS: Action.PREDICT, PROBLEM: "rate-limited"}, 429, False),  # guesses, of a stranger
        ({ACCESS: PUBLIC, PROBLEM: "invalid-token"}, 401, True),  # the scrape token
        ({ACCESS: PUBLIC}, 503, False),
        ({ACCESS: Action.PREDICT, PROBLEM: "keys-unavailable"}, 503, False),
        ({ACCESS: Action.ADMIN}, 200, False),  # OPTIONS, which anybody may ask
        ({PROBLEM: "not-found"}, 404, False),
        ({ACCESS: PUBLIC}, 200, False),
        ({ACCESS: Action.READ, SUBJECT: "alice"}, 200, False),
    ],
)
def test_refusals_behind_the_door_are_remembered_and_public_traffic_is_not(
    notes: dict[str, Any], status: int, *, remembered: bool
) -> None:
    event = event_of(environ(**notes), status, 0.1, 1.0)

    assert (event is not None) is remembered
    assert event is None or event.kind == "refusal"
