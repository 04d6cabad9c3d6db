from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.lifecycle.streams.lines import Line, Splitter


def split(content: bytes, cuts: list[int], max_bytes: int = 1000) -> list[Line]:
    places = [0, *sorted(min(it, len(content)) for it in cuts), len(content)]
    splitter = Splitter(max_bytes)
    found = []
    for start, stop in pairwise(places):
        found += splitter.feed(content[start:stop])
    rest = splitter.rest()
    return found if rest is None else [*found, rest]


@settings(max_examples=40)
@given(
    st.binary(max_size=60).map(lambda it: it.replace(b"\x00", b"\n")), st.lists(st.integers(0, 60))
)
def test_pieces_make_the_lines_of_the_whole(content: bytes, cuts: list[int]) -> None:
    found = split(content, cuts)

    ended = b"".join(it.text + b"\n" * it.is_ended for it in found)
    assert ended == content
    assert [it.offset for it in found] == [0, *(it.end for it in found)][:-1]
    assert [it.number for it in found] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("cuts", [[], [3], [1, 2, 3, 4, 5, 6, 7]], ids=["whole", "two", "bytes"])
def test_a_line_that_is_too_long_is_held_in_part_and_counted_in_full(cuts: list[int]) -> None:
    long, short = split(b"abcdefgh\nxy\n", cuts, max_bytes=4)

    assert (long.text, long.n_bytes, long.is_cut) == (b"abcd", 8, True)
    assert (short.text, short.offset, short.is_cut) == (b"xy", 9, False)


def test_an_endless_line_fills_no_memory() -> None:
    splitter = Splitter(100)
    piece = b"x" * 1_000_000

    for _ in range(100):
        assert splitter.feed(piece) == []

    rest = splitter.rest()
    assert rest is not None
    assert (len(rest.text), rest.n_bytes, rest.is_ended) == (100, 100_000_000, False)


def test_it_goes_on_from_a_place() -> None:
    [line] = Splitter(100, offset=50, number=7).feed(b"x\n")

    assert (line.number, line.offset, line.end) == (8, 50, 52)
