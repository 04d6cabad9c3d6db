from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.adapters.jwks import fetch
from app.settings.keys import Key
from test.adapters.issuer import (
    Behaviour,
    Issuer,
    answers,
    drips,
    floods,
    hangs,
    issuing,
    says,
    says_plainly,
)
from test.adapters.remote import MAX_AGE, Remote
from test.key_pairs import a_jwk, a_jwks

GOOD = a_jwks(a_jwk("stranger"))
FAILURES: dict[str, tuple[Behaviour, str]] = {
    "drips": (drips, "took too long"),
    "hangs": (hangs, "took too long"),
    "floods": (floods, "holds more than 262144 bytes"),
    "too large": (says(b" " * 262_145 + GOOD), "holds more than 262144 bytes"),
    "redirects to itself": (says(GOOD, 302, location="/keys"), "answers 302"),
    "redirects to a file": (says(GOOD, 302, location="file:///etc/passwd"), "answers 302"),
    "fails": (says(GOOD, 500), "answers 500"),
    "in parts": (says(GOOD, 206), "answers 206"),
    "cut off": (says(GOOD[:-3], length=len(GOOD)), "is no JSON"),
    "a page": (says(b"<html>"), "is no JSON"),
    "deep": (says(b"[" * 100_000), "is no JSON"),
    "a list": (says(b"[]"), "is no JSON object"),
    "no keys": (says(b"{}"), "has no list of 'keys'"),
    "keys by name": (says(b'{"keys": {}}'), "has no list of 'keys'"),
    "keys twice": (says(b'{"keys": [], "keys": []}'), "names that stand once"),
    "too many": (says(a_jwks(*[{}] * 101)), "holds more than 100 keys"),
    "no HTTP": (says_plainly(b"220 mail.example.org ready\r\n"), "answers no HTTP"),
    "nothing": (says_plainly(b""), "answers no HTTP"),
}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        found.document = a_jwks(a_jwk("first"))
        yield found


SLOW = {"drips", "hangs"}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_fetch_keeps_the_keys_and_says_why(
    issuer: Issuer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    remote = Remote(issuer.url)
    remote.current()
    if name in SLOW:
        remote._fetch_seconds = 0.3
    issuer.behaves, problem = FAILURES[name]
    remote.clock += MAX_AGE
    remote.current()

    assert remote.finish().kids() == ["first"]
    assert remote.outcomes.seen == ["changed", "failed"]
    assert problem in vars(caplog.records[-1])["problem"]
    assert len(issuer.fetches) == 2


def test_nobody_listening_is_a_failure_like_any_other() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        remote = Remote(f"http://127.0.0.1:{closed.getsockname()[1]}/")

        assert remote.kids() == []
    assert remote.outcomes.seen == ["failed"]


def test_a_server_that_never_says_hello_does_not_hold_the_caller() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        remote = Remote(url, fetch_seconds=0.2)

        assert remote.kids() == []
        assert remote.finish().outcomes.seen == ["failed"]


def test_a_handshake_that_does_not_end_is_ended() -> None:
    record = b"\x16\x03\x03\x40\x00"  # the head of a TLS record of 16 KiB

    def drip() -> None:
        link, _ = server.accept()
        with link, suppress(OSError):
            link.sendall(record)
            while True:
                link.sendall(b"\x00")
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=drip)
        dripping.start()
        url = urlsplit(f"https://127.0.0.1:{server.getsockname()[1]}/")

        with pytest.raises(TimeoutError):
            fetch(url, ssl.create_default_context(), 0.3)
        dripping.join()


def test_what_is_no_key_for_tokens_is_passed_over(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.document = a_jwks({"kty": "oct", "k": "c2VjcmV0LXNlY3JldA", "kid": "s"}, a_jwk("good"))

    assert Remote(issuer.url).kids() == ["good"]
    assert "secret or private" in vars(caplog.records[-1])["problem"]
    assert "c2VjcmV0" not in str(vars(caplog.records[-1]))


def test_a_proxy_of_the_environment_is_not_asked(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert Remote(issuer.url).kids() == ["first"]


def test_tls_is_verified(tmp_path: Path) -> None:
    with issuing(tmp_path) as issuer:
        issuer.document = a_jwks(a_jwk("first"))
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

        assert Remote(issuer.url).kids() == []
        assert Remote(issuer.url, context=trusting).kids() == ["first"]
        named = issuer.url.replace("127.0.0.1", "localhost")
        assert Remote(named, context=trusting).kids() == []


def test_the_url_is_asked_for_as_it_is_written(issuer: Issuer) -> None:
    seen: list[str | None] = []

    def remember(issuer: Issuer, handler: BaseHTTPRequestHandler) -> None:
        seen.extend([handler.headers["Host"], handler.headers["Authorization"]])
        answers(issuer, handler)

    issuer.behaves = remember
    keys: tuple[Key, ...] = Remote(issuer.url).current()

    assert len(keys) == 1
    assert seen == [urlsplit(issuer.url).netloc, None]
