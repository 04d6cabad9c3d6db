"""Which categories and texts one feature takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from app.domain.contract import Feature
from app.domain.forms import first
from app.errors import FieldError, ModelRejectedError

# Time and memory of a text model grow with the length; a tweet has 280, a long article 50,000.
MAX_CHARACTERS: Final = 65_536
_NAN: Final = float("nan")
_SHOWN: Final = 20  # of the categories, in a refusal
_LONGEST_SHOWN: Final = 50
_LONGEST_REASON: Final = 200
Word = str | float | None


class Words:
    """Holds the values of one feature to its categories, and knows what fills a gap.

    Args:
        feature: of kind category or text.

    Raises:
        ModelRejectedError: its contract fills a gap with a number.
    """

    def __init__(self, feature: Feature) -> None:
        missing = feature.missing
        self._name: Final = feature.name
        self._takes_missing: Final = missing is not None and missing.policy != "refuse"
        fill = missing.value if missing and missing.policy == "fill" else None
        if isinstance(fill, float):
            reason = f"{feature.name}: 'missing' fills a {feature.kind} with a number"
            raise ModelRejectedError(reason)
        self._fill: Final[str | float] = _NAN if fill is None else fill
        self._known: Final = frozenset(feature.categories)
        self._refuses_unknown: Final = bool(self._known) and feature.unknown == "refuse"
        self._expected: Final = _shown(feature.categories)

    def checked(self, column: Sequence[Word]) -> tuple[list[str | float], list[FieldError]]:
        """Return *column* with its gaps filled in, and what is wrong with it.

        Args:
            column: strings, and None or NaN for what is missing.
        """
        texts = [value for value in column if type(value) is str]
        if len(texts) == len(column) and self._surely_holds(texts):
            return list(texts), []
        faults = list(first(self._faults(column)))
        return [value if type(value) is str else self._fill for value in column], faults

    def unknown(self, column: Sequence[Word]) -> int:
        """Count the categories that the contract does not list; a missing one counts as known."""
        if not self._known or self._refuses_unknown:
            return 0
        known = self._known
        return sum(type(v) is str and v not in known and v != self._fill for v in column)

    def _surely_holds(self, texts: list[str]) -> bool:
        if self._refuses_unknown:
            return self._known.issuperset(texts)
        return max(map(len, texts)) <= MAX_CHARACTERS and _is_unicode("".join(texts))

    def _faults(self, column: Sequence[Word]) -> Iterator[FieldError]:
        for row, value in enumerate(column):
            if type(value) is not str:
                if not self._takes_missing:
                    yield FieldError(row, self._name, "may not be missing")
            elif self._refuses_unknown:
                if value not in self._known:
                    yield FieldError(row, self._name, self._expected)
            elif len(value) > MAX_CHARACTERS:
                reason = f"has {len(value)} characters; at most {MAX_CHARACTERS} are taken"
                yield FieldError(row, self._name, reason)
            elif not _is_unicode(value):
                yield FieldError(row, self._name, "holds half of a character (a lone surrogate)")


def _is_unicode(text: str) -> bool:
    """Say whether *text* can be written as UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(categories: Sequence[str]) -> str:
    """Return what is told of each unknown category: short, as every row may hold one."""
    names = ", ".join(name[:_LONGEST_SHOWN] for name in categories[:_SHOWN])
    reason = f"must be one of: {names}"
    if len(categories) > _SHOWN or len(reason) > _LONGEST_REASON:
        reason = f"must be one of {len(categories)} categories, such as: {names}"
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 1]}…"
