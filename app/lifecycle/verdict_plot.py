"""The picture beside a verdict: what each measure was known to lie between, request by request."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from app.domain.judge import Evidence, Rules, findings, judge
from app.domain.verdict import Finding

_WIDTH: Final = 860
_LEFT: Final = 70
_RIGHT: Final = 20
_PANEL: Final = 150
_HEADING: Final = 52
_ABOVE: Final = 40  # of a panel, for its title
_BELOW: Final = 34  # of a panel, for its axis
_STYLE: Final = (
    "<style>text{font:12px sans-serif;fill:#1b1f24}.title{font-weight:bold}"
    ".axis{fill:#57606a}.end{text-anchor:end}rect.back{fill:#ffffff}"
    ".open{fill:#d0d7de}.good{fill:#a8d5c0}.worse{fill:#f2b8b5}"
    ".estimate{fill:none;stroke:#1b1f24;stroke-width:1.5}"
    ".tolerated{stroke:#b3261e;stroke-dasharray:6 4}.frame{fill:none;stroke:#9aa5b1}</style>"
)
_TITLE: Final = {
    "errors": "Errors: the candidate's share less the champion's, in points",
    "latency": "Slow answers: the candidate's share less the champion's, in points",
    "disagreement": "Different answers, in % of the compared requests",
}


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where values lie in one panel: ``x`` in requests, ``y`` in shares."""

    most_requests: int
    least: float
    most: float
    top: float

    def x(self, requests: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * requests / self.most_requests

    def y(self, share: float) -> float:
        held = min(max(share, self.least), self.most)
        return self.top + _PANEL * (self.most - held) / (self.most - self.least)

    def point(self, requests: int, share: float) -> str:
        return f"{self.x(requests):.1f},{self.y(share):.1f}"


def verdict_plot(heading: str, looks: Sequence[Evidence], rules: Rules) -> str:
    """Return an SVG with a panel for each measure: estimate, bounds, and what is tolerated.

    Args:
        heading: such as the model and its two versions.
        looks: what was known at some moments of the trial, in their order; the last decided.
        rules: by which it was judged.
    """
    last = looks[-1] if looks else Evidence()
    verdict = judge(last, rules)
    requests = [look.candidate.requests for look in looks]
    courses = zip(*(findings(look, rules) for look in looks), strict=True)
    height = _HEADING + len(verdict.findings) * (_ABOVE + _PANEL + _BELOW)
    drawn = [
        _words(_LEFT, 20, f"{heading}: {verdict.ruling}", kind="title"),
        _words(
            _LEFT, 38, f"{last.candidate.requests:,} requests of the candidate; {verdict.reason}"
        ),
    ]
    for place, course in enumerate(courses):
        top = _HEADING + place * (_ABOVE + _PANEL + _BELOW) + _ABOVE
        drawn += _panel(requests, course, top)
    inner = "\n".join(drawn)
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    back = '<rect class="back" width="100%" height="100%"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_STYLE}{back}\n{inner}\n</svg>\n'


def _panel(requests: Sequence[int], course: Sequence[Finding], top: int) -> list[str]:
    last = course[-1]
    scale = _scale(requests, course, top)
    bounds = [finding.bounds for finding in course]
    upper = [scale.point(n, it.upper) for n, it in zip(requests, bounds, strict=True)]
    lower = [scale.point(n, it.lower) for n, it in zip(requests, bounds, strict=True)]
    estimates = [
        scale.point(n, finding.value.estimate)
        for n, finding in zip(requests, course, strict=True)
        if not math.isnan(finding.value.estimate)
    ]
    tolerated, width = scale.y(last.tolerated), f'width="{_WIDTH - _LEFT - _RIGHT}"'
    return [
        _words(_LEFT, top - 22, _TITLE[last.measure], kind="title"),
        _words(_LEFT, top - 6, last.sentence),
        f'<polygon class="{last.stance}" points="{" ".join([*upper, *reversed(lower)])}"/>',
        f'<polyline class="estimate" points="{" ".join(estimates)}"/>',
        f'<path class="tolerated" d="M{_LEFT} {tolerated:.1f}h{_WIDTH - _LEFT - _RIGHT}"/>',
        f'<rect class="frame" x="{_LEFT}" y="{top}" {width} height="{_PANEL}"/>',
        *_axes(scale, last.tolerated),
    ]


def _scale(requests: Sequence[int], course: Sequence[Finding], top: int) -> _Scale:
    """Show the last bounds and what is tolerated; the wide ones of the beginning are cut."""
    last = course[-1]
    low = min(last.bounds.lower, last.tolerated, 0.0)
    high = max(last.bounds.upper, last.tolerated, 0.0)
    room = 0.25 * (high - low)
    return _Scale(
        most_requests=max(1, *requests),
        least=max(low - room, last.value.least),
        most=min(high + room, 1.0),
        top=top,
    )


def _axes(scale: _Scale, tolerated: float) -> list[str]:
    foot = scale.top + _PANEL
    shares = {scale.least, 0.0, tolerated, scale.most}
    marks = [
        _words(_LEFT - 6, scale.y(share) + 4, f"{100 * share:.3g}", kind="axis end")
        for share in sorted(shares)
        if share == tolerated or abs(scale.y(share) - scale.y(tolerated)) > 12  # noqa: PLR2004  a line of text
    ]
    middle = scale.most_requests // 2
    marks += [
        _words(scale.x(requests), foot + 16, f"{requests:,}", kind="axis end")
        for requests in dict.fromkeys((middle, scale.most_requests))
    ]
    return [*marks, _words(_LEFT, foot + 16, "requests of the candidate", kind="axis")]


def _words(x: float, y: float, said: str, *, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{named}>{escape(said)}</text>'
