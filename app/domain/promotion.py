"""The gates in front of a stage: what a candidate must show beside the champion, and the verdict.

Everything here is a rule over numbers that somebody else has measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.domain.compatible import narrower, relabelled
from app.domain.compiled import Timing
from app.domain.contract import Contract
from app.domain.flips import Flips
from app.domain.gains import Gain
from app.domain.golden import COMPILED
from app.domain.traffic import check_pair
from app.errors import ModelRejectedError

Outcome = Literal["passed", "failed", "skipped"]
Wanted = Literal["better", "not-worse"]
_METRICS: Final = ("accuracy", "r2")
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate says.

    Attributes:
        sentence: the reason, for a reader.
        numbers: that decided, for a program.
    """

    name: str
    outcome: Outcome
    sentence: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What all gates say together: one that failed refuses."""

    gates: tuple[Gate, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the gates that refuse."""
        return tuple(it.name for it in self.gates if it.outcome == "failed")

    @property
    def passes(self) -> bool:
        """Whether no gate refuses."""
        return not self.failed


def skipped(name: str, sentence: str) -> Gate:
    """Return a gate that has nothing to judge by."""
    return Gate(name, "skipped", sentence)


def _outcome(holds: bool) -> Outcome:  # noqa: FBT001  says nothing else
    return "passed" if holds else "failed"


def schema(champion: Contract, candidate: Contract) -> Gate:
    """Can whoever calls *champion* call *candidate* unchanged?"""
    try:
        check_pair(champion, candidate)
    except ModelRejectedError as error:
        return Gate("schema", "failed", str(error))
    labels = relabelled(champion, candidate)
    if labels:
        said = f"it answers labels of another type: {'; '.join(labels[:_SHOWN])}"
        return Gate("schema", "failed", said, {"relabelled": labels})
    refused = narrower(champion, candidate)
    if refused:
        more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
        said = f"it refuses what callers may send now: {'; '.join(refused[:_SHOWN])}{more}"
        return Gate("schema", "failed", said, {"refused": refused})
    return Gate("schema", "passed", f"callers of version {champion.version} can call it unchanged")


def parity(contract: Contract, engine: str) -> Gate:
    """Does the *engine* that would serve agree with its reference?"""
    found = next((it.parity for it in contract.compiled if it.engine == engine), None)
    if found is None:
        return skipped("parity", "scikit-learn itself would serve: there is nothing to compare")
    limit = COMPILED.relative
    holds = not found.label_disagreements and found.largest_difference <= limit
    said = (
        f"{engine} and scikit-learn: {found.label_disagreements} other labels on {found.rows:,} "
        f"rows, largest difference {found.largest_difference:.1e}; the limit is {limit:.0e}"
    )
    return Gate("parity", _outcome(holds), said, {"engine": engine, **found.model_dump()})


@dataclass(frozen=True, slots=True)
class Budget:
    """What a candidate may cost; ``slowdown`` is how many times the champion's time.

    None is no limit.
    """

    one_row_us: float | None = None
    thousand_rows_us: float | None = None
    slowdown: float | None = None


