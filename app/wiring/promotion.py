"""Joins the gates to a stage: opens both versions, reads the audit log, judges, then promotes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from app.adapters.audit.store import AuditReading
from app.domain import manifest
from app.domain.audit import Record
from app.domain.contract import Contract
from app.domain.flips import Flips
from app.domain.prediction import ServedModel
from app.domain.promotion import Decision, Gate
from app.errors import ModelRejectedError, RegistryError
from app.lifecycle import history
from app.lifecycle.gates import Match, decide
from app.lifecycle.heldout import held_out_of
from app.lifecycle.logged import logged
from app.lifecycle.progress import progress
from app.lifecycle.promote import NOTHING, Change, Promotion, promote
from app.lifecycle.promotion_report import FOLDER, Verdict, write_report
from app.lifecycle.registry import (
    STAGES_FOLDER,
    read_contract,
    read_version,
    registry_of,
)
from app.lifecycle.replay import Replay
from app.lifecycle.retire import check_not_retired, newest
from app.lifecycle.stages import check_place, checked_stage, version_on
from app.settings.schema import Settings
from app.wiring.offline import open_promoted, open_version
from app.wiring.trust import audit_log

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(hours=1)


class Judged(NamedTuple):
    """What became of a promotion that was asked for.

    Attributes:
        done: the promotion; None where it was refused, or only asked about.
        report: the verdict as a file.
    """

    verdict: Verdict
    report: Path
    done: Promotion | None


def promote_judged(  # noqa: PLR0913  one argument a thing it needs
    settings: Settings,
    name: str,
    version: str | None = None,
    *,
    stage: str,
    change: Change | None = None,
    is_forced: bool = False,
    is_asked_only: bool = False,
) -> Judged:
    """Promote a version of *name* onto *stage* if no gate refuses it.

    Args:
        settings: whose gates are asked.
        name: a registered model.
        version: its version; None for the newest that is not retired.
        stage: dev, staging or production.
        change: who promotes and why.
        is_forced: promotes what a gate refuses, and says so in the stage's history.
        is_asked_only: promotes nothing.

    Raises:
        RegistryError: there is no such stage or version, it is retired or damaged.
        ModelRejectedError: the candidate cannot be opened, so it could not serve either.
        StageChangedError: the champion was replaced while the candidate was judged.
    """
    change = change or Change()
    verdict = judge(settings, name, version, stage=stage, change=change)
    report = write_report(verdict, settings.path(settings.runtime_path) / FOLDER)
    failed = verdict.decision.failed
    if is_asked_only or (failed and not is_forced):
        return Judged(verdict, report, None)
    change = replace(change, replaces=change.replaces or verdict.champion or NOTHING, forced=failed)
    models, registry = settings.path(STAGES_FOLDER), registry_of(settings)
    done = promote(models, registry, name, verdict.version, stage=stage, change=change)
    return Judged(verdict, report, done)


def judge(
    settings: Settings, name: str, version: str | None, *, stage: str, change: Change
) -> Verdict:
    """Ask every gate, and change nothing.

    Raises:
        OperatorError: as ``promote_judged``.
    """
    registry = registry_of(settings)
    there = settings.path(STAGES_FOLDER) / checked_stage(stage)
    history.check_reason(change.why)
    found = read_version(registry, name, newest(registry, name) if version is None else version)
    version = found.contract.version
    check_not_retired(registry, name, version)
    check_place(there, name)
    champion = version_on(there, name)
    unasked = None
    if champion == version:
        unasked = "it is promoted there already, so no gate is asked"
    elif change.replaces not in {None, champion or NOTHING}:
        unasked = "another version is there than the one to replace, so no gate is asked"
    decision = Decision(())
    if unasked is None:
        candidate = open_version(settings, name, version)
        decision = _decision(settings, candidate, champion, there)
    return Verdict(
        name=name,
        version=version,
        sha256=manifest.digest(found.document),
        stage=stage,
        champion=champion,
        at=datetime.now(UTC),
        decision=decision,
        unasked=unasked,
    )


def _decision(
    settings: Settings, candidate: ServedModel, champion: str | None, there: Path
) -> Decision:
    rules = settings.promotion
    if champion is None:
        return decide(Match(candidate, None), None, "", rules)
    try:
        opened = open_promoted(settings, candidate.contract.name, there)
    except (ModelRejectedError, RegistryError) as error:
        absent = f"version {champion}, which is promoted there, cannot be opened"
        said = f"{absent}: {error}. Fix: promote it again, roll back, or overrule this by force"
        alone = decide(Match(candidate, None, absent), None, "", rules)
        return Decision((Gate("champion", "failed", said), *alone.gates))
    # By the contract whose signature was verified: the one in the registry may be another by now.
    held_out = held_out_of(
        registry_of(settings),
        candidate.contract,
        only_named=bool(settings.security.model_keys),
    )
    flips = _replayed(settings, opened, candidate)
    return decide(Match(candidate, opened), held_out, flips, rules)


def _replayed(settings: Settings, champion: ServedModel, candidate: ServedModel) -> Flips | str:
    """Return what a replay finds, or why there is none."""
    if _answered(champion) != _answered(candidate):
        return "the two answer something else"
    if settings.audit.mode == "off":
        return "audit.mode is off, so nobody knows what was asked"
    name, rules, runtime = (
        champion.contract.name,
        settings.promotion,
        settings.path(settings.runtime_path),
    )
    if settings.audit.url is None and not (runtime / "audit.sqlite").exists():
        return "there is no audit log yet"
    registry = registry_of(settings)
    opened = {it.contract.version: it.contract for it in (champion, candidate)}

    @cache
    def contract_of(version: str) -> Contract | None:
        try:
            return opened.get(version) or read_contract(registry, name, version)
        except RegistryError:
            return None

    left_out: Counter[str] = Counter()
    replay = Replay(
        champion, candidate, contract_of, rules.replay_tolerance, rules.segments, left_out
    )
    with (
        audit_log(settings).opened() as state,
        closing(_newest_first(state, rules.replay_days)) as records,
    ):
        found = logged(records, contract_of, name=name, left_out=left_out)
        with progress("replay", None, "rows") as advance:
            return replay.run(found, rules.replay_rows, advance)


def _answered(model: ServedModel) -> tuple[str, list[str]]:
    return model.contract.task, [it.name for it in model.contract.outputs.targets]


def _newest_first(state: AuditReading, days: int) -> Generator[Record, None, None]:
    """Yield the records of the last *days*, hour by hour backwards; within an hour by time."""
    end = datetime.now(UTC)
    first = end - timedelta(days=days)
    while end > first:
        begin = max(end - _STEP, first)
        yield from state.between(_microseconds(begin), _microseconds(end))
        end = begin


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
