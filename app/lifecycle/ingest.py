"""Raw rows -> records by day, with every other row and its reasons beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.errors import RecordsError
from app.lifecycle.data_contract import BATCH_ID, EVENT_TIME, DataContract
from app.lifecycle.day_files import COMPRESSION, DayFiles
from app.lifecycle.ingest_report import Report, Tally, read_report
from app.lifecycle.partitions import REJECTED, REPORT, place_of, publish, put_back, refuse, staged
from app.lifecycle.progress import progress
from app.lifecycle.records import ARROW_TYPES, Chunk, RecordChecker, Rejected
from app.lifecycle.sources import Source

_REJECTED_SCHEMA: Final = pa.schema(
    [
        (BATCH_ID, pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("line", pa.int64()),
        ("reasons", pa.list_(pa.string())),
        ("raw", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is to be ingested, and where to.

    Attributes:
        batch_id: None for what the source makes of its content or of itself.
        max_invalid: share of the rows; with more of them invalid the batch is refused.
        now: time of ingestion.
    """

    source: Source
    contract: DataContract
    records_path: Path
    batch_id: str | None
    max_invalid: float
    now: datetime


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch: its report, and where it lies."""

    report: Report
    folder: Path
    is_new: bool


def ingest(batch: Batch) -> Ingested:
    """Publish the records of *batch*, or keep it where no reader looks when too much is invalid.

    A batch that was published before with this content and contract is left as it is; with another
    it is replaced. Nothing is published until all of it is on the disk.

    Raises:
        RecordsError: the source cannot be read, lacks a column, has no row any more, or is that
            of another batch too, which would count twice.
        OperatorError: the batch id is none, or the folder cannot be written.
    """
    source, contract = batch.source, batch.contract
    content = source.content_sha256()
    batch_id = batch.batch_id or source.default_batch_id(content)
    place = place_of(batch.records_path, contract.name, batch_id)
    put_back(batch.records_path, contract.name)
    before = read_report(place / REPORT)
    done = _done(batch, content, before, place)
    if done is not None:
        return done
    tally = Tally()
    with staged(place) as folder:
        days = _write(batch, batch_id, folder, tally)
        if source.content_sha256() != content:
            raise RecordsError(
                f"{source.origin}: was changed while it was read, and nothing is published. "
                "Fix: run again when nobody writes to it"
            )
        report = _report(batch, batch_id, content, days, tally)
        if before is not None and before.valid and not report.rows:
            raise RecordsError(
                f"{source.origin}: holds no row, and {place} holds {before.valid:,}, which stay. "
                "Fix: look at the source, or remove that folder if it is right"
            )
        (folder / REPORT).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if report.is_refused:
            return Ingested(report, refuse(folder, place), is_new=True)
        publish(folder, place)
    return Ingested(report, place, is_new=True)


def _done(batch: Batch, content: str | None, before: Report | None, place: Path) -> Ingested | None:
    """Return what was made of the same records; None when there is something to do."""
    if before is not None and before.holds(content, batch.contract.digest, batch.max_invalid):
        return Ingested(before, place, is_new=False)
    if before is not None and before.origin == batch.source.origin:
        return None
    return _counted(batch, content, place)


def _counted(batch: Batch, content: str | None, place: Path) -> Ingested | None:
    """Return a batch beside *place*, whatever its id, that holds the same; None when none does.

    An id that the user gave is never looked for elsewhere.

    Raises:
        RecordsError: one holds other rows of the same origin, so both would count; or the one of
            this id holds what replaced them.
    """
    if batch.batch_id is not None:
        return None
    folder = place.parent
    reports = [it for path in folder.glob(f"*/{REPORT}") if (it := read_report(path)) is not None]
    for report in reports:
        if report.holds(content, batch.contract.digest, batch.max_invalid):
            return Ingested(report, folder / report.batch_id, is_new=False)
    origin = batch.source.origin
    earlier = [
        it
        for it in reports
        if it.valid
        and (it.origin == origin or (it.batch_id == place.name and it.content_sha256 != content))
    ]
    if not earlier:
        return None
    last = max(earlier, key=lambda it: it.ingested_at)
    raise RecordsError(
        f"{origin}: batch {last.batch_id} has {last.valid:,} records of {last.origin} from "
        f"{last.ingested_at:%Y-%m-%d %H:%M} UTC, and what stands in both would count twice. "
        f"Fix: --batch-id {last.batch_id} to replace them, or an id of its own to keep both"
    )


def _report(
    batch: Batch, batch_id: str, content: str | None, days: dict[str, int], tally: Tally
) -> Report:
    return Report(
        source=batch.contract.name,
        batch_id=batch_id,
        origin=batch.source.origin,
        content_sha256=content,
        contract_sha256=batch.contract.digest,
        ingested_at=batch.now,
        max_invalid=batch.max_invalid,
        days=days,
        **tally.totals(),
    )


def _write(batch: Batch, batch_id: str, folder: Path, tally: Tally) -> dict[str, int]:
    """Write records and rejected rows below *folder*; return how many records each day has."""
    checker = RecordChecker(batch.contract, batch.source.origin)
    source = batch.source
    with (
        DayFiles(folder, _schema(batch.contract, checker.schema)) as day_files,
        pq.ParquetWriter(folder / REJECTED, _REJECTED_SCHEMA, compression=COMPRESSION) as rejects,
        progress(f"ingesting {batch.contract.name}", source.total, source.unit) as advance,
    ):
        for chunk in source.chunks():
            checked = checker.check(chunk)
            records, n_without_time = _dated(checked.records, batch, batch_id)
            day_files.add(records, records[EVENT_TIME].combine_chunks().cast(pa.date32()))
            if checked.rejected:
                rejects.write_batch(_rejected(checked.rejected, batch_id))
            tally.add(chunk, checked, _unknown(chunk, batch.contract), n_without_time)
            advance(chunk.size)
    return {day.isoformat(): day_files.n_rows[day] for day in sorted(day_files.n_rows)}


def _schema(contract: DataContract, schema: Any) -> Any:
    fields = [it for it in schema if it.name != contract.event_time]
    time = pa.field(EVENT_TIME, ARROW_TYPES["time"])
    place = 1 if fields and fields[0].name == contract.entity else 0
    return pa.schema([*fields[:place], time, *fields[place:], (BATCH_ID, pa.string())])


def _dated(records: Any, batch: Batch, batch_id: str) -> tuple[Any, int]:
    """Return *records* with event time and batch id, and how many had no event time."""
    time_type = ARROW_TYPES["time"]
    now = pa.scalar(batch.now.astimezone(UTC), time_type)
    column = batch.contract.event_time
    times = pa.nulls(len(records), time_type) if column is None else records[column]
    values = {name: records[name] for name in records.column_names}
    values[EVENT_TIME] = pc.fill_null(times, now)
    values[BATCH_ID] = pa.repeat(pa.scalar(batch_id), len(records))
    schema = _schema(batch.contract, records.schema)
    return pa.table([values[it.name] for it in schema], schema=schema), times.null_count


def _rejected(rows: Sequence[Rejected], batch_id: str) -> Any:
    columns: Iterable[list[Any]] = (
        [batch_id] * len(rows),
        [it.file or None for it in rows],
        [it.row for it in rows],
        [it.line for it in rows],
        [it.reasons for it in rows],
        [json.dumps(it.values, default=_as_text, ensure_ascii=False) for it in rows],
    )
    arrays = [
        pa.array(values, field.type)
        for values, field in zip(columns, _REJECTED_SCHEMA, strict=True)
    ]
    return pa.record_batch(arrays, schema=_REJECTED_SCHEMA)


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _unknown(chunk: Chunk, contract: DataContract) -> list[str]:
    named = {it.name for it in contract.columns}
    return [name for name in chunk.columns if name not in named]
