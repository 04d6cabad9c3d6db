"""JSON lines in, JSON lines out: each line that comes is answered or rejected with its reason.

From a file to a file each line gets so exactly once, whatever is killed when: the checkpoint is
written after the outputs it tells of, and a new run cuts what was written after it. From a pipe
nothing can be read again: the lines that a killed process had in hand are lost.
"""

from __future__ import annotations

import base64
import codecs
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from app.errors import StreamError
from app.lifecycle.progress import Advance
from app.lifecycle.streams.checkpoint import Checkpoint, read_checkpoint
from app.lifecycle.streams.current import CurrentModel
from app.lifecycle.streams.lines import Line, Lines
from app.lifecycle.streams.messages import Fault, answered
from app.lifecycle.streams.piped import PIPE, PipeLines, is_pipe
from app.lifecycle.streams.sinks import Sink
from app.lifecycle.streams.sources import FileLines

_CHECKPOINT_SECONDS: Final = 1.0
_MOST_RAW_BYTES: Final = 65_536


class Wanted(NamedTuple):
    """What a run is to do.

    Attributes:
        input: a path, or ``-`` for standard input.
        output: a path, or ``-`` for standard output.
        rejects: the path for lines that get no answer.
        follow: whether to wait for more at the end.
        with_probabilities: whether each class gets its probability.
        most_rows: lines scored in one call.
        max_line_bytes: of a line that is read.
    """

    input: str
    output: str
    rejects: str
    follow: bool
    with_probabilities: bool
    most_rows: int
    max_line_bytes: int


class Counts(NamedTuple):
    """How many lines became what in this run; blank lines are none."""

    answered: int = 0
    rejected: int = 0


def score_lines(
    wanted: Wanted, model: CurrentModel, stop: threading.Event, advance: Advance
) -> Counts:
    """Answer every line until the input ends or *stop* is set.

    Args:
        wanted: what to read and write.
        model: scores.
        stop: is looked at between batches.
        advance: is told how many lines were read since the last time.

    Raises:
        StreamError: an input or output cannot be used as it is.
    """
    output = Sink(wanted.output)
    rejects = Sink(wanted.rejects)
    try:
        output.refuse_to_be(wanted.input)
        rejects.refuse_to_be(wanted.input)
        if is_pipe(wanted.input) or not output.is_file:
            return _unrepeatable(wanted, (output, rejects), model, stop, advance)
        return _resumable(wanted, (output, rejects), model, stop, advance)
    finally:
        output.close()
        rejects.close()


_Sinks = tuple[Sink, Sink]


def _unrepeatable(
    wanted: Wanted, sinks: _Sinks, model: CurrentModel, stop: threading.Event, advance: Advance
) -> Counts:
    if sinks[0].is_file and _checkpoint_of(wanted).exists():
        raise StreamError(
            f"{wanted.output}: belongs to {_checkpoint_of(wanted)}, whose next run would cut off "
            "what comes from a pipe. Fix: name another output."
        )
    for sink in sinks:
        sink.cut_half_line()
    follow, most = wanted.follow, wanted.max_line_bytes
    source: Lines = (
        PipeLines(wanted.input, follow=follow, max_line_bytes=most)
        if is_pipe(wanted.input)
        else FileLines(Path(wanted.input), None, follow=follow, max_line_bytes=most)
    )
    return _Loop(wanted, source, sinks, model, advance).run(stop, lambda _: None)


def _resumable(
    wanted: Wanted, sinks: _Sinks, model: CurrentModel, stop: threading.Event, advance: Advance
) -> Counts:
    keeper = _Keeper(wanted, sinks)
    follow, most = wanted.follow, wanted.max_line_bytes
    source = FileLines(Path(wanted.input), keeper.last.place, follow=follow, max_line_bytes=most)
    loop = _Loop(wanted, source, sinks, model, advance)
    try:
        keeper.passed(source, None)
        return loop.run(stop, lambda line: keeper.passed(source, line))
    finally:
        keeper.write()


def _checkpoint_of(wanted: Wanted) -> Path:
    return Path(f"{wanted.output}.checkpoint.json")


