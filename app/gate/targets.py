"""Which model, and which version of it, the path of a prediction names."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_PATH: Final = re.compile(
    r"/api/v1"
    r"(?:/models/(?P<name>[A-Za-z0-9._-]+)(?:/versions/(?P<version>[A-Za-z0-9._-]+))?)?"
    r"/predict"
)


class Target(NamedTuple):
    """What a path names.

    Attributes:
        endpoint: the pattern of the route.
        model: None for the default.
        version: None for the one in service.
    """

    endpoint: str
    model: str | None = None
    version: str | None = None


@lru_cache(1024)
def target_of(path: str) -> Target | None:
    """Return what *path* names; None when it is no prediction, or a name is out of the ordinary."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    name, version = found["name"], found["version"]
    endpoint = "/api/v1/models/<name>" if name else "/api/v1"
    endpoint += "/versions/<version>" if version else ""
    return Target(f"{endpoint}/predict", name, version)


def no_target(_: str) -> None:
    """Take no path: every request then goes through Flask."""
