"""What all tests share: one PostgreSQL server a session, started by the first test that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from arkitekt_next.testing.database import PostgresServer


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    from arkitekt_next.testing.database import postgres_server

    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_session: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database for one test."""
    url = postgres_session.new_database()
    yield url
    postgres_session.drop_database(url)