class _Keeper:
    """Keeps the checkpoint of a file that is scored into a file."""

    def __init__(self, wanted: Wanted, sinks: _Sinks) -> None:
        self._path = _checkpoint_of(wanted)
        self._output, self._rejects = sinks
        source = str(Path(wanted.input).absolute())
        found = read_checkpoint(self._path)
        if found is None:
            self._refuse_strangers(wanted)
            found = Checkpoint(input=source)
            found.write(self._path)
        elif found.input != source:
            raise StreamError(
                f"{wanted.output}: holds answers to {found.input}. Fix: name another output."
            )
        self._output.cut(found.output_bytes)
        self._rejects.cut(found.rejects_bytes)
        self.last = self._written = found
        self._written_at = time.monotonic()

    def passed(self, source: FileLines, line: Line | None) -> None:
        """Remember that everything up to *line* is in the outputs; write that once a second."""
        # A line that may still grow is answered as it is, and again, as it is then, in a new run.
        if self.last.place is None or (line is not None and line.is_ended):
            self.last = Checkpoint(
                input=self.last.input,
                place=source.place_after(line),
                output_bytes=self._output.n_bytes,
                rejects_bytes=self._rejects.n_bytes,
            )
        is_first = self._written.place is None
        if is_first or time.monotonic() - self._written_at >= _CHECKPOINT_SECONDS:
            self.write()

    def write(self) -> None:
        """Write what is known, after the outputs that it tells of."""
        self._written_at = time.monotonic()
        if self.last == self._written:
            return
        self._output.sync()
        self._rejects.sync()
        self.last.write(self._path)
        self._written = self.last

    def _refuse_strangers(self, wanted: Wanted) -> None:
        for path, sink in ((wanted.output, self._output), (wanted.rejects, self._rejects)):
            if sink.n_bytes:
                raise StreamError(
                    f"{path}: holds something, and no checkpoint says what. "
                    "Fix: move it away, or name another output."
                )


class _Loop:
    """Takes lines, scores them, writes them."""

    def __init__(
        self, wanted: Wanted, source: Lines, sinks: _Sinks, model: CurrentModel, advance: Advance
    ) -> None:
        self._wanted, self._source, self._model, self._advance = wanted, source, model, advance
        self._output, self._rejects = sinks
        self._counts = Counts()

    def run(self, stop: threading.Event, passed: Callable[[Line | None], None]) -> Counts:
        """Go on to the end, and tell after each batch which line was its last."""
        while not (self._source.is_over or stop.is_set()):
            lines = self._source.take(self._wanted.most_rows)
            if lines:
                self._score(lines)
                self._advance(len(lines))
            passed(lines[-1] if lines else None)
        return self._counts

    def _score(self, lines: Sequence[Line]) -> None:
        lines = [line for line in lines if line.is_cut or line.content.strip()]
        whole = iter(
            answered(
                self._model.get(),
                [line.content for line in lines if not line.is_cut],
                with_probabilities=self._wanted.with_probabilities,
            )
        )
        longest = Fault(f"is longer than {self._wanted.max_line_bytes} bytes")
        good, bad = [], []
        for line in lines:
            found = longest if line.is_cut else next(whole)
            source = {"line": line.number, "offset": line.offset}
            if isinstance(found, Fault):
                bad.append(orjson.dumps(_rejected(line, found, source)) + b"\n")
            else:
                good.append(orjson.dumps(found | {"source": source}) + b"\n")
        self._rejects.write(b"".join(bad))
        self._output.write(b"".join(good))
        before = self._counts
        self._counts = Counts(before.answered + len(good), before.rejected + len(bad))


def _rejected(line: Line, fault: Fault, source: dict[str, int]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    told = {"reason": fault.reason, "source": source, "bytes": line.n_bytes, "time": now}
    return told | _shown(line)


def _shown(line: Line) -> dict[str, str]:
    """Return the beginning of *line*, as text where it is one."""
    raw = line.text[:_MOST_RAW_BYTES]
    is_whole = len(raw) == line.n_bytes
    try:
        # Of a line that is shown in part, a letter that is cut through is left out.
        return {"raw": codecs.getincrementaldecoder("utf-8")().decode(raw, final=is_whole)}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}


def rejects_beside(output: str, folder: Path) -> str:
    """Return the path for rejected lines: beside *output*, or in *folder* for standard output."""
    return f"{folder / 'stdout' if output == PIPE else output}.rejects.jsonl"
