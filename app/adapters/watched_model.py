"""One promoted model of one worker: loaded when it is needed, swapped for what is promoted next."""

from __future__ import annotations

import logging
import threading

from app.adapters.model_files import Stamp
from app.adapters.promoted_models import PromotedModels
from app.domain.prediction import ServedModel
from app.errors import ModelNotReadyError, ModelRejectedError

log = logging.getLogger("gatehouse.models")


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
            raise ModelNotReadyError("No good version of the model is loaded.")
        return model

    @property
    def loaded(self) -> ServedModel | None:
        """The version in service; None when none is loaded."""
        return self._model

    @property
    def problem(self) -> str | None:
        """Why the promoted version is not the one in service; None when it is."""
        return self._problem

    def forget(self) -> None:
        """Let the version go, until somebody asks for it again."""
        with self._lock:
            self._model, self._seen, self._is_wanted = None, None, False

    def refresh(self) -> None:
        """Take the promoted version when its files have changed and it is good."""
        with self._lock:
            stamp = self._source.stamp()
            if not self._is_wanted or stamp == self._seen:
                return
            self._seen = stamp
            try:
                self._serve(self._source.load())
            except ModelRejectedError as error:
                self._refuse(error)

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
            try:
                self._serve(self._source.load_once())
                self._seen = stamp
            except ModelRejectedError as error:
                self._refuse(error)
                self._model = self._source.last_good()
            if self._model is None and self._is_patient:
                self.refresh()
            return self._model

    def _serve(self, model: ServedModel) -> None:
        self._model, self._problem = model, None
        contract = model.contract
        served = {"model": contract.name, "version": contract.version, "engine": model.engine_name}
        log.info("model loaded", extra=served)

    def _refuse(self, error: ModelRejectedError) -> None:
        if str(error) != self._problem:
            log.error("promoted model refused", extra={"problem": str(error)})
        self._problem = str(error)
