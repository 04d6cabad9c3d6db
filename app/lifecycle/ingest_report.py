"""What ingestion says of a batch: counts, reasons and days, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from app.domain.compiled import Part
from app.lifecycle.plain_tables import table
from app.lifecycle.records import Checked, Chunk, Rejected

_MOST_REASONS: Final = 1_000
_OTHER: Final = "other reasons"
_SHOWN_DAYS: Final = 5


class Example(Part):
    """One row that has the fault: its number, and file and line where it came from such."""

    file: str | None
    row: int
    line: int | None


class Reason(Part):
    """One fault, how many rows have it, and the first of them."""

    reason: str
    rows: int
    example: Example


class Report(Part):
    """All that became of a batch. ``days`` counts its records by the day of their event time."""

    format: Literal[1] = 1
    source: str
    batch_id: str
    origin: str
    content_sha256: str | None
    contract_sha256: str
    ingested_at: datetime
    rows: int
    valid: int
    invalid: int
    invalid_share: float
    max_invalid: float
    without_event_time: int
    left_out_columns: tuple[str, ...]
    reasons: tuple[Reason, ...]
    days: dict[str, int]

    @property
    def is_refused(self) -> bool:
        """Whether too many rows are invalid."""
        return self.invalid_share > self.max_invalid

    def holds(self, content: str | None, contract: str, max_invalid: float) -> bool:
        """Say whether ingesting *content* under *contract* again would give the same."""
        is_same = (self.content_sha256, self.contract_sha256) == (content, contract)
        return content is not None and is_same and self.invalid_share <= max_invalid

    def lines(self) -> Iterator[str]:
        """Yield the report for a terminal."""
        yield f"{self.source}, batch {self.batch_id}, from {self.origin}"
        limit = f"at most {self.max_invalid:.2%} may be"
        counts = f"{self.rows:,} rows: {self.valid:,} valid, {self.invalid:,} invalid"
        yield f"{counts} ({self.invalid_share:.2%}; {limit})"
        if self.without_event_time:
            yield f"{self.without_event_time:,} without event time got the time of ingestion"
        if self.left_out_columns:
            yield f"columns that the contract does not name: {', '.join(self.left_out_columns)}"
        if self.reasons:
            cells = [(f"{it.rows:,}", _where(it.example), it.reason) for it in self.reasons]
            yield table(cells, header=("rows", "first", "reason"))
        if self.days:
            first, *_ = days = list(self.days)
            shown = f"{first} to {days[-1]}" if len(days) > 1 else first
            yield f"days: {len(days)}, {shown}"


def read_report(path: Path) -> Report | None:
    """Return the report at *path*; None when there is none that can be read."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


class Tally:
    """Counts what becomes of the rows of a batch, chunk by chunk."""

    def __init__(self) -> None:
        self._valid = self._invalid = self._without_time = 0
        self._left_out: dict[str, None] = {}
        self._reasons: dict[str, tuple[int, Rejected]] = {}

    def add(
        self, chunk: Chunk, checked: Checked, left_out: Sequence[str], n_without_time: int
    ) -> None:
        """Count *chunk*; *left_out* are its columns that the contract does not name."""
        self._valid += len(chunk.rows) + len(chunk.broken) - len(checked.rejected)
        self._invalid += len(checked.rejected)
        self._without_time += n_without_time
        self._left_out |= dict.fromkeys(left_out)
        for row in checked.rejected:
            for reason in row.reasons:
                is_known = reason in self._reasons or len(self._reasons) < _MOST_REASONS
                key = reason if is_known else _OTHER
                count, first = self._reasons.get(key, (0, row))
                self._reasons[key] = count + 1, first

    def totals(self) -> dict[str, Any]:
        """Return the counts as a report has them, the most frequent reason first."""
        n_rows = self._valid + self._invalid
        ordered = sorted(self._reasons.items(), key=lambda it: (-it[1][0], it[0]))
        return {
            "rows": n_rows,
            "valid": self._valid,
            "invalid": self._invalid,
            "invalid_share": self._invalid / n_rows if n_rows else 0.0,
            "without_event_time": self._without_time,
            "left_out_columns": tuple(self._left_out),
            "reasons": tuple(
                Reason(reason=reason, rows=count, example=_example(first))
                for reason, (count, first) in ordered
            ),
        }


def _example(row: Rejected) -> Example:
    return Example(file=row.file or None, row=row.row, line=row.line)


def _where(example: Example) -> str:
    of = f"{example.file} " if example.file else ""
    return f"{of}row {example.row}" if example.line is None else f"{of}line {example.line}"
