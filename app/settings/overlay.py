"""The one reader of the environment: ``config.yaml`` < ``configs/<APP_ENV>.yaml`` < environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from app.errors import SettingsError
from app.settings import faults
from app.settings.layers import Layer
from app.settings.refusals import refusals
from app.settings.schema import STAGE_OF, Settings

PROJECT: Final = Path(__file__).resolve().parents[2]
PREFIX: Final = "GATEHOUSE_"
SHORT_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
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
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


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
        _environment_layer(environ),
        Layer("arguments", dict(overrides or {})),
    ]
    return _settings(layers, {"environment": name, "root": base.parent})


def _settings(layers: list[Layer], known: dict[str, Any]) -> Settings:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer.values)
    for key in known:
        if key in merged:
            faults.stop([faults.unknown((key,), layers)], known["environment"])
    try:
        settings = Settings.model_validate(merged | known)
    except ValidationError as error:
        found = [faults.describe(fault, layers) for fault in error.errors()]
        faults.stop(found, known["environment"], cause=error)
    found = [faults.refused(refusal, layers) for refusal in refusals(settings)]
    if found:
        faults.stop(found, known["environment"])
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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: the file is missing. Fix: create it.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown}: cannot be read: {type(error).__name__}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise SettingsError(f"{shown}: is not YAML{line}: {problem}.") from error
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise SettingsError(f"{shown}: holds no keys. Fix: write 'key: value' lines.")
    return Layer(shown, {str(k): _filled(v, environ, shown, str(k)) for k, v in content.items()})


def _filled(value: object, environ: Mapping[str, str], source: str, key: str) -> object:
    """Replace ``${VARIABLE}`` in every string below *value*."""
    if isinstance(value, dict):
        return {str(k): _filled(v, environ, source, f"{key}.{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(item, environ, source, key) for item in value]
    if not isinstance(value, str):
        return value

    def fill(found: re.Match[str]) -> str:
        if found[1] not in environ:
            raise SettingsError(f"{source}: {key} = {value!r}: {found[1]} is not set. Fix: set it.")
        return environ[found[1]]

    return _VARIABLE.sub(fill, value)


def _environment_layer(environ: Mapping[str, str]) -> Layer:
    """Collect the short names, then ``GATEHOUSE_SECTION__KEY``, which wins. Empty means unset."""
    variables = {path: name for name, path in SHORT_NAMES.items() if environ.get(name)}
    for name in environ:
        if name.startswith(PREFIX) and environ[name]:
            variables[tuple(name.removeprefix(PREFIX).lower().split("__"))] = name
    values: dict[str, Any] = {}
    for path, name in variables.items():
        nested: object = _typed(environ[name])
        for key in reversed(path):
            nested = {key: nested}
        values = _merge(values, nested)  # type: ignore[arg-type]  # a path has one key or more
    return Layer("environment", values, variables)


def _typed(text: str) -> object:
    """Read a list or a mapping as YAML; the schema converts every other text by itself."""
    if text[:1] not in "[{":
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
