"""Tries a deployment out: the real gateway on a free port, asked as a client asks it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from math import isclose
from pathlib import Path
from typing import Any, Final

from app.domain.contract import Contract
from app.errors import OperatorError

PROJECT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 40.0
_CALL_SECONDS: Final = 30.0
_LOOK_EVERY_SECONDS: Final = 0.1
_SAID_LINES: Final = 10
_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that was started, and a token that it takes."""

    port: int
    token: str

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> Any:
        """Return status and JSON of one call; an empty *token* sends none."""
        sent = self.token if token is None else token
        headers = {"Authorization": f"Bearer {sent}"} if sent else {}
        payload = None
        if body is not None:
            payload = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_CALL_SECONDS)
        try:
            connection.request(method, path, payload, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()


@contextmanager
def running_gateway(environment: Mapping[str, str]) -> Iterator[Gateway]:
    """Serve this environment's models on a free port of 127.0.0.1 until the block ends.

    Args:
        environment: variables besides ours, such as ``CONFIG_PATH``.

    Raises:
        OperatorError: it did not start; the message has its last words.
    """
    port = _free_port()
    known = {**os.environ, "GATEHOUSE_SERVER__DRAIN_SECONDS": "0", **environment}
    known |= {"HOST": "127.0.0.1", "PORT": str(port)}
    token = _token(known)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.serve"],
            cwd=PROJECT,
            env=known,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _is_up(process, port):
                said.seek(0)
                words = said.read().decode(errors="replace").splitlines()[-_SAID_LINES:]
                raise OperatorError("the gateway did not start:\n" + "\n".join(words))
            yield Gateway(port, token)
        finally:
            _stop(process)


def faults(gateway: Gateway, contract: Contract, *, needs_token: bool = True) -> list[str]:
    """Return what is wrong with the deployment of *contract*; nothing where it holds.

    It must refuse a call without a token where one is needed, answer as its own version, and answer
    its golden rows as training did: labels equal, numbers within 1e-6 relative.
    """
    path = f"/api/v1/models/{contract.name}/predict"
    rows = contract.golden.inputs or (contract.example_row,)
    body = {"data": rows}
    status, _ = gateway.ask("POST", path, body, token="")
    is_open = needs_token and status != HTTPStatus.UNAUTHORIZED
    found = [f"a call without a token got {status}, not 401"] if is_open else []
    status, answer = gateway.ask("POST", path, body)
    if status != HTTPStatus.OK:
        return [*found, f"its golden rows got {status}: {answer.get('detail', answer)}"]
    version = answer["model"]["version"]
    if version != contract.version:
        found.append(f"version {version} answers, not {contract.version}")
    pairs = zip(answer["predictions"], contract.golden.predictions, strict=False)
    wrong = [row for row, (got, wanted) in enumerate(pairs) if not _equal(got, wanted)]
    if wrong:
        found.append(f"golden rows {wrong} are answered in another way than in training")
    return found


def _equal(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return all(map(_equal, got, wanted))
    if isinstance(wanted, float):
        return isclose(got, wanted, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(got == wanted)


def _token(environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "jwt_tools/generate_token.py"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OperatorError(f"no token could be made: {done.stderr.strip()}")
    return done.stdout.strip()


def _is_up(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            if Gateway(port, "").ask("GET", "/readyz")[0] == HTTPStatus.OK:
                return True
        except (OSError, HTTPException):
            time.sleep(_LOOK_EVERY_SECONDS)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
