"""Writes records into one folder a day, as Parquet, however many there are."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.lifecycle.data_contract import DATE

_GROUP_ROWS: Final = 65_536
_MOST_WAITING_ROWS: Final = 500_000
_MOST_OPEN: Final = 400
COMPRESSION: Final = "zstd"


class DayFiles:
    """Files below *folder*, ``date=2026-11-20/00000.parquet``; closed by leaving it.

    Rows wait until a day has enough of them for a row group. A day whose file was closed, because
    too many are open, goes on in a further one.

    Attributes:
        n_rows: of each day.
    """

    def __init__(self, folder: Path, schema: Any) -> None:
        self.n_rows: Final[dict[date, int]] = defaultdict(int)
        self._folder: Final = folder
        self._schema: Final = schema
        self._waiting: Final[dict[date, list[Any]]] = defaultdict(list)
        self._n_waiting: Final[dict[date, int]] = defaultdict(int)
        self._open: Final[OrderedDict[date, pq.ParquetWriter]] = OrderedDict()
        self._n_files: Final[dict[date, int]] = defaultdict(int)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for day in sorted(self._waiting):
                self._write(day)
        for writer in self._open.values():
            writer.close()

    def add(self, records: Any, days: Any) -> None:
        """Take *records*, an Arrow table, and the day of each, an Arrow array of dates."""
        numbers = days.cast(pa.int32()).to_numpy()
        order = np.argsort(numbers, kind="stable")
        bounds = np.flatnonzero(np.diff(numbers[order], prepend=numbers[order[:1]] - 1))
        for rows in np.split(order, bounds[1:]) if len(order) else []:
            day = days[int(rows[0])].as_py()
            # A copy: a slice would keep all of its chunk in memory.
            self._waiting[day].append(records.take(pa.array(rows)))
            self._n_waiting[day] += len(rows)
            if self._n_waiting[day] >= _GROUP_ROWS:
                self._write(day)
        while sum(self._n_waiting.values()) > _MOST_WAITING_ROWS:
            self._write(max(self._n_waiting, key=self._n_waiting.__getitem__))

    def _write(self, day: date) -> None:
        records = pa.concat_tables(self._waiting.pop(day))
        self.n_rows[day] += self._n_waiting.pop(day)
        self._writer(day).write_table(records, row_group_size=_GROUP_ROWS)

    def _writer(self, day: date) -> pq.ParquetWriter:
        if day not in self._open:
            if len(self._open) >= _MOST_OPEN:
                _, oldest = self._open.popitem(last=False)
                oldest.close()
            folder = self._folder / f"{DATE}={day.isoformat()}"
            folder.mkdir(exist_ok=True)
            path = folder / f"{self._n_files[day]:05d}.parquet"
            self._open[day] = pq.ParquetWriter(path, self._schema, compression=COMPRESSION)
            self._n_files[day] += 1
        self._open.move_to_end(day)
        return self._open[day]
