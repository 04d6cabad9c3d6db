"""Brings a scikit-learn model over from an MLflow registry, as a version with a contract."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from app.domain import manifest
from app.domain.contract import Contract, MlflowVersion
from app.errors import ModelRejectedError, RegistryError
from app.lifecycle.compiling.engines import CompiledOpener
from app.lifecycle.mlflow_signature import column_names, signed_contract
from app.lifecycle.mlflow_source import Fetched, MlflowRegistry, Source
from app.lifecycle.register import register
from app.lifecycle.registry import (
    MANIFEST,
    Registry,
    Stored,
    add_version,
    checked_name,
    read_version,
    store_of,
    versions,
)
from app.lifecycle.skops_files import Find, pickled
from app.lifecycle.train import EngineMaker
from app.lifecycle.versions import Versions

_KIND: Final = "source"


@dataclass(frozen=True, slots=True)
class Doors:
    """How a model is opened: the gateway's own doors, so that what comes over can be served.

    ``find`` is the list of what a model may name; MLflow's own list of trusted types is the
    model's, and counts for nothing.
    """

    open_estimator: Callable[[bytes], Any]
    engine_of: EngineMaker
    open_compiled: CompiledOpener
    find: Find


@dataclass(frozen=True, slots=True)
class Imported:
    """A version that came from MLflow; ``is_new`` unless it had come before."""

    contract: Contract
    source: Source
    is_new: bool


def import_mlflow(
    mlflow: MlflowRegistry, source: Source, *, name: str, registry: Registry, doors: Doors
) -> Imported:
    """Store *source* as a version of *name*, unless it is there already.

    Names and kinds of the features come from its signature, golden rows and ranges from its input
    example, everything else from the estimator. The contract says where it came from, so that
    whatever ends this process, a version that is there is known when it is asked for again.

    Raises:
        RegistryError: it cannot be fetched or stored.
        ModelRejectedError: it cannot be served: the message says why.
        TrainingDataError: the input example does not fit the model.
    """
    known = _known(registry, checked_name(name), source)
    if known is not None:
        return Imported(known, source, is_new=False)
    with tempfile.TemporaryDirectory(prefix="gatehouse-") as folder:
        fetched = mlflow.fetch(source, Path(folder))
        stored = _registered(fetched, Path(folder), name, doors)
    origin = {"source": MlflowVersion(**asdict(source))}
    contract = signed_contract(stored.contract, fetched.inputs).model_copy(update=origin)
    contract, _ = add_version(registry, stored.payload, contract, stored.compiled)
    return Imported(contract, source, is_new=True)


def _known(registry: Registry, name: str, source: Source) -> Contract | None:
    store = store_of(registry)
    for version in map(str, reversed(versions(registry, name))):
        try:
            contract = manifest.read(store.document_beside(name, version, MANIFEST) or b"")
        except ModelRejectedError:
            continue  # it was cut off, or is damaged: nobody can promote it
        origin = contract.source.model_dump() if contract.source else _noted(store, name, version)
        if origin == asdict(source):
            return contract
    return None


def _noted(store: Versions, name: str, version: str) -> Any:
    """Return where a version came from that was imported before contracts said so."""
    note = store.noted(name, version, _KIND)
    return None if note is None else orjson.loads(note).get("mlflow")


def _registered(fetched: Fetched, folder: Path, name: str, doors: Doors) -> Stored:
    """Register it in a folder of its own first, so that the contract is whole when it is stored."""
    file, aside = folder / "model.joblib", folder / "registry"
    file.write_bytes(_payload(fetched, doors.find))
    known, _ = register(
        file,
        name=name,
        registry=aside,
        open_estimator=doors.open_estimator,
        engine_of=doors.engine_of,
        open_compiled=doors.open_compiled,
        sample=_sample(fetched, folder / "input example.csv"),
    )
    return read_version(aside, name, known.version)


def _payload(fetched: Fetched, find: Find) -> bytes:
    """Return the model as a pickle: one is taken as it is, what skops wrote is written as one.

    Neither is trusted for that: the gateway's own door opens what comes out.
    """
    try:
        content = fetched.file.read_bytes()
    except OSError as error:
        raise RegistryError(f"{fetched.file.name}: {error.strerror}") from error
    return pickled(content, find) if fetched.format == "skops" else content


def _sample(fetched: Fetched, file: Path) -> Path | None:
    """Write the input example as CSV; None when there is none that is a table."""
    header, rows = _table(fetched)
    if not rows:
        return None
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(header)
        writer.writerows(rows)
    return file


def _table(fetched: Fetched) -> tuple[list[str], list[list[Any]]]:
    example, names = fetched.example, column_names(fetched.inputs)
    if isinstance(example, dict) and {"columns", "data"} <= example.keys():
        names, example = [str(it) for it in example["columns"]], example["data"]
    if isinstance(example, dict) and "data" in example:
        example = example["data"]
    if not isinstance(example, list) or not example:
        return [], []
    rows = example if isinstance(example[0], list) else [[it] for it in example]
    if any(not isinstance(row, list) or len(row) != len(rows[0]) for row in rows):
        return [], []
    fits = len(names) == len(rows[0])
    return (names if fits else [f"feature_{it}" for it in range(len(rows[0]))]), rows
