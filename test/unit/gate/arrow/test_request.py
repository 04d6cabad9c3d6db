from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.domain.contract import Feature
from app.errors import BodyMalformedError, BodyTooLargeError
from app.gate.arrow.request import decode_arrow
from test.arrow_streams import a_stream
from test.builders import some_settings

AB = (Feature(name="a"), Feature(name="b"))
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
