"""A canary that is judged, for tests: its workers, and whoever they tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from app.adapters.bench import Court
from app.adapters.canary_judge import CanaryJudge
from app.adapters.candidate import Pair
from app.adapters.null import NullMetrics
from app.adapters.shadow_work import Listeners
from app.domain.audit import Event
from app.domain.judge import Evidence, Rules
from app.domain.prediction import Result, ServedModel
from app.domain.shadow import Answered
from app.domain.traffic import Serving, Split, Why
from app.errors import AuditDownError, ChangeRefusedError
from app.lifecycle.verdict_plot import verdict_plot

RULES = Rules(
    tolerated_error_increase=0.2,
    tolerated_slow_increase=0.5,
    tolerated_disagreement=None,
    least_requests=50,
    most_requests=5_000,
)
COMPARING = RULES.model_copy(update={"tolerated_disagreement": 0.2})
ROW = np.array([[1.0, 2.0]])
FAST, SLOW = 0.001, 9.0


class Changes:
    """Notes what is asked for, and which verdicts were written by then."""

    def __init__(self, runtime: Path) -> None:
        self.asked: list[tuple[str, str | None, Why]] = []
        self.verdicts: list[list[str]] = []
        self.refusals = 0
        self.kills = False
        self._runtime = runtime

    def promote(
        self, name: str, version: str | None, why: Why, replaces: str | None = None
    ) -> Serving:
        assert replaces == "1"
        return self._note(name, version, why)

    def stop(self, name: str, why: Why) -> Serving:
        return self._note(name, None, why)

    def start(self, split: Split, why: Why) -> Serving:
        raise AssertionError((split, why))

    def roll_back(self, name: str, replaces: str | None, why: Why) -> Serving:
        raise AssertionError((name, replaces, why))

    def _note(self, name: str, version: str | None, why: Why) -> Serving:
        if self.kills:
            raise KeyboardInterrupt
        if self.refusals:
            self.refusals -= 1
            raise ChangeRefusedError("Somebody else is changing the stage.")
        self.asked.append((name, version, why))
        self.verdicts.append(written(self._runtime))
        return Serving(version or "1", None, changed=True)


class Told(NullMetrics):
    """Counts verdicts, and is an audit log that may be down."""

    def __init__(self) -> None:
        self.rulings: list[tuple[str, str]] = []
        self.events: list[Event] = []
        self.is_down = False

    def judged(self, *, model: str, ruling: str) -> None:
        self.rulings.append((model, ruling))

    def record(self, event: Event) -> None:
        self.events.append(event)
        if self.is_down:
            raise AuditDownError("down")


class Trial:
    """One canary; ``worker()`` is what one more worker has of it."""

    def __init__(self, champion: ServedModel, root: Path) -> None:
        self.runtime = root / "runtime"
        self.changes = Changes(self.runtime)
        self.told = Told()
        self.now = datetime.now(UTC)
        self.file = root / "traffic.json"
        self.file.write_text("announced")
        self.champion = champion
        contract = champion.contract.model_copy(update={"version": "2"})
        self.candidate = replace(champion, contract=contract)

    def worker(self, rules: Rules = RULES, **changes: Any) -> CanaryJudge:
        split = Split(model="sides", version="2", mode="canary", share=0.5, judge=rules)
        pair = Pair(
            self.champion,
            self.candidate,
            split.model_copy(update=changes),
            self.file,
            self.file.stat().st_mtime_ns,
        )
        return CanaryJudge(self.court, pair, rules)

    @property
    def court(self) -> Court:
        return Court(
            folder=self.runtime,
            changes=self.changes,
            listeners=Listeners(metrics=self.told, audit=self.told),
            draw=verdict_plot,
            now=lambda: self.now,
        )

    def answer(self, judge: CanaryJudge, *, champion: int = 0, candidate: int = 0) -> None:
        for model, count in ((self.champion, champion), (self.candidate, candidate)):
            for _ in range(count):
                judge.offer(self.answered(model))

    def answered(self, model: ServedModel, seconds: float = FAST, **changes: Any) -> Answered:
        scores = model.engine.predict(ROW)
        result = Result(b'"predictions":[0]', "miss", scores)
        found = Answered(model, ROW, result, seconds, "one", "alice", "127.0.0.1")
        return found._replace(**changes)

    def learn(self, *judges: CanaryJudge) -> None:
        """Let *judges* know where slow begins."""
        self.answer(judges[0], champion=50)
        for judge in judges:
            judge.look()

    def counted(self) -> Evidence:
        """What is counted by all, as somebody finds it who comes anew."""
        return self.worker()._counts.of_all()

    def folders(self) -> list[Path]:
        return [*self.runtime.glob("trials/*/*")]


def written(runtime: Path) -> list[str]:
    return sorted(it.name for it in runtime.glob("verdicts/*/*"))
