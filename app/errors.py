"""Every error raised on purpose. Meaning lives here, statuses in ``app/gate/problems.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "algorithm", "audience", "claims", "expired", "issuer", "key", "lifetime", "malformed",
    "not_yet_valid", "revoked", "scrape_token", "signature", "too_long", "type",
]  # fmt: skip


class GatehouseError(Exception):
    """Root of everything that Gatehouse raises on purpose."""


class OperatorError(GatehouseError):
    """A mistake of whoever runs Gatehouse: a command line prints it and exits with status 2."""


class SettingsError(OperatorError):
    """The settings are wrong; the message names file, key, value and fix."""


class RegistryError(OperatorError):
    """A model, a version or a stage cannot be read or written as asked."""


class StageChangedError(RegistryError):
    """Somebody else changes the stage, or did so meanwhile; nothing was done."""


class NotPromotedError(RegistryError):
    """No version of the model is on the stage."""


class TrainingDataError(OperatorError):
    """The data that a model should be made from cannot be used."""


class TrackingError(OperatorError):
    """MLflow cannot be told of a version that was trained."""


class ModelRejectedError(OperatorError):
    """A model file or its contract cannot be trusted, so it is not served."""


class NotCompilableError(OperatorError):
    """No compiled engine can answer as this estimator does; the text says why."""


class AuditStoreError(OperatorError):
    """The audit log's database cannot be used; the text holds no row and no password."""


class RecordsError(OperatorError):
    """Records, or the contract that they are held to, cannot be read or written as asked."""


class FeatureDefinitionsError(OperatorError):
    """The definitions of features, or the records that they speak of, cannot be used."""


class FeatureStoreError(OperatorError):
    """The online store of features cannot be written."""


class StreamError(OperatorError):
    """A stream cannot be read or written as asked; the message says where it stands."""


class DemoFailedError(OperatorError):
    """A station of the demonstration did not do what it should; what it said stands above."""


class RequestError(GatehouseError):
    """A request that gets no result. The text is public: it goes to the caller as ``detail``."""


class AuthenticationRequiredError(RequestError):
    """The request carries no credentials."""


class TokenInvalidError(RequestError):
    """The credentials do not hold. ``reason`` comes from a closed set and is for metrics only."""

    def __init__(self, reason: Reason) -> None:
        super().__init__("The token could not be verified, or it has expired.")
        self.reason = reason


class PermissionMissingError(RequestError):
    """The principal is known but may not do this."""


class BodyMalformedError(RequestError):
    """The body is not the JSON object that the route expects."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one value: ``row`` counts from 0, ``feature`` is a contract's name."""

    row: int | None
    feature: str | None
    reason: str


class InputInvalidError(RequestError):
    """Rows that break the contract. Holds at most the first 20 faults."""

    MAX_FAULTS = 20

    def __init__(self, faults: Sequence[FieldError]) -> None:
        first = faults[0]
        row = "" if first.row is None else f"row {first.row}: "
        feature = "" if first.feature is None else f"{first.feature}: "
        super().__init__(f"{row}{feature}{first.reason}")
        self.faults = tuple(faults[: self.MAX_FAULTS])


class EntityUnknownError(InputInvalidError):
    """Entities that the feature store does not have. Holds at most the first 20 of them."""


class FeaturesAbsentError(RequestError):
    """The feature store has not all features of the model."""


class FeaturesUnavailableError(RequestError):
    """No feature can be looked up: nothing was materialised, or the store does not answer."""


class FeaturesTooOldError(RequestError):
    """What was materialised last is older than the settings allow."""


class BodyTooLargeError(RequestError):
    """The body holds more bytes or more rows than the settings allow."""


class MediaTypeUnsupportedError(RequestError):
    """The body comes in a type or an encoding that the route does not read."""


class NotAcceptableError(RequestError):
    """The caller accepts none of the types that the route writes."""


class RateLimitedError(RequestError):
    """The caller has spent its limit; ``headers`` say which and for how long."""

    def __init__(self, retry_after_seconds: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        unit = "second" if retry_after_seconds == 1 else "seconds"
        super().__init__(f"Too many requests: try again in {retry_after_seconds} {unit}.")
        self.retry_after_seconds = retry_after_seconds
        self.headers = tuple(headers)


class ModelUnknownError(RequestError):
    """No model of that name is served here."""


class ModelNotReadyError(RequestError):
    """No good version of the model is in memory."""


class OverloadedError(RequestError):
    """The worker has as many requests as it can hold."""


class LimitStoreDownError(RequestError):
    """The store of the limits does not answer, and the policy is to refuse."""


class AuditDownError(RequestError):
    """The audit log cannot be written, and the policy is to refuse."""


class KeysUnavailableError(RequestError):
    """No public key could be fetched yet, so no token can be verified."""


class RevocationInvalidError(RequestError):
    """A revocation that names nothing that could be revoked."""


class SettingsRefusedError(RequestError):
    """The settings were read again and are wrong; those before them stay in force."""


class ChangeInvalidError(RequestError):
    """A change of the serving version that is not told as the route expects."""


class ChangeRefusedError(RequestError):
    """The serving version cannot be changed so; what serves, serves on."""
