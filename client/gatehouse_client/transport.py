"""Requests that wait and try again where that is polite, over connections that are kept."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from gatehouse_client.errors import (
    AnswerError,
    ProblemError,
    TokenError,
    UnreachableError,
    problem_error,
)
from gatehouse_client.patience import Patience, seconds_of

_WAITED_FOR: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
Token = str | Callable[[], str] | None


class Transport:
    """Sends JSON and returns JSON; threads may share it.

    Predictions change nothing in the gateway, so a request whose connection broke is sent again.
    One whose answer takes too long is not: that would add to the load that made it slow.

    Args:
        url: where the gateway is, with any path in front of its routes.
        token: the token, or a function that returns it, asked before each try.
        patience: how long to go on.
        timeout_seconds: to connect, and between two parts of an answer.
    """

    def __init__(
        self, url: str, token: Token, *, patience: Patience, timeout_seconds: float
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no address such as 'https://gatehouse.example.com'")
        self._url: Final = url.rstrip("/")
        self._token: Final = token
        self._patience: Final = patience
        timeout = urllib3.Timeout(connect=timeout_seconds, read=timeout_seconds)
        self._pool: Final = urllib3.PoolManager(maxsize=16, timeout=timeout, retries=False)

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at *path*; raises like ``post``."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> dict[str, Any]:
        """Send *body*, which is JSON, and return the JSON object that answers it.

        Raises:
            ProblemError: the gateway refused; 429 and 503 only after the last try.
            TokenError: the token cannot be sent.
            UnreachableError: there was no connection, after the last try, or no answer in time.
            AnswerError: the answer is none of a Gatehouse.
        """
        return self._ask("POST", path, body)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        tried = 0
        while True:
            tried += 1
            retry_after = None
            try:
                answer = self._send(method, path, body)
            except (ReadTimeoutError, SSLError) as error:
                raise UnreachableError(f"{self._url}: {error}") from error
            except HTTPError as error:
                failure: Exception = UnreachableError(f"{self._url}: {error}")
                failure.__cause__ = error
            else:
                if answer.status == HTTPStatus.OK:
                    return _object(answer.data)
                failure = refused = _refusal(answer)
                if answer.status not in _WAITED_FOR:
                    raise failure
                retry_after = refused.retry_after_seconds
            seconds = self._patience.seconds(tried, retry_after, random.random())  # noqa: S311  jitter
            if seconds is None:
                raise failure
            time.sleep(seconds)

    def _send(self, method: str, path: str, body: bytes | None) -> urllib3.BaseHTTPResponse:
        # A redirect would take the token to wherever it leads.
        return self._pool.request(
            method, f"{self._url}{path}", body=body, headers=self._headers(body), redirect=False
        )

    def _headers(self, body: bytes | None) -> Mapping[str, str]:
        return {
            "Accept": "application/json",
            **self._authorization(),
            **({"Content-Type": "application/json"} if body is not None else {}),
        }

    def _authorization(self) -> dict[str, str]:
        token = self._token() if callable(self._token) else self._token
        token = token.strip() if token else token  # read from a file it ends with its line
        if not token:
            return {}
        if not (token.isascii() and token.isprintable()):
            raise TokenError("The token holds characters that no header can carry.")
        return {"Authorization": f"Bearer {token}"}


def _refusal(answer: urllib3.BaseHTTPResponse) -> ProblemError:
    try:
        problem = _object(answer.data)
    except AnswerError:  # a proxy in between has words of its own
        problem = {}
    return problem_error(answer.status, problem, seconds_of(answer.headers.get("Retry-After")))


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AnswerError(f"The answer is no JSON object: {body[:60]!r}")
    return found
