"""Bodies that must not get a prediction, by kind, each with the refusal that it must get."""

from __future__ import annotations

import gzip
import pickle
import zlib
from collections.abc import Iterator
from dataclasses import replace

from test.api.hostile import GOOD, MAX_BYTES, MAX_ROWS, Hostile, malformed
from test.api.hostile_lines import no_csv, no_ndjson
from test.api.hostile_rows import no_rows
from test.api.hostile_texts import no_requests

TYPES = (
    None, "", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/octet-stream", "application/jsonp", "*/*",
    "application/json; charset=utf-16", "application/json; charset=latin-1", "application/*",
    "application/json; charset=", "application/json, text/plain",
    "application/json-seq", "application/jsonl", "text/tab-separated-values", "text/*",
    "text/csv; charset=latin-1", "text/csv; header=maybe", "application/x-ndjson; charset=utf-16",
    "text/csv; header=present; header=absent", "application/problem+json", "application/ld+json",
    "json",
    "application/python-pickle", "application/yaml", "application/x-msgpack",
)  # fmt: skip
_BOMB = b'{"data": [[1, 2]]' + b" " * 10_000_000 + b"}"
COMPRESSED = {
    "gzip": gzip.compress(GOOD),
    "x-gzip": gzip.compress(_BOMB, 9),
    "gzip, gzip": gzip.compress(gzip.compress(_BOMB, 9)),
    "deflate": zlib.compress(GOOD),
    "zlib": zlib.compress(_BOMB, 9),
    "br": b"\x1b\x39\x00\xf8\x8d\x94\x6e\xde\x44\x55\x86\x96",
    "zstd": b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00",
    "compress": b"\x1f\x9d\x90",
    "identity": GOOD,
    "": GOOD,
    "GZIP": gzip.compress(GOOD),
    "gzip;q=0": GOOD,
    "chunked": b"3a\r\n" + GOOD + b"\r\n0\r\n\r\n",
    "aws-chunked": GOOD,
}


def _media() -> Iterator[Hostile]:
    """Other types than JSON, and any encoding of the content: nothing is ever unpacked."""
    refused = Hostile(
        kind="media", name="", body=GOOD, status=415, problem="unsupported-media-type"
    )
    for content_type in TYPES:
        yield replace(refused, name=f"type {content_type}", content_type=content_type)
    for coding, body in COMPRESSED.items():
        yield replace(refused, name=f"coding {coding!r}", body=body, content_encoding=coding)
    packed = gzip.compress(GOOD)
    yield malformed("media", packed, "is not JSON", "gzip that does not say so")
    yield malformed("media", pickle.dumps({"data": [[1, 2]]}), "is not JSON", "a pickle")


def _sizes() -> Iterator[Hostile]:
    """More than is taken: in bytes, or in rows."""
    refused = Hostile(kind="size", name="", body=b"", status=413, problem="body-too-large")
    spaces = b" " * (MAX_BYTES + 1 - len(GOOD))
    for name, body in {
        "a byte too long": GOOD + spaces,
        "spaces in front": spaces + GOOD,
        "a long string": b'{"data": "' + b"x" * MAX_BYTES + b'"}',
        "a long number": b'{"data": [[1, ' + b"1" * MAX_BYTES + b"]]}",
        "far too long": b"[" * (MAX_BYTES * 50),
    }.items():
        yield replace(refused, name=name, body=body, detail="bytes")
    for name, row in {"arrays": b"[1, 2]", "objects": b'{"a": 1, "b": 2}', "nothing": b"0"}.items():
        body = b'{"data": [' + b",".join([row] * (MAX_ROWS + 1)) + b"]}"
        yield replace(refused, name=f"{MAX_ROWS + 1} rows of {name}", body=body, detail="rows")


def corpus() -> Iterator[Hostile]:
    """Return all of them."""
    yield from no_requests()
    yield from no_rows()
    yield from no_csv()
    yield from no_ndjson()
    yield from _media()
    yield from _sizes()
