"""A whole batch: find, plan, go on where a run before ended, score, and say what came of it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final, Literal

from pyarrow import parquet

from app.domain.prediction import ServedModel
from app.errors import OperatorError
from app.lifecycle.batch import state
from app.lifecycle.batch.columns import keys_of
from app.lifecycle.batch.folder import Folder, writing
from app.lifecycle.batch.inputs import FORMS, Form, InputFile, find_inputs, shown, store_of
from app.lifecycle.batch.job import Job, Opener, digest_of
from app.lifecycle.batch.on_ray import score_on_ray
from app.lifecycle.batch.parts import REJECTS, part_name, rejects_name
from app.lifecycle.batch.plan import Part, Plan, plan_of
from app.lifecycle.batch.whole import join
from app.lifecycle.batch.workers import score_here
from app.lifecycle.progress import progress

REJECTS_ENDING: Final = ".rejects.parquet"
PARTS_ENDING: Final = ".parts"
_DONE_FILE: Final = "_done.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked for.

    Attributes:
        source: a file, a folder or a pattern; a path or an fsspec URL.
        target: one file where it has the ending of one, otherwise a folder of parts.
        keys: columns of the input for the output; none for all that are no features.
        form: of a folder's parts.
        rules: the settings that decide what is refused and what is filled in.
        n_workers: cores to use.
        address: of a Ray cluster.
        restart: forget what a run before has done.
    """

    source: str
    target: str
    keys: Sequence[str] = ()
    form: Form | None = None
    rules: Mapping[str, float]
    engine: Literal["local", "ray"] = "local"
    n_workers: int
    address: str | None = None
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch has come to.

    Attributes:
        answers: where they are.
        rejects: where these are; None when there are none.
        was_done: whether a run before had done all of it.
    """

    n_rows: int
    n_rejected: int
    answers: str
    rejects: str | None
    was_done: bool


def run_batch(wishes: Wishes, open_model: Opener, now: datetime) -> Outcome:
    """Score the input, or what a run before has left of it.

    Raises:
        OperatorError: the input, the output or the cluster cannot be used as asked.
    """
    model = open_model()
    files = find_inputs(wishes.source)
    _check_apart(wishes, files)
    plan = plan_of(files)
    whole = _form_of_file(wishes)
    folder = Folder.at(wishes.target if whole is None else wishes.target + PARTS_ENDING)
    form = "parquet" if whole is not None else wishes.form or "parquet"
    keys = keys_of(model.contract, files, plan.schemas, wishes.keys, whole or form)
    bound = {
        "input": state.input_digest(files),
        "model": f"{model.contract.name}@{model.contract.version} {digest_of(model)}",
        "rules": dict(wishes.rules),
        "keys": keys.names,
        "format": whole or form,
        "parts": [part.n_rows for part in plan.parts],
    }
    with _alone(folder):
        if whole is not None and not folder.names() and _is_there(wishes.target):
            raise OperatorError(
                f"{shown(wishes.target)}: is there, and not from a batch. Fix: another OUTPUT"
            )
        scored_at = state.begun(folder, bound, now, anew=wishes.restart)
        names = [schema.names for schema in plan.schemas]
        job = Job(open_model, digest_of(model), files, names, keys, folder, form, scored_at)
        if whole is None:
            was_done = _score(wishes, job, model, plan)
            return _outcome(job, plan, was_done)
        return _as_one_file(wishes, job, model, plan, whole)


def _form_of_file(wishes: Wishes) -> Form | None:
    """Return the form of the one file that is asked for; None for a folder."""
    whole = FORMS.get(PurePosixPath(wishes.target).suffix)
    if whole is not None and wishes.form not in {None, whole}:
        raise OperatorError(
            f"{shown(wishes.target)}: would hold {wishes.form}. Fix: leave out --format, or name a "
            "folder"
        )
    return whole


def _score(wishes: Wishes, job: Job, model: ServedModel, plan: Plan) -> bool:
    """Do the parts that are not done; return whether all were."""
    there = job.folder.names()
    left = [it for it in plan.parts if part_name(it.number, job.form) not in there]
    if not left:
        return True
    n_left = sum(part.n_rows for part in left)
    with progress("scoring", plan.n_rows, "rows", done=plan.n_rows - n_left) as advance:
        for part in _done(wishes, job, model, left):
            advance(part.n_rows)
    return False


def _done(wishes: Wishes, job: Job, model: ServedModel, parts: Sequence[Part]) -> Iterator[Part]:
    n_workers = min(wishes.n_workers, len(parts))
    if wishes.engine == "ray":
        return score_on_ray(job, parts, wishes.address, n_workers)
    return score_here(job, model, parts, n_workers)


def _outcome(job: Job, plan: Plan, was_done: bool) -> Outcome:  # noqa: FBT001  it says a fact
    n_rejected = sum(_rows_of(job.folder, name) for name in _rejects(job, plan))
    rejects = f"{shown(job.folder.url)}/{REJECTS}" if n_rejected else None
    return Outcome(plan.n_rows, n_rejected, shown(job.folder.url), rejects, was_done)


def _as_one_file(wishes: Wishes, job: Job, model: ServedModel, plan: Plan, form: Form) -> Outcome:
    """Score, join the parts, and remove them; what says that all is done stays."""
    url = wishes.target
    target, name = Folder.at(url.rpartition("/")[0] or "."), url.rpartition("/")[2]
    known = job.folder.content(_DONE_FILE)
    was_done = known is not None and _is_there(url)
    if not was_done:
        _score(wishes, job, model, plan)
        rejects = _rejects(job, plan)
        n_rejected = sum(_rows_of(job.folder, it) for it in rejects)
        target.remove(name + REJECTS_ENDING)
        if rejects:
            join(job.folder, rejects, target, name + REJECTS_ENDING, "parquet")
        parts = [part_name(it.number, job.form) for it in plan.parts]
        join(job.folder, parts, target, name, form)
        known = json.dumps({"n_rejected": n_rejected}).encode()
        job.folder.write(_DONE_FILE, known)
    for left in job.folder.names() - {state.JOB_FILE, _DONE_FILE}:
        job.folder.remove(left)
    n_rejected = json.loads(known or b"{}")["n_rejected"]
    where = shown(url) + REJECTS_ENDING if n_rejected else None
    return Outcome(plan.n_rows, n_rejected, shown(url), where, was_done)


def _rejects(job: Job, plan: Plan) -> list[str]:
    there = job.folder.names()
    return [name for it in plan.parts if (name := rejects_name(it.number)) in there]


def _rows_of(folder: Folder, name: str) -> int:
    with store_of(f"{folder.url}/{name}") as (store, path), store.open(path, "rb") as source:
        return int(parquet.read_metadata(source).num_rows)


def _is_there(url: str) -> bool:
    with store_of(url) as (store, path):
        store.invalidate_cache()
        return bool(store.exists(path))


def _check_apart(wishes: Wishes, files: Sequence[InputFile]) -> None:
    """Refuse an output among the input, which would be the next run's input."""
    with store_of(wishes.target) as (_, target), store_of(wishes.source) as (_, source):
        inside = f"{target}/".startswith(f"{source}/")
        if inside or any(f"{it.url}/".startswith(f"{target}/") for it in files):
            raise OperatorError(
                f"{shown(wishes.target)}: input and output lie in each other. Fix: another OUTPUT"
            )


@contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """Hold a folder of this machine; the kernel lets go of it when the process ends."""
    folder.prepare()
    if not folder.is_here:
        yield
        return
    with writing(folder.url):
        handle = os.open(folder.url, os.O_RDONLY)
    try:
        _lock(folder, handle)
        folder.sweep()
        yield
    except Exception:
        os.close(handle)
        raise
    # After Ctrl-C threads may still write: the kernel lets go when the process has ended.
    os.close(handle)


def _lock(folder: Folder, handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OperatorError(
            f"{folder.url}: another run is writing there. Fix: wait for its end"
        ) from None
