"""The judge of a canary: from counts, at any time and as often as one likes, what to do with it.

Three measures, each an always-valid test (``app/domain/sequential.py``): how many more of the
candidate's requests fail, how many more are slow, and on how many of the compared requests the two
models differ. A measure is **worse** once its value is proved to be above what is tolerated, and
**good** once it is proved to be below. One worse measure rolls back; all good ones promote.

``level`` is the chance of a wrong verdict. A candidate that is tolerable in every measure is
rolled back for a measure with that chance at most, over any number of looks: each measure has an
equal part of it. A candidate that is not tolerable is promoted with that chance at most: all
measures must be good, the bad one too, so each may have all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from app.domain.sequential import Count, Increase, Share
from app.domain.verdict import Finding, Measure, Stance, Verdict

_GROWTH: Final = 1.05  # of the candidate's requests, between two looks that are kept

Part = Annotated[float, Field(gt=0.0, lt=1.0)]


class Rules(BaseModel):
    """When a candidate is good enough; shares and points of share are 0 to 1.

    ``least_requests`` and ``most_requests`` are requests of the candidate. ``slow_quantile`` of the
    champion's durations, taken before the trial, is where slow begins for both
    (``app/domain/slowness.py``). Without ``tolerated_disagreement`` the answers are not compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    level: Part = 0.01
    tolerated_error_increase: Part = 0.01
    tolerated_slow_increase: Part = 0.03
    slow_quantile: Part = 0.95
    tolerated_disagreement: Part | None = 0.05
    least_requests: PositiveInt = 500
    most_requests: PositiveInt = 20_000
    most_seconds: PositiveFloat = 7 * 86_400.0

    @model_validator(mode="after")
    def _leave_room_to_judge(self) -> Self:
        if self.most_requests < self.least_requests:
            raise ValueError(
                f"most_requests ({self.most_requests}) must be no less than "
                f"least_requests ({self.least_requests})"
            )
        return self


class Arm(NamedTuple):
    """What became of one version's requests; each is counted once, in one of three places.

    So a count that is read while others are written is never more than its whole.
    """

    fast: int = 0
    slow: int = 0
    failed: int = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.fast + self.slow + self.failed


_NOTHING: Final = Arm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was counted since the trial began.

    Args:
        champion: requests that the champion answered, or failed to, in the time of the trial.
        candidate: the same of the candidate.
        agreed: compared requests to which both models gave the same answer.
        differed: compared requests to which they did not.
        seconds: how long the trial has lasted.
    """

    champion: Arm = _NOTHING
    candidate: Arm = _NOTHING
    agreed: int = 0
    differed: int = 0
    seconds: float = 0.0


def together(parts: Iterable[Evidence]) -> Evidence:
    """Add up what several workers counted."""
    counted = tuple(parts)
    return Evidence(
        champion=_sum(part.champion for part in counted),
        candidate=_sum(part.candidate for part in counted),
        agreed=sum(part.agreed for part in counted),
        differed=sum(part.differed for part in counted),
        seconds=max((part.seconds for part in counted), default=0.0),
    )


def judge(evidence: Evidence, rules: Rules) -> Verdict:
    """Say what *evidence* allows to do with the candidate; when in doubt at the end, roll back."""
    found = findings(evidence, rules)
    by_stance: dict[Stance, list[Measure]] = {"worse": [], "good": [], "open": []}
    for finding in found:
        by_stance[finding.stance].append(finding.measure)
    requests = evidence.candidate.requests
    if worse := " and ".join(by_stance["worse"]):
        return Verdict("roll back", f"worse than tolerated in {worse}", found)
    undecided = " and ".join(by_stance["open"])
    if not undecided and requests >= rules.least_requests:
        return Verdict("promote", "no worse than tolerated in any measure", found)
    waits_for = f"not yet decided: {undecided}" if undecided else "too few requests"
    if requests >= rules.most_requests or evidence.seconds >= rules.most_seconds:
        ended = f"{requests:,} requests and {evidence.seconds:,.0f} s were not enough"
        return Verdict("roll back", f"undecided, {ended}; {waits_for}", found)
    return Verdict("continue", waits_for, found)


def findings(evidence: Evidence, rules: Rules) -> tuple[Finding, ...]:
    """Return what *evidence* says of each measure that *rules* ask for."""
    champion, candidate = evidence.champion, evidence.candidate
    values: dict[Measure, tuple[Share | Increase, float]] = {
        "errors": (
            Increase(_failures(champion), _failures(candidate)),
            rules.tolerated_error_increase,
        ),
        "latency": (Increase(_slow(champion), _slow(candidate)), rules.tolerated_slow_increase),
    }
    if rules.tolerated_disagreement is not None:
        compared = Count(evidence.differed, evidence.agreed + evidence.differed)
        values["disagreement"] = (Share(compared), rules.tolerated_disagreement)
    return tuple(
        Finding(
            measure=measure,
            value=value,
            tolerated=tolerated,
            worse_level=rules.level / len(values),
            good_level=rules.level,
        )
        for measure, (value, tolerated) in values.items()
    )


def remember(looks: tuple[Evidence, ...], evidence: Evidence) -> tuple[Evidence, ...]:
    """Return *looks* with *evidence* as the last: some 200 of them for 20,000 requests.

    They are for the plot. The verdict needs the last one only.
    """
    *_, before, last = (Evidence(), Evidence(), *looks)
    is_near = last.candidate.requests <= _GROWTH * before.candidate.requests
    return (*(looks[:-1] if is_near else looks), evidence)


def _failures(arm: Arm) -> Count:
    return Count(arm.failed, arm.requests)


def _slow(arm: Arm) -> Count:
    """Count among what was answered: a failure is an error, however fast it came."""
    return Count(arm.slow, arm.fast + arm.slow)


def _sum(arms: Iterable[Arm]) -> Arm:
    counted = tuple(arms)
    return Arm(
        fast=sum(arm.fast for arm in counted),
        slow=sum(arm.slow for arm in counted),
        failed=sum(arm.failed for arm in counted),
    )
