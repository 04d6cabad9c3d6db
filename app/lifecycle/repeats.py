"""Which rows repeat others that came before, in 8 bytes a row."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pandas.util import hash_pandas_object

_Hashes = npt.NDArray[np.uint64]


class Repeats:
    """Remembers keys by 64 bits of a hash: of 80 million, two that differ meet once in 10,000 runs.

    The hashes lie in sorted runs, each at least twice as long as the next, so a look-up searches
    few of them and each hash is merged few times.
    """

    def __init__(self) -> None:
        self._runs: Final[list[_Hashes]] = []

    def among(self, keys: Any, is_asked: npt.NDArray[np.bool_]) -> list[int]:
        """Return the rows whose key was there before; the others are remembered.

        Args:
            keys: an Arrow table of the columns that make up a key. One with a gap repeats nothing.
            is_asked: shape (n_rows,); the other rows are passed over.
        """
        frame = keys.to_pandas()
        rows = np.flatnonzero(is_asked & frame.notna().all(axis=1).to_numpy())
        hashes: _Hashes = hash_pandas_object(frame.iloc[rows], index=False).to_numpy()
        different, first = np.unique(hashes, return_index=True)
        is_repeat = np.ones(len(rows), dtype=bool)
        is_new = ~self._known(different)
        is_repeat[first[is_new]] = False
        self._remember(different[is_new])
        return [int(row) for row in rows[is_repeat]]

    def _known(self, hashes: _Hashes) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(hashes), dtype=bool)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            found |= run[places] == hashes
        return found

    def _remember(self, hashes: _Hashes) -> None:
        if len(hashes):
            self._runs.append(hashes)
        while any(len(older) < 2 * len(newer) for older, newer in pairwise(self._runs[-2:])):
            last, before = self._runs.pop(), self._runs.pop()
            self._runs.append(np.sort(np.concatenate([before, last]), kind="stable"))
