"""Limits in Redis: one count for all workers of all machines.

The counts are the same as those of ``lmdb_limits``: a running sum, and entries of 1/128 of a
window. A script reads and writes all counts of one call at once, by the clock of the Redis server.
Times are whole microseconds, which a double holds exactly until the year 2255.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from app.adapters.redis_store import RedisStore
from app.domain.ports import Metrics
from app.domain.rates import Admission, Charge, decide, decide_all
from app.errors import LimitStoreDownError

_MICROSECONDS: Final = 1_000_000

# ARGV: the time, or "" for the server's; then window and cost of each key and, to spend, its limit.
# A value is the sum of the costs, then for each slice its begin, its latest request, their cost.
_COMMON: Final = """
local SLICES, ENTRY, HEAD = 128, 24, 8

local function pack(begin, latest, cost)
  return struct.pack("<ddd", begin, latest, cost)
end

local function now()
  if ARGV[1] ~= "" then return tonumber(ARGV[1]) end
  local time = redis.call("TIME")
  return time[1] * 1000000 + time[2]
end
"""

_ADMIT: Final = (
    _COMMON
    + """
local at = now()

-- The clock was set back: the newest entry is taken for one of now, those before it keep their
-- distance. That can only keep them longer. Written also for a refusal: its time must run, too.
local function moved_back(key, value, by)
  local entries = {value:sub(1, HEAD)}
  for place = HEAD + 1, #value, ENTRY do
    local begin, latest, cost = struct.unpack("<ddd", value, place)
    entries[#entries + 1] = pack(begin - by, latest - by, cost)
  end
  value = table.concat(entries)
  redis.call("SET", key, value, "KEEPTTL")
  return value
end

-- What still counts: the sum of the costs, and the entries, oldest first.
local function counting(key, window)
  local value = redis.call("GET", key)
  if not value then return 0, "" end
  local _, newest = struct.unpack("<dd", value, #value - ENTRY + 1)
  if newest > at then value = moved_back(key, value, newest - at) end
  local spent, place = struct.unpack("<d", value), HEAD + 1
  while place <= #value do
    local _, latest, cost = struct.unpack("<ddd", value, place)
    if latest >= at - window then break end
    spent, place = spent - cost, place + ENTRY
  end
  return spent, value:sub(place)
end

-- When the cost can be paid, or, where it can now, when the first place is free.
local function free_at(entries, window, cost, free)
  local is_allowed, moment = cost <= free, at + window
  for place = 1, #entries, ENTRY do
    local _, latest, count = struct.unpack("<ddd", entries, place)
    moment, free = latest + window, free + count
    if is_allowed or cost <= free then break end
  end
  return moment
end

local function with(entries, window, cost)
  if #entries > 0 then
    local begin, _, count = struct.unpack("<ddd", entries, #entries - ENTRY + 1)
    if at - begin < window / SLICES then
      return entries:sub(1, -ENTRY - 1) .. pack(begin, at, count + cost)
    end
  end
  return entries .. pack(at, at, cost)
end

local answer, kept, is_allowed = {at}, {}, true
for i, key in ipairs(KEYS) do
  local window, cost, limit = unpack(ARGV, 3 * i - 1, 3 * i + 1)
  window, cost, limit = tonumber(window), tonumber(cost), tonumber(limit)
  local spent, entries = counting(key, window)
  is_allowed = is_allowed and cost <= limit - spent
  answer[#answer + 1] = spent
  answer[#answer + 1] = free_at(entries, window, cost, limit - spent)
  kept[i] = {key, struct.pack("<d", spent + cost), with(entries, window, cost), window}
end
if is_allowed then
  for _, it in ipairs(kept) do
    redis.call("SET", it[1], it[2] .. it[3], "PX", string.format("%.0f", it[4] / 1000 + 1000))
  end
end
return answer
"""
)

_GIVE_BACK: Final = (
    _COMMON
    + """
local at = now()
for i, key in ipairs(KEYS) do
  local cost, value = tonumber(ARGV[i + 1]), redis.call("GET", key) or ""
  for place = HEAD + 1, #value, ENTRY do
    local begin, latest, count = struct.unpack("<ddd", value, place)
    if begin <= at and at <= latest then
      local returned = math.min(cost, count)
      local sum = struct.pack("<d", struct.unpack("<d", value) - returned)
      local entry = pack(begin, latest, count - returned)
      value = sum .. value:sub(HEAD + 1, place - 1) .. entry .. value:sub(place + ENTRY)
      redis.call("SET", key, value, "KEEPTTL")
      break
    end
  end
end
"""
)


class RedisLimits:
    """Fulfils the port ``Limits``.

    Args:
        store: the way to Redis, 6.0 or newer.
        metrics: counts what could not be counted.
        allows_on_failure: whether a request comes in that cannot be counted.
        now: seconds; by default the Redis server's clock, which is the same for every machine.
    """

    def __init__(
        self,
        store: RedisStore,
        metrics: Metrics,
        *,
        allows_on_failure: bool = False,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._allows_on_failure = allows_on_failure
        self._now = now
        self._admit = store.client.register_script(_ADMIT)
        self._give_back = store.client.register_script(_GIVE_BACK)

    def admit(self, charges: Sequence[Charge]) -> Admission:
        """Spend every one of *charges*, or none of them when one cannot be paid.

        Raises:
            LimitStoreDownError: Redis does not answer, and the policy is to refuse.
        """
        keys = [_key(charge) for charge in charges]
        arguments: list[str | int] = [_microseconds(self._now()) if self._now else ""]
        for charge in charges:
            window = charge.rate.window_seconds * _MICROSECONDS
            arguments += (window, charge.cost, charge.rate.limit)
        try:
            at, *found = self._store.ask(lambda: self._admit(keys, arguments))
        except OSError as error:
            self._metrics.limit_store_failed()
            if self._allows_on_failure:
                return Admission.uncounted(charges)
            raise LimitStoreDownError("The rate limit cannot be counted now.") from error
        seconds = [moment / _MICROSECONDS for moment in found[1::2]]
        now = at / _MICROSECONDS
        return decide_all(
            [
                decide(charge, spent, free_at, now)
                for charge, spent, free_at in zip(charges, found[::2], seconds, strict=True)
            ]
        )

    def give_back(self, charges: Sequence[Charge], at: float) -> None:
        """Undo *charges* that were spent *at* that time, as far as they still count."""
        keys = [_key(charge) for charge in charges]
        arguments = [_microseconds(at), *(charge.cost for charge in charges)]
        try:
            self._store.ask(lambda: self._give_back(keys, arguments))
        except OSError:
            self._metrics.limit_store_failed()


def _key(charge: Charge) -> str:
    """Return the count's name; what one subject is charged lies in one slot of a cluster."""
    whose = blake2b(charge.key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    rate = charge.rate
    return f"gatehouse:limit:{{{whose}}}:{rate.policy}:{rate.window_seconds}"


def _microseconds(seconds: float) -> int:
    return round(seconds * _MICROSECONDS)
