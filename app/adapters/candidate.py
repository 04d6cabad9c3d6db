"""The candidate of one model in one worker: announced in a file, loaded, and let go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from pydantic import ValidationError

from app.adapters.model_files import Stamp
from app.adapters.promoted_models import PromotedModels
from app.domain.judge import Rules
from app.domain.prediction import ServedModel
from app.domain.shadow import Shadow
from app.domain.traffic import Split, check_pair
from app.errors import ModelRejectedError

log = logging.getLogger("gatehouse.models")
CANDIDATE: Final = ".candidate"
TRAFFIC: Final = "traffic.json"
ShadowMaker = Callable[[ServedModel, Split], Shadow]


class Pair(NamedTuple):
    """A canary that is to be judged.

    Attributes:
        file: announces it.
        since_ns: when that was written, in ns since the epoch; another one is another trial.
    """

    champion: ServedModel
    candidate: ServedModel
    split: Split
    file: Path
    since_ns: int

    @property
    def is_announced(self) -> bool:
        """Whether it still is, and not ended or begun anew."""
        return _written_ns(self.file) == self.since_ns


class Judge(Shadow, Protocol):
    """Counts how requests end, and ends the trial when that is enough."""

    def look(self) -> None:
        """Do what is due; called all the time, in every worker; never raises."""
        ...


JudgeMaker = Callable[[Pair, Rules], Judge]


class Trial(NamedTuple):
    """A candidate that gets traffic.

    Attributes:
        shadow: of one that answers nobody; or the judge.
        judge: of a canary that is judged.
    """

    model: ServedModel
    split: Split
    shadow: Shadow | None
    judge: Judge | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """Where a candidate is announced, and loaded from.

    Attributes:
        source: of the candidate's files.
        split: of the settings; None where the file beside the candidate says it.
        shadow_of: makes the shadow of a candidate.
        judge_of: makes the judge of a canary; None where none is judged.
    """

    source: PromotedModels
    split: Split | None
    shadow_of: ShadowMaker
    judge_of: JudgeMaker | None = None

    @property
    def file(self) -> Path:
        """The file that announces the candidate."""
        return self.source.path.parent / TRAFFIC

    def read(self) -> Split | None:
        """Return what the candidate gets; None when there is no candidate.

        Raises:
            ModelRejectedError: the announcement cannot be read.
        """
        if self.split is not None:
            return self.split
        try:
            return Split.model_validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ModelRejectedError(f"{TRAFFIC}: {error.strerror}") from error
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"]))
            raise ModelRejectedError(f"{TRAFFIC}: {where}: {wrong['msg']}") from error


class WatchedCandidate:
    """Gives a candidate its traffic when it is good, and says what is wrong otherwise.

    One that fails gets none at all, however good it was before: every worker then does the same.
    For one thread at a time.
    """

    def __init__(self, announced: Announced) -> None:
        self._announced = announced
        self._seen: object = None
        self._tried: object = None
        self._n_failed = 0
        self._files: tuple[Stamp, ServedModel] | None = None
        self.trial: Trial | None = None
        self.problem: str | None = None

    def refresh(self, champion: ServedModel | None) -> None:
        """Take what is announced now, beside *champion*."""
        since_ns = _written_ns(self._announced.file)  # a later change is seen next time
        try:
            split = self._announced.read()
        except ModelRejectedError as error:
            self._end(f"candidate: {error}")
            return
        if split is None or champion is None or _is_promoted(split, champion):
            self._end(None)
            return
        stamp, digest = self._announced.source.stamp(), champion.contract.artefact.sha256
        wanted = (split, stamp, digest, since_ns if split.judge is not None else None)
        if wanted != self._seen:
            self._try(wanted, split, champion, since_ns)

    def forget(self) -> None:
        """Let the candidate go, until the next refresh."""
        self._end(None)

    def _try(self, wanted: object, split: Split, champion: ServedModel, since_ns: int) -> None:
        if wanted != self._tried:
            self._tried, self._n_failed = wanted, 0
        try:
            model = self._loaded(split)
            check_pair(champion.contract, model.contract)
        except ModelRejectedError as error:
            self._n_failed += 1
            is_last = self._n_failed > self._announced.source.retries
            self._end(f"candidate {split.version}: {error}")
            self._seen = wanted if is_last else None
            return
        self._seen, self.problem = wanted, None
        self.trial = self._begun(Pair(champion, model, split, self._announced.file, since_ns))
        told = {"model": split.model, "version": split.version, "mode": split.mode}
        log.info("candidate takes part", extra=told | {"share": split.share})

    def _begun(self, pair: Pair) -> Trial:
        announced, split, model = self._announced, pair.split, pair.candidate
        if split.mode == "shadow":
            return Trial(model, split, announced.shadow_of(model, split))
        if split.judge is None or announced.judge_of is None:
            return Trial(model, split, None)
        judge = announced.judge_of(pair, split.judge)
        return Trial(model, split, judge, judge)

    def _loaded(self, split: Split) -> ServedModel:
        """Return the candidate; one that is loaded is not loaded again for another share."""
        source = self._announced.source
        stamp, known = source.stamp(), self._files
        model = known[1] if known is not None and known[0] == stamp else source.load_once()
        found = model.contract
        if (found.name, found.version) != (split.model, split.version):
            raise ModelRejectedError(
                f"the files are {found.name} {found.version}, not {split.model} {split.version}"
            )
        self._files = (stamp, model)
        return model

    def _end(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            log.error("candidate refused", extra={"problem": problem})
        if problem is None and self.trial is not None:
            log.info("candidate let go", extra={"version": self.trial.split.version})
        self.trial, self.problem = None, problem
        self._seen = self._files = None


def _is_promoted(split: Split, champion: ServedModel) -> bool:
    contract = champion.contract
    return (contract.name, contract.version) == (split.model, split.version)


def _written_ns(file: Path) -> int:
    """Return when *file* was written, in ns since the epoch; 0 where there is none."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def candidate_file(champion: Path) -> Path:
    """Return where the candidate lies of the model whose joblib file is at *champion*."""
    return champion.parent / CANDIDATE / champion.name
