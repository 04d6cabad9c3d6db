"""Hears how the requests of a judged canary end, and has one worker judge it."""

from __future__ import annotations

import logging
from dataclasses import replace

from app.adapters.bench import Bench, Court
from app.adapters.candidate import Pair
from app.adapters.shadow import ShadowQueue
from app.adapters.trial_counts import Role, TrialCounts
from app.domain.judge import Rules
from app.domain.shadow import Answered
from app.domain.slowness import Timed

log = logging.getLogger("gatehouse.judge")


class CanaryJudge:
    """Fulfils the port ``Judge`` for one trial.

    Where answers are compared, the candidate gets copies of a part of what the champion answers: as
    large a part as it has of the callers. A caller that names its version is no part of the trial,
    and what a cache answers tells nothing of a version.

    Args:
        court: what all trials have.
        pair: who is judged.
        rules: by which.
    """

    def __init__(self, court: Court, pair: Pair, rules: Rules) -> None:
        self._counts = TrialCounts(court.trial_folder(pair), rules.slow_quantile)
        self._bench = Bench(court, pair, rules, self._counts)
        self._roles: dict[str, Role] = {
            pair.champion.contract.version: "champion",
            pair.candidate.contract.version: "candidate",
        }
        self._copies: ShadowQueue | None = None
        self._problem: str | None = None
        if rules.tolerated_disagreement is not None:
            listeners = replace(court.listeners, compared=self._counts.compared)
            self._copies = ShadowQueue(listeners, pair.candidate, pair.split)

    def offer(self, answered: Answered) -> None:
        """Count an answered request, and copy it where answers are compared."""
        role = self._roles.get(answered.model.contract.version)
        if role is None or answered.is_pinned:
            return
        if answered.result.scores is not None:
            self._counts.answered(role, Timed(len(answered.matrix), answered.seconds))
        if self._copies is not None:
            self._copies.offer(answered)

    def failed(self, version: str) -> None:
        """Count a request that *version* could not answer."""
        role = self._roles.get(version)
        if role is not None:
            self._counts.failed(role)

    def look(self) -> None:
        """Exchange counts with the other workers, and judge if that is up to this one.

        Whatever goes wrong is logged once, and tried again with the next look.
        """
        try:
            self._counts.exchange()
            self._bench.look()
        except Exception as error:
            if self._problem != (problem := repr(error)):
                self._problem = problem
                log.exception("judge failed")
        else:
            self._problem = None
