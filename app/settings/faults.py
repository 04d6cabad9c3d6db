"""Faults of settings in words: where, which key, which value (never a secret), and the fix.

A value is shown only where the schema knows its key and calls it no secret: somebody who mistypes
``jwt_secret`` must not find the secret in a log.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    TypeGuard,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from app.errors import SettingsError
from app.settings.layers import Layer
from app.settings.refusals import Refusal
from app.settings.schema import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KEY: Final = re.compile(r"[\w.-]{0,31}")  # what is longer, or holds more, may be a secret
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_BY_VARIABLE: Final = {"environment": "APP_ENV", "root": "CONFIG_PATH"}
_ABSENT: Final = object()
_OF_A_KEY: Final = "[key]"  # pydantic's last step to a mapping's key that is wrong itself


def error(found: Sequence[str], environment: str) -> SettingsError:
    """Return one error that lists every fault; pydantic's own, which quotes values, is no cause."""
    lines = "\n".join(f"  {fault}" for fault in found)
    return SettingsError(f"the settings are refused (APP_ENV={environment}):\n{lines}")


def of(layer: Layer) -> list[str]:
    """Return what the schema refuses in *layer*, even where another layer would replace it."""
    found = [
        _sentence((key,), [layer], "cannot be set here", f"set {variable} instead.")
        for key, variable in _BY_VARIABLE.items()
        if key in layer.values
    ]
    try:
        Settings.model_validate({k: v for k, v in layer.values.items() if k not in _BY_VARIABLE})
    except ValidationError as refusal:
        found += [_described(fault, layer) for fault in refusal.errors()]
    return found


def _described(fault: ErrorDetails, layer: Layer) -> str:
    path = tuple(str(part) for part in fault["loc"] if part != _OF_A_KEY)
    if fault["type"] == "extra_forbidden":
        return _sentence(path, [layer], "there is no such key", _meant(path))
    reason = fault["msg"].removeprefix("Value error, ")
    field, _ = _setting(path)
    right = (field and field.description) or "a group of keys"
    return _sentence(path, [layer], reason[:1].lower() + reason[1:], f"{right}.")


def _meant(path: tuple[str, ...]) -> str:
    _, section = _setting(path[:-1])
    known = section.model_fields if _is_section(section) else ()
    near = difflib.get_close_matches(path[-1], known, n=1)
    return f"did you mean {_shown((*path[:-1], near[0]))}?" if near else "remove it."


def unfilled(source: str, path: tuple[str, ...], variable: str) -> str:
    """Say that ``${variable}`` has nothing to be filled with."""
    named = variable if _VARIABLE.fullmatch(variable) else "***"
    return f"{source}: {_shown(path)}: the variable {named} in ${{…}} is not set. Fix: set it."


def refused(refusal: Refusal, layers: Sequence[Layer]) -> str:
    """Put a refusal of this environment into words."""
    return _sentence(refusal.path, layers, refusal.reason, refusal.fix)


def _shown(path: Sequence[str]) -> str:
    """Return *path* with dots; ``{jwt_secret:…}`` without a space makes a key of a secret."""
    return ".".join(part if _KEY.fullmatch(part) else "***" for part in path)


def _sentence(path: tuple[str, ...], layers: Sequence[Layer], reason: str, fix: str) -> str:
    source, value = _origin(path, layers)
    if value is None or isinstance(value, dict):
        return f"{source}: {_shown(path)}: {reason}. Fix: {fix}"
    said = repr(value) if _is_public(path, value) else "***"
    return f"{source}: {_shown(path)} = {said}: {reason}. Fix: {fix}"


def _origin(path: Sequence[str], layers: Sequence[Layer]) -> tuple[str, Any]:
    """Find the layer that set *path*, and what it says there; None where no layer did."""
    for layer in reversed(layers):
        value = _at(path, layer.written)
        if value is not _ABSENT:
            return layer.source, value
    return layers[0].source, None


def _at(path: Sequence[str], value: Any) -> Any:
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, _ABSENT)
        elif isinstance(value, list | tuple) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _ABSENT
    return value


def _is_public(path: Sequence[str], value: object) -> bool:
    field, annotation = _setting(path)
    if field is None or any(part is SecretStr or _is_section(part) for part in _parts(annotation)):
        return False
    parts = value if isinstance(value, list | tuple) else (value,)
    # What stands before an @ may be a password.
    return all(isinstance(part, str | int | float) and "@" not in str(part) for part in parts)


def _setting(path: Sequence[str]) -> tuple[FieldInfo | None, Any]:
    """Return the setting at *path* and the type there; what lies in a list or mapping is its.

    Where there is no such setting, both are None.
    """
    field: FieldInfo | None = None
    annotation: Any = Settings
    for part in path:
        if _is_section(annotation):
            field = annotation.model_fields.get(part)
            annotation = field and _bare(field.annotation)
        else:
            annotation = _bare(_item(annotation))
        if annotation is None:
            return None, None
    return field, annotation


def _bare(annotation: Any) -> Any:
    """Return *annotation* without what pydantic reads beside it, and without ``None``."""
    if get_origin(annotation) is Annotated:
        return _bare(annotation.__origin__)
    if get_origin(annotation) in {Union, UnionType}:
        [first, *others] = [part for part in get_args(annotation) if part is not NoneType]
        return annotation if others else _bare(first)
    return annotation


def _item(annotation: Any) -> Any:
    """Return the type of what a list or a mapping of this type holds; None when it is neither."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    return get_args(annotation)[0] if get_origin(annotation) in {tuple, list} else None


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _is_section(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
