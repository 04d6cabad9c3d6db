"""Bodies whose rows break the contract, each with the row and the feature to be named."""

from __future__ import annotations

from collections.abc import Iterator

from test.api.hostile import Hostile, invalid, malformed, shown

DUPLICATES = {
    "data": (
        b'{"data": [[1, 2]], "data": [[3, 4]]}',
        b'{"data": [[1, 2]], "data": [[1, 2]]}',
        b'{"data": 1, "data": [[1, 2]]}',
        b'{"data": [[1, 2]], "\\u0064ata": [[1, 2]]}',
        b'{"data": [[1, NaN]], "data": [[1, 2]]}',
        b'{"data": [{"a": 1, "b": 2}], "data": [{"a": 1, "b": 2}]}',
    ),
    "probabilities": (b'{"data": [[1, 2]], "probabilities": false, "probabilities": false}',),
    "on_error": (
        b'{"data": [[1, 2]], "on_error": "skip", "on_error": "fail"}',
        b'{"on_error": "fail", "data": [[1, 2]], "on\\u005ferror": "fail"}',
    ),
    "a": (
        b'{"data": {"a": [1], "a": [1], "b": [2]}}',
        b'{"data": {"a": [1], "b": [2], "\\u0061": [1]}, "on_error": "skip"}',
    ),
}
DATA = (
    b"null", b"1", b"true", b'"[[1, 2]]"', b"{}", b"[]", b"NaN", b'{"a": [], "b": []}',
)  # fmt: skip
COLUMNS = {
    b'{"a": 1, "b": 2}': ("a", "must be a list"),
    b'{"a": [1], "b": 2}': ("b", "must be a list"),
    b'{"a": [1], "b": "1"}': ("b", "must be a list"),
    b'{"a": [1], "b": {"0": 2}}': ("b", "must be a list"),
    b'{"a": [1], "b": null}': ("b", "must be a list"),
    b'{"a": [1]}': ("b", "is absent"),
    b'{"0": [1, 2]}': ("a", "is absent"),
    b'{"a": [1], "b": [2], "c": [3]}': ("c", "no feature"),
    b'{"a": [1], "b": [2], "' + b"c" * 9000 + b'": [3]}': ("c" * 200, "no feature"),
    b'{"a": [1, 2], "b": [2]}': ("b", "has 1 values"),
    b'{"a": [1], "b": []}': ("b", "has 0 values"),
}
COLUMN_VALUES = {
    b'{"a": [1, "2"], "b": [2, 3]}': (1, "a", "not a string"),
    b'{"a": [[1]], "b": [2]}': (0, "a", "not an array"),
    b'{"a": [1], "b": [{}]}': (0, "b", "not an object"),
    b'{"a": [1, 2], "b": [3, 1e9]}': (1, "b", "must be from"),
}
ROWS = {
    b"[1, 2]": (0, "list of 2"),
    b"[null]": (0, "list of 2"),
    b'["ab"]': (0, "list of 2"),
    b"[[]]": (0, "has 0 values"),
    b"[[1]]": (0, "has 1 values"),
    b"[[1, 2, 3]]": (0, "has 3 values"),
    b"[[1, 2], [3]]": (1, "has 1 values"),
    b"[[1, 2], 3]": (1, "list of 2"),
    b"[[1, 2], null]": (1, "list of 2"),
    b'[[1, 2], "ab"]': (1, "list of 2"),
    b'[[1, 2], {"a": 1, "b": 2}]': (1, "list of 2"),
    b'[{"a": 1, "b": 2}, [1, 2]]': (1, "like the first row"),
    b'[{"a": 1, "b": 2}, null]': (1, "like the first row"),
    b"[[" + b"1," * 5000 + b"1]]": (0, "has 5001 values"),
}
OBJECTS = {
    b"[{}]": (0, "a", "is absent"),
    b'[{"a": 1}]': (0, "b", "is absent"),
    b'[{"b": 1}]': (0, "a", "is absent"),
    b'[{"a": 1, "b": 2}, {"a": 1}]': (1, "b", "is absent"),
    b'[{"a": 1, "b": 2, "c": 3}]': (0, "c", "no feature"),
    b'[{"A": 1, "b": 2, "a": 3}]': (0, "A", "no feature"),
    b'[{"a": 1, "b": 2, "": 3}]': (0, "", "no feature"),
    b'[{"a": 1, "b": 2, "__proto__": {}}]': (0, "__proto__", "no feature"),
    b'[{"a": 1, "b": 2, "' + b"c" * 9000 + b'": 3}]': (0, "c" * 200, "no feature"),
    b'[{"a": 1, "b": 2, "a": 3}]': (0, "a", "stands twice"),
    b'[{"a": 1, "b": 2}, {"b": 1, "a": 2, "b": 1}]': (1, "b", "stands twice"),
    b'[{"a": 1, "\\u0061": 1, "b": 2}]': (0, "a", "stands twice"),
    b"[{" + b'"a": 1, ' * 2000 + b'"b": 2}]': (0, "a", "stands twice"),
    b'[{"a": NaN, "b": 2, "a": NaN}]': (0, "a", "stands twice"),
}
VALUES = {
    b'"1.5"': "not a string",
    b'""': "not a string",
    b'"NaN"': "not a string",
    b'"Infinity"': "not a string",
    b'"0x10"': "not a string",
    b'"\\u0000"': "not a string",
    b'"; DROP TABLE audit; --"': "not a string",
    b'"{{7*7}}"': "not a string",
    b'"' + b"9" * 9000 + b'"': "not a string",
    b"true": "not a boolean",
    b"false": "not a boolean",
    b"[]": "not an array",
    b"[1]": "not an array",
    b"{}": "not an object",
    b'{"$numberDouble": "1"}': "not an object",
    b"1000.0000000001": "must be from -1000 to 1000",
    b"-1001": "must be from -1000 to 1000",
    b"1e300": "must be from -1000 to 1000",
    b"1.7976931348623157e308": "must be from -1000 to 1000",
    b"-1e308": "must be from -1000 to 1000",
    b"9223372036854775807": "must be from -1000 to 1000",
    b"-9223372036854775808": "must be from -1000 to 1000",
    b"18446744073709551615": "must be from -1000 to 1000",
    b"18446744073709551616": "must be from -1000 to 1000",
    b"9" * 300: "must be from -1000 to 1000",
}


def no_rows() -> Iterator[Hostile]:
    """Return all of them."""
    for name, bodies in DUPLICATES.items():
        yield from (malformed("duplicate", body, f"'{name}' stands twice") for body in bodies)
    yield from (invalid("rows", data, (None, None), "a list of rows") for data in DATA)
    for data, (row, detail) in ROWS.items():
        yield invalid("rows", data, (row, None), detail)
    for data, (row, feature, detail) in OBJECTS.items():
        kind = "duplicate" if detail == "stands twice" else "rows"
        yield invalid(kind, data, (row, feature), detail)
    for data, (feature, detail) in COLUMNS.items():
        yield invalid("columns", data, (None, feature), detail)
    for data, (row, feature, detail) in COLUMN_VALUES.items():
        yield invalid("columns", data, (row, feature), detail)
    for value, detail in VALUES.items():
        array, named = b"[[1, 2], [3, " + value + b"]]", b'[{"b": 1, "a": ' + value + b"}]"
        yield invalid("value", array, (1, "b"), detail, shown(value))
        yield invalid("value", named, (0, "a"), detail, f"{shown(value)} by name")
