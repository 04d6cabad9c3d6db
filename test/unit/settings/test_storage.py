from __future__ import annotations

import pytest

from app.adapters.redis_store import RedisStore
from test.unit.settings.project import GOOD_SECRET, Project

STORAGE = "GATEHOUSE_LIMITS__STORAGE"


@pytest.mark.parametrize(
    "address",
    [
        "redis://127.0.0.1",
        "redis://redis:6379/0",
        "redis://user:p%40ss@redis.example.org:6380/15",
        "redis://[::1]:6379/0",
        "rediss://:password@redis/",
        "rediss://redis:6379/0?ssl_ca_certs=/etc/ca.pem&ssl_certfile=a.pem&ssl_keyfile=b.pem",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=3",
    ],
)
def test_an_address_that_is_accepted_can_be_connected_to(project: Project, address: str) -> None:
    storage = project.load(**{STORAGE: address}).limits.storage

    assert storage is not None
    pool = RedisStore(storage.get_secret_value()).client.connection_pool
    assert pool.connection_class(**pool.connection_kwargs)


@pytest.mark.parametrize(
    "address",
    [
        "memory://",
        "http://redis:6379",
        "redis://",
        "redis:///0",
        "redis:6379",
        "redis://redis:port/0",
        "redis://redis:99999/0",
        "redis://redis:0/0",
        "redis://redis/zero",
        "redis://redis/0/1",
        "redis://redis/0#1",
        "redis://[::1/0",
        "redis://[::::]/0",
        "redis://user:p@ss@redis/0",
        "redis://redis/0?socket_timeout=60",
        "redis://redis/0?ssl_ca_certs=/etc/ca.pem",
        "unix://redis.sock",
        "unix:///redis.sock?timeout=9",
    ],
)
def test_what_is_no_redis_is_refused_without_being_shown(project: Project, address: str) -> None:
    message = project.refusal(**{"JWT_SECRET": GOOD_SECRET, STORAGE: address})

    assert f"{STORAGE}: limits.storage" in message
    assert "is no address of a Redis. Fix: redis://host:6379/0, " in message
    assert address not in message.partition("Fix:")[0]


@pytest.mark.parametrize("address", ["http://:hunter2@h", "redis://:hunt/er2@h", "elsewhere"])
def test_a_store_of_features_that_is_no_redis_is_refused_too(
    project: Project, address: str
) -> None:
    online = "GATEHOUSE_FEATURES__ONLINE_URL"

    message = project.refusal(**{"JWT_SECRET": GOOD_SECRET, online: address})

    assert "features.online_url" in message
    assert "is no address of a Redis" in message
    assert "hunt" not in message
