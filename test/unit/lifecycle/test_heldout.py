from __future__ import annotations

import pickle
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from app.domain.contract import Contract
from app.errors import RegistryError
from app.lifecycle.datasets import Table
from app.lifecycle.heldout import HELD_OUT, MOST_ROWS, held_out_bytes, read_heldout
from app.lifecycle.promote import promote
from app.lifecycle.registry import Registry, add_version
from app.lifecycle.remote import RemoteVersions
from app.lifecycle.splits import split
from test.builders import a_classification_table, a_contract, a_regression_table
from test.unit.lifecycle.shapes import a_mixed_table, a_table_of_texts, with_two_targets
from test.unit.lifecycle.training import trained

TABLES = [
    pytest.param(a_regression_table(), id="numbers"),
    pytest.param(a_mixed_table(), id="table"),
    pytest.param(a_table_of_texts(), id="texts"),
    pytest.param(with_two_targets(a_classification_table()), id="targets"),
]


@pytest.fixture(params=["folder", "url"])
def registry(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Registry]:
    MemoryFileSystem.store.clear()
    is_folder = request.param == "folder"
    yield tmp_path if is_folder else RemoteVersions("memory://models", tmp_path / "copies")
    MemoryFileSystem.store.clear()


def stored(registry: Path, content: bytes | None) -> Contract:
    artefact = {"size_bytes": 1, "sha256": sha256(b"x").hexdigest()}
    files = {} if content is None else {HELD_OUT: content}
    return add_version(registry, b"x", a_contract(artefact=artefact), {}, lambda _: files)[0]


@pytest.mark.parametrize("table", TABLES)
def test_what_was_held_out_comes_back(tmp_path: Path, table: Table) -> None:
    contract = trained(tmp_path, table)

    found = read_heldout(tmp_path, contract.name, contract.version)

    held_out = split(table).held_out
    assert found is not None
    np.testing.assert_array_equal(found.truth, np.asarray(held_out.target))
    assert found.rows.dtype == held_out.features.dtype
    assert str(found.rows.tolist()) == str(held_out.features.tolist())


def test_a_registry_anywhere_has_it(registry: Registry) -> None:
    table = a_regression_table()
    artefact = {"size_bytes": 1, "sha256": sha256(b"x").hexdigest()}
    files = {HELD_OUT: held_out_bytes(table)}

    add_version(registry, b"x", a_contract(artefact=artefact), {}, lambda _: files)

    found = read_heldout(registry, "line", "1")
    assert found is not None
    np.testing.assert_array_equal(found.rows, table.features)


def test_a_version_without_has_none(registry: Registry) -> None:
    artefact = {"size_bytes": 1, "sha256": sha256(b"x").hexdigest()}
    add_version(registry, b"x", a_contract(artefact=artefact))

    assert read_heldout(registry, "line", "1") is None


def test_a_model_of_outliers_has_none(tmp_path: Path) -> None:
    contract = trained(tmp_path, a_regression_table().without_target())

    assert read_heldout(tmp_path, contract.name, "1") is None


def test_a_version_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="has no version '1'"):
        read_heldout(tmp_path, "line", "1")


def test_no_more_than_20_000_rows_are_kept(tmp_path: Path) -> None:
    stored(tmp_path, held_out_bytes(a_regression_table(n_rows=MOST_ROWS + 5)))

    found = read_heldout(tmp_path, "line", "1")

    assert found is not None
    assert len(found.rows) == len(found.truth) == MOST_ROWS


def an_archive(**arrays: object) -> bytes:
    buffer = BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("it was unpickled",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        pickle.dumps(Bomb()),
        an_archive(rows=np.zeros((2, 2))),
        an_archive(rows=np.zeros((2, 3)), truth=np.zeros(2)),
        an_archive(rows=np.zeros((3, 2)), truth=np.zeros(2)),
        an_archive(rows=np.array([[Bomb(), 1]], dtype=object), truth=np.zeros(1)),
    ],
    ids=["empty", "text", "pickle", "no-truth", "columns", "rows", "objects"],
)
def test_a_damaged_file_is_refused_and_never_unpickled(tmp_path: Path, content: bytes) -> None:
    stored(tmp_path, content)

    with pytest.raises(RegistryError, match=r"line/1/heldout\.npz: is damaged: "):
        read_heldout(tmp_path, "line", "1")


def test_promotion_leaves_it_where_it_is(tmp_path: Path) -> None:
    contract = trained(tmp_path / "registry", a_regression_table())

    promote(tmp_path, tmp_path / "registry", contract.name, stage="dev")

    assert not (tmp_path / "dev" / HELD_OUT).exists()
    assert {it.name for it in (tmp_path / "dev").iterdir()} >= {"model.joblib", "manifest.json"}
