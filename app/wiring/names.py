"""Joins whoever writes a model down to the list of what a model file may name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.adapters.pickles.names import Names


def name_finder(allowed_modules: Sequence[str] = ()) -> Callable[[str, str], Any]:
    """Return what finds a class or function by module and name, where the door's list has it.

    What it returns raises ModelRejectedError for anything else.
    """
    names = Names(allowed_modules)
    return lambda module, name: names.find(module, name).target
