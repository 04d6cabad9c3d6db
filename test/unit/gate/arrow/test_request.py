from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.errors import BodyMalformedError, BodyTooLargeError
from app.gate.arrow.request import decode_arrow
from test.arrow_streams import a_stream
from test.builders import a_contract, some_settings

AB = a_contract()
BODY = a_stream({"a": [1.0, 2.0], "b": [3.0, 4.0]})


def test_the_query_asks_for_probabilities(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)

    asked = [
        decode_arrow(BODY, query, AB, settings).wish.probabilities
        for query in ("", "probabilities=false", "probabilities=true")
    ]

    assert asked == [False, False, True]


@pytest.mark.parametrize(
    "query", ["probabilities", "probabilities=1", "probabilities=True", "other=1", "&", "a=b&c"]
)
def test_a_query_that_asks_for_something_else_is_refused(query: str, tmp_path: Path) -> None:
    with pytest.raises(BodyMalformedError, match="The query may be"):
        decode_arrow(BODY, query, AB, some_settings(tmp_path))


@pytest.mark.parametrize(
    "limits",
    [{"model": {"max_arrow_rows": 1}}, {"server": {"max_arrow_bytes": 31}}],
    ids=["rows", "bytes"],
)
def test_the_settings_limit_the_rows(limits: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BodyTooLargeError, match="at most 1 are taken"):
        decode_arrow(BODY, "", AB, some_settings(tmp_path, **limits))


def test_a_table_counts_as_the_objects_it_becomes(tmp_path: Path) -> None:
    table = a_contract(input="table")
    body = a_stream({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})

    def rows(max_bytes: int) -> Any:
        settings = some_settings(tmp_path, server={"max_arrow_bytes": max_bytes})
        return decode_arrow(body, "", table, settings).data

    assert len(rows(600)) == 3
    with pytest.raises(BodyTooLargeError, match=r"3 rows or more; at most 2 .* is 599"):
        rows(599)
