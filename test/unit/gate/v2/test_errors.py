from __future__ import annotations

import orjson
import pytest

from app.errors import FieldError, InputInvalidError, RateLimitedError
from app.gate.call import Answer
from app.gate.problems import INTERNAL, problem, problem_of
from app.gate.v2.errors import speaks_v2, worded

PATH = "/v2/models/a"


@pytest.mark.parametrize(
    ("path", "speaks"),
    [("/v2", True), ("/v2/", True), ("/v2/models/a", True), ("/v2a", False), ("/api/v2/", False)],
)
def test_a_path_tells_the_protocol(path: str, speaks: bool) -> None:  # noqa: FBT001
    assert speaks_v2(path) is speaks


def test_a_refusal_tells_every_fault_in_one_sentence() -> None:
    faults = [FieldError(0, "a", "is wrong"), FieldError(None, None, "is none")]

    found = worded(problem_of(InputInvalidError(faults), path=PATH, request_id="1"))

    said = {"error": "Invalid request data: row 0: a: is wrong; is none"}
    assert orjson.loads(found.body) == said
    assert found.status == 400
    assert found.headers == (("Content-Type", "application/json"),)


def test_the_other_headers_stay() -> None:
    found = worded(problem_of(RateLimitedError(7, [("RateLimit", "x")]), path=PATH, request_id="1"))

    assert dict(found.headers) == {
        "Content-Type": "application/json", "Retry-After": "7", "RateLimit": "x",
    }  # fmt: skip


def test_a_failure_says_nothing_twice() -> None:
    found = worded(problem(INTERNAL, detail=None, path=PATH, request_id="1"))

    assert orjson.loads(found.body) == {"error": "Internal server error"}


def test_what_is_no_problem_stays_as_it_is() -> None:
    plain = Answer(200, (("Content-Type", "text/plain"),), b"ready")

    assert worded(plain) is plain
