"""Rules on a canary, in one of all workers: writes the verdict down, then acts on it."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from io import BufferedWriter
from pathlib import Path
from typing import NamedTuple

import orjson

from app.adapters.candidate import Pair
from app.adapters.shadow_work import Listeners
from app.adapters.trial_counts import TrialCounts
from app.domain.audit import Event
from app.domain.judge import Evidence, Rules, judge, remember
from app.domain.traffic import Why
from app.domain.verdict import Case, Ruling, Verdict, document
from app.errors import AuditDownError
from app.files import PRIVATE, write_atomically
from app.gate.services import Changes

log = logging.getLogger("gatehouse.judge")
WHO = "judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Court:
    """What every bench of this gateway has.

    Attributes:
        folder: below it lie ``trials``, with the counts, and ``verdicts``.
        changes: promotes, and lets a candidate go.
        listeners: hear of comparisons and verdicts.
        draw: returns the plot, an SVG, of a heading, what was known at some moments, and rules.
        now: in UTC.
    """

    folder: Path
    changes: Changes
    listeners: Listeners
    draw: Callable[[str, Sequence[Evidence], Rules], str]
    now: Callable[[], datetime]

    def trial_folder(self, pair: Pair) -> Path:
        """Return where *pair* is counted: another split or announcement is another trial.

        The folders of one model's trials lie side by side, apart from those of another stage.
        """
        split, versions = pair.split, (pair.champion.contract, pair.candidate.contract)
        parts = [str(pair.since_ns), split.model_dump_json()]
        parts += [part for it in versions for part in (it.version, it.artefact.sha256)]
        place = f"{split.model}-{_digest([str(pair.file)])}"
        return self.folder / "trials" / place / _digest(parts)


def _digest(parts: Sequence[str]) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


class _Ruled(NamedTuple):
    """A verdict in short, as the trial's folder keeps it until it was acted on."""

    ruling: Ruling
    reason: str


class Bench:
    """Judges one canary. For one thread.

    The worker that gets the lock keeps it as long as it has this trial; when it dies, another one
    gets it. A verdict is kept in the trial's folder, so that it is acted on though its worker dies.

    Args:
        court: what all have.
        pair: who is judged.
        rules: by which.
        counts: of this trial.
    """

    def __init__(self, court: Court, pair: Pair, rules: Rules, counts: TrialCounts) -> None:
        self._court = court
        self._pair = pair
        self._rules = rules
        self._counts = counts
        self._folder = court.trial_folder(pair)
        self._looks: tuple[Evidence, ...] = ()
        self._lock: tuple[int, BufferedWriter] | None = None
        self._is_over = False

    def look(self) -> None:
        """See what was counted, and act when it is enough; again and again until that is done.

        Raises:
            GatehouseError: what the verdict asks for was refused.
            OSError: a file cannot be read or written.
        """
        if self._is_over or not self._presides():
            return
        ruled = self._kept() or self._ruled()
        if ruled is not None:
            self._act(ruled)
            self._is_over = True

    def _presides(self) -> bool:
        pid = os.getpid()
        if self._lock is not None and self._lock[0] == pid:
            return True
        if self._lock is not None:  # of the process that this one was forked off from
            self._lock[1].close()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = (self._folder / "judge.lock").open("wb")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._lock = (pid, handle)
        weakref.finalize(self, handle.close)
        for other in self._folder.parent.iterdir():
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        return True

    @property
    def _ruling_file(self) -> Path:
        return self._folder / "ruling.json"

    def _kept(self) -> _Ruled | None:
        with suppress(FileNotFoundError):
            return _Ruled(**orjson.loads(self._ruling_file.read_bytes()))
        return None

    def _ruled(self) -> _Ruled | None:
        now = self._court.now()
        seconds = max(0.0, now.timestamp() - self._pair.since_ns / 1e9)
        evidence = replace(self._counts.of_all(), seconds=seconds)
        self._looks = remember(self._looks, evidence)
        verdict = judge(evidence, self._rules)
        if verdict.ruling == "continue":
            return None
        self._write(verdict, now)
        ruled = _Ruled(verdict.ruling, verdict.reason)
        write_atomically(self._ruling_file, orjson.dumps(ruled._asdict()), mode=PRIVATE)
        self._announce(verdict, now)
        return ruled

    def _write(self, verdict: Verdict, now: datetime) -> None:
        split, champion = self._pair.split, self._pair.champion.contract.version
        case = Case(
            model=split.model,
            champion=champion,
            candidate=split.version,
            began_at=datetime.fromtimestamp(self._pair.since_ns / 1e9, UTC),
        )
        folder = f"{split.model}-{split.version}-{now:%Y%m%dT%H%M%SZ}"
        heading = f"{split.model} {split.version} beside {champion}"
        plot = self._court.draw(heading, self._looks, self._rules)
        numbers = orjson.dumps(document(case, verdict, now), option=orjson.OPT_INDENT_2)
        into = self._court.folder / "verdicts" / folder
        write_atomically(into / "verdict.svg", plot.encode(), mode=PRIVATE)
        write_atomically(into / "verdict.json", numbers, mode=PRIVATE)

    def _announce(self, verdict: Verdict, now: datetime) -> None:
        split, listeners = self._pair.split, self._court.listeners
        told = {"model": split.model, "version": split.version, "ruling": verdict.ruling}
        listeners.metrics.judged(model=split.model, ruling=verdict.ruling)
        log.info("canary judged", extra={**told, "reason": verdict.reason})
        detail = {"change": "verdict", **told, "sentences": verdict.sentences}
        event = Event(
            kind="admin",
            at=now.timestamp(),
            request_id=self._folder.name,
            method="POST",
            route=WHO,
            status=200,
            seconds=0.0,
            address="",
            subject=WHO,
            detail=orjson.dumps(detail).decode(),
        )
        try:
            listeners.audit.record(event)
        except AuditDownError:
            log.exception("verdict not in the audit log", extra=told)

    def _act(self, ruled: _Ruled) -> None:
        split, changes = self._pair.split, self._court.changes
        if not self._pair.is_announced:
            log.info("canary ended before its verdict", extra={"model": split.model})
            return
        why = Why(WHO, ruled.reason)
        if ruled.ruling == "promote":
            # Beside this champion, and no other: this worker may not have loaded a newer one yet.
            champion = self._pair.champion.contract.version
            changes.promote(split.model, split.version, why, champion)
        else:
            changes.stop(split.model, why)
