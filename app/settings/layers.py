"""A source of settings, before all sources are laid over each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of one source: a file, or one variable of the environment.

    Attributes:
        source: the name under which an operator finds it.
        values: what counts, with every ``${VARIABLE}`` filled in.
        written: what stands in the source. A message shows this, never what was filled in.
    """

    source: str
    values: dict[str, Any]
    written: dict[str, Any]
