"""What the judge of a canary found: its numbers, sentences about them, and a JSON document."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from app.domain.sequential import Count, Increase, Share, lower_bound, upper_bound

Measure = Literal["errors", "latency", "disagreement"]
Stance = Literal["worse", "good", "open"]
Ruling = Literal["continue", "promote", "roll back"]

_WHAT: Final = {
    "errors": "failed",
    "latency": "slow",
    "disagreement": "different",
}


class Bounds(NamedTuple):
    """The least and the greatest value that the counts allow, at any time all along."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One measure of the candidate, held against what is tolerated.

    Args:
        measure: what was counted.
        value: a share, or by how much it is greater than the champion's.
        tolerated: the greatest value that is no reason to roll back.
        worse_level: the chance to call a tolerated value worse, ever.
        good_level: the chance to call one good that is not tolerated, ever.
    """

    measure: Measure
    value: Share | Increase
    tolerated: float
    worse_level: float
    good_level: float

    @property
    def stance(self) -> Stance:
        """Whether the value is proved to be above or below what is tolerated, or neither yet."""
        if self.value.estimate > self.tolerated:
            enough = -math.log(self.worse_level)
            return "worse" if self.value.log_e_above(self.tolerated) >= enough else "open"
        enough = -math.log(self.good_level)
        return "good" if self.value.log_e_below(self.tolerated) >= enough else "open"

    @property
    def bounds(self) -> Bounds:
        """Where the value lies; each bound is wrong, ever, with its own level."""
        return Bounds(
            lower_bound(self.value, self.worse_level), upper_bound(self.value, self.good_level)
        )

    @property
    def sentence(self) -> str:
        """The numbers in words, for people."""
        said = f"{self.measure}: {_counted(self.value.count)} {_WHAT[self.measure]}"
        lower, upper = (f"{100 * bound:.2f}" for bound in self.bounds)
        if not isinstance(self.value, Increase):
            return f"{said}; {lower} to {upper} %, tolerated {100 * self.tolerated:g}"
        champion = f"champion {_counted(self.value.base)}"
        points = f"{lower} to {upper} points more, tolerated {100 * self.tolerated:g}"
        return f"{said}, {champion}; {points}"

    def document(self) -> dict[str, Any]:
        """Return the numbers as JSON has them; shares are 0 to 1, nothing known is null."""
        lower, upper = self.bounds
        base = self.value.base if isinstance(self.value, Increase) else None
        return {
            "measure": self.measure,
            "stance": self.stance,
            "candidate": self.value.count._asdict(),
            "champion": base and base._asdict(),
            "estimate": None if math.isnan(self.value.estimate) else self.value.estimate,
            "lower": lower,
            "upper": upper,
            "tolerated": self.tolerated,
            "log_e_worse": self.value.log_e_above(self.tolerated),
            "log_e_good": self.value.log_e_below(self.tolerated),
            "worse_level": self.worse_level,
            "good_level": self.good_level,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a candidate, the reason in one sentence, and every measure's finding."""

    ruling: Ruling
    reason: str
    findings: tuple[Finding, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reason, then what was found of each measure."""
        return (self.reason, *(finding.sentence for finding in self.findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who is judged: a candidate version of a model, beside its champion."""

    model: str
    champion: str
    candidate: str
    began_at: datetime  # UTC


def document(case: Case, verdict: Verdict, judged_at: datetime) -> dict[str, Any]:
    """Return the verdict on *case* as JSON has it; times are RFC 3339, in UTC."""
    return {
        "model": case.model,
        "champion": case.champion,
        "candidate": case.candidate,
        "began_at": _written(case.began_at),
        "judged_at": _written(judged_at),
        "ruling": verdict.ruling,
        "reason": verdict.reason,
        "findings": [finding.document() for finding in verdict.findings],
    }


def _counted(count: Count) -> str:
    share = f" ({100 * count.share:.2f} %)" if count.trials else ""
    return f"{count.hits:,} of {count.trials:,}{share}"


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
