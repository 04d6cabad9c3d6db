"""A version of MLflow's comes over once, whatever became of the import before."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from app.lifecycle.import_mlflow import Imported
from app.lifecycle.mlflow_source import Source
from app.lifecycle.registry import add_version, store_of, versions
from app.lifecycle.remote import RemoteVersions
from test.unit.lifecycle.test_import_mlflow import SOURCE, Kept, a_line, imported, logged
from test.unit.lifecycle.test_registry import contract_for


def test_what_came_before_does_not_come_again(tmp_path: Path) -> None:
    mlflow = logged(tmp_path / "m", a_line())
    imported(mlflow, tmp_path)

    again = imported(mlflow, tmp_path)
    newer = imported(mlflow, tmp_path, source=Source("Line of mine", "4", "run"))

    assert (again.is_new, again.contract.version) == (False, "1")
    assert (newer.is_new, newer.contract.version) == (True, "2")
    assert versions(tmp_path / "registry", "line") == [1, 2]


def test_what_came_before_contracts_said_so_does_not_come_again(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    add_version(registry, b"model", contract_for(b"model"))
    note = {"mlflow": {"name": SOURCE.name, "version": SOURCE.version, "run_id": SOURCE.run_id}}
    store_of(registry).note("line", "1", "source", json.dumps(note).encode())

    again = imported(Kept(tmp_path), tmp_path)

    assert (again.is_new, again.contract.version) == (False, "1")


@pytest.mark.parametrize(
    "damage", [lambda file: file.write_bytes(b""), Path.unlink], ids=["empty", "without"]
)
def test_a_version_with_a_damaged_contract_does_not_keep_others_out(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    mlflow = logged(tmp_path / "m", a_line())
    imported(mlflow, tmp_path)
    damage(tmp_path / "registry/line/1/manifest.json")

    assert imported(mlflow, tmp_path).contract.version == "2"


CHANGES_FILES = {"open", "write", "close", "mkdir", "rename", "replace", "link", "unlink"}


@contextmanager
def each_state(folder: Path, copies: Path) -> Iterator[list[Path]]:
    """Copy *folder* as each system call finds it: what a process leaves that is killed there."""
    states: list[Path] = []
    seen: set[frozenset[tuple[str, int]]] = set()

    def look(_: FrameType, event: str, function: Any) -> None:
        if event != "c_call" or function.__name__ not in CHANGES_FILES:
            return
        sys.setprofile(None)
        state = frozenset((str(it), it.stat().st_size) for it in folder.rglob("*"))
        if state not in seen:
            seen.add(state)
            states.append(Path(shutil.copytree(folder, copies / str(len(states)))))
        sys.setprofile(look)

    sys.setprofile(look)
    try:
        yield states
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["folder", "url"])
def test_wherever_an_import_is_killed_the_next_one_leaves_one_version(
    tmp_path: Path, scheme: str
) -> None:
    def taken(folder: Path) -> Imported:
        remote = RemoteVersions(f"{scheme}{folder}", tmp_path / f"copies of {folder.name}")
        registry = remote if scheme else folder
        found = imported(mlflow, tmp_path, registry=registry)
        assert versions(registry, "line") == [int(found.contract.version)]
        return found

    mlflow, whole = logged(tmp_path / "m", a_line()), tmp_path / "whole"
    whole.mkdir()
    with each_state(whole, tmp_path / "states") as states:
        taken(whole)

    are_new = [taken(it).is_new for it in (*states, whole)]
    # From one moment on it is there.
    assert are_new == sorted(are_new, reverse=True)
    assert set(are_new) == {True, False}
