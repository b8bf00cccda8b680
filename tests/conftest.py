"""What all tests share: one PostgreSQL server a session, started by the first test that needs it, and a watch over secrets."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.secrecy import Secrecy, watching

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


def pytest_configure(config: pytest.Config) -> None:
    """Let programs that the tests start hear Ctrl-C, also when the run itself was started not to (`nohup … &`)."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


_LONGEST_FIRST = ("web", "docs", "scenario", "contract")
"""Folders whose files take long; at the end several processes share what is short, and none waits for another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest. Files of the page follow each other, so that they share a browser."""
    places = {name: at for at, name in enumerate(_LONGEST_FIRST)}
    root = Path(__file__).parent
    items.sort(key=lambda item: places.get(item.path.relative_to(root).parts[0], len(places)))


_SECRECY: list[Secrecy] = []
_SEARCHED: list[tuple[int, int, int]] = []


@pytest.fixture(scope="session", autouse=True)
def secrecy() -> Iterator[Secrecy]:
    """Fail the run when a secret that a hub gave out lies in its folder: in its database, its log or a backup."""
    with watching() as kept:
        _SECRECY.append(kept)
        yield kept
    assert kept.found == []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was searched in one of several processes to the one that reports."""
    workeroutput = getattr(session.config, "workeroutput", None)
    if workeroutput is not None:
        workeroutput["searched"] = [(len(kept.secrets), kept.files, kept.size_bytes) for kept in _SECRECY]


def pytest_testnodedown(node: Any, error: object) -> None:
    """Take what was searched in a process that has ended; it is there only when tests run in several."""
    _SEARCHED.extend(getattr(node, "workeroutput", {}).get("searched", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was searched; a run that searched nothing would show nothing."""
    searched = [*_SEARCHED, *((len(kept.secrets), kept.files, kept.size_bytes) for kept in _SECRECY)]
    secrets, files, size_bytes = (sum(column) for column in zip(*searched, strict=True)) if searched else (0, 0, 0)
    terminalreporter.write_line(f"N = {secrets} secrets searched for in {files} files, {size_bytes >> 20} MiB")
