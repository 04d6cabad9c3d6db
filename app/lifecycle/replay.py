"""Asks a candidate again what callers asked lately, and counts where it would answer otherwise.

The other side is the champion: what it answered then, or, where another version did, what it
answers now. So a flip is an answer that this promotion would change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.comparison import compare
from app.domain.contract import NUMBERS, Contract
from app.domain.flips import Flips, by_segment, changes
from app.domain.ports import Matrix, Scores
from app.domain.prediction import ServedModel
from app.domain.segments import Segment, segments
from app.lifecycle.answers import answers, columns_of, labels
from app.lifecycle.logged import ContractOf, Logged
from app.lifecycle.progress import Advance

_ROWS_AT_ONCE: Final = 2_000
FOREIGN: Final = "rows without the features that it takes"
REFUSED: Final = "rows that the champion refuses by now"
ANSWER: Final = "answer"


@dataclass(slots=True)
class Replay:
    """Counts flips, some rows at a time.

    Args:
        champion: serves now.
        candidate: shall serve.
        contract_of: returns the contract of a version whose answers are in the log.
        tolerance: relative difference up to which two numbers are the same answer.
        features: by which the flips are split, besides the champion's answer.
    """

    champion: ServedModel
    candidate: ServedModel
    contract_of: ContractOf
    tolerance: float
    features: Sequence[str] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    _waiting: dict[str, list[Logged]] = field(default_factory=dict)
    _n_waiting: Counter[str] = field(default_factory=Counter)
    _n_requests: int = 0
    _n_refused: int = 0
    _is_flip: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    _answers: list[Matrix] = field(default_factory=list)
    _values: dict[str, list[Matrix]] = field(default_factory=dict)
    _changes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def run(
        self, found: Iterable[Logged], most_rows: int, advance: Advance = lambda _: None
    ) -> Flips:
        """Ask again what was *found*, until there are *most_rows*, and return what became of it."""
        n_rows = 0
        for one in found:
            self._n_requests += 1
            self._waiting.setdefault(one.version, []).append(one)
            self._n_waiting[one.version] += len(one.rows)
            if self._n_waiting[one.version] >= _ROWS_AT_ONCE:
                del self._n_waiting[one.version]
                self._ask(self._waiting.pop(one.version))
            advance(len(one.rows))
            n_rows += len(one.rows)
            if n_rows >= most_rows:
                break
        for rest in self._waiting.values():
            self._ask(rest)
        return self._flips()

    def _ask(self, requests: Sequence[Logged]) -> None:
        """Ask both versions the rows of *requests*, which one version answered."""
        version = requests[0].version
        contract = self.contract_of(version)
        rows = np.concatenate([it.rows for it in requests])
        if contract is None or not self._takes(contract):
            self.left_out[FOREIGN] += len(rows)
            return
        columns = columns_of(rows, contract.feature_names)
        theirs: dict[int, Any] = answers(self.champion, columns)
        if version == self.champion.contract.version:
            theirs = dict(enumerate(row for it in requests for row in it.predictions))
        ours = answers(self.candidate, columns)
        asked = sorted(theirs)
        self.left_out.update({REFUSED: len(rows) - len(asked)} if len(asked) < len(rows) else {})
        if asked:
            self._count(asked, theirs, ours, columns)

    def _takes(self, contract: Contract) -> bool:
        wanted = {*self.champion.contract.feature_names, *self.candidate.contract.feature_names}
        return wanted <= set(contract.feature_names)

    def _count(
        self,
        asked: Sequence[int],
        theirs: Mapping[int, Any],
        ours: Mapping[int, Any],
        columns: Mapping[str, Matrix],
    ) -> None:
        both = [row for row in asked if row in ours]
        is_flip = np.array([row not in ours for row in asked], dtype=bool)
        self._n_refused += len(asked) - len(both)
        contract = self.champion.contract
        if both:
            old, new = labels([theirs[it] for it in both]), labels([ours[it] for it in both])
            pair = Scores(old, None), Scores(new, None)
            agrees = compare(*pair, contract.task, self.tolerance).agrees
            is_flip[[row in ours for row in asked]] = ~agrees
        if contract.task != "regression":
            flipped = [row for row, it in zip(asked, is_flip.tolist(), strict=True) if it]
            self._changes.update(
                (_shown(theirs[it]), _shown(ours[it]) if it in ours else "refused")
                for it in flipped
            )
        self._is_flip.append(is_flip)
        self._answers.append(labels([theirs[it] for it in asked]))
        for name in self.features:
            if name in columns:
                self._values.setdefault(name, []).append(columns[name][[*asked]])

    def _flips(self) -> Flips:
        if not self._is_flip:
            return Flips(self._n_requests, left_out=self.left_out)
        is_flip = np.concatenate(self._is_flip)
        return Flips(
            n_requests=self._n_requests,
            n_rows=len(is_flip),
            n_flips=int(is_flip.sum()),
            n_refused=self._n_refused,
            by_segment=by_segment(self._segments(), is_flip),
            changes=changes(self._changes),
            left_out=self.left_out,
        )

    def _segments(self) -> list[Segment]:
        contract = self.champion.contract
        answered = np.concatenate(self._answers)
        found: list[Segment] = []
        if answered.ndim == 1:
            found = segments(ANSWER, answered, is_number=contract.task == "regression")
        kinds = {it.name: it.kind for it in contract.features}
        for name, parts in self._values.items():
            is_number = kinds[name] in NUMBERS
            found += segments(name, np.concatenate(parts), is_number=is_number)
        return found


def _shown(label: Any) -> str:
    return ", ".join(map(str, label)) if isinstance(label, list) else str(label)
