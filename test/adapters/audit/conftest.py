from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters.audit.line import Writer
from app.adapters.audit.queueing import AuditQueue
from test.adapters.audit.books import LONG, Book, Counts, Make
from test.adapters.audit.places import Place
from test.audit_parts import a_key
from test.postgres_server import Postgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    is_sqlite = request.param == "sqlite"
    url = None if is_sqlite else request.getfixturevalue("postgres").new_database()
    found = Place(tmp_path, url, a_key())
    yield found
    found.leave()


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def make(book: Book, counts: Counts) -> Iterator[Make]:
    """Make a queue over the book; it is closed in the end."""
    made: list[AuditQueue] = []

    def make(
        *,
        is_strict: bool = False,
        flush_seconds: float = LONG,
        queue_bytes: int = 2**20,
        open_writer: Callable[[], Writer] = lambda: book,
    ) -> AuditQueue:
        queue = AuditQueue(
            open_writer,
            counts,
            is_strict=is_strict,
            flush_seconds=flush_seconds,
            queue_bytes=queue_bytes,
        )
        made.append(queue)
        return queue

    yield make
    book.problem = None
    book.may_write.set()
    for queue in made:
        queue.close()
