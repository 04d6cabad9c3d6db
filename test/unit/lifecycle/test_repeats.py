from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.lifecycle.repeats import Repeats


def among(repeats: Repeats, keys: Sequence[str | None]) -> list[int]:
    table = pa.table({"key": pa.array(keys, pa.string())})
    return repeats.among(table, np.ones(len(keys), dtype=bool))


@given(st.lists(st.lists(st.sampled_from([*"abcdefgh", None]), max_size=4), max_size=4))
@settings(max_examples=40)
def test_every_key_but_the_first_of_its_kind_repeats(chunks: list[list[str | None]]) -> None:
    repeats, seen = Repeats(), set[str]()
    for keys in chunks:
        expected = []
        for row, key in enumerate(keys):
            if key in seen:
                expected.append(row)
            elif key is not None:
                seen.add(key)

        assert among(repeats, keys) == expected


def test_many_chunks_lie_in_few_runs() -> None:
    repeats = Repeats()
    for number in range(60):
        among(repeats, [f"{number}-{it}" for it in range(10)])

    assert len(repeats._runs) <= 7
    assert sum(map(len, repeats._runs)) == 600
