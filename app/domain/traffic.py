"""Which version answers whom: the champion, or a candidate that proves itself on real traffic."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from app.domain.compiled import Part
from app.domain.contract import Contract, Name, Version
from app.domain.judge import Rules
from app.errors import ModelRejectedError

SUBJECT: Final = "subject"
HEADER: Final = "header:"
Mode = Literal["canary", "shadow"]
Share = Annotated[float, Field(ge=0, le=1)]
Sticky = Annotated[str, Field(pattern=r"^(subject|header:[A-Za-z0-9-]{1,64})$")]
Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_BITS: Final = 53  # of a float's mantissa, so that no bucket is rounded up to 1


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        subject: of the token.
        header: returns a header of the request, by name.
    """

    subject: str
    header: Callable[[str], str | None] = lambda _: None


class Why(NamedTuple):
    """Who changes which version serves, and the reason that was given.

    Attributes:
        is_forced: promotes what the gates refuse, or were not asked about.
    """

    who: str
    reason: str = ""
    is_forced: bool = False


class Split(Part):
    """What one candidate gets of the requests to its model.

    Attributes:
        mode: a canary answers its share of the callers; a shadow answers nobody, and gets a copy
            of its share of the requests.
        share: from 0 to 1.
        sticky: what keeps a caller with one version: its subject, or a header. A caller that
            does not send the header goes by its subject.
        tolerance: relative difference up to which two numbers agree.
        judge: by which rules a canary is promoted or rolled back; None leaves that to people.
    """

    model: Name
    version: Version
    mode: Mode
    share: Share
    sticky: Sticky = SUBJECT
    tolerance: Tolerance = 1e-6
    judge: Rules | None = None

    @model_validator(mode="after")
    def _has_two_to_compare(self) -> Self:
        if self.judge is not None and not (self.mode == "canary" and 0.0 < self.share < 1.0):
            raise ValueError(
                "'judge' needs a canary whose 'share' lies between 0 and 1, "
                "so that both versions answer"
            )
        return self

    def document(self) -> dict[str, Any]:
        """Return what callers are told of it; rules only where it is judged."""
        unsaid = {"model"} if self.judge is not None else {"model", "judge"}
        return self.model_dump(exclude=unsaid)

    def takes(self, caller: Caller) -> bool:
        """Say whether *caller* belongs to the candidate, on every worker and machine alike."""
        key = None if self._header is None else caller.header(self._header)
        return self.covers(key or caller.subject)

    def covers(self, key: str) -> bool:
        """Say whether *key* falls into the share. Those who do stay in it when it grows."""
        return bucket(key, self._salt) < self.share

    @cached_property
    def _salt(self) -> str:
        return f"{self.model}/{self.version}"

    @cached_property
    def _header(self) -> str | None:
        name = self.sticky.removeprefix(HEADER)
        return None if name == self.sticky else name


class Serving(NamedTuple):
    """Which version of a model serves after a change, and what its candidate gets.

    Attributes:
        changed: False where it was so before.
    """

    version: str
    candidate: Split | None
    changed: bool


def bucket(key: str, salt: str) -> float:
    """Return where *key* falls in [0, 1): evenly, and independently for each *salt*."""
    salted = f"{salt}\0{key}".encode("utf-8", "surrogatepass")
    digest = blake2b(salted, digest_size=8).digest()
    return (int.from_bytes(digest) >> (64 - _BITS)) * 2.0**-_BITS


def check_pair(champion: Contract, candidate: Contract) -> None:
    """Pass when callers of *champion* can be answered by *candidate* without noticing.

    Raises:
        ModelRejectedError: it is another model, or takes or answers something else.
    """
    if candidate.name != champion.name:
        raise ModelRejectedError(f"it is of {candidate.name!r}, not of {champion.name!r}")
    for what, wanted, found in (
        ("another input", champion.input, candidate.input),
        ("other features", _features(champion), _features(candidate)),
        ("another task", champion.task, candidate.task),
        ("other targets", _targets(champion), _targets(candidate)),
    ):
        if found != wanted:
            raise ModelRejectedError(
                f"it has {what} than version {champion.version}: "
                f"{_short(found)}, not {_short(wanted)}. Promote it instead"
            )
    if champion.outputs.has_probabilities and not candidate.outputs.has_probabilities:
        raise ModelRejectedError(
            f"it has no probabilities, and version {champion.version} does. Promote it instead"
        )


def _features(contract: Contract) -> list[str]:
    return [f"{feature.name} ({feature.kind})" for feature in contract.features]


def _targets(contract: Contract) -> list[str]:
    return [target.name for target in contract.outputs.targets]


def _short(found: object) -> str:
    text = ", ".join(found) if isinstance(found, list) else str(found)
    longest = 120
    return text if len(text) <= longest else f"{text[:longest]}…"
