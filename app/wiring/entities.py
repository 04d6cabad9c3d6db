"""Joins the online store of features: SQLite in a folder, or Redis."""

from __future__ import annotations

from typing import Final

from app.adapters.sqlite_features import SqliteFeatures
from app.domain.entities import EntityStore
from app.settings.schema import Settings

_DAY_SECONDS: Final = 86_400


def entity_features(settings: Settings) -> EntityStore:
    """Return the store that the settings name; nothing is opened before it is first asked."""
    features = settings.features
    if features.online_url is None:
        return SqliteFeatures(settings.path(features.online_path))
    from app.adapters import redis_features, redis_store  # noqa: PLC0415  a worker without saves 6 MB

    store = redis_store.way_to(features.online_url.get_secret_value())
    # A day longer than it may answer: whoever asks then learns that it is too old.
    return redis_features.RedisFeatures(store, features.max_age_seconds + _DAY_SECONDS)
