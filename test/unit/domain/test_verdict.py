from __future__ import annotations

import json
from datetime import UTC, datetime

from app.domain.judge import Arm, Evidence, Rules, judge
from app.domain.verdict import Case, document

BEGAN_AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CASE = Case(model="churn", champion="3", candidate="4", began_at=BEGAN_AT)
BAD = Evidence(
    champion=Arm(fast=3_500, slow=160, failed=40),
    candidate=Arm(fast=350, slow=22, failed=40),
    agreed=400,
    differed=12,
)


def test_the_sentences_have_the_numbers() -> None:
    assert "; ".join(judge(BAD, Rules()).sentences).split("; ") == [
        "worse than tolerated in errors",
        "errors: 40 of 412 (9.71 %) failed, champion 40 of 3,700 (1.08 %)",
        "2.72 to 17.39 points more, tolerated 1",
        "latency: 22 of 372 (5.91 %) slow, champion 160 of 3,660 (4.37 %)",
        "-3.34 to 9.61 points more, tolerated 3",
        "disagreement: 12 of 412 (2.91 %) different",
        "0.64 to 7.44 %, tolerated 5",
    ]


def test_a_sentence_about_nothing_has_no_share() -> None:
    *_, said = judge(Evidence(), Rules()).sentences

    assert said == "disagreement: 0 of 0 different; 0.00 to 100.00 %, tolerated 5"


def test_the_document_holds_all_that_the_verdict_rests_on() -> None:
    judged_at = datetime(2026, 11, 21, 9, 30, 5, 123, tzinfo=UTC)

    written = json.loads(json.dumps(document(CASE, judge(BAD, Rules()), judged_at)))

    errors, _, disagreement = written.pop("findings")
    assert written == {
        "model": "churn",
        "champion": "3",
        "candidate": "4",
        "began_at": "2026-11-21T09:00:00Z",
        "judged_at": "2026-11-21T09:30:05Z",
        "ruling": "roll back",
        "reason": "worse than tolerated in errors",
    }
    assert errors["candidate"] == {"hits": 40, "trials": 412}
    assert errors["champion"] == {"hits": 40, "trials": 3_700}
    assert errors["tolerated"] < errors["lower"] < errors["estimate"] < errors["upper"]
    assert errors["log_e_worse"] > 5.7
    assert errors["log_e_good"] < 0.0
    assert disagreement["champion"] is None


def test_what_is_not_known_is_null() -> None:
    written = json.dumps(document(CASE, judge(Evidence(), Rules()), BEGAN_AT), allow_nan=False)

    assert json.loads(written)["findings"][0]["estimate"] is None
