"""Nobody reaches what is not theirs: each cell of `tests/support/access/matrix.txt`, which is written by hand, is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import WebSocketRoute

from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.route import Route
from arkitekt_next.hub.data.gateway.route import GatewayRoute
from arkitekt_next.wire.messages import FROM_CLIENT, kind_of
from tests.support.access.accounts import HUB, PEOPLE, SIGN_INS
from tests.support.access.asking import Probes
from tests.support.access.catalogue import CATALOGUE, RIGHTS, TASK_PROBES
from tests.support.access.data import DATA
from tests.support.access.gateway import GATEWAY
from tests.support.access.history import HISTORY
from tests.support.access.identities import IDENTITIES
from tests.support.access.messages import MESSAGE_PROBES
from tests.support.access.pages import MACHINE, PAGES
from tests.support.access.passkeys import PASSKEYS
from tests.support.access.public import PUBLIC
from tests.support.access.stage import Stage, open_stage
from tests.support.access.table import NOT_ASKED, Row, read_rows

SECTIONS: dict[str, Probes] = {
    "catalogue": CATALOGUE,
    "rights": RIGHTS,
    "tasks": TASK_PROBES,
    "data": DATA,
    "history": HISTORY,
    "people and teams": PEOPLE,
    "sign-ins": SIGN_INS,
    "hub": HUB,
    "public": PUBLIC,
    "machine": MACHINE,
    "pages": PAGES,
    "sign-in with a provider": IDENTITIES,
    "passkeys": PASSKEYS,
    "data gateway": GATEWAY,
    "messages": MESSAGE_PROBES,
}
ROWS = read_rows()
DEADLINE_S = 300.0


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=5, log_level="error") as running:
        yield running


async def ask(stage: Stage, row: Row) -> list[str]:
    """Ask the cells of a row; give those that are not as written."""
    probe = SECTIONS[row.section][row.what][row.subject]
    wrong = []
    for name, expected in row.cells.items():
        if expected != NOT_ASKED:
            got = await probe(stage, stage.actors[name])
            if got != expected:
                wrong.append(f"{row}: {name} expected {expected}, got {got}")
    return wrong


def cells_of(rows: list[Row]) -> int:
    return sum(1 for row in rows for cell in row.cells.values() if cell != NOT_ASKED)


@pytest.mark.requirement("guard.matrix", "guard.teams", "guard.roles")
@pytest.mark.parametrize("section", SECTIONS)
def test_everybody_gets_what_is_written_and_no_more(server: Any, section: str) -> None:
    rows = [row for row in ROWS if row.section == section]

    async def run() -> list[str]:
        async with asyncio.timeout(DEADLINE_S), open_stage(server) as stage:
            return [wrong for row in rows for wrong in await ask(stage, row)]

    wrong = asyncio.run(run())
    print(f"{section}: {cells_of(rows)} cells in {len(rows)} rows")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.requirement("guard.matrix", "guard.policies")
def test_every_route_and_every_message_has_a_row(server: Any) -> None:
    there = {f"ws {kind_of(kind)}" for kind in FROM_CLIENT}
    for route in server.app.routes:
        if isinstance(route, Route | GatewayRoute):
            there |= {f"{method} {route.path}" for method in route.methods or ()}
        else:
            assert isinstance(route, WebSocketRoute), route
    written = {row.what for row in ROWS}
    assert there - written == set(), "these have no row in the access matrix"
    assert written - there == set(), "these rows are about nothing that is there"
    print(f"N = {cells_of(ROWS)} cells in {len(ROWS)} rows, about {len(there)} routes and messages")


def test_every_row_can_be_asked() -> None:
    probes = {(s, what, subject) for s, part in SECTIONS.items() for what, row in part.items() for subject in row}
    assert {(row.section, row.what, row.subject) for row in ROWS} == probes
