"""What a CSV body must look like to hold rows for a contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from app.domain.contract import Contract
from app.errors import BodyTooLargeError, FieldError, InputInvalidError


class CsvForm(NamedTuple):
    """How the rows of one request are written.

    Attributes:
        names_columns: whether the first line holds the names of the features, in any order.
        max_rows: rows in one request.
    """

    contract: Contract
    names_columns: bool
    max_rows: int

    def order(self, names: Sequence[str] | None) -> list[int]:
        """Return the place of each feature among *names*; without names, they stand in order.

        Raises:
            InputInvalidError: they are not the names of the features, each of them once.
        """
        features = self.contract.feature_names
        if names is None:
            return [*range(len(features))]
        faults = [*islice(_name_faults(names, features), InputInvalidError.MAX_FAULTS)]
        if faults:
            raise InputInvalidError(faults)
        places = {name: place for place, name in enumerate(names)}
        return [places[name] for name in features]

    def check_size(self, n_rows: int) -> None:
        """Pass when so many rows are allowed."""
        if n_rows > self.max_rows:
            raise BodyTooLargeError(f"More than {self.max_rows} rows; so many are taken.")


def _name_faults(names: Sequence[str], features: Sequence[str]) -> Iterator[FieldError]:
    sent, known = set(names), set(features)
    if sent.isdisjoint(known):
        reason = "the first line must name the features; without names, send 'header=absent'"
        yield FieldError(None, None, reason)
    for name in features:
        if name not in sent:
            reason = "is absent from line 1; leave its cells empty if it is missing"
            yield FieldError(None, name, reason)
    seen: set[str] = set()
    for name in names:
        if name not in known:
            yield FieldError(None, name[:200], "is no feature of this model (line 1)")
        elif name in seen:
            yield FieldError(None, name, "stands twice (line 1)")
        seen.add(name)
