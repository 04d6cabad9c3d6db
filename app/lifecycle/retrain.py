"""From a reason to train again to a new version in service, one step after another.

What was done is written down after each step. Whoever is killed goes on where it was, and whoever
comes again with the same data and parameters finds nothing to do.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from app.domain.contract import Contract
from app.domain.traffic import Split
from app.errors import OperatorError
from app.files import write_atomically

When = Literal["drift", "schedule", "always"]
Ending = Literal["done", "nothing to do", "refused"]
_MOST_BYTES: Final = 200


class State(BaseModel):
    """How far one retraining has come.

    Attributes:
        key: digest of data, parameters and stage.
        champion: the version that was there at its begin; None for a free place.
        began: is the new version's time of creation, by which it is found after a kill.
        trained: the new version; None before it is stored.
        done: what became of it in the end, in words; None while it is open or refused.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    champion: str | None
    began: AwareDatetime
    trained: str | None = None
    done: str | None = None


class Steps(NamedTuple):
    """What a retraining is made of.

    Attributes:
        champion: returns the version that is promoted; None for a free place.
        candidate: returns what is on trial beside it; None when nothing is.
        train: fits, and stores a version that was created at the given time; returns it.
        created_at: returns the version that was created at that time; None when there is none.
        settle: asks the gates about a version and, unless one refuses, puts it into service;
            returns in words what was done, or None.
    """

    champion: Callable[[], str | None]
    candidate: Callable[[], Split | None]
    train: Callable[[datetime], str]
    created_at: Callable[[datetime], str | None]
    settle: Callable[[str], str | None]


def retrain(
    file: Path, key: str, steps: Steps, *, now: datetime, tell: Callable[[str], None]
) -> Ending:
    """Do what is left to do, unless another version is on trial: that one's verdict comes first.

    Args:
        file: holds the state; one for each model on each stage.
        key: digest of data, parameters and stage.
        steps: the work.
        now: the time of a new begin.
        tell: is told of each step.
    """
    champion, state = steps.champion(), read_state(file)
    if _is_on_trial(steps.candidate(), state, key, tell):
        return "nothing to do"
    if state is None or state.key != key:
        state = _kept(file, State(key=key, champion=champion, began=now))
    if state.trained is not None and champion == state.trained and state.done is None:
        state = _kept(file, state.model_copy(update={"done": "is promoted"}))
    if state.done is not None and champion in {state.champion, state.trained}:
        same = "of the same data with the same parameters"
        tell(f"nothing to do: version {state.trained}, {same}, {state.done}")
        return "nothing to do"
    if state.trained is None:
        version = steps.created_at(state.began)
        if version is not None:
            tell(f"version {version} was trained before this run was cut short")
        else:
            version = steps.train(state.began)
        state = _kept(file, state.model_copy(update={"trained": version}))
    else:
        tell(f"version {state.trained} was trained before, of the same data")
    if _is_on_trial(steps.candidate(), state, key, tell):  # begun while this one was trained
        return "nothing to do"
    done = steps.settle(str(state.trained))
    state = state.model_copy(update={"champion": champion, "done": done})
    _kept(file, state)
    return "done" if done is not None else "refused"


def read_state(file: Path) -> State | None:
    """Return the state in *file*; None where there is none that can be read."""
    try:
        return State.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _is_on_trial(
    candidate: Split | None, state: State | None, key: str, tell: Callable[[str], None]
) -> bool:
    """Say whether *candidate* is there and not of this retraining, and tell so."""
    if candidate is None:
        return False
    if state is not None and (state.key, state.trained) == (key, candidate.version):
        return False
    on_trial = f"{candidate.model} {candidate.version} is on trial, as a {candidate.mode}"
    tell(f"nothing to do: {on_trial}; scripts/models.py stop ends that")
    return True


def _kept(file: Path, state: State) -> State:
    document = orjson.dumps(state.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    try:
        write_atomically(file, document)
    except OSError as error:
        raise _unwritable(file, error) from error
    return state


def _unwritable(file: Path, error: OSError) -> OperatorError:
    fix = "a runtime_path that this user may write."
    return OperatorError(f"{file}: cannot be written: {error.strerror}. Fix: {fix}")


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Hold *file* as a lock; the kernel lets go of it when the process ends.

    Raises:
        OperatorError: another process holds it, or it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unwritable(file, error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, _MOST_BYTES, 0).decode(errors="replace")
            raise OperatorError(
                f"{file}: process {holder or '?'} retrains this model now. "
                "Fix: come again when it has ended."
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


class Occasion(NamedTuple):
    """Why a retraining is asked for.

    Attributes:
        when: what is a reason: drift, age, or nothing at all.
        report: the drift report of the model, as JSON.
        max_age: of the champion, from when on it is retrained on schedule.
    """

    when: When
    report: Path
    max_age: timedelta


def is_due(occasion: Occasion, champion: Contract | None, now: datetime) -> tuple[bool, str]:
    """Say whether it is time to train again, and why or why not.

    Raises:
        OperatorError: the drift report is damaged.
    """
    if champion is None:
        return True, "nothing is promoted yet"
    if occasion.when == "always":
        return True, "it is asked for"
    age = now - champion.created_at
    if occasion.when == "schedule":
        wanted = occasion.max_age / timedelta(days=1)
        said = f"version {champion.version} is {age / timedelta(days=1):.1f} days old"
        return age > occasion.max_age, f"{said}, and the limit is {wanted:g}"
    found = _drift(occasion.report)
    if found is None:
        return False, f"there is no {occasion.report}; scripts/run_drift_report.py writes it"
    if found.created_at <= champion.created_at:
        return False, f"{occasion.report.name} is older than version {champion.version}"
    said = "says drift" if found.drifted else f"says {found.verdict}"
    return found.drifted, f"{occasion.report.name} of {found.created_at:%Y-%m-%d %H:%M} UTC {said}"


class _DriftReport(BaseModel):
    created_at: AwareDatetime
    drifted: bool
    verdict: str


def _drift(file: Path) -> _DriftReport | None:
    try:
        return _DriftReport.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        fix = "scripts/run_drift_report.py writes it anew"
        raise OperatorError(f"{file}: is no drift report. Fix: {fix}") from error
