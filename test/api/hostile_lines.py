"""Bodies of lines, CSV and NDJSON, that must not get a prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from test.api.hostile import MAX_BYTES, MAX_ROWS, Hostile, shown

CSV = "text/csv"
ABSENT = "text/csv; header=absent"
NDJSON = "application/x-ndjson"
_WIDE = b",".join(b"c%d" % number for number in range(2_000))
NO_CSV = {
    b"a,b\r1,2\r3,4": "carriage return stands without a line feed (line 1)",
    b"a,b\n1,2\r3,4\n": "carriage return stands without a line feed (line 2)",
    b'a,b\n1,"2\n3,4\n': "unexpected end of data (line 2)",
    b'a,b\n1,2\n3,"4"x\n': "(line 3)",
    b'"a,b\n1,2\n': "(line 1)",
    b'a,b\n"1""2': "unexpected end of data (line 2)",
    b"a,b\n1,\xff\n": "line 2 is not UTF-8",
    b"a,b\n1,2\n3,\xed\xa0\x80\n": "line 3 is not UTF-8",
    "a,b\n1,2\n".encode("utf-16"): "line 1 is not UTF-8",
    "a,b\n1,2\n".encode("utf-16-le"): "line 1 has a NUL",
    b"a,b\n1,\x00\n": "line 2 has a NUL",
    b"a,b\n1,2\x00": "line 2 has a NUL",
    b"\xc0\xafa,b\n1,2\n": "line 1 is not UTF-8",
}
NO_COLUMNS = {
    b"": (None, "the first line must name"),
    b"\n": (None, "the first line must name"),
    b"1,2\n3,4\n": (None, "header=absent"),
    b"a;b\n1;2\n": (None, "the first line must name"),
    b"a\tb\n1\t2\n": (None, "the first line must name"),
    b'{"data": [[1, 2]]}': (None, "the first line must name"),
    _WIDE + b"\n1,2\n": (None, "the first line must name"),
    b"a\n1\n": ("b", "is absent from line 1"),
    b"a,B\n1,2\n": ("b", "is absent from line 1"),
    b"a, b\n1,2\n": ("b", "is absent from line 1"),
    b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,2\n": ("a", "is absent from line 1"),
    b"a,b,c\n1,2,3\n": ("c", "no feature of this model (line 1)"),
    b"a,b,\n1,2,\n": ("", "no feature of this model (line 1)"),
    b"a,b,=cmd|' /C calc'!A0\n1,2,3\n": ("=cmd|' /C calc'!A0", "no feature"),
    b"a,b," + b"c" * 9_000 + b"\n1,2,3\n": ("c" * 200, "no feature"),
    b"a,b," + _WIDE + b"\n1,2\n": ("c0", "no feature"),
    b"a,b,a\n1,2,3\n": ("a", "stands twice (line 1)"),
    b'a,b,"a"\n1,2,3\n': ("a", "stands twice (line 1)"),
    b"a,b\n": (None, "must hold rows"),
    b"a,b": (None, "must hold rows"),
}
NO_ROWS = {
    b"1": (None, "has 1 cells; 2 are needed"),
    b"1,2,3": (None, "has 3 cells; 2 are needed"),
    b"1,2,": (None, "has 3 cells; 2 are needed"),
    b"": (None, "has 1 cells; 2 are needed"),
    b" ": (None, "has 1 cells; 2 are needed"),
    b'"1,2"': (None, "has 1 cells; 2 are needed"),
    b",".join([b"1"] * 5_000): (None, "has 5000 cells; 2 are needed"),
    b'1,"2\n,3",4': (None, "has 3 cells; 2 are needed"),
}
NO_CELLS = (
    b"x", b"1 2", b"1_0", b"0x10", b"inf", b"-Infinity", b"NA", b"null", b"None", b"true", b"-nan",
    b"=1+1", b"@SUM(1)", b"+", b"-", b".", b"e", b"1e", b"--1", b"1.2.3", b'"1,5"', b"'1'", b"1;2",
    b"[1]", b"{}", b"\xd9\xa1", b"\xe2\x88\x9e", b"\xc2\xa01", b"\x0c1", b"1\x0b", b'"1\n"', b"$1",
    b"1%", b"x" * 9_000, b'"' + b"\n" * 50 + b'"', b"\xef\xbb\xbf1",
)  # fmt: skip
BEYOND = {b"1e400": "too large", b"9" * 9_000: "too large", b"1001": "must be from -1000 to 1000",
          b"-1e300": "must be from -1000 to 1000"}  # fmt: skip
NO_LINES = (
    b"[1, 2", b"1, 2]", b"{", b"nul", b"[1,, 2]", b"[1 2]", b"[01, 2]", b"[1, Infinity]", b"a,b",
    b"[1, 1e400]", b"[1, 2][3, 4]", b"[1, 2], [3, 4]", b"[1, 2] // mine", b"[1, \xff]", b"[1, \0]",
    b"\xef\xbb\xbf[1, 2]", b"\x1e[1, 2]", b'["\\ud800", 1]', b"[" * 5_000, b"'[1, 2]'",
    b"[1, 2]\r[3]",
)  # fmt: skip
NO_JSON_ROWS = {
    b"5": (None, "must be a list of 2 values"),
    b"null": (None, "must be a list of 2 values"),
    b'"[1, 2]"': (None, "must be a list of 2 values"),
    b'{"data": [[1, 2]]}': (None, "must be a list of 2 values"),
    b"[]": (None, "has 0 values; 2 are needed"),
    b"[1]": (None, "has 1 values; 2 are needed"),
    b"[1, 2, 3]": (None, "has 3 values; 2 are needed"),
    b"[[1, 2]]": (None, "has 1 values; 2 are needed"),
    b'["1", 2]': ("a", "not a string"),
    b"[1, [2]]": ("b", "not an array"),
    b"[1, true]": ("b", "not a boolean"),
    b"[1, " + b"[" * 500 + b"]" * 500 + b"]": ("b", "not an array"),
    b"[1, 1e9]": ("b", "must be from -1000 to 1000"),
    b'{"a": 1, "a": 1, "b": 2}': ("a", "stands twice"),
    b'{"a": 1, "\\u0061": 2, "b": "\\u0022\\u0022"}': ("a", "stands twice"),
}


def no_csv() -> Iterator[Hostile]:
    """CSV that is none, that has other columns, or that has rows which break the contract."""
    for body, detail in NO_CSV.items():
        yield Hostile(kind="csv", name=shown(body), body=body, detail=detail, content_type=CSV)
    for body, (feature, detail) in NO_COLUMNS.items():
        yield _invalid("csv", body, (None, feature), detail, CSV)
    for row, (feature, detail) in NO_ROWS.items():
        yield _invalid("csv", b"b,a\r\n1,2\r\n" + row + b"\r\n", (1, feature), detail, CSV)
        yield _invalid("csv", row + b"\n1,2\n", (0, feature), f"{detail} (line 1)", ABSENT)
    for cell in NO_CELLS:
        detail = "a: must be a number, or empty if it is missing (line 3)"
        yield _invalid("csv", b"b,a\n1,2\n3," + cell + b"\n", (1, "a"), detail, CSV)
    for cell, detail in BEYOND.items():
        yield _invalid("csv", b'b,a\n"1",2\n3,' + cell, (1, "a"), detail, CSV)
        yield _invalid("csv", b"1,2\n" + cell + b",3\n", (1, "a"), f"{detail}", ABSENT)
    large = Hostile(
        kind="csv", name="", body=b"", status=413, problem="body-too-large", content_type=CSV
    )
    rows = b"1,2\n" * (MAX_ROWS + 1)
    yield replace(large, name="a row too many", body=b"a,b\n" + rows, detail="rows")
    yield replace(large, name="a row of words too many", body=b"a,b\nx,y\n" + rows, detail="rows")
    yield replace(large, name="line feeds", body=b"a,b" + b"\n" * 15_000, detail="rows")
    yield replace(large, name="a huge cell", body=b"a,b\n1," + b"2" * MAX_BYTES, detail="bytes")


def no_ndjson() -> Iterator[Hostile]:
    """NDJSON that is none, or that has rows which break the contract."""
    for line in NO_LINES:
        body = b"[1, 2]\n" + line + b"\n[3, 4]\n"
        yield _invalid("ndjson", body, (1, None), "is not JSON", NDJSON)
        yield _invalid("ndjson", line, (0, None), "(line 1)", NDJSON)
    yield _invalid("ndjson", b"[1, 2]\n\n[3, 4]", (1, None), "is empty (line 2)", NDJSON)
    yield _invalid("ndjson", b"\n[1, 2]", (0, None), "is empty (line 1)", NDJSON)
    for row, (feature, detail) in NO_JSON_ROWS.items():
        body = row if row.startswith(b'{"a') else b"[1, 2]\n" + row
        place = (body.count(b"\n"), feature)
        yield _invalid("ndjson", body, place, detail, NDJSON)
    yield _invalid("ndjson", b'{"a": 1, "b": 2}\n[1, 2]', (1, None), "like the first", NDJSON)
    yield _invalid("ndjson", b'{"a": 1}\n{"a": 2}', (0, "b"), "is absent", NDJSON)
    for body in (b"", b"\n", b" \r\n \n"):
        yield _invalid("ndjson", body, (None, None), "must hold rows", NDJSON)
    large = Hostile(
        kind="ndjson", name="", body=b"", status=413, problem="body-too-large", content_type=NDJSON
    )
    rows = b"[1, 2]\n" * (MAX_ROWS + 1)
    yield replace(large, name="a row too many", body=rows, detail="rows")
    yield replace(large, name="line feeds", body=b"\n" * 15_000 + b"0", detail="rows")


def _invalid(
    kind: str, body: bytes, place: tuple[int | None, str | None], detail: str, content_type: str
) -> Hostile:
    return Hostile(
        kind=kind,
        name=f"{shown(body)} as {content_type}",
        body=body,
        problem="invalid-input",
        detail=detail,
        fault=place,
        content_type=content_type,
    )
