"""Takes a version out of use for good. Its files stay, and a note beside them says why."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from app.domain.reason import printable
from app.errors import RegistryError
from app.lifecycle.history import check_reason, whoami
from app.lifecycle.registry import STAGES, Registry, checked_version, store_of, versions
from app.lifecycle.stages import locked, placed, version_on
from app.settings.traffic import ModelTraffic

_KIND: Final = "retired"


class Retirement(BaseModel):
    """Who retired a version, when and why."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    who: str
    why: str


def retire(  # noqa: PLR0913  one argument a thing it needs
    models: Path,
    registry: Registry,
    name: str,
    version: str,
    why: str,
    *,
    traffic: Mapping[str, ModelTraffic] = MappingProxyType({}),
) -> Retirement:
    """Keep *version* of *name* from every later promotion, while no stage of *models* holds it.

    Args:
        models: the folder of the stages. Stages of other machines are not seen from here.
        registry: where versions lie.
        name: a registered model.
        version: its version.
        why: for whoever wants to promote it later.
        traffic: what the settings of this environment name; those of others are not seen either.

    Raises:
        RegistryError: there is no such version, a stage holds it, the settings name it, it is
            retired already, or the reason cannot be kept.
        StageChangedError: somebody else is changing a stage.
    """
    check_reason(why)
    checked_version(registry, name, version)
    _check_not_named(traffic, name, version)
    who = whoami()
    with ExitStack() as held:
        for stage in STAGES:
            held.enter_context(locked(models / stage, who))
        _check_not_held(models, name, version)
        mine = Retirement(at=datetime.now(UTC), who=who, why=why)
        there = store_of(registry).note(name, version, _KIND, mine.model_dump_json().encode())
    retirement = _read(there)
    if retirement != mine:
        raise RegistryError(f"{name} {version} is retired already: {described(retirement)}")
    return retirement


def retirement_of(registry: Registry, name: str, version: str) -> Retirement | None:
    """Return why *version* was retired; None when it was not."""
    note = store_of(registry).noted(name, version, _KIND)
    return None if note is None else _read(note)


def check_not_retired(registry: Registry, name: str, version: str) -> None:
    """Pass when *version* may be promoted.

    Raises:
        RegistryError: it is retired; the message says by whom, when and why.
    """
    retirement = retirement_of(registry, name, version)
    if retirement is not None:
        raise RegistryError(
            f"{name} {version} is retired and cannot be promoted: {described(retirement)}"
        )


def check_not_retired_since(registry: Registry, name: str, version: str) -> None:
    """Like ``check_not_retired``, for whoever has asked that already and holds a stage by now.

    A registry elsewhere is not asked again: it may keep silent, and the stage would stay held.
    """
    if isinstance(registry, Path):
        check_not_retired(registry, name, version)


def newest(registry: Registry, name: str) -> str:
    """Return the newest version of *name* that is not retired; ``?`` when there is none."""
    for version in reversed(versions(registry, name)):
        if retirement_of(registry, name, str(version)) is None:
            return str(version)
    return "?"


def described(retirement: Retirement) -> str:
    """Say who retired a version, when and why."""
    said = f"{retirement.why} ({retirement.who}, {retirement.at:%Y-%m-%d %H:%M} UTC)"
    return printable(said)


def _check_not_named(traffic: Mapping[str, ModelTraffic], name: str, version: str) -> None:
    named = traffic.get(name, ModelTraffic())
    for key, it in (("version", named.version), ("candidate", named.candidate)):
        if it == version:
            raise RegistryError(
                f"traffic.{name}.{key} of the settings is {version}, so {name} {version} cannot be "
                "retired. Fix: name another version there, and restart, first."
            )


def _check_not_held(models: Path, name: str, version: str) -> None:
    holding = [stage for stage in STAGES if _holds(models / stage, name, version)]
    if holding:
        raise RegistryError(
            f"{name} {version} is on {', '.join(holding)}, so it cannot be retired. "
            "Fix: promote another version there first."
        )


def _holds(stage: Path, name: str, version: str) -> bool:
    held = {it.contract.version for it in placed(stage) if it.contract.name == name}
    return version in {*held, version_on(stage, name)}  # though its contract be damaged


def _read(note: bytes) -> Retirement:
    try:
        return Retirement.model_validate_json(note)
    except ValidationError:  # somebody wrote it by hand; what is there still counts
        return Retirement(at=datetime.fromtimestamp(0, UTC), who="unknown", why="no reason given")
