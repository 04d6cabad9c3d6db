"""How the protocol says what went wrong: ``{"error": text}``."""

from __future__ import annotations

from typing import Any, Final

import orjson

from app.gate.call import Answer

PROBLEM_TYPE: Final = "application/problem+json"
JSON: Final = "application/json"
_PREFIX: Final = "/v2/"


def speaks_v2(path: str) -> bool:
    """Say whether *path* belongs to the protocol."""
    return path.startswith(_PREFIX) or path == _PREFIX[:-1]


def worded(answer: Answer) -> Answer:
    """Return *answer*, a problem, in the shape of the protocol; its other headers stay."""
    if ("Content-Type", PROBLEM_TYPE) not in answer.headers:
        return answer
    headers = tuple(
        (name, JSON if name == "Content-Type" else value) for name, value in answer.headers
    )
    return answer._replace(headers=headers, body=worded_body(answer.body))


def worded_body(body: bytes) -> bytes:
    """Return the body of a problem as ``{"error": text}``, with every fault that it tells."""
    problem: dict[str, Any] = orjson.loads(body)
    sentence, detail = problem["error"], problem["detail"]
    faults = [_told(fault) for fault in problem.get("errors", ())]
    if faults:
        detail = "; ".join(faults)
    text = sentence if detail == sentence else f"{sentence}: {detail}"
    return orjson.dumps({"error": text})


def _told(fault: dict[str, Any]) -> str:
    row, feature = fault["row"], fault["feature"]
    where = "" if row is None else f"row {row}: "
    return where + ("" if feature is None else f"{feature}: ") + str(fault["reason"])
