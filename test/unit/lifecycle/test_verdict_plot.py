from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from app.domain.judge import Arm, Evidence, Rules
from app.lifecycle.verdict_plot import verdict_plot

SVG = "{http://www.w3.org/2000/svg}"
LOOKS = tuple(
    Evidence(
        champion=Arm(fast=945 * n, slow=50 * n, failed=5 * n),
        candidate=Arm(fast=190 * n, slow=10 * n, failed=0),
        agreed=180 * n,
        differed=20 * n,
    )
    for n in (1, 2, 3)
)


def drawn(svg: str, kind: str) -> list[ET.Element]:
    return ET.fromstring(svg).findall(f"{SVG}{kind}")  # noqa: S314  our own


def said(svg: str) -> list[str]:
    return [text.text or "" for text in drawn(svg, "text")]


def points(element: ET.Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in element.attrib["points"].split())
    return [(float(x), float(y)) for x, y in pairs]


def test_the_verdict_stands_on_top() -> None:
    heading, reason, *_ = said(verdict_plot("churn 4 beside <3>", LOOKS, Rules()))

    assert heading == "churn 4 beside <3>: roll back"
    assert reason == "600 requests of the candidate; worse than tolerated in disagreement"


def test_each_measure_has_a_band_in_the_colour_of_its_stance() -> None:
    svg = verdict_plot("churn", LOOKS, Rules())

    assert [band.attrib["class"] for band in drawn(svg, "polygon")] == ["open", "open", "worse"]
    assert len(drawn(svg, "path")) == 3


def test_the_band_holds_the_estimate_and_closes_in_as_requests_come() -> None:
    svg = verdict_plot("churn", LOOKS, Rules())

    band, course = points(drawn(svg, "polygon")[2]), points(drawn(svg, "polyline")[2])
    upper, lower = band[:3], band[:2:-1]
    assert [x for x, _ in upper] == [x for x, _ in lower] == [x for x, _ in course]
    for (_, top), (_, middle), (_, foot) in zip(upper, course, lower, strict=True):
        assert top < middle < foot
    assert lower[2][1] - upper[2][1] < lower[0][1] - upper[0][1]


def test_what_is_proved_worse_lies_above_what_is_tolerated() -> None:
    svg = verdict_plot("churn", LOOKS, Rules())

    *_, (_, last_lower) = points(drawn(svg, "polygon")[2])[:4]
    assert last_lower < float(drawn(svg, "path")[2].attrib["d"].split()[1].split("h")[0])


def test_everything_stays_within_the_picture() -> None:
    svg = verdict_plot("churn", LOOKS, Rules())

    root = ET.fromstring(svg)  # noqa: S314  our own
    frames = drawn(svg, "rect")[1:]
    for band, frame in zip(drawn(svg, "polygon"), frames, strict=True):
        top, height = float(frame.attrib["y"]), float(frame.attrib["height"])
        assert all(top <= y <= top + height for _, y in points(band))
        assert top + height < float(root.attrib["height"])


@pytest.mark.parametrize("looks", [(), (Evidence(),)], ids=["no look", "nothing counted"])
def test_nothing_known_is_a_picture_too(looks: tuple[Evidence, ...]) -> None:
    svg = verdict_plot("churn", looks, Rules(tolerated_disagreement=None))

    assert said(svg)[0] == "churn: continue"
    assert len(drawn(svg, "polygon")) == 2 * len(looks)
