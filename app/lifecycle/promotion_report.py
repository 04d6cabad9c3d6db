"""The verdict on a candidate: a table for whoever asked, and files for whoever comes later."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from app.domain import manifest
from app.domain.promotion import Decision, Gate
from app.errors import OperatorError
from app.files import write_atomically
from app.lifecycle.plain_tables import table

FOLDER: Final = "reports/promotion"
"""Below the runtime folder."""
_WIDTH: Final = 100
_MOST_SEGMENTS: Final = 40
_NOT_ASKED: Final = ("not asked",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gates said of one promotion.

    Attributes:
        sha256: of the candidate's contract without its signature, which names every file.
        champion: the version whose place the candidate wants; None for a free place.
        unasked: why no gate was asked; None where they were.
    """

    name: str
    version: str
    sha256: str
    stage: str
    champion: str | None
    at: datetime
    decision: Decision
    unasked: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the verdict for a machine; ``passes`` is it in one word."""
        return {
            "name": self.name,
            "version": self.version,
            "sha256": self.sha256,
            "stage": self.stage,
            "champion": self.champion,
            "at": self.at,
            "passes": self.decision.passes,
            "failed": self.decision.failed,
            "unasked": self.unasked,
            "gates": [asdict(it) for it in self.decision.gates],
        }


def as_text(verdict: Verdict) -> str:
    """Return a line for each gate, and the verdict under them."""
    against = f"against {verdict.champion}" if verdict.champion else "for a free place"
    head = f"{verdict.name} {verdict.version} {against} on {verdict.stage}"
    if verdict.unasked is not None:
        return f"{head}: {verdict.unasked}"
    gates = verdict.decision.gates
    indent = sum(max(len(text) for text in column) + 2 for column in _marks(gates))
    rows = [
        [mark, name, line]
        for (mark, name), gate in zip(zip(*_marks(gates), strict=True), gates, strict=True)
        for mark, name, line in _wrapped(mark, name, gate.sentence, _WIDTH - indent)
    ]
    failed = verdict.decision.failed
    said = f"refused by {', '.join(failed)}" if failed else "no gate refuses it"
    return f"{head}\n{table(rows)}\n{said}"


def _marks(gates: tuple[Gate, ...]) -> tuple[list[str], list[str]]:
    return [it.outcome for it in gates], [it.name for it in gates]


def _wrapped(mark: str, name: str, sentence: str, width: int) -> Iterator[tuple[str, str, str]]:
    for place, line in enumerate(textwrap.wrap(sentence, width)):
        yield (mark, name, line) if place == 0 else ("", "", line)


def write_report(verdict: Verdict, folder: Path) -> Path:
    """Write ``NAME-VERSION-STAGE.json`` and, to be read, ``.md`` into *folder*; return the first.

    What the gates once said of it stays when they are not asked again.

    Raises:
        OperatorError: *folder* cannot be written.
    """
    file = folder / _file_name(verdict.name, verdict.version, verdict.stage)
    if verdict.unasked is not None and file.exists():
        return file
    document = orjson.dumps(verdict.as_data(), option=orjson.OPT_INDENT_2)
    try:
        write_atomically(file.with_suffix(".md"), as_markdown(verdict).encode())
        write_atomically(file, document)
    except OSError as error:
        fix = "a runtime_path that this user may write."
        raise OperatorError(f"{file}: cannot be written: {error.strerror}. Fix: {fix}") from error
    return file


class Objection(NamedTuple):
    """Why a version may not be promoted as it is.

    Attributes:
        failed: the gates that refuse it; ``not asked`` where none was asked.
    """

    sentence: str
    failed: tuple[str, ...]


class _Report(BaseModel):
    """What the gates said, as ``write_report`` keeps it."""

    model_config = ConfigDict(strict=True)

    sha256: str
    champion: str | None
    failed: tuple[str, ...]
    unasked: str | None


def objection(
    folder: Path, document: bytes, *, stage: str, champion: str | None
) -> Objection | None:
    """Return what the report in *folder* has against the version of *document*, or its lack.

    A report counts for the files and the champion that the gates have seen, and for no others.

    Args:
        folder: of the reports.
        document: the manifest of a registered version.
        stage: where it wants to.
        champion: the version that is there; None for a free place.
    """
    candidate = manifest.read(document)
    version = f"{candidate.name} {candidate.version}"
    place = f"{champion or 'a free place'} on {stage}"
    found = _report(folder / _file_name(candidate.name, candidate.version, stage))
    if found is None or found.unasked is not None or found.sha256 != manifest.digest(document):
        return Objection(f"no gate was asked about {version} against {place}", _NOT_ASKED)
    if found.champion != champion:
        seen = found.champion or "a free place"
        said = f"the gates were asked about {version} against {seen}, and not against {place}"
        return Objection(said, _NOT_ASKED)
    if found.failed:
        said = f"{version} against {place} is refused by {', '.join(found.failed)}"
        return Objection(said, found.failed)
    return None


def _file_name(name: str, version: str, stage: str) -> str:
    return f"{name}-{version}-{stage}.json"


def _report(file: Path) -> _Report | None:
    try:
        return _Report.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def as_markdown(verdict: Verdict) -> str:
    """Return the verdict as a page: the gates, then gains and flips by segment."""
    against = f"against version {verdict.champion}" if verdict.champion else "for a free place"
    failed = verdict.decision.failed
    said = f"Refused by {', '.join(failed)}." if failed else "No gate refuses it."
    parts = [
        f"# {verdict.name} {verdict.version} {against} on {verdict.stage}",
        f"{verdict.at:%Y-%m-%d %H:%M} UTC. {verdict.unasked or said}",
        _grid(
            ("gate", "outcome", "why"),
            [(it.name, it.outcome, it.sentence) for it in verdict.decision.gates],
        ),
    ]
    numbers = {it.name: it.numbers for it in verdict.decision.gates}
    parts += _gains(numbers.get("segments", {}))
    parts += _flips(numbers.get("replay", {}))
    return "\n\n".join(it for it in parts if it) + "\n"


def _gains(numbers: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (it["segment"], f"{it['n_rows']:,}", f"{it['mean']:+.4f}",
         f"{it['low']:+.4f} to {it['high']:+.4f}")
        for it in numbers.get("segments", ())
    ]  # fmt: skip
    if rows:
        yield "## Gain by segment"
        yield _grid(("segment", "held-out rows", "gain", "interval"), rows)


def _flips(numbers: Mapping[str, Any]) -> Iterator[str]:
    worst = sorted(numbers.get("by_segment", ()), key=lambda it: -it["share"])[:_MOST_SEGMENTS]
    rows = [
        (f"{it['feature']}: {it['label']}", f"{it['n_rows']:,}", f"{it['n_flips']:,}",
         f"{it['share']:.2%}")
        for it in worst
    ]  # fmt: skip
    if rows:
        yield "## Flips by segment"
        yield _grid(("segment", "rows", "flips", "share"), rows)
    changes = [(it["from"], it["to"], f"{it['rows']:,}") for it in numbers.get("changes", ())]
    if changes:
        yield "## From which answer to which"
        yield _grid(("champion", "candidate", "rows"), changes)


def _grid(header: tuple[str, ...], rows: list[Any]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) if rows else ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
