from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from app.errors import BodyMalformedError, BodyTooLargeError
from app.gate.call import read_body


class BrokenStream:
    """Ends as a server's stream does when the chunks are broken."""

    def read(self, _: int) -> bytes:
        raise OSError("invalid chunk size")


class DrippingStream:
    """Gives a byte at a time, as a slow connection may."""

    def __init__(self, content: bytes) -> None:
        self._stream = BytesIO(content)

    def read(self, _: int) -> bytes:
        return self._stream.read(1)


def environ(stream: Any, length: str | None = None, *, ended: bool = False) -> dict[str, Any]:
    found = {"wsgi.input": stream, "wsgi.input_terminated": ended}
    return found if length is None else found | {"CONTENT_LENGTH": length}


def test_a_declared_body_is_read_to_its_length() -> None:
    assert read_body(environ(BytesIO(b"abcdef"), "4"), 10) == b"abcd"


def test_a_body_that_drips_is_put_together() -> None:
    assert read_body(environ(DrippingStream(b"abcd"), "4"), 10) == b"abcd"


def test_a_declared_body_over_the_limit_is_not_read() -> None:
    with pytest.raises(BodyTooLargeError, match="11 bytes"):
        read_body(environ(BrokenStream(), "11"), 10)


def test_a_length_of_thousands_of_digits_is_too_long() -> None:
    with pytest.raises(BodyTooLargeError):
        read_body(environ(BrokenStream(), "9" * 5_000), 10)


def test_a_chunked_body_is_read_to_its_end() -> None:
    assert read_body(environ(BytesIO(b"abcd"), ended=True), 4) == b"abcd"


def test_a_chunked_body_over_the_limit_is_refused() -> None:
    with pytest.raises(BodyTooLargeError):
        read_body(environ(BytesIO(b"abcde"), ended=True), 4)


def test_a_body_without_length_or_end_is_empty() -> None:
    assert read_body(environ(BytesIO(b"abcd")), 10) == b""


def test_a_body_that_ends_early_is_refused() -> None:
    with pytest.raises(BodyMalformedError, match="2 of 4"):
        read_body(environ(BytesIO(b"ab"), "4"), 10)


@pytest.mark.parametrize("length", ["x", "-1", "1.0", "+4", "\u0664"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(BodyMalformedError):
        read_body(environ(BytesIO(b"abcd"), length), 10)


def test_a_body_with_a_length_and_chunks_is_refused() -> None:
    both = environ(BytesIO(b"abcd"), "4") | {"HTTP_TRANSFER_ENCODING": "chunked"}

    with pytest.raises(BodyMalformedError, match="exclude"):
        read_body(both, 10)


@pytest.mark.parametrize("coding", ["chunked", "Chunked", " chunked\t"])
def test_a_chunked_body_is_told_from_its_coding(coding: str) -> None:
    sent = environ(BytesIO(b"abcd"), ended=True) | {"HTTP_TRANSFER_ENCODING": coding}

    assert read_body(sent, 10) == b"abcd"


@pytest.mark.parametrize(
    "coding",
    ["", "gzip", "gzip, chunked", "chunked, chunked", "identity", "x-chunked", "chunked\x0b"],
)
def test_another_coding_of_the_transfer_is_refused(coding: str) -> None:
    sent = environ(BrokenStream(), ended=True) | {"HTTP_TRANSFER_ENCODING": coding}

    with pytest.raises(BodyMalformedError, match="'chunked' alone"):
        read_body(sent, 10)


def test_what_a_server_raises_for_a_broken_body_is_the_clients_fault() -> None:
    with pytest.raises(BodyMalformedError):
        read_body(environ(BrokenStream(), ended=True), 10)
