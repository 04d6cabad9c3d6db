from __future__ import annotations

import pickle
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from app.domain.compiled import Digested
from app.domain.contract import Contract
from app.errors import RegistryError
from app.lifecycle.datasets import Table
from app.lifecycle.heldout import HELD_OUT, MOST_ROWS, held_out_bytes, held_out_of, read_heldout
from app.lifecycle.promote import promote
from app.lifecycle.registry import Registry, add_version, store_of
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


ROWS = held_out_bytes(a_regression_table())
OTHERS = held_out_bytes(a_regression_table(slope=9.0))


@pytest.fixture(params=["folder", "url"])
def registry(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Registry]:
    MemoryFileSystem.store.clear()
    is_folder = request.param == "folder"
    yield tmp_path if is_folder else RemoteVersions("memory://models", tmp_path / "copies")
    MemoryFileSystem.store.clear()


def stored(registry: Registry, content: bytes | None, named: bytes | None = None) -> Contract:
    """A version whose contract names *named*, beside which *content* lies."""
    files = {} if content is None else {HELD_OUT: content}
    held_out = None if named is None else digested(named)
    contract = a_contract(artefact=digested(b"x").model_dump(), held_out=held_out)
    return add_version(registry, b"x", contract, {}, lambda _: files)[0]


def digested(content: bytes) -> Digested:
    return Digested(size_bytes=len(content), sha256=sha256(content).hexdigest())


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
    stored(registry, ROWS, named=ROWS)

    found = read_heldout(registry, "line", "1")
    assert found is not None
    np.testing.assert_array_equal(found.rows, a_regression_table().features)


@pytest.mark.parametrize("content", [OTHERS, ROWS[:-1], b""], ids=["others", "cut off", "empty"])
def test_rows_that_the_contract_does_not_name_are_refused(
    registry: Registry, content: bytes
) -> None:
    stored(registry, content, named=ROWS)

    with pytest.raises(RegistryError) as refused:
        read_heldout(registry, "line", "1")

    place = f"{store_of(registry).location('line', '1')}/heldout.npz"
    assert str(refused.value).startswith(f"{place}: is not the file that its contract names: ")
    assert str(refused.value).endswith(
        ". Fix: put back the file that training wrote, or train again"
    )


def test_rows_that_the_contract_names_must_be_there(registry: Registry) -> None:
    stored(registry, None, named=ROWS)

    with pytest.raises(RegistryError, match=r"heldout\.npz: is missing, .* names it\. Fix: put"):
        read_heldout(registry, "line", "1")


def test_a_contract_that_was_verified_counts_and_not_what_lies_there_by_now(
    registry: Registry,
) -> None:
    verified = stored(registry, OTHERS, named=ROWS)
    swapped = verified.model_copy(update={"held_out": digested(OTHERS)})
    store_of(registry).replace_document("line", "1", swapped.model_dump_json().encode())
    assert read_heldout(registry, "line", "1") is not None

    with pytest.raises(RegistryError, match="is not the file that its contract names"):
        held_out_of(registry, verified)


def test_rows_from_before_contracts_named_them_count_unless_only_named_ones_do(
    registry: Registry,
) -> None:
    contract = stored(registry, ROWS)

    assert held_out_of(registry, contract) is not None
    assert held_out_of(registry, contract, only_named=True) is None


def test_rows_that_the_contract_names_count_where_only_named_ones_do(registry: Registry) -> None:
    contract = stored(registry, ROWS, named=ROWS)

    assert held_out_of(registry, contract, only_named=True) is not None


def test_a_version_without_has_none(registry: Registry) -> None:
    stored(registry, None)

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
