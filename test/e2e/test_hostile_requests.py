"""What a request looks like: its line, its headers, and bytes that are no HTTP at all."""

from __future__ import annotations

import pytest

from test.e2e.calls import PREDICT
from test.e2e.server import Server
from test.e2e.wire import LAST, answers, first, get, head, unharmed

pytestmark = pytest.mark.e2e

TRAVERSALS = (
    "/..%2flivez", "/%2e%2e/livez", "/../../../../etc/passwd", "/livez/../livez", "/./livez",
    "/apidocs/..%2f..%2fconfig.yaml", "/apidocs/%2e%2e/config.yaml", "/apidocs/....//config.yaml",
    "/apidocs/..%5c..%5cconfig.yaml", "/apidocs/%252e%252e/config.yaml", "/apidocs//etc/passwd",
    "/apidocs/..%c0%af..%c0%afconfig.yaml", "/" + "../" * 3_000, "/.git/config", "/.env",
    "/livez%00", "/livez%00.json", "/%00", "/livez;x=1", "/livez;", "/livez/", "/livez\\",
    "\\livez", "/api\\v1\\predict", "/%5c%5cevil", "//evil.example/livez", "/API/V1/HEALTH",
    "/livez%0d%0aX-Injected:%201", "/livez%0aX-Injected:1", "/livez%EF%BC%8F", "/livez%c2%85",
    "/%ff", "/%c0%af", "/%u002e", "/%", "/%zz", "/\udcff\udcfe", "/é", "/" + "a" * 20_000,
    "/" + "%2f" * 3_000 + "x", "http://gateway/none", "http://[bad/livez", "gateway:80", "*", "",
    "livez", "?", "/a b", "/\t", "/livez HTTP/1.1 x", "/livez?\udcff", "/livez?" + "a" * 200_000,
    '/{}|^`<>"', "/<script>alert(1)</script>", "/api/v1/models/..%2f..%2fetc%2fpasswd",
)  # fmt: skip
METHODS = (
    "PUT", "DELETE", "PATCH", "TRACE", "TRACK", "CONNECT", "PROPFIND", "PRI", "FOO", "M-SEARCH",
    "post", "A" * 1_000, "A" * 40_000, "G\0T", "G T", "GÉT", "", "_", "POST\t", "\x01",
)  # fmt: skip
VERSIONS = (
    "HTTP/0.9", "HTTP/2.0", "HTTP/2", "HTTP/3", "HTTP/9.9", "http/1.1", "HTTP/1.1.1", "HTTP/11",
    "HTTP/1", "HTTP/", "HTTP/01.1", "HTTP/1.10", "ICY/1.1", "HTTP /1.1", "",
)  # fmt: skip
NO_HTTP = {
    "TLS": bytes.fromhex("160301020001000001fc0303") + bytes(range(256)) * 2,
    "a short TLS record": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "HTTP/0.9": b"GET /livez\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "SMTP": b"EHLO x\r\n",
    "a proxy's greeting": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get("/livez"),
    "a proxy's greeting in binary": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\1" * 12,
    "every byte": bytes(range(256)) * 4,
    "NULs": b"\0" * 100_000,
    "line ends": b"\r\n" * 100_000,
    "spaces": b" " * 100_000,
    "returns without line feeds": get("/livez").replace(b"\r\n", b"\r"),
}
HEADERS = {
    "no colon": "no colon here",
    "no name": ": nobody",
    "a NUL in a value": "X: a\0b",
    "a control character in a value": "X: a\x01b",
    "a delete in a value": "X: a\x7fb",
    "a return in a value": "X: a\rb",
    "a folded line": "X: a\r\n folded",
    "a line folded by a tab": "X: a\r\n\tfolded",
    "a NUL in a name": "X\0Y: 1",
    "a space in a name": "X Y: 1",
    "a space after a name": "X : 1",
    "brackets in a name": "X(Y): 1",
    "a name that is not ASCII": "Xé: 1",
    "a NUL in the request's id": "X-Request-ID: a\0",
    "a long value": "X: " + "a" * 100_000,
    "a long name": "A" * 70_000 + ": 1",
    "too many headers": "\r\n".join(f"X-{number}: 1" for number in range(110)),
    "a flood of headers": "\r\n".join(f"X-{number}: 1" for number in range(50_000)),
    "a flood of one header": "\r\n".join(["X: 1"] * 50_000),
}
# Names that mean something to WSGI or to a server, and values that are no text.
HARMLESS = (
    "SCRIPT_NAME: /x", "Script-Name: /x", "PATH_INFO: /x", "Path-Info: /x",
    "REMOTE_ADDR: 192.0.2.1", "wsgi.input: x", "Proxy: http://127.0.0.1:1/",
    "X-HTTP-Method-Override: DELETE",
    "X-Original-URL: /api/v1/metrics", "X-Rewrite-URL: /", "X-Forwarded-Prefix: /x", "X_Y: 1", "X:",
    "X: \udc80\udcff", "X-Request-ID: \udcff", "X-Request-ID: " + "a" * 5_000, "Cookie: \udcff",
    "X-Forwarded-For: \udcff", "X-Forwarded-For: " + "192.0.2.1, " * 1_000, "Origin: \udcff",
    "Connection: Content-Length", "Max-Forwards: 0", "Range: bytes=0-,5-",
    "If-None-Match: *", "If-Modified-Since: never", "Upgrade: h2c", "Upgrade: websocket",
    "Authorization: Bearer \udcff", 'Forwarded: for="_x"', "Accept: \udcff",
)  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
def test_a_path_with_a_trick_leads_nowhere(gateway: Server, path: str) -> None:
    with unharmed(gateway):
        found = answers(gateway, get(path) + LAST)

    assert first(found) in {None, 308, 400, 401, 404, 405, 414, 431}


