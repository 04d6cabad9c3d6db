"""One behaviour for both online stores: SQLite in a folder, and a real Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.redis_features import POINTER as POINTER_IN_REDIS
from app.adapters.redis_features import PREFIX, RedisFeatures
from app.adapters.redis_store import RedisStore
from app.adapters.sqlite_features import POINTER, SqliteFeatures
from app.domain.entities import EntityStore, EntityTable, FeatureValue
from app.errors import FeaturesAbsentError, FeatureStoreError, FeaturesUnavailableError
from test.redis_server import RedisServer, running_redis

AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)
Open = Callable[[], EntityStore]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the store anew, as another process would."""
    if request.param == "sqlite":
        return lambda: SqliteFeatures(tmp_path / "features")
    server: RedisServer = request.getfixturevalue("redis_server")
    with server.connected() as client:
        client.flushall()
    return lambda: RedisFeatures(RedisStore(server.url), 3_600)


def a_table(value: FeatureValue, entities: Sequence[str] = ("ann", "bob")) -> EntityTable:
    rows = [(name, value, f"{name} {value}", None) for name in entities]
    return EntityTable("customer_id", ("x", "word", "gap"), len(rows), iter(rows))


def test_features_come_in_the_order_that_is_asked_for(opened: Open) -> None:
    opened().write(AS_OF, [a_table(1.5)])

    found = opened().look_up(["gap", "word", "x"], ["bob", "eve", "ann", "bob"])

    bob, ann = [None, "bob 1.5", 1.5], [None, "ann 1.5", 1.5]
    assert [row and [*row] for row in found.rows] == [bob, None, ann, bob]
    assert (found.entity, found.generation.number) == ("customer_id", 1)
    assert found.generation.as_of == AS_OF


@pytest.mark.parametrize("value", [0.1, 1e-300, 2.0**60, 1 / 3, 1e22], ids=str)
def test_a_number_comes_back_bit_for_bit(opened: Open, value: float) -> None:
    opened().write(AS_OF, [a_table(value)])

    [row] = opened().look_up(["x"], ["ann"]).rows
    assert row is not None
    assert [*row] == [value]


def test_a_reader_sees_the_next_generation_without_being_told(opened: Open) -> None:
    reader, writer = opened(), opened()
    for number in (1, 2, 3):
        writer.write(AS_OF + timedelta(hours=number), [a_table(float(number))])

        found = reader.look_up(["x"], ["ann", "bob"])

        assert [row and [*row] for row in found.rows] == [[number]] * 2
        assert found.generation.number == reader.current().number == number


def test_who_left_and_what_was_dropped_is_gone_in_the_next_generation(opened: Open) -> None:
    reader, writer = opened(), opened()
    writer.write(AS_OF, [a_table(1.0, ["ann", "bob"])])
    reader.look_up(["x"], ["ann"])
    table = EntityTable("customer_id", ("y",), 1, [("ann", 2.0)])
    writer.write(AS_OF, [table])

    assert [row and [*row] for row in reader.look_up(["y"], ["ann", "bob"]).rows] == [[2.0], None]
    with pytest.raises(FeaturesAbsentError, match="'x', 'word'"):
        reader.look_up(["x", "y", "word"], ["ann"])


def test_entities_of_two_kinds_may_have_one_name(opened: Open) -> None:
    shops = EntityTable("shop", ("sold", "x_of_shop"), 1, [("ann", 7.0, 8.0)])
    opened().write(AS_OF, [a_table(1.0), shops])
    reader = opened()

    assert [*(reader.look_up(["sold"], ["ann"]).rows[0] or ())] == [7.0]
    assert [*(reader.look_up(["x"], ["ann"]).rows[0] or ())] == [1.0]
    with pytest.raises(FeaturesAbsentError, match="'sold'"):
        reader.look_up(["x", "word", "sold"], ["ann"])


def test_where_nothing_was_materialised_nothing_is_looked_up(opened: Open) -> None:
    with pytest.raises(FeaturesUnavailableError, match="materialised yet"):
        opened().look_up(["x"], ["ann"])
    with pytest.raises(FeaturesUnavailableError):
        opened().current()


def test_a_write_that_fails_half_way_leaves_what_served(opened: Open) -> None:
    def rows() -> Iterator[tuple[FeatureValue, ...]]:
        yield "ann", 2.0
        raise RuntimeError

    store = opened()
    store.write(AS_OF, [a_table(1.0)])
    with pytest.raises(RuntimeError):
        store.write(AS_OF, [EntityTable("customer_id", ("x",), 2, rows())])

    for reader in (store, opened()):
        assert [*(reader.look_up(["x"], ["ann"]).rows[0] or ())] == [1.0]
    assert opened().write(AS_OF, [a_table(3.0)]).number > 1
    assert [*(store.look_up(["x"], ["ann"]).rows[0] or ())] == [3.0]


def test_threads_never_see_two_generations_in_one_lookup(opened: Open) -> None:
    names = [f"customer-{number}" for number in range(300)]
    reader, writer = opened(), opened()
    writer.write(AS_OF, [a_table(1.0, names)])
    is_over, mixed, looked = threading.Event(), [], []

    def look() -> None:
        while not is_over.is_set():
            found = reader.look_up(["x"], names[::30])
            values = {row and row[0] for row in found.rows}
            looked.append(found.generation.number)
            if values != {float(found.generation.number)}:
                mixed.append((found.generation.number, values))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(2, 12):
        assert writer.write(AS_OF, [a_table(float(number), names)]).number == number
    is_over.set()
    for thread in threads:
        thread.join()

    assert mixed == []
    assert len(set(looked)) > 1


