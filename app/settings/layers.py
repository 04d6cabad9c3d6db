"""A source of settings, before all sources are laid over each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of one source, and the name under which an operator finds each of them."""

    source: str
    values: dict[str, Any]
    variables: Mapping[tuple[str, ...], str] = field(default_factory=dict)
