from __future__ import annotations

from collections.abc import Iterator

import pytest

from test.adapters.limit_stores import Clock, Place
from test.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def redis_place(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("redis"), redis_server.url)


@pytest.fixture(scope="module")
def lmdb_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("lmdb"))


@pytest.fixture(scope="module", params=["lmdb", "redis"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()
