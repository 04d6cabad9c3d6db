"""One promoted model of one worker: loaded when it is needed, swapped for what is promoted next."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.adapters.model_files import MANIFEST, Stamp, contract_of, read_document
from app.adapters.promoted_models import PromotedModels
from app.domain.contract import Contract
from app.domain.prediction import ServedModel
from app.errors import ModelNotReadyError, ModelRejectedError

log = logging.getLogger("gatehouse.models")
_NONE = "No good version of the model is loaded."


class WatchedModel:
    """Serves the promoted version, or the last good one, and says what is wrong.

    Args:
        source: where the promoted version is.
        is_patient: whether the first load waits for the tries that the settings allow.
    """

    def __init__(self, source: PromotedModels, *, is_patient: bool = True) -> None:
        self._source = source
        self._is_patient = is_patient
        self._model: ServedModel | None = None
        self._problem: str | None = None
        self._seen: Stamp | None = None
        self._tried: Stamp | None = None
        self._n_failed = 0
        self._described: tuple[Stamp, Contract] | None = None
        self._is_wanted = False
        self._lock = threading.RLock()

    def current(self) -> ServedModel:
        """Return the version in service, loaded now if it was not before.

        Raises:
            ModelNotReadyError: there is no good version at all.
        """
        model = self._model
        if model is None:
            model = self._loaded()
        if model is None:
            raise ModelNotReadyError(_NONE)
        return model

    @property
    def loaded(self) -> ServedModel | None:
        """The version in service; None when none is loaded."""
        return self._model

    @property
    def problem(self) -> str | None:
        """Why the promoted version is not the one in service; None when it is."""
        return self._problem

    def contract(self) -> Contract:
        """Return the contract of the version in service, or else of the promoted one, unverified.

        Raises:
            ModelNotReadyError: there is none, or it cannot be read.
        """
        if self._model is not None:
            return self._model.contract
        stamp, known = self._source.stamp(), self._described
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            document = read_document(self._source.path.parent / MANIFEST)
            if document is None:
                raise ModelNotReadyError(_NONE)
            contract = contract_of(document)
        except ModelRejectedError as error:
            raise ModelNotReadyError(_NONE) from error
        self._described = (stamp, contract)
        return contract

    def forget(self) -> None:
        """Let the version go, until somebody asks for it again."""
        with self._lock:
            self._model, self._seen, self._is_wanted = None, None, False

    def refresh(self) -> None:
        """Take the promoted version when its files have changed and it is good.

        One that is refused is tried again with the next calls, as often as the settings allow:
        nobody waits here, so that the other models are looked at in time.
        """
        with self._lock:
            stamp = self._source.stamp()
            if not self._is_wanted or stamp == self._seen:
                return
            if stamp != self._tried:
                self._tried, self._n_failed = stamp, 0
            if self._take(self._source.load_once):
                self._seen = stamp
                return
            self._n_failed += 1
            if self._n_failed > self._source.retries:
                self._seen = stamp

    def _loaded(self) -> ServedModel | None:
        """Load the promoted version; where it fails, serve the last good one at once.

        Only where there is neither, and the model is worth it, somebody waits for the tries that
        the settings allow; otherwise the next refresh repeats them, as no stamp is seen yet.
        """
        with self._lock:
            if self._is_wanted:
                return self._model
            self._is_wanted = True
            stamp = self._source.stamp()
            if self._take(self._source.load_once):
                self._seen = stamp
                return self._model
            self._model = self._source.last_good()
            if self._model is None and self._is_patient:
                self._take(self._source.load)
                self._seen = stamp
            return self._model

    def _take(self, load: Callable[[], ServedModel]) -> bool:
        """Serve what *load* returns; say whether it was good."""
        try:
            model = load()
        except ModelRejectedError as error:
            self._refuse(str(error))
            return False
        self._model, self._problem = model, None
        contract = model.contract
        served = {"model": contract.name, "version": contract.version, "engine": model.engine_name}
        log.info("model loaded", extra=served)
        return True

    def _refuse(self, problem: str) -> None:
        if problem != self._problem:
            log.error("promoted model refused", extra={"problem": problem})
        self._problem = problem
