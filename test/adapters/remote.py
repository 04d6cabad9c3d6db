"""Keys of an issuer's address, on a clock that only the test moves."""

from __future__ import annotations

from typing import Any

from app.adapters.jwks import RemoteKeys
from app.adapters.null import NullMetrics

MAX_AGE, COOLDOWN = 300.0, 30.0


class Outcomes(NullMetrics):
    """Keeps how each look at the keys ended."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def keys_refreshed(self, outcome: str) -> None:
        self.seen.append(outcome)


class Remote(RemoteKeys):
    """Keys of an issuer, on a clock that only the test moves."""

    def __init__(self, url: str, **changes: Any) -> None:
        self.clock = 1_000.0
        self.outcomes = Outcomes()
        fields: dict[str, Any] = {
            "max_age_seconds": MAX_AGE,
            "cooldown_seconds": COOLDOWN,
            "now": lambda: self.clock,
        }
        super().__init__(url, self.outcomes, **(fields | changes))

    def finish(self) -> Remote:
        """Wait for the fetch in the background."""
        assert self._fetching is not None
        self._fetching.join()
        return self

    def kids(self) -> list[str | None]:
        return [key.kid for key in self.current()]
