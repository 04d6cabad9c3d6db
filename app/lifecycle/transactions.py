"""Made-up sales of a shop, whose later spending can be learnt from what the records say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_CHANNELS: Final = np.array(["web", "store", "phone"], dtype=object)
_CHANNEL_SHARES: Final = (0.6, 0.3, 0.1)
_CHANNEL_WORTH: Final = np.array([0.0, 12.0, -8.0])
_NO_DISCOUNT_SHARE: Final = 0.3
_MEMBER_SHARE: Final = 0.4
_MICROSECONDS_A_DAY: Final = 86_400_000_000
_CUSTOMERS_STREAM: Final = 2**32 - 1
Block = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transactions:
    """Sales of the ``days`` before ``until``, in the order of time.

    A customer has a level of spending of their own, so what they spent before says more about
    what they will spend than one sale does.
    """

    n_rows: int
    n_customers: int
    days: int
    until: datetime
    seed: int

    def block(self, first: int, n_rows: int, stream: int, shift: Mapping[str, float]) -> Block:
        """Return *n_rows* rows from number *first* on, drawn from *stream* of the seed.

        *shift* is added to features before the target is made of them.
        """
        level, is_member = _people(self.seed, self.n_customers)
        rng = np.random.default_rng([self.seed, stream])
        who = rng.integers(self.n_customers, size=n_rows)
        amount = level[who] * rng.lognormal(3.2, 0.5, n_rows)
        items = 1 + rng.poisson(amount / 20) + shift.get("items", 0.0)
        amount = np.maximum(np.round(amount + shift.get("amount", 0.0), 2), 0.0)
        items = np.maximum(np.round(items), 1).astype(np.int64)
        channel = rng.choice(3, size=n_rows, p=_CHANNEL_SHARES)
        discount = np.round(rng.beta(2, 8, n_rows) + shift.get("discount", 0.0), 2).clip(0, 1)
        discount[rng.random(n_rows) < _NO_DISCOUNT_SHARE] = np.nan
        spend = 10 + 40 * level[who] + 0.6 * amount + 8 * items + 30 * is_member[who]
        spend += _CHANNEL_WORTH[channel] + 60 * np.nan_to_num(discount) + rng.normal(0, 20, n_rows)
        return {
            "customer_id": np.array([f"customer-{it + 1}" for it in who.tolist()], dtype=object),
            "event_time": self._times(first + np.arange(n_rows) + rng.random(n_rows)),
            "amount": amount,
            "items": items,
            "channel": _CHANNELS[channel],
            "is_member": is_member[who],
            "discount": discount,
            "spend_next_30d": np.maximum(np.round(spend, 2), 0.0),
        }

    def _times(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
        until = np.datetime64(self.until.astimezone(UTC).replace(tzinfo=None), "us")
        before = (1 - numbers / self.n_rows) * self.days * _MICROSECONDS_A_DAY
        return until - np.maximum(before, 1).astype("timedelta64[us]")


@lru_cache(maxsize=1)
def _people(seed: int, n_customers: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return each customer's level of spending, and whether they are a member."""
    rng = np.random.default_rng([seed, _CUSTOMERS_STREAM])
    return rng.lognormal(0.0, 0.5, n_customers), rng.random(n_customers) < _MEMBER_SHARE


def midnight() -> datetime:
    """Return the begin of this day in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
