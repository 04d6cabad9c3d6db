"""Answers of the past that a candidate would have given otherwise: how many, where, and to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.segments import Segment

_MOST_CHANGES: Final = 20


class SegmentFlips(NamedTuple):
    """The flips among some of the rows."""

    feature: str
    label: str
    n_rows: int
    n_flips: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.n_flips / self.n_rows if self.n_rows else 0.0


@dataclass(frozen=True, slots=True)
class Flips:
    """What became of the rows that were asked again.

    Attributes:
        n_flips: rows with another label, with a number that is too far off, or refused.
        n_refused: of these, those that the candidate refuses.
        by_segment: the same of parts of the rows.
        changes: from which label to which, and how often; the most frequent first.
        left_out: what was not asked again, by the reason.
    """

    n_requests: int = 0
    n_rows: int = 0
    n_flips: int = 0
    n_refused: int = 0
    by_segment: tuple[SegmentFlips, ...] = ()
    changes: tuple[tuple[str, str, int], ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.n_flips / self.n_rows if self.n_rows else 0.0

    def document(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {
            "requests": self.n_requests,
            "rows": self.n_rows,
            "flips": self.n_flips,
            "refused": self.n_refused,
            "share": self.share,
            "by_segment": [it._asdict() | {"share": it.share} for it in self.by_segment],
            "changes": [{"from": a, "to": b, "rows": count} for a, b, count in self.changes],
            "left_out": dict(self.left_out),
        }


def by_segment(
    segments: Sequence[Segment], is_flip: npt.NDArray[np.bool_]
) -> tuple[SegmentFlips, ...]:
    """Count the flips of each of *segments*."""
    return tuple(
        SegmentFlips(it.feature, it.label, int(it.is_in.sum()), int((it.is_in & is_flip).sum()))
        for it in segments
    )


def changes(counts: Counter[tuple[str, str]]) -> tuple[tuple[str, str, int], ...]:
    """Return the most frequent of the changes of a label that were counted."""
    return tuple((old, new, count) for (old, new), count in counts.most_common(_MOST_CHANGES))
