"""Champion and candidate of one model in one worker, and which of them answers whom."""

from __future__ import annotations

import threading

from app.adapters.candidate import Announced, Trial, WatchedCandidate
from app.adapters.watched_model import WatchedModel
from app.domain.contract import Contract
from app.domain.prediction import ServedModel
from app.domain.shadow import Shadow
from app.domain.traffic import Caller, Split
from app.errors import ModelUnknownError


class Contenders:
    """Chooses between the promoted version of a model and its candidate, if it has one.

    Both are loaded before either answers, so that no caller meets another version meanwhile.

    Args:
        champion: the promoted version.
        announced: where a candidate would be; None for a model that takes none.
    """

    def __init__(self, champion: WatchedModel, announced: Announced | None) -> None:
        self._champion = champion
        self._candidate = WatchedCandidate(announced) if announced is not None else None
        self._serving: tuple[ServedModel, Trial | None] | None = None
        self._is_open = False
        self._lock = threading.RLock()
        self.shadow: Shadow | None = None
        """Who wants to know how requests end; None when nobody does."""

    def current(self) -> ServedModel:
        """Return the champion, loaded now if it was not before.

        Raises:
            ModelNotReadyError: there is no good version at all.
        """
        serving = self._serving
        return serving[0] if serving is not None else self._opened()[0]

    def choose(self, caller: Caller | None, version: str | None = None) -> ServedModel:
        """Return the version that answers *caller*, or the one that it names.

        Raises:
            ModelUnknownError: it names one that is not served here.
            ModelNotReadyError: there is no good version at all.
        """
        champion, trial = self._serving or self._opened()
        if version is not None:
            return _pinned(version, champion, trial)
        if trial is None or caller is None or trial.split.mode == "shadow":
            return champion
        return trial.model if trial.split.takes(caller) else champion

    @property
    def split(self) -> Split | None:
        """What the candidate gets; None when there is none."""
        trial = self._trial
        return trial.split if trial is not None else None

    @property
    def loaded(self) -> ServedModel | None:
        """The champion; None when it is not loaded."""
        return self._champion.loaded

    @property
    def problem(self) -> str | None:
        """Why what is promoted, or announced as a candidate, does not serve; None when it does."""
        candidate = self._candidate
        return self._champion.problem or (candidate.problem if candidate is not None else None)

    @property
    def size_bytes(self) -> int:
        """Size of the files of what is loaded."""
        trial = self._trial
        held = (self._champion.loaded, trial.model if trial is not None else None)
        return sum(model.size_bytes for model in held if model is not None)

    def contract(self) -> Contract:
        """Return the champion's contract without loading anything.

        Raises:
            ModelNotReadyError: there is none, or it cannot be read.
        """
        return self._champion.contract()

    def refresh(self) -> None:
        """Take what was promoted or announced since the last look."""
        self._champion.refresh()
        if self._is_open:
            with self._lock:
                self._look()

    def judge(self) -> None:
        """Have the candidate judged, if it is on trial."""
        trial = self._trial
        if trial is not None and trial.judge is not None:
            trial.judge.look()

    def forget(self) -> None:
        """Let both go, until somebody asks for them again."""
        with self._lock:
            self._is_open = False
            self._serving = self.shadow = None
            self._champion.forget()
            if self._candidate is not None:
                self._candidate.forget()

    @property
    def _trial(self) -> Trial | None:
        serving = self._serving
        return serving[1] if serving is not None else None

    def _opened(self) -> tuple[ServedModel, Trial | None]:
        """Load both; only one thread does, and the others wait for it."""
        with self._lock:
            champion = self._champion.current()
            self._is_open = True
            self._look()
            return self._serving or (champion, None)

    def _look(self) -> None:
        """See what serves now: champion and candidate change in one moment."""
        champion = self._champion.loaded
        trial = None
        if self._candidate is not None:
            self._candidate.refresh(champion)
            trial = self._candidate.trial
        self._serving = None if champion is None else (champion, trial)
        self.shadow = None if trial is None else trial.shadow


def _pinned(version: str, champion: ServedModel, trial: Trial | None) -> ServedModel:
    answers = trial is not None and trial.split.mode == "canary"
    served = [champion, trial.model] if trial is not None and answers else [champion]
    for model in served:
        if model.contract.version == version:
            return model
    there = ", ".join(model.contract.version for model in served)
    raise ModelUnknownError(f"Version {version[:16]} is not served here; there is: {there}.")
