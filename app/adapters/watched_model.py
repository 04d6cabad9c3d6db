"""The default model of one worker: loaded once, watched, swapped when a good one is promoted."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref

from app.adapters.model_files import Stamp
from app.adapters.promoted_models import PromotedModels
from app.domain.ports import Queue
from app.domain.prediction import ServedModel
from app.errors import ModelNotReadyError, ModelRejectedError

log = logging.getLogger("gatehouse.models")
POLL_SECONDS = 0.5


class WatchedModel:
    """Serves the promoted version, or the last good one, and says what is wrong.

    A thread looks for changes. It does not survive a fork, so a worker that was forked off starts
    its own with its first request.
    """

    def __init__(self, source: PromotedModels, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._source = source
        self._poll_seconds = poll_seconds
        self._model: ServedModel | None = None
        self._problem: str | None = None
        self._seen: Stamp | None = None
        self._watcher = 0
        self._lock = threading.Lock()
        self._start()
        self._watch()

    def current(self) -> ServedModel:
        """Return the version in service.

        Raises:
            ModelNotReadyError: there is no good version at all.
        """
        if self._watcher != os.getpid():
            self._watch()
        model = self._model
        if model is None:
            raise ModelNotReadyError("No good version of the model is loaded.")
        return model

    @property
    def default_name(self) -> str | None:
        """Name of the model in service; None when there is none."""
        return self._model.contract.name if self._model else None

    @property
    def queue(self) -> Queue | None:
        """Who waits for the model in service; None where nobody does."""
        return self._model.queue if self._model else None

    @property
    def problem(self) -> str | None:
        """Why the promoted version is not the one in service; None when it is."""
        return self._problem

    def refresh(self) -> None:
        """Take the promoted version when its files have changed and it is good."""
        with self._lock:
            stamp = self._source.stamp()
            if stamp == self._seen:
                return
            self._seen = stamp
            try:
                self._serve(self._source.load())
            except ModelRejectedError as error:
                self._refuse(error)

    def _start(self) -> None:
        """Load the promoted version; where it fails, serve the last good one at once.

        Only a worker that has neither waits for the tries that the settings allow; otherwise the
        watch repeats them, because no stamp counts as seen yet.
        """
        stamp = self._source.stamp()
        try:
            self._serve(self._source.load_once())
            self._seen = stamp
        except ModelRejectedError as error:
            self._refuse(error)
            self._model = self._source.last_good()
        if self._model is None:
            self.refresh()

    def _serve(self, model: ServedModel) -> None:
        self._model, self._problem = model, None
        contract = model.contract
        served = {"model": contract.name, "version": contract.version, "engine": model.engine_name}
        log.info("model loaded", extra=served)

    def _refuse(self, error: ModelRejectedError) -> None:
        if str(error) != self._problem:
            log.error("promoted model refused", extra={"problem": str(error)})
        self._problem = str(error)

    def _watch(self) -> None:
        self._watcher = os.getpid()
        watch = threading.Thread(
            target=_poll, args=(weakref.ref(self), self._poll_seconds), daemon=True
        )
        watch.start()


def _poll(watched: weakref.ref[WatchedModel], seconds: float) -> None:
    """Refresh until nobody holds the model any more."""
    while True:
        time.sleep(seconds)
        model = watched()
        if model is None:
            return
        try:
            model.refresh()
        except Exception:
            log.exception("model watch failed")
        del model
