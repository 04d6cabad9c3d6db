"""What the rules need from the outside; ``app/wiring/`` joins each port to one adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from app.domain.access import Principal
from app.domain.audit import Event
from app.domain.comparison import ShadowReport
from app.domain.rates import Admission, Charge
from app.domain.revocation import Revocation

FloatArray = npt.NDArray[np.float64]
Matrix = npt.NDArray[Any]
Probabilities = FloatArray | tuple[FloatArray, ...]
CacheKey = tuple[int, tuple[bool, ...], bytes]


class Scores(NamedTuple):
    """What a model answers: labels or numbers, and probabilities where it has them.

    Attributes:
        predictions: shape (n_rows,), or (n_rows, n_targets) of a model with several targets.
        probabilities: float64, shape (n_rows, n_classes), or one such array for each of several
            targets; None where the model has none.
        scores: of ``decision_function``, float64, shape (n_rows,) or (n_rows, n_scores); None
            where nobody wished for them.
    """

    predictions: npt.NDArray[Any]
    probabilities: Probabilities | None
    scores: FloatArray | None = None

    def between(self, start: int, stop: int) -> Scores:
        """Return the answers to the rows from *start* up to *stop*."""
        shares = self.probabilities
        if isinstance(shares, tuple):
            shares = tuple(it[start:stop] for it in shares)
        elif shares is not None:
            shares = shares[start:stop]
        scores = None if self.scores is None else self.scores[start:stop]
        return Scores(self.predictions[start:stop], shares, scores)


class Engine(Protocol):
    """A fitted model. Threads may share it."""

    def predict(self, matrix: Matrix) -> Scores:
        """Score every row of *matrix*, shape (n_rows, n_features), in the contract's order."""
        ...


class Decider(Protocol):
    """What lies behind the labels of a fitted model. Threads may share it."""

    def decide(self, matrix: Matrix) -> FloatArray:
        """Return ``decision_function`` of every row, shape (n_rows,) or (n_rows, n_scores)."""
        ...


class Queue(Protocol):
    """Requests that wait for one engine."""

    def wait_seconds(self) -> float:
        """Return how long one more request would wait before its first row is scored."""
        ...


class Tokens(Protocol):
    """Who sent this token?"""

    def verify(self, token: str) -> Principal:
        """Return the principal of *token*.

        Raises:
            TokenInvalidError: the token does not hold, for whatever reason.
            KeysUnavailableError: no key could be fetched yet, so no token can be verified.
        """
        ...


class Limits(Protocol):
    """How often somebody may ask, counted over every worker of the machine."""

    def admit(self, charges: Sequence[Charge]) -> Admission:
        """Spend every one of *charges*, or none of them when one cannot be paid.

        Raises:
            LimitStoreDownError: the store does not answer.
        """
        ...

    def give_back(self, charges: Sequence[Charge], at: float) -> None:
        """Undo *charges* that were spent *at* that time, as far as they still count.

        A store that does not answer is no error: the charges run out by themselves.
        """
        ...


class Revocations(Protocol):
    """Which tokens were revoked; a change is known to every worker within a second."""

    def covers(self, principal: Principal) -> bool:
        """Say whether the token of *principal* was revoked.

        Raises:
            LimitStoreDownError: the store has never answered, and the policy is to refuse.
        """
        ...

    def revoke(self, revocation: Revocation) -> None:
        """Keep *revocation* until it can be forgotten.

        Raises:
            LimitStoreDownError: the store does not answer.
        """
        ...

    def all(self) -> Sequence[Revocation]:
        """Return what is revoked now, the newest first.

        Raises:
            LimitStoreDownError: the store does not answer.
        """
        ...


class Audit(Protocol):
    """Remembers what was done."""

    def record(self, event: Event) -> None:
        """Keep *event*. Waits until it is written only where the settings ask for that.

        Raises:
            AuditDownError: it had to be written and could not be.
        """
        ...


class Cache(Protocol):
    """Encoded answers by model, what was wished for and input."""

    def get(self, key: CacheKey) -> bytes | None:
        """Return what was put under *key* and is still remembered."""
        ...

    def put(self, key: CacheKey, value: bytes) -> None:
        """Remember *value*, forgetting the least recently used when full."""
        ...


class Metrics(Protocol):
    """What happened, for whoever watches. Label values come from closed sets."""

    def request(self, *, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count one answered request of *endpoint*, a route pattern."""
        ...

    def error(self, kind: str) -> None:
        """Count one failure by the kind of its problem."""
        ...

    def in_flight(self, change: int) -> None:
        """Add *change* to the requests now at work."""
        ...

    def authentication_failed(self, reason: str) -> None:
        """Count one refused token."""
        ...

    def limited(self, policy: str) -> None:
        """Count one request refused by the rate limit *policy*."""
        ...

    def limit_store_failed(self) -> None:
        """Count one request for which the store of the limits gave no answer."""
        ...

    def keys_refreshed(self, outcome: str) -> None:
        """Count one look at the public keys: changed, unchanged or failed."""
        ...

    def audited(self, outcome: str, events: int) -> None:
        """Count *events* of the audit log: written, dropped or failed."""
        ...

    def cache(self, outcome: str) -> None:
        """Count one look into the cache: hit, miss or bypass."""
        ...

    def model_loaded(self, *, model: str, version: str, seconds: float) -> None:
        """Record that a version was verified and loaded."""
        ...

    def model_load_failed(self, model: str) -> None:
        """Count one load that was refused."""
        ...

    def engine_fell_back(self, *, model: str, engine: str) -> None:
        """Count one load whose fastest engine could not serve; *engine* does instead."""
        ...

    def model_evicted(self, model: str) -> None:
        """Count one model that made room for another."""
        ...

    def features(
        self, *, model: str, names: Sequence[str], means: Sequence[float], outside: int
    ) -> None:
        """Record the mean of each feature in one request, and the values outside training."""
        ...

    def predicted(self, *, seconds: float, confidences: Sequence[float]) -> None:
        """Record one call of the engine and, in a classification, each row's top probability."""
        ...

    def answered(self, *, model: str, version: str, seconds: float) -> None:
        """Record one prediction request from its headers to its answer."""
        ...

    def unanswered(self, *, model: str, version: str, status: int) -> None:
        """Count one prediction request that the chosen version did not answer."""
        ...

    def shadowed(self, report: ShadowReport) -> None:
        """Record what became of the copy of one request."""
        ...

    def judged(self, *, model: str, ruling: str) -> None:
        """Count one verdict on a candidate of *model*: promote or roll back."""
        ...

    def exposition(self) -> tuple[str, bytes]:
        """Return content type and text of all workers' metrics."""
        ...


class Alerts(Protocol):
    """Tells a person that the gateway answers with 5xx."""

    def raise_alert(self, kind: str, context: Mapping[str, str]) -> None:
        """Send one message for *kind*, without making the caller wait and without raising."""
        ...
