"""An issuer of tokens that serves its JWKS on 127.0.0.1, as well or as badly as a test wants."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from test.e2e.certificates import a_certificate


class Issuer:
    """What it answers with is ``document``, or whatever ``behaves`` does instead."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.url = f"{scheme}://127.0.0.1:{server.server_port}/keys?v=1"
        self.document = b'{"keys": []}'
        self.behaves: Behaviour = answers
        self.fetches: list[str] = []
        self.is_closing = threading.Event()


Behaviour = Callable[[Issuer, BaseHTTPRequestHandler], object]


def start(handler: BaseHTTPRequestHandler, headers: dict[str, str], status: int = 200) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


@contextmanager
def issuing(tls_folder: Path | None = None) -> Iterator[Issuer]:
    """Serve until the block ends; over TLS where there is a folder for the certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches.append(self.path)
            with suppress(OSError):
                issuer.behaves(issuer, self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: clients here hang up, or trust nobody."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls_folder is not None:
        a_certificate(tls_folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls_folder / "cert.pem", tls_folder / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer = Issuer(server, "http" if tls_folder is None else "https")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield issuer
    finally:
        issuer.is_closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def answers(issuer: Issuer, handler: BaseHTTPRequestHandler) -> None:
    """Send the document, as an issuer should."""
    start(handler, {"Content-Length": str(len(issuer.document))})
    handler.wfile.write(issuer.document)


def says(
    body: bytes, status: int = 200, *, location: str = "", length: int | None = None
) -> Behaviour:
    """Send *body* instead, which may be shorter than *length* promises."""
    headers = {"Location": location, "Content-Length": str(length or len(body))}

    def behave(_: Issuer, handler: BaseHTTPRequestHandler) -> None:
        start(handler, headers, status)
        handler.wfile.write(body)

    return behave


def says_plainly(words: bytes) -> Behaviour:
    """Send *words* without a word of HTTP."""
    return lambda _, handler: handler.wfile.write(words)


def hangs(issuer: Issuer, _: BaseHTTPRequestHandler) -> None:
    """Send nothing, and stay."""
    issuer.is_closing.wait()


def drips(issuer: Issuer, handler: BaseHTTPRequestHandler) -> None:
    """Send a header, one byte after the other without an end."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
    while not issuer.is_closing.is_set():
        handler.wfile.write(b"x")
        time.sleep(0.02)


def floods(issuer: Issuer, handler: BaseHTTPRequestHandler) -> None:
    """Send an answer that does not end as fast as it is read."""
    start(handler, {})
    while not issuer.is_closing.is_set():
        handler.wfile.write(b" " * 65_536)
