from __future__ import annotations

import http.client
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from test.e2e.calls import HOST, PREDICT, a_body, exchange, json_headers, send, until
from test.e2e.server import Server

pytestmark = pytest.mark.e2e
TLS_1_1, TLS_1_2 = b"\x03\x02", b"\x03\x03"
ALERT, HANDSHAKE = 21, 22
PROTOCOL_VERSION = 70


def _trusting(root: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=root / "cert.pem")
    context.minimum_version = context.maximum_version = version
    return context


def _hello(version: bytes) -> bytes:
    """Return the first message of a client whose best version is *version*.

    Today's OpenSSL will not say 1.1 by itself, but the hello of 1.2 differs in two bytes only.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(received, sent).do_handshake()
    hello = bytearray(sent.read())
    assert hello[9:11] == TLS_1_2  # after a record header of 5 bytes and a message header of 4
    hello[9:11] = version
    return bytes(hello)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(production: Server, version: ssl.TLSVersion) -> None:
    context = _trusting(production.root, version)
    connection = http.client.HTTPSConnection(HOST, production.port, timeout=20, context=context)

    with closing(connection):
        connection.connect()
        spoken = connection.sock.version()
        reply = send(connection, "POST", PREDICT, body=a_body(), headers=json_headers())

    assert spoken == f"TLSv1.{2 if version == ssl.TLSVersion.TLSv1_2 else 3}"
    assert reply.status == 200
    assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_tls_1_1_is_refused(production: Server) -> None:
    old = exchange(production, _hello(TLS_1_1), half_close=True)
    newer = exchange(production, _hello(TLS_1_2), half_close=True)

    assert newer[0] == HANDSHAKE, "the hello itself is not understood"
    assert old[0] == ALERT
    assert old[6] == PROTOCOL_VERSION


def test_plain_http_gets_no_answer(production: Server) -> None:
    request = f"GET /livez HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

    received = exchange(production, request, half_close=True)

    assert not received.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert production.url.startswith("https://")
    until(lambda: production.url in production.stdout(), "the launcher does not say its address")
