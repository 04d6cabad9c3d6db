"""Whole canaries with fixed seeds, judged after every fifty requests until there is a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from app.domain.judge import Arm, Evidence, Rules, judge
from app.domain.slowness import Timed, learn
from app.domain.verdict import Verdict

pytestmark = pytest.mark.no_cover  # half a million judgements, of lines that test_judge.py runs
SPREAD = 0.5  # of the logarithm of a duration
EVERY = 50
BLOCK = 10_000
RULES = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Shares of all requests, of failures by version, and of different answers; a slowdown."""

    share: float = 0.2
    champion_fails: float = 0.01
    candidate_fails: float = 0.01
    slowdown: float = 1.0
    differs: float = 0.02

    def run(self, seed: int, rules: Rules = RULES) -> tuple[Verdict, int]:
        """Return the verdict, and how many requests the candidate got until then."""
        draw = np.random.default_rng((20_261_121, seed))
        known = draw.lognormal(-4.0, SPREAD, 1_000)
        slowness = learn([Timed(1, seconds) for seconds in known], rules.slow_quantile)
        assert slowness is not None
        counted = np.zeros(8, dtype=int)
        while True:
            outcomes = self._outcomes(draw, slowness.limit_seconds[1])
            counts = counted + outcomes.cumsum(axis=1)[:, EVERY - 1 :: EVERY].T
            for look in counts.tolist():
                evidence = as_evidence(look)
                verdict = judge(evidence, rules)
                if verdict.ruling != "continue":
                    return verdict, evidence.candidate.requests
            counted = counts[-1]

    def _outcomes(self, draw: np.random.Generator, limit_seconds: float) -> np.ndarray:
        is_candidate = draw.random(BLOCK) < self.share
        fails = np.where(is_candidate, self.candidate_fails, self.champion_fails)
        seconds = draw.lognormal(-4.0, SPREAD, BLOCK)
        failed = draw.random(BLOCK) < fails
        slow = seconds * np.where(is_candidate, self.slowdown, 1.0) > limit_seconds
        differed = is_candidate & (draw.random(BLOCK) < self.differs)
        became = [~failed & ~slow, ~failed & slow, failed]
        return np.array(
            [
                *(~is_candidate & each for each in became),
                *(is_candidate & each for each in became),
                is_candidate & ~differed,
                differed,
            ],
            dtype=int,
        )


def as_evidence(look: list[int]) -> Evidence:
    return Evidence(
        champion=Arm(*look[:3]), candidate=Arm(*look[3:6]), agreed=look[6], differed=look[7]
    )


LIKE_THE_CHAMPION = Canary()


@pytest.mark.parametrize(
    "canary",
    [
        replace(LIKE_THE_CHAMPION, share=0.5),
        replace(LIKE_THE_CHAMPION, champion_fails=0.0, candidate_fails=0.0),
    ],
    ids=["a half", "a fifth, no errors"],
)
def test_of_200_canaries_like_their_champion_at_most_5_percent_are_not_promoted(
    canary: Canary,
) -> None:
    rulings = [canary.run(seed)[0].ruling for seed in range(200)]

    assert len(rulings) - rulings.count("promote") <= 10


@pytest.mark.parametrize(
    ("canary", "measure", "within"),
    [
        (replace(LIKE_THE_CHAMPION, candidate_fails=0.06), "errors", 1_500),
        (replace(LIKE_THE_CHAMPION, candidate_fails=1.0), "errors", 30),
        (replace(LIKE_THE_CHAMPION, slowdown=1.5), "latency", 700),
        (replace(LIKE_THE_CHAMPION, differs=0.2), "disagreement", 250),
    ],
    ids=["six times the errors", "raising", "slower by half", "worse labels"],
)
def test_bad_canaries_are_rolled_back_for_their_fault_within_so_many_requests(
    canary: Canary, measure: str, within: int
) -> None:
    reason = f"worse than tolerated in {measure}"
    found = [canary.run(seed) for seed in range(100)]

    assert all(verdict.ruling == "roll back" for verdict, _ in found)
    assert sum(it.reason == reason and requests <= within for it, requests in found) >= 95


def test_better_canaries_are_promoted() -> None:
    canary = Canary(candidate_fails=0.002, slowdown=0.7, differs=0.01)
    rulings = [canary.run(seed)[0].ruling for seed in range(100)]

    assert rulings.count("promote") >= 95


def test_a_canary_at_the_edge_of_what_is_tolerated_is_rarely_decided() -> None:
    edge = Canary(share=0.5, candidate_fails=0.02)
    rules = Rules(most_requests=4_000)
    verdicts = [edge.run(seed, rules)[0] for seed in range(100)]

    assert sum(it.reason.startswith("worse") or it.ruling == "promote" for it in verdicts) <= 5
