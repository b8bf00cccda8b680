"""The database contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from arkitekt_next.storage.engine import sqlite_url
from arkitekt_next.testing.database import DatabaseContract


class TestSqlite(DatabaseContract):
    @pytest.fixture
    def database_url(self, tmp_path: Path) -> str:
        return sqlite_url(tmp_path / "hub.db")


class TestPostgres(DatabaseContract):
    @pytest.fixture
    def database_url(self, postgres_url: str) -> str:
        return postgres_url
