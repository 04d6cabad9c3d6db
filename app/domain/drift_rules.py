"""From when on a difference counts as drift. Needs no NumPy, so that the settings can say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEAST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Threshold:
    """What counts: the *level* of all tests together, and the least index that matters.

    An index below 0.1 is little change by the usual rule (Siddiqi 2006).
    """

    level: float = 0.01
    least_index: float = 0.1
