"""Faults of settings in words: where, which key, which value (never a secret), and the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pydantic import BaseModel

from app.errors import SettingsError
from app.settings.layers import Layer
from app.settings.refusals import Refusal
from app.settings.schema import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SECRET: Final = re.compile(r"secret|token$|password|webhook", re.IGNORECASE)
_ABSENT: Final = object()


def stop(found: Sequence[str], environment: str, cause: Exception | None = None) -> NoReturn:
    """Raise one error that lists every fault."""
    lines = "\n".join(f"  {fault}" for fault in found)
    raise SettingsError(f"the settings are refused (APP_ENV={environment}):\n{lines}") from cause


def describe(fault: ErrorDetails, layers: Sequence[Layer]) -> str:
    """Put one fault that pydantic found into words."""
    path = tuple(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return unknown(path, layers)
    reason = fault["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    return _sentence(path, layers, reason, _right(path))


def unknown(path: tuple[str, ...], layers: Sequence[Layer]) -> str:
    """Say that no setting has this key, and which one may be meant."""
    section = _section(path[:-1])
    near = difflib.get_close_matches(path[-1], section.model_fields if section else (), n=1)
    fix = f"did you mean {'.'.join((*path[:-1], near[0]))}?" if near else "remove it."
    return _sentence(path, layers, "there is no such key", fix)


def refused(refusal: Refusal, layers: Sequence[Layer]) -> str:
    """Put a refusal of this environment into words."""
    return _sentence(refusal.path, layers, refusal.reason, refusal.fix)


def _sentence(path: tuple[str, ...], layers: Sequence[Layer], reason: str, fix: str) -> str:
    where, value = _origin(path, layers)
    key = ".".join(path)
    if value is _ABSENT:
        return f"{where}: {key}: {reason}. Fix: {fix}"
    shown = "***" if _SECRET.search(key) else repr(value)
    return f"{where}: {key} = {shown}: {reason}. Fix: {fix}"


def _origin(path: tuple[str, ...], layers: Sequence[Layer]) -> tuple[str, object]:
    """Find the layer that set *path*: its name and the value, or where it would be set."""
    for layer in reversed(layers):
        value = _at(path, layer.values)
        if value is not _ABSENT:
            variable = layer.variables.get(path) or layer.variables.get(path[:-1])
            shown = _ABSENT if isinstance(value, dict) else value
            return (f"{layer.source} {variable}" if variable else layer.source), shown
    return (_origin(path[:-1], layers)[0] if len(path) > 1 else layers[0].source), _ABSENT


def _at(path: Sequence[str], value: Any) -> object:
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, _ABSENT)
        elif isinstance(value, list | tuple) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _ABSENT
    return value


def _section(path: Sequence[str]) -> type[BaseModel] | None:
    section: type[BaseModel] = Settings
    for part in path:
        field = section.model_fields.get(part)
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        section = annotation
    return section


def _right(path: Sequence[str]) -> str:
    """Say what the schema wants at *path*; list positions count as their list."""
    for end in range(len(path), 0, -1):
        section = _section(path[: end - 1])
        field = section.model_fields.get(path[end - 1]) if section else None
        if field is not None:
            return f"{field.description or 'a group of keys'}."
    return "remove it."
