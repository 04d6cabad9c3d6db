"""What a request asks for besides predictions: in the members of a JSON body, or in the query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from app.domain.prediction import Wish
from app.errors import BodyMalformedError

_FLAGS: Final = ("probabilities", "scores")
_ON_ERROR: Final = "on_error"
_NAMES: Final = {*_FLAGS, _ON_ERROR}
_POLICIES: Final = ("fail", "skip")
_BOOLEANS: Final[Mapping[str, object]] = {"true": True, "false": False}


class Asked(NamedTuple):
    """A wish, and what to do with a faulty row.

    Attributes:
        skips: whether the others are answered all the same.
    """

    wish: Wish = Wish()
    skips: bool = False


NOTHING: Final = Asked()


def asked_in_members(members: Mapping[str, object]) -> Asked:
    """Return what *members*, those beside the rows, ask for.

    Raises:
        BodyMalformedError: one is not known, or has another value than it can have.
    """
    unknown = members.keys() - _NAMES
    if unknown:
        known = "'data' or 'entities', 'probabilities', 'scores' and 'on_error'"
        raise BodyMalformedError(f"'{min(unknown)[:100]}' is not known; send {known}.")
    flags = [members.get(name, False) for name in _FLAGS]
    for name, flag in zip(_FLAGS, flags, strict=True):
        if not isinstance(flag, bool):
            raise BodyMalformedError(f"'{name}' must be true or false.")
    policy = members.get(_ON_ERROR, "fail")
    if policy not in _POLICIES:
        raise BodyMalformedError('\'on_error\' must be "fail" or "skip".')
    return Asked(Wish(*map(bool, flags)), policy == "skip")


def asked_in_query(query: str) -> Asked:
    """Return what *query* asks for: ``probabilities=true&scores=true&on_error=skip``.

    Raises:
        BodyMalformedError: it asks for something else, or twice.
    """
    if not query:
        return NOTHING
    members: dict[str, object] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        found = value if name == _ON_ERROR else _BOOLEANS.get(value)
        if name not in _NAMES or name in members or found is None:
            text = "'probabilities=true', 'scores=true' and 'on_error=skip', joined by '&'"
            raise BodyMalformedError(f"The query may be {text}, each of them once.")
        members[name] = found
    return asked_in_members(members)
