"""How often something is tried, and how long one waits in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

_LARGEST_POWER = 32


@dataclass(frozen=True)
class Patience:
    """Exponential back-off with jitter, bounded in number and in time.

    Attributes:
        tries: of one request, the first included; 1 never tries again.
        first_seconds: about how long to wait before the second try; doubled before each next one.
        most_seconds: the longest wait. A gateway that asks for more is not waited for.
    """

    tries: int = 6
    first_seconds: float = 0.5
    most_seconds: float = 60.0

    def seconds(self, tried: int, retry_after: float | None, chance: float) -> float | None:
        """Return how long to wait before the next try; None to give up.

        Args:
            tried: how often it was tried.
            retry_after: seconds that the gateway asked for; None when it did not.
            chance: a random number from 0 to 1, so that clients do not come back all at once.
        """
        if tried >= self.tries:
            return None
        if retry_after is None:
            longest = self.first_seconds * 2.0 ** min(tried - 1, _LARGEST_POWER)
            return min(self.most_seconds, longest) * (1 + chance) / 2
        if retry_after > self.most_seconds:
            return None
        return max(retry_after, 0.0) + self.first_seconds * chance


def seconds_of(retry_after: str | None, now: datetime | None = None) -> float | None:
    """Read ``Retry-After``, seconds or a date (RFC 9110, section 10.2.3); None for neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - (now or datetime.now(timezone.utc))).total_seconds())
