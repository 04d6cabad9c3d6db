"""One part from its pieces to its files; a killed worker leaves nothing that anybody reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from app.domain.prediction import ServedModel
from app.errors import OperatorError
from app.lifecycle.batch.extents import Block, Extent, Wanted
from app.lifecycle.batch.folder import writing
from app.lifecycle.batch.inputs import Form, InputFile, is_unchanged
from app.lifecycle.batch.job import Job, number_kinds
from app.lifecycle.batch.outputs import writer_to
from app.lifecycle.batch.plan import READERS, Part
from app.lifecycle.batch.rows import Scorer, block_rows

REJECTS: Final = "_rejects"
_ENDINGS: Final[dict[Form, str]] = {"parquet": ".parquet", "csv": ".csv", "arrow": ".arrow"}


class Written(NamedTuple):
    """A part that lies beside its place; ``finished`` puts it there."""

    part: Part
    answers: Path
    rejects: Path | None
    n_answered: int
    n_rejected: int


def part_name(number: int, form: Form) -> str:
    """Return the file name of a part's answers."""
    return f"part-{number:05}{_ENDINGS[form]}"


def rejects_name(number: int) -> str:
    """Return the file of a part's rejects."""
    return f"{REJECTS}/part-{number:05}.parquet"


def score_part(job: Job, model: ServedModel, part: Part) -> Written:
    """Score *part* and write what comes of it, beside the place where it belongs.

    Raises:
        OperatorError: the input cannot be read, or was changed since it was looked at; or the
            output cannot be written.
    """
    scorer = Scorer(model, job.keys, job.scored_at)
    answers = job.folder.begun(part_name(part.number, job.form))
    rejects = job.folder.begun(rejects_name(part.number))
    try:
        with writing(answers.parent):
            n_answered, n_rejected = _write(job, scorer, part, answers, rejects)
        _check_count(job, part, n_answered + n_rejected)
    except BaseException:
        for file in (answers, rejects):
            file.unlink(missing_ok=True)
        raise
    written = Written(part, answers, rejects if n_rejected else None, n_answered, n_rejected)
    if not job.folder.is_here:
        _finish(job, written)  # nobody else can reach what lies on this machine
    return written


def _write(job: Job, scorer: Scorer, part: Part, answers: Path, rejects: Path) -> tuple[int, int]:
    """Write the answers, and the rejects if there are any; return how many there are of each."""
    n_answered = n_rejected = 0
    with ExitStack() as files:
        written = files.enter_context(writer_to(answers, scorer.scored_schema, job.form))
        refused = None
        for block in _blocks(job, scorer.model, part):
            good, bad = scorer.score(block)
            if good.num_rows:  # no rows have empty dictionaries; Arrow's files take no second ones
                written.write_batch(good)
            n_answered += good.num_rows
            if bad is None:
                continue
            if refused is None:
                rejects.parent.mkdir(exist_ok=True)
                to_rejects = writer_to(rejects, scorer.rejected_schema, "parquet")
                refused = files.enter_context(to_rejects)
            refused.write_batch(bad)
            n_rejected += bad.num_rows
    return n_answered, n_rejected


def finished(job: Job, written: Written) -> Part:
    """Put a part's files into their places, and return the part.

    Whatever may outlive the run, such as another process, leaves it to the run: a part that came
    late would be mixed into another batch.
    """
    if job.folder.is_here:
        _finish(job, written)
    return written.part


def _finish(job: Job, written: Written) -> None:
    """Put the answers last: they say that the part is done."""
    number = written.part.number
    if written.rejects is not None:
        job.folder.finish(written.rejects, rejects_name(number))
    job.folder.finish(written.answers, part_name(number, job.form))


def _blocks(job: Job, model: ServedModel, part: Part) -> Iterator[Block]:
    """Give the rows of *part*, a file after the other."""
    numbers = number_kinds(model.contract)
    columns = list(dict.fromkeys([*model.contract.feature_names, *job.keys.names]))
    for place, group in groupby(part.pieces, key=lambda piece: piece.file):
        pieces, file = [*group], job.files[place]
        _check_unchanged(file)
        extents = [Extent(it.start, it.stop, it.n_rows) for it in pieces]
        wanted = Wanted(columns, pieces[0].first_row, job.names[place], numbers, block_rows(model))
        yield from READERS[file.form].read(file, extents, wanted)
        _check_unchanged(file)


def _check_unchanged(file: InputFile) -> None:
    if not is_unchanged(file):
        raise OperatorError(
            f"{file.shown}: was changed while it was read. Fix: let nobody write to the input, and "
            "begin anew with --restart"
        )


def _check_count(job: Job, part: Part, n_rows: int) -> None:
    """Pass when every row of *part* was answered or rejected."""
    if n_rows != part.n_rows:
        raise OperatorError(
            f"{job.files[part.pieces[0].file].shown}: has {n_rows} rows where {part.n_rows} were "
            "counted. Fix: let nobody write to the input, and begin anew with --restart"
        )
