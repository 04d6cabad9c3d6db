"""Joins what trust needs: keys, limits, revocations, the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.adapters.audit.queueing import AuditQueue
from app.adapters.jwks import RemoteKeys
from app.adapters.jwt_claims import Claims
from app.adapters.jwt_tokens import JwtTokens
from app.adapters.keyring import FileKeys, Keyring, KeySource
from app.adapters.lmdb_limits import LmdbLimits
from app.adapters.lmdb_revocations import LmdbRevocations
from app.adapters.null import NoAudit, NullMetrics
from app.adapters.revocations import RememberedRevocations, RevocationStore
from app.domain.ports import Audit, Limits, Metrics, Revocations, Tokens
from app.settings import key_files
from app.settings.keys import Key, is_address
from app.settings.schema import Settings
from app.settings.secret import shared_secret

if TYPE_CHECKING:
    from app.adapters.audit.opening import AuditLog


def tokens(settings: Settings, metrics: Metrics) -> Tokens:
    """Return what verifies tokens, with the keys of every source that the settings name."""
    security = settings.security
    secret = shared_secret(settings)
    claims = Claims(
        issuer=security.issuer,
        audience=security.audience,
        leeway_seconds=security.leeway_seconds,
        longest_seconds=security.max_token_minutes * 60.0,
    )
    own = None if secret is None else Key(security.jwt_algorithm, secret)
    return JwtTokens(Keyring(own, tuple(_key_sources(settings, metrics))), claims)


def _key_sources(settings: Settings, metrics: Metrics) -> Iterator[KeySource]:
    security = settings.security
    if security.keys_path is not None:
        yield FileKeys(settings.path(security.keys_path), key_files.look_again, metrics)
    if security.jwks is None:
        return
    if is_address(security.jwks):
        yield RemoteKeys(
            security.jwks,
            metrics,
            max_age_seconds=security.jwks_max_age_seconds,
            cooldown_seconds=security.jwks_cooldown_seconds,
        )
    else:
        yield FileKeys(settings.path(Path(security.jwks)), key_files.look_into_jwks, metrics)


def counted_limits(settings: Settings, metrics: Metrics) -> Limits:
    """Return the limits, counted for this machine or, in Redis, for all."""
    allows = settings.limits.on_store_failure == "allow"
    if settings.limits.storage is None:
        path = settings.path(settings.runtime_path) / "limits.lmdb"
        return LmdbLimits(path, metrics, allows_on_failure=allows)
    from app.adapters import redis_limits, redis_store  # noqa: PLC0415  a worker without saves 6 MB

    store = redis_store.way_to(settings.limits.storage.get_secret_value())
    store.greet()
    return redis_limits.RedisLimits(store, metrics, allows_on_failure=allows)


def revocations(settings: Settings, metrics: Metrics | None = None) -> Revocations:
    """Return the revocations that all workers share, and the command lines with them."""
    return RememberedRevocations(
        _revocation_store(settings),
        metrics or NullMetrics(),
        allows_on_failure=settings.limits.on_store_failure == "allow",
    )


def _revocation_store(settings: Settings) -> RevocationStore:
    if settings.limits.storage is None:
        return LmdbRevocations(settings.path(settings.runtime_path) / "revocations.lmdb")
    from app.adapters import redis_revocations, redis_store  # noqa: PLC0415  as above

    store = redis_store.way_to(settings.limits.storage.get_secret_value())
    return redis_revocations.RedisRevocations(store)


def audit(settings: Settings, metrics: Metrics) -> Audit:
    """Return the audit log as requests see it."""
    wanted = settings.audit
    if wanted.mode == "off":
        return NoAudit()
    return AuditQueue(
        lambda: audit_log(settings).writer(),
        metrics,
        is_strict=wanted.mode == "strict",
        flush_seconds=wanted.flush_seconds,
        queue_bytes=wanted.queue_bytes,
    )


def audit_log(settings: Settings) -> AuditLog:
    """Return the audit log for the thread that writes it, and for command lines."""
    from app.adapters.audit.opening import AuditLog  # noqa: PLC0415  pulls in SQLAlchemy

    return AuditLog(settings)