@pytest.mark.parametrize("path", ["/livez", PREDICT])
@pytest.mark.parametrize("method", METHODS)
def test_another_method_is_refused(gateway: Server, method: str, path: str) -> None:
    with unharmed(gateway):
        found = answers(gateway, get(path, method=method) + LAST)

    refused = {None, 400, 405, 414, 431}
    assert first(found) in (refused | {401} if method == "post" else refused)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_version_of_http_is_refused(gateway: Server, version: str) -> None:
    with unharmed(gateway):
        assert answers(gateway, get("/livez", version=version) + LAST) in ([], [400])


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_is_refused(gateway: Server, name: str) -> None:
    with unharmed(gateway):
        found = answers(gateway, NO_HTTP[name], half_close=True)

    assert found in ([], [400], [414], [431])


@pytest.mark.parametrize("name", HEADERS)
def test_a_broken_header_is_refused(gateway: Server, name: str) -> None:
    with unharmed(gateway):
        assert answers(gateway, get("/livez", HEADERS[name]) + LAST) in ([], [400], [431])
        found = answers(gateway, head(HEADERS[name], "Content-Length: 2") + b"{}" + LAST)

    assert found in ([], [400], [431])


@pytest.mark.parametrize("line", HARMLESS)
def test_a_header_with_a_trick_changes_nothing(gateway: Server, line: str) -> None:
    with unharmed(gateway):
        assert first(answers(gateway, get("/livez", line) + LAST)) == 200


def test_requests_in_one_go_are_answered_in_turn(gateway: Server) -> None:
    ask_for_nothing = head("Content-Length: 2") + b"{}"

    found = answers(gateway, get("/livez") + ask_for_nothing + get("/livez") * 50 + LAST)

    assert found == [200, 400, *[200] * 50, 404]


def test_a_body_that_nobody_asked_for_is_no_request(gateway: Server) -> None:
    inner = get("/smuggled")

    found = answers(gateway, get("/livez", f"Content-Length: {len(inner)}") + inner + LAST)

    assert found == [200, 404]
