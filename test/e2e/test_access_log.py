from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import pytest

from test.builders import SECRET, a_token
from test.e2e.calls import PREDICT, a_body, ask, json_headers, until
from test.e2e.estimators import FAIL
from test.e2e.server import Server

pytestmark = pytest.mark.e2e
VALUE = 48_151.623_42


def _lines_of(server: Server, request_id: str) -> list[dict[str, Any]]:
    """Return the access lines of one request."""
    return [
        line
        for line in server.log()
        if line["logger"] == "gatehouse.access" and line.get("request_id") == request_id
    ]


def test_each_request_has_one_json_line_and_nothing_of_what_it_carried(gateway: Server) -> None:
    token = a_token(sub=secrets.token_hex(8))
    forged = a_token("e" * 64)
    calls = {
        200: (token, a_body([VALUE, 1.0])),
        400: (token, a_body([VALUE, f"{VALUE}x"])),
        401: (forged, a_body([VALUE, 1.0])),
        500: (token, a_body([FAIL, VALUE])),
    }
    ids = {status: f"{secrets.token_hex(8)}.{status}" for status in calls}

    for status, (sent, body) in calls.items():
        headers = json_headers(sent, **{"X-Request-ID": ids[status]})
        assert ask(gateway, "POST", PREDICT, body=body, headers=headers).status == status

    for status, request_id in ids.items():
        lines = until(partial(_lines_of, gateway, request_id), f"no line for {status}")
        assert len(lines) == 1, f"{len(lines)} lines for {status}"
        assert lines[0]["status"] == status
        assert lines[0]["request_id"] == request_id
        assert lines[0]["path"] == PREDICT
        assert lines[0]["address"] == "127.0.0.1"
    written = gateway.stderr() + gateway.stdout()
    private = {"secret": SECRET, "token": token, "forged": forged, "value": str(VALUE)}
    assert [name for name, text in private.items() if text in written] == []
    assert [part for part in token.split(".")[1:] if part in written] == []
