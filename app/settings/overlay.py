"""The one reader of the environment: ``config.yaml`` < ``configs/<APP_ENV>.yaml`` < environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from app.errors import SettingsError
from app.settings import faults
from app.settings.layers import Layer
from app.settings.refusals import refusals
from app.settings.schema import STAGE_OF, Settings

PROJECT: Final = Path(__file__).resolve().parents[2]
PREFIX: Final = "GATEHOUSE_"
SHORT_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "JWT_SECRET": ("security", "jwt_secret"),
    "HOST": ("server", "host"),
    "PORT": ("server", "port"),
    "WORKERS": ("server", "workers"),
    "SERVER": ("server", "kind"),
    "MAX_REQUEST_SIZE": ("server", "max_request_bytes"),
    "FLASK_DEBUG": ("server", "debug"),
    "MODEL_RETRIES": ("model", "retries"),
    "MODEL_RETRY_DELAY": ("model", "retry_delay_seconds"),
    "CACHE_SIZE": ("cache", "max_entries"),
    "RATE_LIMIT": ("rate_limit",),
    "SLACK_WEBHOOK": ("alerts", "slack_webhook"),
}
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
# PyYAML lets more than its own errors escape, such as ValueError for the date 2026-13-45.
_UNREADABLE: Final = (
    yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError,
)  # fmt: skip


class _KeyTwiceError(yaml.MarkedYAMLError):
    """A mapping names a key twice."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: the second would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  PyYAML's signature
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise _KeyTwiceError(problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def load(
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: str | None = None,
) -> Settings:
    """Return the settings of *environ*, by default the process's.

    Args:
        environ: variables, as in ``os.environ``.
        overrides: nested values over everything else, for tests and command lines.
        environment: dev, staging or prod instead of ``APP_ENV``.

    Raises:
        SettingsError: one message for every fault found.
    """
    environ = os.environ if environ is None else environ
    name = environment or environ.get("APP_ENV") or "dev"
    if name not in STAGE_OF:
        raise SettingsError(
            f"environment: APP_ENV = {name!r} is no environment. Fix: dev, staging or prod."
        )
    base = Path(environ.get("CONFIG_PATH") or PROJECT / "config.yaml").absolute()
    layers = [
        _file_layer(base, environ, base.parent),
        _file_layer(base.parent / "configs" / f"{name}.yaml", environ, base.parent),
        *_environment_layers(environ),
        _layer("arguments", dict(overrides or {})),
    ]
    return _settings(layers, {"environment": name, "root": base.parent})


def _settings(layers: list[Layer], known: dict[str, Any]) -> Settings:
    found = [fault for layer in layers for fault in faults.of(layer)]
    if found:
        raise faults.error(found, known["environment"])
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer.values)
    settings = Settings.model_validate(merged | known)
    found = [faults.refused(refusal, layers) for refusal in refusals(settings)]
    if found:
        raise faults.error(found, known["environment"])
    return settings


def _merge(low: dict[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Return *low* with *high* over it: mappings merge, everything else is replaced."""
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _merge(below, value)
        else:
            merged[key] = value
    return merged


def _file_layer(path: Path, environ: Mapping[str, str], root: Path) -> Layer:
    shown = str(path.relative_to(root))
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path}: the file is missing. Fix: create it.") from None
    except (OSError, ValueError) as error:
        problem = f"cannot be read: {type(error).__name__}"
        raise SettingsError(f"{shown}: {problem}. Fix: a readable file in UTF-8.") from error

    def fill(value: str, path: tuple[str, ...]) -> str:
        return _VARIABLE.sub(lambda found: _variable(found[1], environ, shown, path), value)

    try:
        content = yaml.load(text, _Loader)  # noqa: S506  a safe loader that is stricter
        written = _strings({} if content is None else content, lambda value, _: value)
        filled = _strings(written, fill)
    except _UNREADABLE as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        # The parser's own words quote the text, which may hold a secret: not shown, not chained.
        if isinstance(error, _KeyTwiceError):
            fix = "keep one of the two."
            raise SettingsError(f"{shown}: names a key twice{line}. Fix: {fix}") from None
        fix = "quote a value that holds special characters, or mend the line."
        raise SettingsError(f"{shown}: is not YAML{line}. Fix: {fix}") from None
    if not isinstance(filled, dict):
        raise SettingsError(f"{shown}: holds no keys. Fix: write 'key: value' lines.")
    return Layer(shown, filled, written)


def _strings(
    value: Any, change: Callable[[str, tuple[str, ...]], str], path: tuple[str, ...] = ()
) -> Any:
    """Copy *value* with every key as text, and every string changed."""
    if isinstance(value, dict):
        return {str(k): _strings(v, change, (*path, str(k))) for k, v in value.items()}
    if isinstance(value, list):
        return [_strings(item, change, path) for item in value]
    return change(value, path) if isinstance(value, str) else value


def _variable(name: str, environ: Mapping[str, str], source: str, path: tuple[str, ...]) -> str:
    if name not in environ:
        raise SettingsError(faults.unfilled(source, path, name))
    return environ[name]


def _environment_layers(environ: Mapping[str, str]) -> list[Layer]:
    """Make a layer of each short name, then of each ``GATEHOUSE_SECTION__KEY``, which wins.

    An empty variable counts as unset.
    """
    paths = dict(SHORT_NAMES)
    for name in sorted(environ):
        if name.startswith(PREFIX):
            paths[name] = tuple(name.removeprefix(PREFIX).lower().split("__"))
    return [
        _layer(f"environment {name}", _nested(path, _typed(environ[name])))
        for name, path in paths.items()
        if environ.get(name)
    ]


def _layer(source: str, values: dict[str, Any]) -> Layer:
    return Layer(source, values, values)


def _nested(path: tuple[str, ...], value: object) -> dict[str, Any]:
    for key in reversed(path[1:]):
        value = {key: value}
    return {path[0]: value}


def _typed(text: str) -> object:
    """Read a list or a mapping as YAML; the schema converts every other text by itself."""
    if text[:1] not in "[{":
        return text
    try:
        return _strings(yaml.safe_load(text), lambda value, _: value)
    except _UNREADABLE:
        return text
