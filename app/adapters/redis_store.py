"""One way to a Redis: bounded waiting, and no waiting at all while it is known to be down."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Final, TypeVar

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger("gatehouse.redis")
Found = TypeVar("Found")
CONNECT_SECONDS: Final = 0.25
READ_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 1.0  # how long nobody asks again after a failure
_MOST_CONNECTIONS: Final = 10_000  # each thread takes one at a time, so threads are the bound


class RedisStore:
    """Asks a Redis; threads share it, and nothing is opened before it is first asked.

    Nothing is tried twice: a script that ran although its answer was late would spend twice. After
    a failure everybody is refused at once for a moment, then one caller tries again.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; it may hold a password.
        now: seconds of a clock that is never set.
    """

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        pool = ConnectionPool.from_url(
            url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=READ_SECONDS,
            max_connections=_MOST_CONNECTIONS,
            retry=Retry(NoBackoff(), 0),
        )
        self.client = Redis(connection_pool=pool)
        self._now = now
        self._asked_again_at = float("-inf")
        self._is_down = False

    def greet(self) -> None:
        """Log at once when Redis does not answer, and not with the first request only."""
        with suppress(OSError):
            self.ask(self.client.ping)

    def ask(self, question: Callable[[], Found]) -> Found:
        """Return what *question*, which uses ``client``, returns.

        Raises:
            OSError: Redis does not answer, or answers with an error.
        """
        if self._is_down:
            now = self._now()
            if now < self._asked_again_at:
                raise ConnectionRefusedError("Redis did not answer a moment ago.")
            self._asked_again_at = now + PAUSE_SECONDS
        try:
            found = question()
        except (RedisError, OSError) as error:
            self._note(error)
            # Its text may hold what was sent.
            raise ConnectionError(f"Redis: {type(error).__name__}") from error
        if self._is_down:
            self._is_down = False
            log.info("redis answers again")
        return found

    def _note(self, error: Exception) -> None:
        self._asked_again_at = self._now() + PAUSE_SECONDS
        if not self._is_down:
            self._is_down = True
            log.warning("redis does not answer", extra={"problem": type(error).__name__})


@lru_cache
def way_to(url: str) -> RedisStore:
    """Return this process's only way to the Redis at *url*: limits and revocations share it."""
    return RedisStore(url)
