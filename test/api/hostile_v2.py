"""Inference requests that must not get an answer, by kind, each with what its refusal says."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from test.api.hostile import BOUND, JSON, MAX_BYTES, MAX_ROWS
from test.api.v2_bodies import ABSENT, LENGTH, a_request, a_section, a_tensor, in_binary


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileInference:
    """One request and a part of the sentence that refuses it."""

    kind: str
    name: str
    body: bytes
    said: str
    status: int = 400
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = JSON

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def _json(kind: str, name: str, request: object, said: str, **more: Any) -> HostileInference:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return HostileInference(kind=kind, name=name, body=body, said=said, **more)


def _binary(name: str, sent: tuple[bytes, dict[str, str]], said: str) -> HostileInference:
    body, headers = sent
    return HostileInference(kind="binary", name=name, body=body, headers=headers, said=said)


def _texts() -> Iterator[HostileInference]:
    deep = b"[" * 5_000
    for name, body, said in (
        ("nothing", b"", "not JSON"),
        ("half an object", b'{"inputs": [', "not JSON"),
        ("no object", b"[]", "a JSON object"),
        ("a number", b"1", "a JSON object"),
        ("two objects", b"{}{}", "not JSON"),
        ("Latin-1", b'{"id": "\xe9", "inputs": []}', "not JSON"),
        ("half a character", b'{"id": "\\ud800", "inputs": []}', "not JSON"),
        ("Infinity", b'{"inputs": [{"data": [Infinity]}]}', "not JSON"),
        ("depth", b'{"inputs": ' + deep, "not JSON"),
        ("depth that is closed", b'{"inputs": ' + deep + b"]" * 5_000 + b"}", "not JSON"),
        ("inputs twice", b'{"inputs": [], "inputs": []}', "'inputs' stands twice"),
        ("a name twice", b'{"inputs": [{"name": "a", "name": "b"}]}', "'name' stands twice"),
        (
            "an escaped name twice",
            b'{"inputs": [], "i\\u006eputs": [], "x": "\\""}',
            "'inputs' stands twice",
        ),
    ):
        yield _json("text", name, body, said)


def _requests() -> Iterator[HostileInference]:
    twin = a_tensor("a", shape=[2], data=[1, 2])
    for name, request, said in (
        ("no inputs", {}, "'inputs' must be a list"),
        ("inputs are an object", {"inputs": {}}, "'inputs' must be a list"),
        ("inputs are empty", {"inputs": []}, "one tensor or more"),
        ("an input is a number", {"inputs": [1]}, "must hold objects"),
        ("id is a number", a_request(id=7), "'id' must be a string"),
        ("parameters are a list", a_request(parameters=[]), "'parameters' must be an object"),
        ("outputs are a string", a_request(outputs="x"), "'outputs' must be a list"),
        ("an output is a string", a_request(outputs=["x"]), "must hold objects"),
        ("an output without a name", a_request(outputs=[{}]), "needs a 'name'"),
        ("no such output", a_request(outputs=[{"name": "x"}]), "it has: predict"),
        ("probabilities", a_request(outputs=[{"name": "probabilities"}]), "it has: predict"),
        ("an output twice", a_request(outputs=[{"name": "predict"}] * 2), "stands twice"),
        ("an input twice", a_request(twin, twin), "'a' stands twice"),
        (
            "binary_data_output is a number",
            a_request(parameters={"binary_data_output": 1}),
            "must be true or false",
        ),
        (
            "binary_data is a string",
            a_request(outputs=[{"name": "predict", "parameters": {"binary_data": "no"}}]),
            "must be true or false",
        ),
        (
            "classification",
            a_request(outputs=[{"name": "predict", "parameters": {"classification": 2}}]),
            "no extension",
        ),
        ("content type", a_request(parameters={"content_type": "base64"}), "np, pd, str"),
        (
            "shared memory",
            a_request(a_tensor(data=ABSENT, parameters={"shared_memory_region": "x"})),
            "shares no memory",
        ),
    ):
        yield _json("request", name, request, said)


def _tensors() -> Iterator[HostileInference]:
    beyond = 2**63
    for name, changes, said in (
        ("no name", {"name": ABSENT}, "needs a 'name'"),
        ("an empty name", {"name": ""}, "needs a 'name'"),
        ("a long name", {"name": "x" * 300}, "1 to 200 characters"),
        ("no datatype", {"datatype": ABSENT}, "must be one of BOOL"),
        ("BF16", {"datatype": "BF16"}, "must be one of BOOL"),
        ("a datatype in small letters", {"datatype": "fp64"}, "must be one of BOOL"),
        ("datatype is a list", {"datatype": []}, "must be one of BOOL"),
        ("no data", {"data": ABSENT}, "either 'data' or"),
        ("data are a number", {"data": 1}, "'data' must be a list"),
        ("data are too few", {"data": [1, 2, 3]}, "does not have the shape [2, 2]"),
        ("data are too many", {"data": [1] * 5}, "does not have the shape [2, 2]"),
        ("ragged rows", {"data": [[1, 2], [3]]}, "does not have the shape [2, 2]"),
        ("rows of rows", {"data": [[[1], [2]], [[3], [4]]]}, "is no FP64"),
        ("rows and numbers", {"data": [[1, 2], 3, 4]}, "does not have the shape [2, 2]"),
        ("no shape", {"shape": ABSENT}, "'shape' must be"),
        ("an empty shape", {"shape": []}, "'shape' must be"),
        ("three dimensions", {"shape": [1, 2, 2]}, "'shape' must be"),
        ("a negative shape", {"shape": [-2, -2]}, "'shape' must be"),
        ("no rows", {"shape": [0, 2], "data": []}, "'shape' must be"),
        ("half a row", {"shape": [0.5, 2]}, "'shape' must be"),
        ("truth for a size", {"shape": [True, 2]}, "'shape' must be"),
        ("one dimension", {"shape": [4]}, "[rows, 2]"),
        ("too many columns", {"shape": [1, 4]}, "[rows, 2]"),
        ("columns beyond memory", {"shape": [1, beyond], "data": [1]}, "[rows, 2]"),
        ("a string", {"data": [1, "2", 3, 4]}, "row 0: input: is no FP64"),
        ("truth values", {"data": [1, 2, True, 4]}, "row 1: input: is no FP64"),
        ("texts for numbers", {"datatype": "BYTES", "data": ["1"] * 4}, "tensor of numbers"),
        ("truth for numbers", {"datatype": "BOOL", "data": [True] * 4}, "not of BOOL"),
        ("numbers for texts", {"datatype": "BYTES"}, "must be a string or null"),
        ("numbers for truth", {"datatype": "BOOL"}, "is no BOOL"),
        ("more than UINT8", {"datatype": "UINT8", "data": [1, 256, 1, 1]}, "is no UINT8"),
        ("less than UINT64", {"datatype": "UINT64", "data": [1, 1, -1, 1]}, "row 1: input"),
        ("more than INT64", {"datatype": "INT64", "data": [1, 1, beyond, 1]}, "is no INT64"),
        ("a fraction in INT32", {"datatype": "INT32", "data": [1, 1.5, 1, 1]}, "is no INT32"),
        ("null in INT8", {"datatype": "INT8", "data": [1, None, 1, 1]}, "is no INT8"),
        ("more than FP16", {"datatype": "FP16", "data": [1, 70_000, 1, 1]}, "is no FP16"),
        ("more than FP32", {"datatype": "FP32", "data": [1, 1e39, 1, 1]}, "is no FP32"),
        ("beyond the bounds", {"data": [1, 2, BOUND + 1, 4]}, "row 1: a: must be from -1000"),
        ("JSON in numbers", {"parameters": {"content_type": "pd_json"}}, "goes with BYTES"),
        ("a size without header", {"data": ABSENT, "parameters": {"binary_data_size": 32}}, LENGTH),
        ("a size and data", {"parameters": {"binary_data_size": 32}}, "either 'data' or"),
    ):
        yield _json("tensor", name, a_request(a_tensor(**changes)), said)


def _columns() -> Iterator[HostileInference]:
    a, b = (a_tensor(name, shape=[2], data=[1, 2]) for name in "ab")
    longer = a_tensor("b", shape=[3, 1], data=[1, 2, 3])
    for name, tensors, said in (
        ("one is absent", (a,), "b: is absent"),
        ("one is unknown", (a, b, a_tensor("c", shape=[2], data=[1, 2])), "c: is no feature"),
        ("one is wide", (a, a_tensor("b")), "b: must have the shape [rows]"),
        ("one is longer", (a, longer), "b: has 3 rows; 'a' has 2"),
        ("another case", (a, a_tensor("B", shape=[2], data=[1, 2])), "B: is no feature"),
        ("many", tuple(a_tensor(str(n), shape=[1], data=[1]) for n in range(200)), "is no feature"),
        ("a fraction", (a, a_tensor("b", shape=[2], data=[1, BOUND * 2])), "row 1: b: must be"),
    ):
        yield _json("column", name, a_request(*tensors), said)
    for name, texts, said in (
        ("no JSON in an element", ["1", "{"], "row 1: a: is no JSON"),
        ("a list in an element", ["1", "[1]"], "row 1: a: must be a plain value"),
        ("a string in an element", ["1", '"x"'], "row 1: a: must be a number or null"),
    ):
        mixed = a_tensor("a", shape=[2], datatype="BYTES", data=texts)
        mixed["parameters"] = {"content_type": "pd_json"}
        yield _json("column", name, a_request(mixed, b), said)


def _binaries() -> Iterator[HostileInference]:
    four = struct.pack("<4d", 1, 2, 3, 4)
    whole = a_section("input", 32)
    infinite = struct.pack("<4d", 1, 2, float("inf"), 4)
    yield _binary("a section that is cut", in_binary(four[:-1], whole), "come 31 bytes")
    yield _binary("a section that is longer", in_binary(four + b"x", whole), "come 33 bytes")
    yield _binary("no section", in_binary(b"", whole), "come 0 bytes")
    yield _binary("bytes that nobody names", in_binary(b"x", a_tensor()), "add up to 0")
    yield _binary("another size", in_binary(four[:16], a_section("input", 16)), "not 16")
    yield _binary("Infinity", in_binary(infinite, whole), "row 1: a: must be from -1000")
    sizes: tuple[object, ...] = (-1, 1.5, "32", True, [], 2**70)
    for size in sizes:
        spoilt = whole | {"parameters": {"binary_data_size": size}}
        yield _binary(f"a size of {size!r}", in_binary(four, spoilt), "binary_data_size'")
    large = a_section("input", 32, shape=[1, 2**62])
    yield _binary("a shape beyond memory", in_binary(four, large), "[rows, 2]")
    a = a_section("a", 2, shape=[2], datatype="BOOL")
    b = a_section("b", 2, shape=[2], datatype="INT8")
    yield _binary("a BOOL of 2", in_binary(b"\1\2\3\4", a, b), "a byte of 0 or 1")
    yield _binary("a BOOL for a number", in_binary(b"\0\1\3\4", a, b), "not of BOOL")
    for name, section, said in (
        ("texts for numbers", struct.pack("<I1sI1s", 1, b"x", 1, b"y"), "tensor of numbers"),
        ("a length that lies", struct.pack("<II", 2**32 - 1, 0), "does not hold 2 elements"),
        ("too few texts", struct.pack("<I4s", 4, b"abcd"), "does not hold 2 elements"),
        ("too many texts", struct.pack("<III", 0, 0, 0), "does not hold 2 elements"),
        ("half a length", struct.pack("<I3s", 0, b"xxx"), "does not hold 2 elements"),
        ("no UTF-8", struct.pack("<I1sI", 1, b"\xff", 0), "element 0 of BYTES is not UTF-8"),
    ):
        texts = a_section("a", len(section), shape=[2], datatype="BYTES")
        yield _binary(name, in_binary(section + b"\1\2", texts, b), said)


def _headers() -> Iterator[HostileInference]:
    body, _ = in_binary(struct.pack("<4d", 1, 2, 3, 4), a_section("input", 32))
    for declared in ("-1", "1.0", "", "x", "1e2", "٣", str(len(body) + 1), "9" * 40, "1, 1"):
        refused = HostileInference(
            kind="header", name=declared, body=body, headers={LENGTH: declared}, said=LENGTH
        )
        yield refused
    for name, sent, length, text in (
        ("cuts the JSON", body, "20", "not JSON"),
        ("half a row", b"x" * 24, "0", "16 bytes each"),
    ):
        yield HostileInference(
            kind="header", name=name, body=sent, headers={LENGTH: length}, said=text
        )


def _sizes() -> Iterator[HostileInference]:
    rows = MAX_ROWS + 1
    many = a_request(a_tensor(shape=[rows, 2], data=[1] * 2 * rows))
    yield _json("size", "rows", many, f"at most {MAX_ROWS}", status=413)
    lie = a_request(a_tensor(shape=[2**63, 2]))
    yield _json("size", "rows that lie", lie, f"at most {MAX_ROWS}", status=413)
    long = b" " * (MAX_BYTES + 1)
    yield _json("size", "bytes", long, f"{MAX_BYTES} are taken", status=413)
    yield _json(
        "size", "JSON that says it is binary", long, "bytes of JSON", status=413,
        headers={LENGTH: str(len(long))},
    )  # fmt: skip
    body, headers = in_binary(b"", a_section("input", 0, shape=[10**9, 2], datatype="UINT8"))
    yield HostileInference(
        kind="size", name="rows in binary", body=body, headers=headers, said="rows; at most",
        status=413,
    )  # fmt: skip


def _media() -> Iterator[HostileInference]:
    good = json.dumps(a_request()).encode()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "*/*", "text/csv",
                         "application/json; charset=utf-16"):  # fmt: skip
        yield HostileInference(
            kind="media", name=content_type, body=good, content_type=content_type, status=415,
            said="application/octet-stream",
        )  # fmt: skip
    for coding in ("gzip", "identity", ""):
        yield HostileInference(
            kind="media", name=f"coding {coding!r}", body=good, status=415,
            headers={"Content-Encoding": coding}, said="without Content-Encoding",
        )  # fmt: skip


def corpus() -> Iterator[HostileInference]:
    """Return all of them."""
    yield from _texts()
    yield from _requests()
    yield from _tensors()
    yield from _columns()
    yield from _binaries()
    yield from _headers()
    yield from _sizes()
    yield from _media()
