"""All models of one stage in one worker: the default, and those in folders beside it."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.adapters.contenders import Contenders
from app.adapters.promoted_models import PromotedModels
from app.adapters.stage_folder import NO_PLACING, Placing, StageFolder
from app.domain.contract import Contract
from app.domain.ports import Metrics, Queue
from app.domain.prediction import ServedModel
from app.domain.shadow import Shadow
from app.domain.traffic import Caller, Split
from app.errors import ModelNotReadyError, ModelUnknownError

log = logging.getLogger("gatehouse.models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """When models are loaded and let go.

    Attributes:
        at_start: whether all are loaded at the start, or each when it is first asked for.
        most_bytes: of the files of all loaded models but the default; 0 is no cap.
        poll_seconds: between two looks for changes.
    """

    at_start: bool = False
    most_bytes: int = 0
    poll_seconds: float = 0.5


class StageModels:
    """Knows every promoted model, and holds those that somebody asks for.

    A thread looks for changes, and another judges. They do not survive a fork, so a worker that was
    forked off starts its own with its first request.

    Args:
        source_of: returns the source of the model whose joblib file is at a path, by its name if
            that is known.
        path: that file of the default model; the others have folders beside it.
        metrics: told of every model that is let go.
        loading: when models are loaded and let go.
        placing: what the settings say about versions.
    """

    def __init__(
        self,
        source_of: Callable[[Path, str | None], PromotedModels],
        path: Path,
        *,
        metrics: Metrics,
        loading: Loading,
        placing: Placing = NO_PLACING,
    ) -> None:
        self._folder = StageFolder(source_of, path, placing)
        self._metrics = metrics
        self._loading = loading
        self._default = self._folder.at(None)
        self._others: dict[str, Contenders] = {}
        self._used: dict[str, float] = {}
        self._watcher = 0
        self._lock = threading.Lock()
        with suppress(ModelNotReadyError):
            self._default.current()
        self._look_around()
        for name in self._others if loading.at_start else ():
            with suppress(ModelNotReadyError):
                self.find(name)
        self._watch()

    def current(self) -> ServedModel:
        """Return the default model's version in service.

        Raises:
            ModelNotReadyError: there is no good version at all.
        """
        if self._watcher != os.getpid():
            self._watch()
        return self._default.current()

    def find(
        self, name: str | None, version: str | None = None, caller: Caller | None = None
    ) -> ServedModel:
        """Return the version of *name* that answers *caller*; the default model for None.

        Raises:
            ModelUnknownError: no such model, or version of it, is served here.
            ModelNotReadyError: there is no good version of it.
        """
        if self._watcher != os.getpid():
            self._watch()
        if name is None or name == self.default_name:
            return self._default.choose(caller, version)
        contenders = self._known(name)
        self._used[name] = time.monotonic()
        if contenders.loaded is None:
            contenders.current()
            self._make_room(name)
        return contenders.choose(caller, version)

    def contract(self, name: str | None) -> Contract:
        """Return the contract of *name*, whose engine need not be loaded for that.

        Raises:
            ModelUnknownError: no such model is served here.
            ModelNotReadyError: its contract cannot be read.
        """
        is_default = name is None or name == self.default_name
        return (self._default if is_default else self._known(name or "")).contract()

    def shadow(self, name: str | None) -> Shadow | None:
        """Return who wants copies of what *name* has answered; None when nobody does."""
        contenders = self._watched(name)
        return contenders.shadow if contenders is not None else None

    def split(self, name: str | None) -> Split | None:
        """Return what the candidate of *name* gets; None when there is none."""
        contenders = self._watched(name)
        return contenders.split if contenders is not None else None

    def names(self) -> tuple[str, ...]:
        """Return the names of all promoted models, the default first."""
        default = self.default_name
        others = sorted(name for name in self._others if name != default)
        return (default, *others) if default is not None else tuple(others)

    @property
    def default_name(self) -> str | None:
        """Name of the default model in service; None when there is none."""
        model = self._default.loaded
        return model.contract.name if model else None

    def loaded(self, name: str | None) -> ServedModel | None:
        """Return the version of *name* in service; None when it is not loaded, or not known."""
        watched = self._watched(name)
        return watched.loaded if watched else None

    def problem(self, name: str | None = None) -> str | None:
        """Return why the promoted version is not the one in service; None when it is."""
        watched = self._watched(name)
        return watched.problem if watched else None

    def queue(self, name: str | None = None) -> Queue | None:
        """Return who waits for the model in service; None where nobody does."""
        watched = self._watched(name)
        model = watched.loaded if watched else None
        return model.queue if model else None

    def refresh(self) -> None:
        """Take what was promoted since the last look."""
        self._look_around()
        self._each(Contenders.refresh)
        # A candidate, or a larger version, came in without having been asked for.
        self._make_room(max(self._used, key=lambda it: self._used[it], default=""))

    def judge(self) -> None:
        """Have the candidates judged that are on trial."""
        self._each(Contenders.judge)

    def _each(self, look: Callable[[Contenders], None]) -> None:
        """Have all models looked at; what goes wrong with one keeps no other from its turn."""
        for watched in (self._default, *self._others.values()):
            try:
                look(watched)
            except Exception:
                log.exception("model watch failed")

    def _watched(self, name: str | None) -> Contenders | None:
        if name is None or name == self.default_name:
            return self._default
        return self._others.get(name)

    def _known(self, name: str) -> Contenders:
        contenders = self._others.get(name)
        if contenders is None:
            raise ModelUnknownError("No model of this name is served here.")
        return contenders

    def _make_room(self, newest: str) -> None:
        """Let the least used models go until the others fit, but never *newest*."""
        most = self._loading.most_bytes
        if not most:
            return
        with self._lock:
            held = {n: size for n, it in self._others.items() if (size := it.size_bytes)}
            total = sum(held.values())
            for name in sorted(held, key=lambda it: self._used.get(it, 0.0)):
                if total <= most:
                    return
                if name != newest:
                    total -= held[name]
                    self._others[name].forget()
                    self._metrics.model_evicted(name)
                    log.info("model let go", extra={"model": name})

    def _look_around(self) -> None:
        """Know every folder with a contract beside the default model, and no other."""
        names, known = self._folder.names(), self._others
        if names != known.keys():
            # A new dictionary: other threads are going through the one that is there.
            self._others = {name: known.get(name) or self._folder.at(name) for name in names}

    def _watch(self) -> None:
        """Begin to look for changes, and to judge: that may wait for a registry far away."""
        self._watcher = os.getpid()
        for look in (StageModels.refresh, StageModels.judge):
            watch = (weakref.ref(self), look, self._loading.poll_seconds)
            threading.Thread(target=_poll, args=watch, daemon=True).start()


def _poll(
    reference: weakref.ref[StageModels], look: Callable[[StageModels], None], seconds: float
) -> None:
    """Look until nobody holds the models any more."""
    while True:
        time.sleep(seconds)
        models = reference()
        if models is None:
            return
        try:
            look(models)
        except Exception:
            log.exception("model watch failed")
        del models
