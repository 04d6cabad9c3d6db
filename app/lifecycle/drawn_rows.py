"""Made-up rows of a model: each feature distributed as its contract says it was in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Contract, Feature, Reference
from app.errors import RecordsError
from app.lifecycle.transactions import Block


@dataclass(frozen=True, slots=True)
class DrawnRows:
    """Rows whose features are independent of one another.

    Raises:
        RecordsError: the contract does not say how its features were distributed.
    """

    contract: Contract
    seed: int

    def __post_init__(self) -> None:
        training = self.contract.training
        if training is None or set(training.reference) < set(self.contract.feature_names):
            named = f"{self.contract.name} {self.contract.version}"
            raise RecordsError(
                f"{named}: its contract does not say how its features were distributed. "
                "Fix: train it with scripts/run_training.py, or register it with --sample"
            )

    def block(self, first: int, n_rows: int, stream: int, shift: Mapping[str, float]) -> Block:  # noqa: ARG002
        """Return *n_rows* rows, drawn from *stream* of the seed."""
        rng = np.random.default_rng([self.seed, stream])
        return {
            feature.name: self._column(place, feature, rng, n_rows, shift.get(feature.name, 0.0))
            for place, feature in enumerate(self.contract.features)
        }

    def _column(
        self, place: int, feature: Feature, rng: np.random.Generator, n_rows: int, shift: float
    ) -> npt.NDArray[Any]:
        training = self.contract.training
        assert training is not None  # noqa: S101  __post_init__ has looked
        reference = training.reference[feature.name]
        is_missing = rng.random(n_rows) < reference.missing_share
        if feature.kind in NUMBERS:
            numbers = quantile_of(reference, rng.random(n_rows)) + shift
            if feature.kind != "float":
                numbers = np.round(numbers)
            numbers[is_missing] = np.nan
            return np.clip(numbers, feature.minimum, feature.maximum)
        if feature.kind == "category":
            words = [*reference.shares] or [*feature.categories]
            shares = [*reference.shares.values()] or None
        else:
            words, shares = self._texts(place), None
        found = rng.choice(np.array(words, dtype=object), size=n_rows, p=shares)
        found[is_missing] = None
        return found

    def _texts(self, place: int) -> list[str]:
        """Return real texts: those of the rows that a model answers when it is loaded."""
        golden = (row[place] for row in self.contract.golden.inputs)
        return [text for text in golden if isinstance(text, str)] or ["text"]


def quantile_of(reference: Reference, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the values below which *shares* of the feature lay, straight between what is known.

    What is known are the quantiles and, at each edge of the histogram, how many lay below.
    """
    counts = np.cumsum([0, *reference.histogram_counts])
    below = counts / max(counts[-1], 1)
    points = [*zip(reference.histogram_edges, below.tolist(), strict=False)]
    points += [(value, float(share)) for share, value in reference.quantiles.items()]
    if not points:
        return np.zeros(len(shares))
    values, known = np.array(sorted(points)).T
    found: npt.NDArray[np.float64] = np.interp(shares, np.maximum.accumulate(known), values)
    return found
