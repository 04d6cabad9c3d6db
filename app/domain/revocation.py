"""Tokens that hold no longer although nothing is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.domain.access import Principal


@dataclass(frozen=True, slots=True)
class Revocation:
    """One token by its ``jti``, or the tokens of a subject, or all, issued up to a moment.

    Times are seconds since the epoch.

    Attributes:
        kind: what ``value`` names: a token, a subject; for everyone it is empty.
        issued_before: tokens issued later hold; of no meaning for a single token.
        until: when the last token that it could meet has expired, so that it can be forgotten.
    """

    kind: Literal["token", "subject", "everyone"]
    value: str
    issued_before: float
    until: float

    @classmethod
    def of_token(cls, token_id: str, expires_at: float) -> Revocation:
        """Revoke the one token with this ``jti``."""
        return cls("token", token_id, expires_at, expires_at)

    @classmethod
    def of_subject(cls, subject: str, issued_before: float, longest_seconds: float) -> Revocation:
        """Revoke what *subject* was issued; no token lives longer than *longest_seconds*."""
        return cls("subject", subject, issued_before, issued_before + longest_seconds)

    @classmethod
    def of_everyone(cls, issued_before: float, longest_seconds: float) -> Revocation:
        """Revoke all that was issued; no token lives longer than *longest_seconds*."""
        return cls("everyone", "", issued_before, issued_before + longest_seconds)


class Revoked:
    """Revocations at one moment, ready to be asked on every request."""

    def __init__(self, revocations: Iterable[Revocation] = ()) -> None:
        self._tokens: set[str] = set()
        self._subjects: dict[str, float] = {}
        self._everyone = float("-inf")
        for revocation in revocations:
            if revocation.kind == "token":
                self._tokens.add(revocation.value)
            elif revocation.kind == "subject":
                known = self._subjects.get(revocation.value, float("-inf"))
                self._subjects[revocation.value] = max(known, revocation.issued_before)
            else:
                self._everyone = max(self._everyone, revocation.issued_before)

    def covers(self, principal: Principal) -> bool:
        """Say whether the token of *principal* was revoked."""
        issued_at = principal.issued_at
        return (
            principal.token_id in self._tokens
            or issued_at <= self._everyone
            or issued_at <= self._subjects.get(principal.subject, float("-inf"))
        )
