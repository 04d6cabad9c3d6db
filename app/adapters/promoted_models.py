"""Reads what is promoted, verifies it, and keeps a copy of the last good version."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.adapters.engines.choice import choose
from app.adapters.engines.reference import SklearnEngine
from app.adapters.engines.sharing import batched
from app.adapters.kept_models import KeptModels
from app.adapters.model_files import (
    ARTEFACT,
    MANIFEST,
    Stamp,
    Verified,
    contract_of,
    read,
    read_document,
    stamp,
    verified,
)
from app.adapters.model_signatures import ModelSignatures
from app.domain import manifest
from app.domain.contract import Artefact, Contract
from app.domain.describe import Description, confirmed, describe
from app.domain.ports import Engine, Metrics
from app.domain.prediction import ServedModel
from app.domain.rows import RowReader
from app.errors import ModelRejectedError

log = logging.getLogger("gatehouse.models")
UNREGISTERED: Final = "unregistered"
_PINNED: Final = "model.sha256 vouches for the joblib file alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotedModels:
    """The model at ``path``, with its contract beside it.

    Attributes:
        path: a joblib file, such as the one that ``model.model_path`` names.
        name: what the contract must say; None for the default model, which may have any name.
        kept: where the last good version is.
        reader_of: makes the row reader of a contract.
        open_estimator: the door for unpickling; raises ModelRejectedError. Only asked where no
            compiled engine serves.
        signatures: whose word counts for a contract.
        bare_sha256: when set, the only digest that is served; a file that has it needs no contract.
        accepts_bare: whether a file without contract and digest is served at all.
        n_features: what the contract must say when set.
        max_wait_seconds: how long a request may wait for an engine that takes turns.
    """

    path: Path
    name: str | None
    kept: KeptModels
    reader_of: Callable[[Contract], RowReader]
    open_estimator: Callable[[bytes], Any]
    signatures: ModelSignatures
    metrics: Metrics
    retries: int
    retry_delay_seconds: float
    bare_sha256: str | None
    accepts_bare: bool
    n_features: int | None
    max_wait_seconds: float

    def load(self) -> ServedModel:
        """Read, verify and open the promoted version, trying again as the settings say.

        A promotion replaces several files, so a mismatch may heal within a moment.

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
            model, files = self._open(self.path)
        except ModelRejectedError as error:
            self.metrics.model_load_failed(self.name or "default")
            raise ModelRejectedError(f"{self.path.name}: {error}") from error
        self.kept.keep(files)
        return model

    def last_good(self) -> ServedModel | None:
        """Return the version that was served last, when its copy is still good."""
        try:
            return self._open(self.kept.latest() / ARTEFACT)[0]
        except (OSError, ValueError, ModelRejectedError):
            return None

    def stamp(self) -> Stamp:
        """Return what changes when somebody writes to the promoted files."""
        return stamp(self.path)

    def _open(self, file: Path) -> tuple[ServedModel, dict[str, bytes]]:
        """Return the model, and the files that it was made of by name."""
        started = time.perf_counter()
        document = read_document(file.parent / MANIFEST)
        payload = read(file)
        if self.bare_sha256 is not None:
            artefact = Artefact(size_bytes=len(payload), sha256=self.bare_sha256)
            manifest.check_bytes(payload, artefact)
        try:
            model, found = self._verified(file, document, payload)
        except ModelRejectedError:
            raise
        except Exception as error:
            # Whatever a contract or an estimator does wrong, the version before it serves on.
            message = f"it cannot be used: {type(error).__name__}: {error}"
            raise ModelRejectedError(message) from error
        name, version = model.contract.name, model.contract.version
        seconds = time.perf_counter() - started
        self.metrics.model_loaded(model=name, version=version, seconds=seconds)
        if model.fallback is not None:
            self.metrics.engine_fell_back(model=name, engine=model.engine_name)
        return model, found.files(document or found.contract.model_dump_json().encode())

    def _verified(
        self, file: Path, document: bytes | None, payload: bytes
    ) -> tuple[ServedModel, Verified]:
        if document is None:
            found, estimator = self._bare(file, payload)
        else:
            contract = contract_of(document)
            self.signatures.check(document, contract.signature)
            found = verified(file, payload, contract)
            estimator = None
        contract = found.contract
        if self.name not in {None, contract.name}:
            raise ModelRejectedError(f"the contract is of {contract.name!r}, not of {self.name!r}")
        width = len(contract.features)
        if self.n_features not in {None, width}:
            raise ModelRejectedError(
                f"the model has {width} features, model.n_features says {self.n_features}"
            )
        choice = choose(
            contract if self.bare_sha256 is None else _uncompiled(contract),
            found.compiled,
            lambda: _reference(
                contract, self.open_estimator(payload) if estimator is None else estimator
            ),
        )
        longest = self.max_wait_seconds
        queue = batched(choice.engine, contract, choice.timing, max_wait_seconds=longest)
        model = ServedModel(
            contract,
            queue or choice.engine,
            self.reader_of(contract),
            datetime.now(UTC),
            engine_name=choice.name,
            timing=choice.timing,
            fallback=choice.fallback,
            queue=queue,
            decider=choice.decider,
        )
        return model, found

    def _bare(self, file: Path, payload: bytes) -> tuple[Verified, Any]:
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
        said = _described(estimator)
        contract = Contract(
            name=UNREGISTERED,
            version="1",
            task=said.task,
            created_at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
            features=said.features,
            outputs=said.outputs,
            artefact=artefact,
        )
        return Verified(contract, payload, {}), estimator

    def _had_contract(self) -> bool:
        """Say whether the version that was served last from ``path`` came with a contract."""
        try:
            kept = read_document(self.kept.latest() / MANIFEST)
            return kept is not None and contract_of(kept).name != UNREGISTERED
        except (OSError, ModelRejectedError):
            return False


def _described(estimator: Any) -> Description:
    """Return what *estimator* says of itself and, where it takes a row of zeros, answers."""
    said = describe(estimator)
    engine = SklearnEngine(estimator, has_probabilities=said.outputs.has_probabilities)
    with suppress(Exception):  # it takes other values
        return confirmed(said, engine.predict(np.zeros((1, len(said.features)))))
    return said


def _reference(contract: Contract, estimator: Any) -> Engine:
    width = len(contract.features)
    if getattr(estimator, "n_features_in_", width) != width:
        raise ModelRejectedError(
            f"the contract has {width} features, the model {estimator.n_features_in_}"
        )
    return SklearnEngine(
        estimator,
        has_probabilities=contract.outputs.has_probabilities,
        takes=contract.input,
    )


def _uncompiled(contract: Contract) -> Contract:
    """Leave out engines that only the contract vouches for, when the settings name one digest."""
    why = {it.engine: _PINNED for it in contract.compiled}
    return contract.model_copy(update={"compiled": (), "not_compiled": why})
