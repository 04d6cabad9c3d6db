"""Which model, and which version of it, the path of a prediction names."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from app.gate.answer import answer
from app.gate.call import Answer, Call
from app.gate.services import Services
from app.gate.v2.infer import infer

_MODEL: Final = r"/models/(?P<name>[A-Za-z0-9._-]+)(?:/versions/(?P<version>[A-Za-z0-9._-]+))?"
_PATH: Final = re.compile(rf"/api/v1(?:{_MODEL})?/predict")
_V2_PATH: Final = re.compile(rf"/v2{_MODEL}/infer")


class Target(NamedTuple):
    """What a path names.

    Attributes:
        endpoint: the pattern of the route.
        answer: what answers it.
        model: None for the default.
        version: None for the one in service.
    """

    endpoint: str
    answer: Callable[[Call, Services], Answer] = answer
    model: str | None = None
    version: str | None = None


@lru_cache(1024)
def target_of(path: str) -> Target | None:
    """Return what *path* names; None when it is no prediction, or a name is out of the ordinary."""
    found = _PATH.fullmatch(path)
    if found is not None:
        return _target("/api/v1", found, "predict", answer)
    found = _V2_PATH.fullmatch(path)
    return None if found is None else _target("/v2", found, "infer", infer)


def _target(
    root: str, found: re.Match[str], verb: str, how: Callable[[Call, Services], Answer]
) -> Target:
    name, version = found["name"], found["version"]
    endpoint = f"{root}/models/<name>" if name else root
    endpoint += "/versions/<version>" if version else ""
    return Target(f"{endpoint}/{verb}", how, name, version)


def no_target(_: str) -> None:
    """Take no path: every request then goes through Flask."""
