"""Tests that may be looked at whenever one likes: what the counts of a stream say about its share.

Every number here is the logarithm of an e-value: the likelihood of the counts under a mixture of
all shares, divided by their greatest likelihood under the hypothesis. For the true share the
mixture makes a martingale (Robbins 1970, "Statistical methods related to the law of the iterated
logarithm"), its mean is 1, and dividing by the greatest likelihood can only make it smaller
(Wasserman, Ramdas and Balakrishnan 2020, "Universal inference"). By Ville's inequality the chance
that the e-value of a true hypothesis **ever** reaches 1/level is at most the level, however many
looks are taken and whatever decides about the next one. Two streams multiply their mixtures
(Turner, Ly and Gruenwald 2024, "Generic e-variables for exact sequential k-sample tests"); which
stream the next trial belongs to may depend on all that came before it.

Nothing is approximated, and nothing but counts goes in: they may be added up over many workers.
What is assumed: each stream has one share, and a trial is a hit or not independently of the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

_HALVINGS: Final = 30  # of a range of 2: 2e-9 is left
_MOST_STEPS: Final = 100
_CLOSE_ENOUGH: Final = 1e-12  # in units of the log-likelihood


class Count(NamedTuple):
    """Hits among so many trials."""

    hits: int
    trials: int

    @property
    def misses(self) -> int:
        """Trials that were no hit."""
        return self.trials - self.hits

    @property
    def share(self) -> float:
        """Hits as a share of trials, 0 to 1; NaN when there was none."""
        return self.hits / self.trials if self.trials else math.nan


@dataclass(frozen=True, slots=True)
class Share:
    """The share of hits in one stream."""

    count: Count
    least: ClassVar[float] = 0.0

    @property
    def estimate(self) -> float:
        """The observed share, 0 to 1; NaN when there was no trial."""
        return self.count.share

    def log_e_above(self, limit: float) -> float:
        """Weigh the counts against "the share is at most *limit*"."""
        return self._log_e(min(self.estimate, limit))

    def log_e_below(self, limit: float) -> float:
        """Weigh the counts against "the share is at least *limit*"."""
        return self._log_e(max(self.estimate, limit))

    def _log_e(self, likeliest: float) -> float:
        if not self.count.trials:
            return 0.0
        return _log_mixture(self.count) - _log_likelihood(self.count, likeliest)


@dataclass(frozen=True, slots=True)
class Increase:
    """How much greater the share of hits is in one stream than in another, -1 to 1."""

    base: Count
    count: Count
    least: ClassVar[float] = -1.0

    @property
    def estimate(self) -> float:
        """The observed increase; NaN when either stream had no trial."""
        return self.count.share - self.base.share

    def log_e_above(self, limit: float) -> float:
        """Weigh the counts against "the increase is at most *limit*"."""
        return self._log_e(limit, holds=self.estimate <= limit)

    def log_e_below(self, limit: float) -> float:
        """Weigh the counts against "the increase is at least *limit*"."""
        return self._log_e(limit, holds=self.estimate >= limit)

    def _log_e(self, limit: float, *, holds: bool) -> float:
        if not self.base.trials or not self.count.trials:
            return 0.0
        base = self.base.share if holds else _likeliest_base(self, limit)
        share = self.count.share if holds else base + limit
        likelihood = _log_likelihood(self.base, base) + _log_likelihood(self.count, share)
        return _log_mixture(self.base) + _log_mixture(self.count) - likelihood


def lower_bound(of: Share | Increase, level: float) -> float:
    """Return the least value that the counts allow: at any time all along, but for *level*."""
    if math.isnan(of.estimate):
        return of.least
    enough = -math.log(level)
    return _crossing(lambda limit: of.log_e_above(limit) < enough, of.estimate, of.least)


def upper_bound(of: Share | Increase, level: float) -> float:
    """Return the greatest value that the counts allow; read it like ``lower_bound``."""
    if math.isnan(of.estimate):
        return 1.0
    enough = -math.log(level)
    return _crossing(lambda limit: of.log_e_below(limit) < enough, of.estimate, 1.0)


def _crossing(is_allowed: Callable[[float], bool], allowed: float, end: float) -> float:
    """Return the first value, on the way from *allowed* to *end*, that is no longer allowed."""
    if is_allowed(end):
        return end
    refuted = end
    for _ in range(_HALVINGS):
        middle = (allowed + refuted) / 2
        if is_allowed(middle):
            allowed = middle
        else:
            refuted = middle
    return refuted


def _log_mixture(count: Count) -> float:
    """Return the log-likelihood of *count* for a share drawn from Beta(1/2, 1/2).

    That prior loses least to the true share in the worst case (Krichevsky and Trofimov 1981), and
    little where shares are near 0, as those of errors are.
    """
    inner = math.lgamma(count.hits + 0.5) + math.lgamma(count.misses + 0.5)
    return inner - math.lgamma(count.trials + 1.0) - math.log(math.pi)


def _log_likelihood(count: Count, share: float) -> float:
    return _times_log(count.hits, share) + _times_log(count.misses, 1.0 - share)


def _times_log(times: int, share: float) -> float:
    if not times:
        return 0.0
    return times * math.log(share) if share > 0.0 else -math.inf


def _likeliest_base(of: Increase, limit: float) -> float:
    """Return the base share for which the counts are likeliest when the increase is *limit*.

    The log-likelihood is concave, so Newton's steps find its top; one that leaves the stretch
    where the top must be is replaced by its middle. The slope times the step tells how much
    likelier the counts can become, which a short step does not, near the end of the stretch.
    """
    outcomes = (
        _Outcome(of.base.hits, 0.0, 1.0),
        _Outcome(of.base.misses, 1.0, -1.0),
        _Outcome(of.count.hits, limit, 1.0),
        _Outcome(of.count.misses, 1.0 - limit, -1.0),
    )
    seen = [outcome for outcome in outcomes if outcome.times]
    low, high = max(0.0, -limit), min(1.0, 1.0 - limit)
    if _slope_and_bend(seen, low)[0] <= 0.0:
        return low
    if _slope_and_bend(seen, high)[0] >= 0.0:
        return high
    trials = of.base.trials + of.count.trials
    here = (of.base.hits + of.count.hits - of.count.trials * limit) / trials
    for _ in range(_MOST_STEPS):
        if not low < here < high:
            here = (low + high) / 2
        slope, bend = _slope_and_bend(seen, here)
        low, high = (here, high) if slope > 0.0 else (low, here)
        step = slope / bend
        here += step
        if slope * step <= _CLOSE_ENOUGH:
            break
    return min(max(here, low), high)


class _Outcome(NamedTuple):
    """What was seen so many times, and its share: that of the base, times *sign*, and *at*."""

    times: int
    at: float
    sign: float


def _slope_and_bend(seen: Sequence[_Outcome], base: float) -> tuple[float, float]:
    """Return how the log-likelihood grows with the base share, and how fast that growth falls."""
    slope = bend = 0.0
    for times, at, sign in seen:
        share = at + sign * base
        if share <= 0.0:
            return sign * math.inf, math.inf
        weight = times / share
        slope += sign * weight
        bend += weight / share
    return slope, bend