def latency(candidate: Timing, champion: Timing | None, budget: Budget) -> Gate:
    """Is *candidate* fast enough, with one row and with a thousand?"""
    limits = {"1 row": budget.one_row_us, "1,000 rows": budget.thousand_rows_us}
    mine = {"1 row": candidate.one_row_us, "1,000 rows": candidate.thousand_rows_us}
    theirs: dict[str, float] = {}
    if champion is not None:
        theirs = {"1 row": champion.one_row_us, "1,000 rows": champion.thousand_rows_us}
    said, holds = [], True
    for rows, spent in mine.items():
        text = f"{rows} {spent:,.0f} µs"
        if rows in theirs:
            text += f", the champion {theirs[rows]:,.0f}"
        limit = limits[rows]
        if budget.slowdown is not None and rows in theirs:
            limit = min(theirs[rows] * budget.slowdown, limit or float("inf"))
        if limit is not None:
            text += f", the limit {limit:,.0f}"
            holds = holds and spent <= limit
        said.append(text)
    return Gate(
        "latency",
        _outcome(holds),
        "; ".join(said),
        {"candidate": mine} | ({"champion": theirs} if theirs else {}),
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """How much better a candidate must be, and how sure one must be of it.

    Attributes:
        wanted: ``better`` holds the lower end of the gain's interval to the bar, so a candidate has
            to prove itself; ``not-worse`` the upper end, so only one that is proved to be worse is
            refused.
        minimum_gain: where the bar is; for all rows.
        segment_loss: how far below zero it is, for a segment.
        least_rows: fewer prove nothing.
    """

    wanted: Wanted = "not-worse"
    minimum_gain: float = 0.0
    segment_loss: float = 0.0
    least_rows: int = 30

    def holds(self, gain: Gain, at: float) -> bool:
        """Say whether *gain* reaches a bar at *at*."""
        return (gain.low if self.wanted == "better" else gain.high) >= at

    @property
    def end(self) -> str:
        """The end of the interval that counts."""
        return "lower" if self.wanted == "better" else "upper"


def unproved(bar: Bar, sentence: str, numbers: Mapping[str, Any] | None = None) -> Gate:
    """Return the gate of a candidate of which nothing is proved: refused where it has to be."""
    outcome: Outcome = "failed" if bar.wanted == "better" else "skipped"
    return Gate("better", outcome, sentence, numbers or {})


def better(gain: Gain, bar: Bar) -> Gate:
    """Is the candidate better by the margin that is asked for?"""
    if gain.n_rows < bar.least_rows:
        said = f"{gain.n_rows} held-out rows prove nothing: {bar.least_rows} are needed"
        return unproved(bar, said, {"rows": gain.n_rows})
    verb = "exceed" if bar.wanted == "better" else "reach"
    said = (
        f"{gain.metric} {gain.candidate:.4g}, the champion {gain.champion:.4g}, on {gain.n_rows:,} "
        f"held-out rows: {gain.mean:+.4f}, {gain.confidence:.0%} interval {gain.low:+.4f} to "
        f"{gain.high:+.4f}; its {bar.end} end must {verb} {bar.minimum_gain:+g}"
    )
    numbers = gain._asdict() | {"minimum_gain": bar.minimum_gain, "wanted": bar.wanted}
    holds = bar.holds(gain, bar.minimum_gain)
    if bar.wanted == "better":  # models that answer alike have an interval from 0 to 0
        holds = gain.low > bar.minimum_gain
    return Gate("better", _outcome(holds), said, numbers)


def recorded(champion: Contract, candidate: Contract, bar: Bar) -> Gate:
    """Is the candidate better by what training wrote down, where that was on the same rows?"""
    old, new = champion.training, candidate.training
    if old is None or new is None or old.fingerprint_sha256 != new.fingerprint_sha256:
        return unproved(bar, "no held-out rows are stored")
    metric = next((it for it in _METRICS if it in old.metrics and it in new.metrics), None)
    if metric is None:
        return unproved(bar, "no held-out rows are stored, and no metric is known of both")
    gain = new.metrics[metric] - old.metrics[metric]
    said = (
        f"{metric} {new.metrics[metric]:.4g} as it was trained, the champion "
        f"{old.metrics[metric]:.4g} on the same data: {gain:+.4f} must reach "
        f"{bar.minimum_gain:+g}; no held-out rows are stored, so there is no interval"
    )
    numbers = {"metric": metric, "mean": gain, "minimum_gain": bar.minimum_gain}
    if bar.wanted == "better":
        return unproved(bar, said, numbers)
    return Gate("better", _outcome(gain >= bar.minimum_gain), said, numbers)


def segments(gains: Sequence[Gain], bar: Bar) -> Gate:
    """Is the candidate no worse than is allowed on any of the named segments?"""
    judged = [it for it in gains if it.n_rows >= bar.least_rows]
    if not judged:
        return skipped("segments", f"no segment has {bar.least_rows} held-out rows")
    worse = [it for it in judged if not bar.holds(it, -bar.segment_loss)]
    worst = min(judged, key=lambda it: it.mean)
    few = f"; {len(gains) - len(judged)} with too few rows" if len(judged) < len(gains) else ""
    shown = "; ".join(map(_segment_text, worse[:_SHOWN] or [worst]))
    said = (
        f"{len(worse)} of {len(judged)} segments are worse{few}: "
        if worse
        else (f"none of {len(judged)} segments is worse{few}; the least good: ")
    )
    numbers = {"allowed_loss": bar.segment_loss, "segments": [it._asdict() for it in gains]}
    return Gate("segments", _outcome(not worse), said + shown, numbers)


def _segment_text(gain: Gain) -> str:
    interval = f"{gain.low:+.4f} to {gain.high:+.4f}"
    return f"{gain.segment} ({gain.n_rows:,} rows) {gain.mean:+.4f}, {interval}"


def replay(flips: Flips, days: int, max_share: float) -> Gate:
    """Would too many of the answers that callers got have been others?"""
    left_out = "".join(f"; {count:,} {what}" for what, count in flips.left_out.items())
    if not flips.n_rows:
        said = f"the audit log has no answer of the last {days} days that can be asked again"
        return Gate("replay", "skipped", said + left_out, flips.document())
    refused = f", of which it refuses {flips.n_refused:,}" if flips.n_refused else ""
    said = (
        f"{flips.n_flips:,} of {flips.n_rows:,} rows of the last {days} days would be answered "
        f"otherwise{refused}: {flips.share:.2%}; the limit is {max_share:.2%}"
    )
    if left_out:
        said += f"; left out{left_out[1:]}"
    return Gate("replay", _outcome(flips.share <= max_share), said, flips.document())
