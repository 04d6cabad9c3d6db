"""The folder of one stage: which models are promoted there, and where each is loaded from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.adapters.candidate import Announced, JudgeMaker, ShadowMaker, candidate_file
from app.adapters.contenders import Contenders
from app.adapters.model_files import MANIFEST, contract_of, read_document
from app.adapters.promoted_models import PromotedModels
from app.adapters.watched_model import WatchedModel
from app.domain.contract import NAME
from app.domain.traffic import Split
from app.errors import ModelRejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Where versions come from that the settings name, and what candidates need.

    Attributes:
        pinned: the joblib file that serves instead of the promoted one, by model.
        candidates: the joblib file of a candidate and what it gets, by model.
        shadow_of: makes the shadow of a candidate; None takes no candidates at all.
        judge_of: makes the judge of a canary; None judges none.
    """

    pinned: Mapping[str, Path] = field(default_factory=dict)
    candidates: Mapping[str, tuple[Path, Split]] = field(default_factory=dict)
    shadow_of: ShadowMaker | None = None
    judge_of: JudgeMaker | None = None


NO_PLACING: Final = Placing()


@dataclass(frozen=True, slots=True)
class StageFolder:
    """Finds models on the disk; loads nothing.

    Attributes:
        source_of: returns the source of the model whose joblib file is at a path, by its name if
            that is known.
        path: that file of the default model; the others have folders beside it.
        placing: what the settings say about versions.
    """

    source_of: Callable[[Path, str | None], PromotedModels]
    path: Path
    placing: Placing

    def names(self) -> set[str]:
        """Return the name of every folder with a contract beside the default model."""
        folders = (file.parent.name for file in self.path.parent.glob(f"*/{MANIFEST}"))
        return set(filter(NAME.fullmatch, folders))

    def at(self, name: str | None) -> Contenders:
        """Return the model that is promoted under *name*, and its candidate; None is the default.

        Where the settings name a version, that one is meant instead.
        """
        path = self.path if name is None else self.path.parent / name / self.path.name
        placing, source_of = self.placing, self.source_of
        named = name or _name_at(path)
        source = source_of(placing.pinned.get(named, path), name)
        champion = WatchedModel(source, is_patient=name is None)
        if placing.shadow_of is None:
            return Contenders(champion, None)
        file, split = placing.candidates.get(named, (candidate_file(path), None))
        candidate = Announced(source_of(file, name), split, placing.shadow_of, placing.judge_of)
        return Contenders(champion, candidate)


def _name_at(path: Path) -> str:
    """Return the name of the model at *path*; nothing where no contract says it."""
    with suppress(ModelRejectedError):
        document = read_document(path.parent / MANIFEST)
        return contract_of(document).name if document is not None else ""
    return ""
