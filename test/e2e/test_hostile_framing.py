"""Where a body ends: lengths, chunks, and requests that two servers would cut in two ways.

RFC 9112, sections 6, 7 and 11.2.
"""

from __future__ import annotations

import socket

import pytest

from test.e2e.calls import HOST, PREDICT, exchange
from test.e2e.server import Server
from test.e2e.wire import (
    BODY,
    LAST,
    answers,
    chunked,
    first,
    get,
    head,
    paths,
    signed,
    statuses,
    unharmed,
)

pytestmark = pytest.mark.e2e
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: gateway\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(BODY)}"
N_CHUNKED = f"Content-Length: {len(chunked())}"

# Two readers could see two ends of the first body. What stands behind either is never answered.
AMBIGUOUS = {
    "a length, and chunks": head(N_CHUNKED, CHUNKED) + chunked() + SMUGGLED,
    "chunks, and a length": head(CHUNKED, N_CHUNKED) + chunked() + SMUGGLED,
    "a length over all, and chunks": (
        head(f"Content-Length: {len(chunked() + SMUGGLED)}", CHUNKED) + chunked() + SMUGGLED
    ),
    "a short length, and chunks": (
        head("Content-Length: 4", CHUNKED) + chunked(SMUGGLED) + SMUGGLED
    ),
    "a length of nothing, and chunks": head("Content-Length: 0", CHUNKED) + chunked() + SMUGGLED,
    "chunks in HTTP/1.0": (head(CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0") + chunked() + SMUGGLED),
    "two lengths": head(LENGTH, "Content-Length: 0") + BODY + SMUGGLED,
    "two lengths, the longer first": (
        head(f"Content-Length: {len(BODY + SMUGGLED)}", LENGTH) + BODY + SMUGGLED
    ),
    "a list of lengths": head(f"Content-Length: {len(BODY)}, 0") + BODY + SMUGGLED,
    "a list of one length": head(f"Content-Length: {len(BODY)}, {len(BODY)}") + BODY + SMUGGLED,
    "a chunk's end without a return": (
        head(CHUNKED) + b"%x\n%s\n0\n\n" % (len(BODY), BODY) + SMUGGLED
    ),
    "a chunk's end without a line feed": (
        head(CHUNKED) + b"%x\r%s\r0\r\r" % (len(BODY), BODY) + SMUGGLED
    ),
    "a line feed in an extension": (
        head(CHUNKED) + b"%x;a\nb\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY) + SMUGGLED
    ),
    "a chunk longer than it says": (head(CHUNKED) + b"2\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED),
}
SPELLINGS = (
    "xchunked", "chunk", "chunked,", "chunked;q=1", '"chunked"', "chunked, identity", "identity",
    "gzip", "cow", "chunked\x0b", "\x0bchunked", "chunked\x00", "chunked\x7f", "chunked\udc80",
)  # fmt: skip
for spelling in SPELLINGS:
    line = f"Transfer-Encoding: {spelling}"
    AMBIGUOUS[f"chunks spelled {spelling!r}"] = head(line) + chunked() + SMUGGLED
    AMBIGUOUS[f"a length, and chunks spelled {spelling!r}"] = (
        head(N_CHUNKED, line) + chunked() + SMUGGLED
    )
for name, lines in {
    "a space before the colon": ("Transfer-Encoding : chunked",),
    "a tab before the colon": ("Transfer-Encoding\t: chunked",),
    "a space in front": (" Transfer-Encoding: chunked",),
    "folded": ("Transfer-Encoding:", " chunked"),
    "twice": (CHUNKED, "Transfer-Encoding: identity"),
    "after a bare return": ("X: y\rTransfer-Encoding: chunked",),
    "after a bare line feed": ("X: y\nTransfer-Encoding: chunked",),
    "with a NUL in its name": ("Transfer-Encoding\x00: chunked",),
}.items():
    AMBIGUOUS[f"a length, and chunks {name}"] = head(N_CHUNKED, *lines) + chunked() + SMUGGLED
LENGTHS = (
    "-1", "-0", "+22", "0x16", "1e1", "22.0", "22;", "22 22", "2\t2", "2_2", "many", "", "٢٢",
    "9" * 30, str(2**64),
)  # fmt: skip
for length in LENGTHS:
    AMBIGUOUS[f"a length of {length!r}"] = head(f"Content-Length: {length}") + BODY + SMUGGLED
SIZES = ("", " ", ";", "zz", "g", "-1", "+1", "0x16", "1 6", "1_6", "\t16", "16\x00", "²")
for size in SIZES:
    broken = size.encode() + b"\r\n" + BODY + b"\r\n0\r\n\r\n"
    AMBIGUOUS[f"a chunk of {size!r} bytes"] = head(CHUNKED) + broken + SMUGGLED

# Bodies that never come to their end, or to none that is taken.
CUT = BODY[:-1]
ENDLESS = {
    "a length that nobody reaches": head("Content-Length: 1000") + BODY,
    "a length over the limit": head(f"Content-Length: {2**63}") + BODY,
    "a chunk that nobody fills": head(CHUNKED) + b"3e8\r\n" + CUT,
    "a chunk over the limit": head(CHUNKED) + b"80000000\r\n" + CUT,
    "a chunk of all that 64 bits count": head(CHUNKED) + b"f" * 16 + b"\r\n" + CUT,
    "a chunk of more than 64 bits count": head(CHUNKED) + b"f" * 17 + b"\r\n" + CUT,
    "no last chunk": head(CHUNKED) + chunked(CUT)[:-5],
    "small chunks without end": head(CHUNKED) + b"1\r\n \r\n" * 30_000,
    "a size without end": head(CHUNKED) + b"0" * 100_000,
    "an extension without end": head(CHUNKED) + b"1;" + b"a" * 100_000,
    "many extensions": head(CHUNKED) + (b"1;" + b"a" * 200 + b"\r\n \r\n") * 30_000,
}

# A transfer coding besides 'chunked' would have to be undone: nothing is ever unpacked.
CODINGS = ("gzip, chunked", "deflate, chunked", "identity, chunked", "br,chunked", "chunked, gzip")

GOOD = {
    "a length": head(LENGTH) + BODY,
    "a length with zeros in front": head(f"Content-Length: 00{len(BODY)}") + BODY,
    "one chunk": head(CHUNKED) + chunked(),
    "a chunk a byte": head(CHUNKED) + b"".join(b"1\r\n%c\r\n" % c for c in BODY) + b"0\r\n\r\n",
    "a size with zeros in front": head(CHUNKED) + b"0" * 12 + chunked(),
    "an extension": head(CHUNKED) + chunked().replace(b"\r\n", b';name="value"\r\n', 1),
    "chunks in capitals": head("transfer-encoding: CHUNKED") + chunked(),
    "a wish to be told to go on": head(LENGTH, "Expect: 100-continue") + BODY,
}  # fmt: skip


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_no_request_is_answered_out_of_the_body_of_another(gateway: Server, name: str) -> None:
    seen = paths(gateway).count("/smuggled")

    with unharmed(gateway):
        found = answers(gateway, AMBIGUOUS[name] + LAST)

    # gunicorn says 501 to a transfer coding that it does not know, as RFC 9112, section 6.1, asks.
    assert first(found) in {None, 200, 400, 413, 501}
    assert paths(gateway).count("/smuggled") == seen
    assert 404 not in found


@pytest.mark.parametrize("name", ENDLESS)
def test_a_body_without_an_end_is_refused(gateway: Server, name: str) -> None:
    with unharmed(gateway):
        found = answers(gateway, ENDLESS[name], half_close=True)

    assert first(found) in {None, 400, 413}


@pytest.mark.parametrize("coding", CODINGS)
def test_another_transfer_coding_than_chunked_is_refused(gateway: Server, coding: str) -> None:
    sent = head(f"Transfer-Encoding: {coding}", "Connection: close") + chunked()

    with unharmed(gateway):
        assert first(answers(gateway, sent)) in {400, 501}


def test_chunks_that_break_off_count_as_far_as_they_came(gateway: Server) -> None:
    """Granian does not tell a broken end from the end: what came must be JSON as a whole."""
    with unharmed(gateway):
        found = answers(gateway, head(CHUNKED) + chunked()[:-5], half_close=True)

    assert first(found) in {None, 200, 400}


@pytest.mark.parametrize("name", GOOD)
def test_a_body_that_ends_where_it_says_is_answered(gateway: Server, name: str) -> None:
    found = answers(gateway, GOOD[name] + LAST)

    assert [status for status in found if status != 100] == [200, 404]


@pytest.mark.parametrize("trailer", ["X-Sum: 1", "Content-Length: 3", "Authorization: Bearer x"])
def test_a_trailer_changes_nothing(gateway: Server, trailer: str) -> None:
    sent = head(CHUNKED, "Connection: close") + chunked()[:-2] + trailer.encode() + b"\r\n\r\n"

    with unharmed(gateway):
        assert first(answers(gateway, sent)) in {200, 400}


@pytest.mark.parametrize("trailers", [b"X: " + b"a" * 500_000, b"X: 1\r\n" * 50_000, b"no colon"])
def test_hostile_trailers_harm_nobody(gateway: Server, trailers: bytes) -> None:
    sent = head(CHUNKED, "Connection: close") + chunked()[:-2] + trailers + b"\r\n\r\n"

    with unharmed(gateway):
        assert first(answers(gateway, sent)) in {None, 200, 400, 431}


def test_a_caller_that_may_not_come_in_is_told_before_its_body_is_sent(gateway: Server) -> None:
    sent = get(PREDICT, "Expect: 100-continue", "Content-Length: 20000", method="POST")

    found = statuses(exchange(gateway, sent, half_close=True))

    assert found[-1] == 401


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_caller_that_goes_away_in_its_body_harms_nobody(gateway: Server, framing: str) -> None:
    with (
        unharmed(gateway),
        socket.create_connection((HOST, gateway.port), timeout=10) as connection,
    ):
        connection.sendall(signed(head(framing)) + b'3e8\r\n{"data": [[1.0,')
