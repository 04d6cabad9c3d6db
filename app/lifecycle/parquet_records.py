"""Raw rows of Parquet files, read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.errors import RecordsError
from app.lifecycle.records import Chunk
from app.lifecycle.sources import check_names, digest_of, rows_at_once, short, unreadable

_BUFFER_BYTES: Final = 1_048_576
_FIRST_SECOND: Final = -62_135_596_800  # of the year 1, since 1970
_END_SECOND: Final = 253_402_300_800  # of the year 9999
_DAY: Final = 86_400
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class ParquetRecords:
    """A Parquet file, or all that lie below a folder, in the order of their names."""

    path: Path
    unit: str = field(default="rows", init=False)

    @property
    def origin(self) -> str:
        """The file or the folder."""
        return str(self.path.absolute())

    @property
    def total(self) -> int | None:
        """Rows, as the files themselves say."""
        return sum(int(self._metadata(file).num_rows) for file in self._files())

    def content_sha256(self) -> str:
        """Return the digest of the files and their names below the folder."""
        return digest_of(self._files(), self.path)

    def default_batch_id(self, content: str | None) -> str:
        """Return a name made from the content."""
        return f"parquet-{short(content or self.content_sha256())}"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of each file, whose columns may differ."""
        for file in self._files():
            try:
                yield from self._of(file)
            except (OSError, pa.ArrowException) as error:
                raise unreadable(file, error) from error

    def _of(self, path: Path) -> Iterator[Chunk]:
        name = "" if path == self.path else str(path.relative_to(self.path))
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            schema = file.schema_arrow
            check_names(str(path), schema.names)
            nested = next((it.name for it in schema if pa.types.is_nested(it.type)), None)
            if nested is not None:
                raise RecordsError(
                    f"{path}: the column {nested!r} holds {schema.field(nested).type}, and a "
                    "record holds plain values. Fix: take it apart into columns, or leave it out"
                )
            n_rows = 0
            if not file.metadata.num_rows:
                yield Chunk({it: [] for it in schema.names}, [], file=name)
            for batch in file.iter_batches(rows_at_once(len(schema)), use_threads=False):
                columns = map(_values, batch.columns)
                numbers = range(n_rows + 1, n_rows + batch.num_rows + 1)
                named = dict(zip(schema.names, columns, strict=True))
                yield Chunk(named, numbers, file=name, size=batch.num_rows)
                n_rows += batch.num_rows

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            return [self.path]
        found = sorted(
            it
            for it in self.path.rglob("*.parquet")
            if not any(part[0] in "._" for part in it.relative_to(self.path).parts)
        )
        if not found:
            raise RecordsError(f"{self.path}: holds no file named *.parquet. Fix: another folder")
        return found

    def _metadata(self, path: Path) -> Any:
        try:
            return pq.read_metadata(path)
        except (OSError, pa.ArrowException) as error:
            raise unreadable(path, error) from error


def _values(array: Any) -> list[Any]:
    """Return an Arrow array as Python values, NaN as None and times of microseconds."""
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return _times(array)
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), None, array)
    values: list[Any] = array.to_pylist()
    return values


def _times(array: Any) -> list[Any]:
    """Return times of microseconds, in UTC where they have a zone, and days.

    One outside of the years 1 to 9999 is the number that it is stored as, which is refused as no
    time: Python has none such, and a cast to microseconds would make another time of it.
    """
    kind = array.type
    stored = array.view(pa.int32() if pa.types.is_date32(kind) else pa.int64()).cast(pa.int64())
    low, high = (min(max(it, -_LARGEST), _LARGEST) for it in _bounds(kind))
    is_fit = pc.and_(pc.greater_equal(stored, low), pc.less_equal(stored, high))
    array = pc.if_else(is_fit, array, None)
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("us", tz="UTC" if kind.tz else None), safe=False)
    values: list[Any] = array.to_pylist()
    for row in pc.indices_nonzero(pc.invert(is_fit)).to_pylist():
        values[row] = stored[row].as_py()
    return values


def _bounds(kind: Any) -> tuple[int, int]:
    """Return the first and the last moment that Python knows, as *kind* stores them."""
    if pa.types.is_date32(kind):
        return _FIRST_SECOND // _DAY, _END_SECOND // _DAY - 1
    unit = _PER_SECOND["ms" if pa.types.is_date64(kind) else kind.unit]
    return _FIRST_SECOND * unit, _END_SECOND * unit - 1
