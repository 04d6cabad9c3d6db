"""Which rows a model is fitted on and which are held out: by what they hold, not their place."""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.lifecycle.datasets import Table

SEED: Final = 20_260_101
HELD_OUT_SHARE: Final = 0.25


class Split(NamedTuple):
    """Two parts of one table; the rows of each are in the order of their digests."""

    fit: Table
    held_out: Table


def split(table: Table, *, seed: int = SEED, share: float = HELD_OUT_SHARE) -> Split:
    """Hold out *share* of the rows, of each class where there is one target of classes.

    The digest of a row's features under the *seed* decides, so the same rows in another order give
    the same parts in the same order, two equal rows lie on one side, and in a table that grows a
    row that was held out stays so as a rule: a champion has not learnt what a candidate is asked.
    """
    digests = table.row_digests(seed.to_bytes(8, "big", signed=True))
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__), dtype=np.intp)
    is_held_out = np.zeros(len(order), dtype=bool)
    for places in _strata(table, order):
        n_held_out = min(max(ceil(share * len(places)), 1), len(places) - 1)
        is_held_out[places[:n_held_out]] = True
    return Split(table.take(order[~is_held_out]), table.take(order[is_held_out]))


def _strata(table: Table, order: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """Return the places in *order* of each class; of all rows where there are no single classes."""
    if table.target is None or not table.is_classification or table.target_names:
        return [np.arange(len(order))]
    labels = table.target[order]
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]
