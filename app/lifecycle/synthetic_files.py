"""Made-up rows as a file: CSV, Parquet, or the lines that the stream consumer reads."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from app.errors import RecordsError
from app.files import READABLE
from app.lifecycle.progress import progress
from app.lifecycle.records import ARROW_TYPES
from app.lifecycle.synthetic import Synthetic

_Write = Callable[[Synthetic, Path, Callable[[int], None]], None]


def write_rows(rows: Synthetic, path: Path) -> None:
    """Write *rows* to *path* in the form that its suffix names; it appears when it is complete.

    Raises:
        RecordsError: there is no such form or folder, or the file cannot be written.
    """
    write = _WRITERS.get(path.suffix)
    if write is None:
        raise RecordsError(f"{path}: is no {', '.join(_WRITERS)}. Fix: one of these suffixes")
    if not path.parent.is_dir():
        raise RecordsError(f"{path}: there is no such folder. Fix: mkdir -p {path.parent}")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.fchmod(handle, READABLE)
        os.close(handle)
        try:
            with progress("making", rows.n_rows, "rows") as advance:
                write(rows, Path(name), advance)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RecordsError(
            f"{path}: cannot be written: {error.strerror or error}. Fix: another place"
        ) from error


def _write_csv(rows: Synthetic, path: Path, advance: Callable[[int], None]) -> None:
    unlike_csv = {it.name for it in rows.contract.columns if it.kind in {"bool", "time"}}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows.names)
        for columns in rows.blocks():
            texts = [
                [*map(_as_text, columns[name])] if name in unlike_csv else columns[name]
                for name in rows.names
            ]
            writer.writerows(zip(*texts, strict=True))
            advance(len(texts[0]))


def _write_parquet(rows: Synthetic, path: Path, advance: Callable[[int], None]) -> None:
    """Write typed columns; with defects all are text, as a column of numbers holds no text."""
    kinds = {name: rows.contract.column(name).kind for name in rows.names}
    types = {name: ARROW_TYPES["text" if rows.defects else kind] for name, kind in kinds.items()}
    schema = pa.schema([*types.items()])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for columns in rows.blocks():
            values = [
                [*map(_as_text_or_none, columns[name])] if rows.defects else columns[name]
                for name in rows.names
            ]
            arrays = [pa.array(it, kind) for it, kind in zip(values, types.values(), strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            advance(len(values[0]))


def _write_jsonl(rows: Synthetic, path: Path, advance: Callable[[int], None]) -> None:
    """Write a message a line: what no feature is stands beside ``features`` and comes back."""
    features = [name for name in rows.names if name not in rows.labels]
    with path.open("w", encoding="utf-8") as file:
        for columns in rows.blocks():
            n_rows = len(columns[rows.names[0]])
            for row in range(n_rows):
                message: dict[str, Any] = {name: columns[name][row] for name in rows.labels}
                message["features"] = {name: columns[name][row] for name in features}
                file.write(json.dumps(message, default=_as_text, ensure_ascii=False) + "\n")
            advance(n_rows)


def _as_text_or_none(value: Any) -> str | None:
    return None if value is None else _as_text(value)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value)


_WRITERS: Final[Mapping[str, _Write]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".jsonl": _write_jsonl,
}
