"""Public keys from the address of a JWKS, fetched with bounds on time, size and how often."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

from app.adapters.keyring import OneAtATime, failed, taken
from app.domain.ports import Metrics
from app.settings.key_files import reason_of
from app.settings.keys import MOST_JWKS_BYTES, Key, read_jwks

FETCH_SECONDS: Final = 5.0
_PORTS: Final = {"https": 443, "http": 80}


class RemoteKeys:
    """Fulfils ``KeySource``; a fetch is one short-lived thread, and never two at once.

    Keys older than *max_age_seconds* are fetched anew in the background; where nobody has asked
    for twice as long, the one who does waits, so that a withdrawn key does not hold once more.

    Args:
        url: where the JWKS is; redirects are not followed, and no proxy is asked.
        metrics: counts the fetches.
        max_age_seconds: how long fetched keys are good.
        cooldown_seconds: least time between two fetches, whatever is asked for.
        fetch_seconds: what one fetch may take altogether.
        context: whom to trust in TLS; by default the machine's authorities.
        now: seconds that never go back.
    """

    def __init__(  # noqa: PLR0913  one argument a bound
        self,
        url: str,
        metrics: Metrics,
        *,
        max_age_seconds: float,
        cooldown_seconds: float,
        fetch_seconds: float = FETCH_SECONDS,
        context: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = urlsplit(url)
        self._metrics = metrics
        self._max_age_seconds = max_age_seconds
        self._cooldown_seconds = cooldown_seconds
        self._fetch_seconds = fetch_seconds
        self._context = context or ssl.create_default_context()
        self._now = now
        self._keys: tuple[Key, ...] = ()
        self._tried_at = float("-inf")
        self._starting = OneAtATime()
        self._fetching: threading.Thread | None = None
        self._is_fresh = False
        self.is_loaded = False

    def current(self) -> tuple[Key, ...]:
        """Return the keys in force, and have them fetched when they are old."""
        age = self._now() - self._tried_at
        if age >= (self._max_age_seconds if self._is_fresh else self._cooldown_seconds):
            self._refresh(waits=age >= 2 * self._max_age_seconds)
        return self._keys

    def look_again(self) -> bool:
        """Fetch the keys and wait for them, unless that was done or begun a moment ago."""
        return self._refresh(waits=True)

    def _refresh(self, *, waits: bool) -> bool:
        with self._starting.turn() as is_mine:
            is_busy = self._fetching is not None and self._fetching.is_alive()
            rested = self._now() - self._tried_at >= self._cooldown_seconds
            if not is_mine or is_busy or not rested:
                return False
            self._tried_at = self._now()
            thread = self._fetching = threading.Thread(target=self._fetch, daemon=True)
            thread.start()
        if waits:
            thread.join(self._fetch_seconds)
        return True

    def _fetch(self) -> None:
        try:
            found = read_jwks(fetch(self._url, self._context, self._fetch_seconds))
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._is_fresh = False
            failed(self._metrics, self._url.netloc, _said(error))
        else:
            self._keys = taken(found, self._keys, self._metrics)
            self._is_fresh = self.is_loaded = True


def fetch(url: SplitResult, context: ssl.SSLContext, seconds: float) -> bytes:
    """Return the body at *url*, at most ``MOST_JWKS_BYTES`` and one byte more of it.

    Raises:
        OSError: it cannot be reached, or is not who it should be, or took longer than *seconds*.
        HTTPException: what it says is no HTTP.
        ValueError: it answers with another status than 200.
    """
    address = url.hostname or "", url.port or _PORTS[url.scheme]
    link = socket.create_connection(address, timeout=seconds)
    if url.scheme == "https":
        link = context.wrap_socket(
            link, server_hostname=url.hostname, do_handshake_on_connect=False
        )
    # The timeout of a socket starts anew with each byte; this one does not.
    is_over = threading.Event()
    end = threading.Timer(seconds, _hang_up, [link, is_over])
    end.start()
    body = b""
    try:
        body = _body(url, link)
    except (OSError, ValueError, http.client.HTTPException):
        if not is_over.is_set():
            raise
    finally:
        end.cancel()
        link.close()
    if is_over.is_set():
        raise TimeoutError
    return body


def _body(url: SplitResult, link: socket.socket) -> bytes:
    if isinstance(link, ssl.SSLSocket):
        link.do_handshake()
    connection = http.client.HTTPConnection(url.hostname or "")
    connection.sock = link
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = {"Host": url.netloc, "Accept": "application/json", "User-Agent": "gatehouse"}
    connection.request("GET", target, headers=headers)
    response = connection.getresponse()
    if response.status != HTTPStatus.OK:
        raise ValueError(f"answers {response.status}")
    return response.read(MOST_JWKS_BYTES + 1)


def _hang_up(link: socket.socket, is_over: threading.Event) -> None:
    """End whatever another thread reads or writes there; TLS has no say in it."""
    is_over.set()
    with suppress(OSError):
        socket.socket.shutdown(link, socket.SHUT_RDWR)


def _said(error: OSError | ValueError | http.client.HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "took too long"
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error, http.client.HTTPException):
        return "answers no HTTP"
    return reason_of(error)
