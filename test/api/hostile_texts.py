"""Bodies that are no JSON, or not the object that a prediction needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from test.api.hostile import GOOD, Hostile, invalid, malformed, shown

NOT_JSON = (
    b" ", b"\n\n", b"\0", b"data=[[1,2]]", b"data: [[1, 2]]", b"1,2\n3,4", b"<data/>", b"%PDF-1.7",
    b"PK\x03\x04", b"()", b"<!DOCTYPE html>", b"{'data': [[1, 2]]}", b"{data: [[1, 2]]}",
    b'{"data": [[1, 2]],}', b'{"data": [[1, 2],]}', b'{"data": [[1, 2,]]}', b'{"data": [[1,, 2]]}',
    b'{"data" [[1, 2]]}', b'{"data"=[[1, 2]]}', b'{"data": [[1 2]]}', b'{"data": [[1; 2]]}',
    b'{"data": [[1, 2]]} {}', b'{"data": [[1, 2]]}{"data": [[1, 2]]}', b'{"data": [[1, 2]]}\0',
    b'{"data": [[1, 2]]}}', b'{"data": [[1, 2]]]}', b')]}\'\n{"data": [[1, 2]]}',
    b'{"data": [[1, 2]]} // mine', b'/* mine */ {"data": [[1, 2]]}', b'{"data": (1, 2)}',
    b'\x1e{"data": [[1, 2]]}\n', b'\x0c{"data": [[1, 2]]}', b'\xc2\xa0{"data": [[1, 2]]}',
    b'{"data": [["]]}', b'{"data": [["\\"]]}', b'{"data": [["\\x41"]]}', b'{"data": [["\\u12"]]}',
    b'{"data": [["\\uD800"]]}', b'{"data": [["\\uDC00\\uD800"]]}', b"!!python/object:os.system",
    b'callback({"data": [[1, 2]]})', b'{"data": [[1, 2]]', b'{"data": [[1, 2}]', b"{1: [[1, 2]]}",
)  # fmt: skip
NO_NUMBERS = (
    b"Infinity", b"-Infinity", b"+Infinity", b"inf", b"nan", b"-NaN", b"+NaN", b"NaN1", b"NaN()",
    b"1e400", b"-1e400", b"1e309", b"1.8e308", b"1e99999999999999999999", b"9" * 400, b"9" * 5000,
    b"-" + b"9" * 5000, b"01", b"-01", b"00", b"+1", b"--1", b"-", b".5", b"5.", b"1.e3", b"1e",
    b"1e+", b"1e1.5", b"0x10", b"0b1", b"0o7", b"1_000", b"1'000", b"1L", b"1f", b"1/2", b"1 000",
    b"True", b"None", b"undefined", b"TRUE", b"Null", b"\xd9\xa1", b"\xef\xbc\x91", b"\xe2\x88\x9e",
)  # fmt: skip


NOT_THE_OBJECT = (
    b"[]", b"{}", b"[[1, 2]]", b"null", b"true", b"1", b'"data"', b'{"rows": [[1, 2]]}',
    b'[{"data": [[1, 2]]}]', b'{"Data": [[1, 2]]}', b'{"data ": [[1, 2]]}', b'{"": [[1, 2]]}',
    b'{"d\\u0000ata": 1}', b"NaN", b'{"instances": [[1, 2]]}', b'"{\\"data\\": [[1, 2]]}"',
)  # fmt: skip
UNKNOWN_MEMBERS = (
    b"extra", b"Probabilities", b"model", b"version", b"__proto__", b"constructor", b"__class__",
    b"$ref", b"$where", b"@type", b"py/object", b"../../etc/passwd", b"<script>alert(1)</script>",
    b"{{7*7}}", b"${jndi:ldap://127.0.0.1/a}", b"%s%n", b"' OR 1=1 --", b"\\u0000", b"x" * 10_000,
)  # fmt: skip
FLAGS = (b"1", b"0", b"null", b'"true"', b"[]", b"{}", b"[true]", b"1.0", b"NaN")

POLICIES = (
    b"true", b"false", b"null", b"1", b"[]", b"{}", b'["skip"]', b'""', b'"SKIP"', b'"skip "',
    b'"ignore"', b'"[["', b'"null"', b'"NaN"', b'"' + b"x" * 10_000 + b'"',
)  # fmt: skip


def no_requests() -> Iterator[Hostile]:
    """Return all of them."""
    yield from _cut()
    yield from (malformed("no JSON", body, "is not JSON") for body in NOT_JSON)
    for value in NO_NUMBERS:
        body = b'{"data": [[1, 2], [3, ' + value + b"]]}"
        yield malformed("no number", body, "is not JSON", shown(value))
    yield from _texts()
    yield from _nested()
    yield from (malformed("member", body, "object with 'data'") for body in NOT_THE_OBJECT)
    for name in UNKNOWN_MEMBERS:
        yield malformed("member", b'{"data": [[1, 2]], "' + name + b'": 1}', "is not known")
    for name, value in product((b"probabilities", b"scores"), FLAGS):
        body = b'{"data": [[1, 2]], "' + name + b'": ' + value + b"}"
        yield malformed("member", body, "must be true or false")
    for value in POLICIES:
        body = b'{"data": [[1, 2]], "on_error": ' + value + b"}"
        yield malformed("member", body, "'on_error' must be")


def _cut() -> Iterator[Hostile]:
    """Every beginning of a good body, and the good body without each of its marks."""
    for length in range(len(GOOD) - 1):
        yield malformed("cut", GOOD[:length], "is not JSON", f"after {length} bytes")
    for place, byte in enumerate(GOOD):
        if byte in b'{}[]":' and GOOD[place + 1 : place + 2] != bytes([byte]):
            rest = GOOD[:place] + GOOD[place + 1 :]
            yield malformed("cut", rest, "is not JSON", f"byte {place} is missing")


def _texts() -> Iterator[Hostile]:
    """Bodies in other encodings than UTF-8, and with what UTF-8 or JSON does not have."""
    text = '{"data": [[1, 2]]}'
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le",
                     "utf-32-be", "utf-7", "cp037"):  # fmt: skip
        coded = text.replace("[[", "+AFsAWw-").encode() if encoding == "utf-7" else None
        yield malformed("text", coded or text.encode(encoding), "is not JSON", encoding)
    broken = {
        "latin-1": b"\xe9",
        "a byte that is never used": b"\xff",
        "a lone continuation": b"\x80",
        "a character cut short": b"\xe2\x82",
        "an overlong slash": b"\xc0\xaf",
        "an overlong NUL": b"\xc0\x80",
        "an overlong slash of three bytes": b"\xe0\x80\xaf",
        "half a surrogate pair": b"\xed\xa0\x80",
        "a surrogate pair (CESU-8)": b"\xed\xa0\xbd\xed\xb8\x80",
        "beyond Unicode": b"\xf4\x90\x80\x80",
        "five bytes": b"\xf8\x88\x80\x80\x80",
    }
    for name, coded in broken.items():
        yield malformed(
            "text", b'{"data": [[1, "' + coded + b'"]]}', "is not JSON", f"{name} in a value"
        )
        named = b'{"data": [], "' + coded + b'": 1}'
        yield malformed("text", named, "is not JSON", f"{name} in a name")
    for number in range(32):
        body = b'{"data": [], "' + bytes([number]) + b'": 1}'
        yield malformed("text", body, "is not JSON", f"control character {number}")


def _nested() -> Iterator[Hostile]:
    """Nesting, closed and open, that would end the process of a careless reader."""
    for depth in (1, 3, 100, 900, 1000, 1021):
        arrays, objects = _closed(depth)
        data = b"[[1, " + arrays + b"]]"
        yield invalid("nested", data, (0, "b"), "not an array", f"{depth} arrays")
        data = b"[[1, " + objects + b"]]"
        yield invalid("nested", data, (0, "b"), "not an object", f"{depth} objects")
    for depth in (1100, 3000):
        arrays, objects = _closed(depth)
        for name, body in {
            "arrays": b'{"data": ' + arrays + b"}",
            "objects": b'{"data": ' + objects + b"}",
            "open arrays": b'{"data": ' + b"[" * depth,
            "open objects": b'{"x":' * depth,
            "open, by turns": b'[{"x":' * depth,
        }.items():
            yield malformed("nested", body, "is not JSON", f"{depth} {name}")
    yield malformed("nested", b"[" * 9000 + b"NaN", "is not JSON", "with NaN at the bottom")
    arrays, _ = _closed(990)
    body = b'{"data": ' + arrays + b', "data": [[1, 2]]}'
    yield malformed("nested", body, name="hidden by a second member")


def _closed(depth: int) -> tuple[bytes, bytes]:
    return b"[" * depth + b"]" * depth, b'{"x":' * depth + b"1" + b"}" * depth
