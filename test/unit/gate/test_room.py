from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.contract import Feature
from app.errors import BodyTooLargeError
from app.gate.room import Room
from test.builders import a_contract, some_settings


@pytest.mark.parametrize(
    ("takes", "most", "each"), [("numbers", 125, 8), ("table", 10, 100)], ids=["numbers", "table"]
)
def test_a_refusal_says_how_many_rows_would_pass_and_why(
    tmp_path: Path, takes: str, most: int, each: int
) -> None:
    settings = some_settings(tmp_path, server={"max_arrow_bytes": 3_000})
    features = [Feature(name=name) for name in "abc"]
    room = Room.of(settings, a_contract(*features, input=takes))

    room.check(most)
    with pytest.raises(BodyTooLargeError) as caught:
        room.check(most + 1)

    assert str(caught.value) == (
        f"{most + 1} rows; at most {most} are taken: 3 values a row, {each} bytes each, "
        "and 'max_arrow_bytes' is 3000."
    )


def test_rows_are_counted_however_small_they_are() -> None:
    with pytest.raises(BodyTooLargeError, match=r"^3 rows or more; at most 2 are taken\.$"):
        Room(max_rows=2, max_bytes=10**9, n_values=1).check(3, "rows or more")
