from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.errors import GatehouseError, ModelRejectedError, RegistryError, StageChangedError
from app.lifecycle.follow import follow
from app.lifecycle.mlflow_source import Source


class Ended(Exception):  # noqa: N818  no error
    """Nobody waits any longer."""


def followed(
    seen: list[str | GatehouseError], faults: dict[str, list[GatehouseError]] | None = None
) -> tuple[list[str], list[str]]:
    """Follow an alias that is *seen* so; return which versions were taken, and what was told."""
    looks: Iterator[str | GatehouseError] = iter(seen)
    left = {version: list(errors) for version, errors in (faults or {}).items()}
    taken: list[str] = []
    told: list[str] = []
    waits = iter(seen[1:])

    def look() -> Source:
        found = next(looks)
        if isinstance(found, GatehouseError):
            raise found
        return Source("iris", found, None)

    def take(source: Source) -> None:
        taken.append(source.version)
        if left.get(source.version):
            raise left[source.version].pop(0)

    def wait() -> None:
        if next(waits, None) is None:
            raise Ended

    with pytest.raises(Ended):
        follow(look, take, wait=wait, tell=told.append)
    return taken, told


def test_only_a_move_is_taken() -> None:
    assert followed(["1", "1", "2", "2", "1"]) == (["1", "2", "1"], [])


def test_an_outage_is_told_once_and_lived_through() -> None:
    down = RegistryError("MLflow: connection refused")

    assert followed(["1", down, down, "2", down]) == (["1", "2"], [str(down)] * 2)


def test_what_somebody_else_was_faster_with_is_tried_again() -> None:
    faults: dict[str, list[GatehouseError]] = {"2": [StageChangedError("held")]}

    assert followed(["1", "2", "2", "2"], faults) == (["1", "2", "2"], ["held"])


def test_a_version_that_cannot_be_served_is_told_of_and_left() -> None:
    faults: dict[str, list[GatehouseError]] = {"2": [ModelRejectedError("of another module")]}

    assert followed(["1", "2", "2", "3"], faults) == (["1", "2", "3"], ["of another module"])
