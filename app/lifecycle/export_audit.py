"""Writes a stretch of the audit log as Parquet, for whoever analyses what was predicted."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Final

from app.domain.audit import Record
from app.domain.audit_privacy import LONG, unpacked
from app.errors import OperatorError

_RECORDS_AT_ONCE: Final = 10_000
_INTEGERS: Final = frozenset({"seq", "status", "duration_us", "n_rows"})


def export_audit(records: Iterable[Record], path: Path) -> int:
    """Write *records* to *path*, in memory of constant size; only this user may read the file.

    ``at_us`` becomes ``at``, a time in UTC. *path* appears when the file is complete.

    Returns:
        The number of records.

    Raises:
        OperatorError: pyarrow is missing, the file cannot be written, or somebody has changed a
            record so that it fits no column.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415  serving does without
    except ImportError:
        raise OperatorError("pyarrow is missing. Fix: make setup-pipeline") from None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                n_records = _write(records, file)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise
    except (OSError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        reason = (
            error.strerror if isinstance(error, OSError) else "a record does not fit its column"
        )
        fix = "a folder to write to" if isinstance(error, OSError) else "scripts/verify_audit.py"
        raise OperatorError(f"{path}: cannot be written: {reason}. Fix: {fix}") from error
    return n_records


def _write(records: Iterable[Record], file: Any) -> int:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    types = {name: pa.int64() if name in _INTEGERS else pa.string() for name in Record._fields}
    types["at_us"] = pa.timestamp("us", tz="UTC")
    names = ["at" if name == "at_us" else name for name in types]
    schema = pa.schema(list(zip(names, types.values(), strict=True)))
    n_records, rest = 0, iter(records)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while chunk := list(map(_readable, islice(rest, _RECORDS_AT_ONCE))):
            columns = [
                pa.array(column, kind)
                for column, kind in zip(zip(*chunk, strict=True), types.values(), strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            n_records += len(chunk)
    return n_records


def _readable(record: Record) -> Record:
    """Return *record* with its inputs as numbers; what cannot be read stays as it is."""
    if record.n_rows is None or record.n_rows < LONG or record.inputs is None:
        return record
    try:
        return record._replace(inputs=unpacked(record.inputs))
    except (ValueError, TypeError, KeyError, AttributeError):
        return record
