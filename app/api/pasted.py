"""Calls of one model that work when they are pasted into a shell or into Python."""

from __future__ import annotations

import json
import shlex
from typing import Any

from app.api.examples import example_body
from app.domain.contract import Contract


def curl_call(url: str, body: str, *, asks_for_token: bool) -> str:
    """Return a command for bash; names and values from people's files stay text in it."""
    token = ' -H "Authorization: Bearer $TOKEN"' if asks_for_token else ""
    return (
        f"curl {shlex.quote(url)}{token} -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )


def python_call(url: str, body: str, *, asks_for_token: bool) -> str:
    """Return lines of Python that need nothing but its standard library."""
    token = '"Authorization": "Bearer " + os.environ["TOKEN"], ' if asks_for_token else ""
    imports = "json, os, urllib.request" if asks_for_token else "json, urllib.request"
    return (
        f"import {imports}\n"
        f"body = {body!r}.encode()\n"
        f'headers = {{{token}"Content-Type": "application/json"}}\n'
        f"call = urllib.request.Request({url!r}, body, headers)\n"
        "print(json.load(urllib.request.urlopen(call)))"
    )


def client_call(host: str, contract: Contract, *, asks_for_token: bool) -> str:
    """Return lines of Python for the package in ``client/``."""
    body = example_body(contract)
    token = 'os.environ["TOKEN"]' if asks_for_token else "None"
    wish = ", scores=True" if body.get("scores") else ""
    imports = "import os\n\n" if asks_for_token else ""
    return (
        f"{imports}from gatehouse_client import Gatehouse\n\n"
        f"with Gatehouse({host!r}, {token}) as gateway:\n"
        f"    print(gateway.predict({body['data']!r}, model={contract.name!r}{wish}))"
    )


def how_to_call(
    contract: Contract, host: str, *, is_default: bool, asks_for_token: bool
) -> dict[str, Any]:
    """Return an example body, and the same call for curl, for Python and for the client.

    Args:
        contract: of the model.
        host: where the gateway was reached, such as ``http://127.0.0.1:5000``.
        is_default: whether the short route leads to it.
        asks_for_token: whether a call must carry one.
    """
    path = "predict" if is_default else f"models/{contract.name}/predict"
    url = f"{host}/api/v1/{path}"
    body = json.dumps(example_body(contract))
    return {
        "url": url,
        "body": json.loads(body),
        "curl": curl_call(url, body, asks_for_token=asks_for_token),
        "python": python_call(url, body, asks_for_token=asks_for_token),
        "client": client_call(host, contract, asks_for_token=asks_for_token),
    }
