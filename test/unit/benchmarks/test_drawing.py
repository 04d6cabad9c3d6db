from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.drawing import bars, shown


def drawn(svg: str, kind: str) -> list[ET.Element]:
    return ET.fromstring(svg).findall(f"{{http://www.w3.org/2000/svg}}{kind}")  # noqa: S314  our own


def test_bars_are_as_long_as_what_they_show_and_the_longest_comes_first() -> None:
    svg = bars({"speed": {"theirs & others": 50.0, "ours": 200.0}}, ours=("ours",))

    _, first, second = drawn(svg, "rect")
    assert float(first.attrib["width"]) == pytest.approx(4 * float(second.attrib["width"]), abs=0.4)
    assert first.attrib["fill"] != second.attrib["fill"]
    assert [text.text for text in drawn(svg, "text")] == [
        "speed", "ours", "200", "theirs & others", "50",
    ]  # fmt: skip


def test_each_panel_has_a_scale_of_its_own() -> None:
    svg = bars({"one": {"a": 1.0}, "two": {"a": 1_000.0}}, ours=())

    _, first, second = drawn(svg, "rect")
    assert first.attrib["width"] == second.attrib["width"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(12_345.6, "12,346"), (99.94, "99.9"), (1.234, "1.23"), (0.0, "0")],
    ids=["thousands", "tens", "ones", "nothing"],
)
def test_numbers_are_as_long_as_they_are_worth(value: float, words: str) -> None:
    assert shown(value) == words