class TestSqlite:
    def test_the_file_of_an_old_generation_is_closed_and_removed(self, tmp_path: Path) -> None:
        store = SqliteFeatures(tmp_path)
        for number in range(3):
            store.write(AS_OF, [a_table(float(number))])
            store.look_up(["x"], ["ann"])

        left = sorted(it.name for it in tmp_path.glob("*.sqlite"))
        assert left == ["generation-2.sqlite", "generation-3.sqlite"]
        held = [str(it.readlink()) for it in Path("/proc/self/fd").iterdir() if it.is_symlink()]
        assert not [
            it
            for it in held
            if it.startswith((f"{tmp_path}/generation-1.", f"{tmp_path}/generation-2."))
        ]

    def test_what_a_killed_run_has_left_is_removed_and_never_served(self, tmp_path: Path) -> None:
        store = SqliteFeatures(tmp_path)
        store.write(AS_OF, [a_table(1.0)])
        (tmp_path / ".building-2").write_bytes(b"half")
        (tmp_path / "generation-2.sqlite").write_bytes(b"whole, and not yet in service")

        assert store.look_up(["x"], ["ann"]).generation.number == 1
        assert store.write(AS_OF, [a_table(3.0)]).number == 3
        assert sorted(it.name for it in tmp_path.iterdir()) == [
            ".lock", POINTER, "generation-1.sqlite", "generation-3.sqlite",
        ]  # fmt: skip

    def test_a_run_that_fails_takes_no_room_on_the_disk(self, tmp_path: Path) -> None:
        def rows() -> Iterator[tuple[FeatureValue, ...]]:
            yield "ann", 1.0
            raise OSError(28, "No space left on device")

        with pytest.raises(FeatureStoreError, match="No space left"):
            SqliteFeatures(tmp_path).write(AS_OF, [EntityTable("id", ("x",), 1, rows())])

        assert [it.name for it in tmp_path.iterdir()] == [".lock"]

    def test_two_materialisations_do_not_meet(self, tmp_path: Path) -> None:
        def rows() -> Iterator[tuple[FeatureValue, ...]]:
            with pytest.raises(FeatureStoreError, match="another materialisation"):
                SqliteFeatures(tmp_path).write(AS_OF, [a_table(2.0)])
            yield "ann", 1.0

        store = SqliteFeatures(tmp_path)
        store.write(AS_OF, [EntityTable("customer_id", ("x",), 1, rows())])

        assert [*(store.look_up(["x"], ["ann"]).rows[0] or ())] == [1.0]

    @pytest.mark.parametrize("damage", ["generation-1.sqlite", POINTER])
    def test_a_damaged_file_is_an_outage_and_no_crash(self, tmp_path: Path, damage: str) -> None:
        SqliteFeatures(tmp_path).write(AS_OF, [a_table(1.0)])
        (tmp_path / damage).write_bytes(b"x" * 5_000)

        with pytest.raises(FeaturesUnavailableError):
            SqliteFeatures(tmp_path).look_up(["x"], ["ann"])

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        with pytest.raises(FeatureStoreError, match=r"file/features: .*Fix: "):
            SqliteFeatures(tmp_path / "file" / "features").write(AS_OF, [a_table(1.0)])


class TestRedis:
    def test_a_redis_that_is_down_is_an_outage(self) -> None:
        store = RedisFeatures(RedisStore("redis://127.0.0.1:1/0"), 60)

        with pytest.raises(FeaturesUnavailableError, match="does not answer"):
            store.look_up(["x"], ["ann"])
        with pytest.raises(FeatureStoreError, match=r"features\.online_url"):
            store.write(AS_OF, [a_table(1.0)])

    def test_values_that_were_evicted_are_lost_and_not_unknown(
        self, redis_server: RedisServer
    ) -> None:
        store = RedisFeatures(RedisStore(redis_server.url), 60)
        number = store.write(AS_OF, [a_table(1.0)]).number
        with redis_server.connected() as client:
            client.delete(f"{PREFIX}:{number}:customer_id:0")

        with pytest.raises(FeaturesUnavailableError, match="lost"):
            store.look_up(["x"], ["ann"])

    def test_a_pointer_that_is_none_is_replaced(self, redis_server: RedisServer) -> None:
        with redis_server.connected() as client:
            client.set(POINTER_IN_REDIS, b"[]")

        RedisFeatures(RedisStore(redis_server.url), 3_600).write(AS_OF, [a_table(1.0)])

        found = RedisFeatures(RedisStore(redis_server.url), 3_600).look_up(["x"], ["ann"])
        assert found.rows[0] == [1.0]

    def test_all_but_the_pointer_expires(self, redis_server: RedisServer) -> None:
        store = RedisFeatures(RedisStore(redis_server.url), 3_600)
        old = store.write(AS_OF, [a_table(1.0)]).number
        new = store.write(AS_OF, [a_table(2.0)]).number

        with redis_server.connected() as client:
            lives = [client.ttl(f"{PREFIX}:{number}:customer_id:0") for number in (old, new)]
        assert 0 < lives[0] <= 60 < lives[1] <= 3_600
