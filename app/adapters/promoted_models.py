"""Reads what is promoted, verifies it, and keeps a copy of the last good version."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from app.adapters.joblib_models import SklearnEngine
from app.adapters.model_signatures import ModelSignatures
from app.domain import manifest
from app.domain.contract import Artefact, Contract
from app.domain.describe import describe
from app.domain.golden import replay
from app.domain.ports import Metrics
from app.domain.prediction import ServedModel
from app.domain.rows import RowReader
from app.errors import ModelRejectedError
from app.files import PRIVATE, write_atomically

log = logging.getLogger("gatehouse.models")
MANIFEST: Final = "manifest.json"
UNREGISTERED: Final = "unregistered"
Stamp = tuple[tuple[int, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotedModels:
    """The model at ``path``, with its contract beside it.

    Attributes:
        path: the joblib file that ``model.model_path`` names.
        kept: folder for the last good version.
        reader_of: makes the row reader of a contract.
        open_estimator: the door for unpickling; raises ModelRejectedError.
        signatures: whose word counts for a contract.
        bare_sha256: when set, the only digest that is served; a file that has it needs no contract.
        accepts_bare: whether a file without contract and digest is served at all.
        n_features: what the contract must say when set.
    """

    path: Path
    kept: Path
    reader_of: Callable[[Contract], RowReader]
    open_estimator: Callable[[bytes], Any]
    signatures: ModelSignatures
    metrics: Metrics
    retries: int
    retry_delay_seconds: float
    bare_sha256: str | None
    accepts_bare: bool
    n_features: int | None

    def load(self) -> ServedModel:
        """Read, verify and open the promoted version, trying again as the settings say.

        A promotion replaces two files, so a mismatch may heal within a moment.

        Raises:
            ModelRejectedError: it could not be verified, after the last try.
        """
        for delay in [self.retry_delay_seconds * 2**k for k in range(self.retries)]:
            try:
                return self.load_once()
            except ModelRejectedError as error:
                log.debug("model refused, trying again", extra={"problem": str(error)})
                time.sleep(delay)
        return self.load_once()

    def load_once(self) -> ServedModel:
        """Like ``load``, with one try."""
        try:
            model, document, payload = self._open(self.path, self.path.parent / MANIFEST)
        except ModelRejectedError as error:
            self.metrics.model_load_failed("default")
            raise ModelRejectedError(f"{self.path.name}: {error}") from error
        self._keep(model.contract, document, payload)
        return model

    def last_good(self) -> ServedModel | None:
        """Return the version that was served last, when its copy is still good."""
        try:
            file = self.kept / f"{self._pointer.read_text()}.joblib"
            return self._open(file, file.with_suffix(".json"))[0]
        except (OSError, ValueError, ModelRejectedError):
            return None

    def stamp(self) -> Stamp:
        """Return what changes when somebody writes to the promoted files."""
        return tuple(_stamp(file) for file in (self.path.parent / MANIFEST, self.path))

    @property
    def _pointer(self) -> Path:
        return self.kept / f"{sha256(os.fsencode(self.path)).hexdigest()[:16]}.last"

    def _open(self, file: Path, manifest_file: Path) -> tuple[ServedModel, bytes | None, bytes]:
        started = time.perf_counter()
        document = _document(manifest_file)
        payload = _read(file)
        if self.bare_sha256 is not None:
            artefact = Artefact(size_bytes=len(payload), sha256=self.bare_sha256)
            manifest.check_bytes(payload, artefact)
        try:
            model = self._verified(file, document, payload)
        except ModelRejectedError:
            raise
        except Exception as error:
            # Whatever a contract or an estimator does wrong, the version before it serves on.
            message = f"it cannot be used: {type(error).__name__}: {error}"
            raise ModelRejectedError(message) from error
        name, version = model.contract.name, model.contract.version
        seconds = time.perf_counter() - started
        self.metrics.model_loaded(model=name, version=version, seconds=seconds)
        return model, document, payload

    def _verified(self, file: Path, document: bytes | None, payload: bytes) -> ServedModel:
        if document is None:
            contract, estimator = self._bare(file, payload)
        else:
            contract = _contract(document)
            self.signatures.check(document, contract.signature)
            manifest.check_bytes(payload, contract.artefact)
            estimator = self.open_estimator(payload)
        width = len(contract.features)
        if self.n_features not in {None, width}:
            raise ModelRejectedError(
                f"the model has {width} features, model.n_features says {self.n_features}"
            )
        if getattr(estimator, "n_features_in_", width) != width:
            raise ModelRejectedError(
                f"the contract has {width} features, the model {estimator.n_features_in_}"
            )
        engine = SklearnEngine(estimator, has_probabilities=contract.outputs.has_probabilities)
        replay(contract, engine)
        return ServedModel(contract, engine, self.reader_of(contract), datetime.now(UTC))

    def _bare(self, file: Path, payload: bytes) -> tuple[Contract, Any]:
        """Make a contract for a file that has none, when the settings vouch for it."""
        digest = sha256(payload).hexdigest()
        if self.signatures.are_required:
            raise ModelRejectedError(
                f"there is no {MANIFEST} beside it, and security.model_keys asks for a signed one. "
                "Promote a registered model that is signed"
            )
        if self.bare_sha256 is None and (not self.accepts_bare or self._had_contract()):
            raise ModelRejectedError(
                f"there is no {MANIFEST} beside it. Promote a registered model, or set model.sha256"
            )
        artefact = Artefact(size_bytes=len(payload), sha256=digest)
        estimator = self.open_estimator(payload)
        log.warning("model served without a contract", extra={"file": file.name, "sha256": digest})
        said = describe(estimator)
        contract = Contract(
            name=UNREGISTERED,
            version="1",
            task=said.task,
            created_at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
            features=said.features,
            outputs=said.outputs,
            artefact=artefact,
        )
        return contract, estimator

    def _had_contract(self) -> bool:
        """Say whether the version that was served last from ``path`` came with a contract."""
        try:
            kept = _document(self.kept / f"{self._pointer.read_text()}.json")
            return kept is not None and _contract(kept).name != UNREGISTERED
        except (OSError, ModelRejectedError):
            return False

    def _keep(self, contract: Contract, document: bytes | None, payload: bytes) -> None:
        """Remember the verified version; a folder that cannot be written costs only that."""
        digest = contract.artefact.sha256
        text = document or contract.model_dump_json().encode()
        try:
            if not self._is_kept(contract.artefact, text):
                write_atomically(self.kept / f"{digest}.joblib", payload, mode=PRIVATE)
                write_atomically(self.kept / f"{digest}.json", text, mode=PRIVATE)
            write_atomically(self._pointer, digest.encode(), mode=PRIVATE)
            wanted = {pointer.read_text() for pointer in self.kept.glob("*.last")}
            for file in self.kept.glob("*.jo*"):
                if file.suffix in {".joblib", ".json"} and file.stem not in wanted:
                    file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("last good model not kept", extra={"problem": str(error)})

    def _is_kept(self, artefact: Artefact, document: bytes) -> bool:
        file = self.kept / f"{artefact.sha256}.joblib"
        try:
            manifest.check_bytes(file.read_bytes(), artefact)
            return file.with_suffix(".json").read_bytes() == document
        except (OSError, ModelRejectedError):
            return False


def _contract(document: bytes) -> Contract:
    try:
        return manifest.read(document)
    except ModelRejectedError as error:
        raise ModelRejectedError(f"{MANIFEST}: {error}") from error


def _document(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelRejectedError(f"{MANIFEST}: {error.strerror}") from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise ModelRejectedError("there is no such file") from None
    except OSError as error:
        raise ModelRejectedError(f"cannot be read: {error.strerror}") from error


def _stamp(file: Path) -> tuple[int, int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
