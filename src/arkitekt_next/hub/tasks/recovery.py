"""After the hub was down: take back every task that had not ended, and wait for the agents that ran them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select, true

from arkitekt_next.hub.catalog.providers import Agent
from arkitekt_next.hub.catalog.service import Contract
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads
from arkitekt_next.wire.lifecycle import Status

from . import control, routing
from .live import CREDIT, LiveTask, Options

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.engine import RowMapping

    from .board import Board


async def recover(board: Board, *, downtime_s: float | None = None) -> None:
    """Load what this hub held when it stopped, or what it has just inherited.

    Agents get `restart_grace_s` beyond their own grace to come back (`downtime_s` when that is given): time a hub was
    down never counts against them.
    """
    extra_s = board.settings.restart_grace_s if downtime_s is None else downtime_s
    query = (
        select(t.agent, t.app.c.identifier, t.release.c.version)
        .join(t.app, t.app.c.id == t.agent.c.app_id)
        .join(t.release, t.release.c.id == t.agent.c.release_id)
        .where(t.agent.c.hub_id == board.hub, t.agent.c.gone_at_us.is_(None))
    )
    async with board.database.engine.connect() as db:
        rows = (await db.execute(query)).mappings().all()
    known = {agent.id for agent in board.agents.by_session.values()}
    for row in rows:
        if row["id"] not in known:
            agent = agent_of(row)
            board.agents.remember(agent)
            board.agents.start_grace(agent, agent.grace_s + extra_s)
    tasks = await take_back(board, true())
    if tasks or rows:
        log.info("recovered", tasks=tasks, agents=len(rows))


async def take_back(board: Board, condition: ColumnElement[bool]) -> int:
    """Load the tasks of this hub that fit `condition` and are not in memory; give how many."""
    last = select(func.max(t.event.c.number)).where(t.event.c.task_id == t.task.c.id).correlate(t.task)
    query = (
        select(t.task, last.scalar_subquery().label("last_number"))
        .where(t.task.c.hub_id == board.hub, t.task.c.ended_at_us.is_(None), condition)
        .order_by(t.task.c.id)
    )
    async with board.database.engine.connect() as db:
        rows = (await db.execute(query)).mappings().all()
    agents = {agent.id: agent for agent in board.agents.by_session.values()}
    count = 0
    keys: set[tuple[str, str]] = set()
    for row in rows:
        if row["id"] in board.live:
            continue
        await board.catalogue.learn(row["team_id"], row["action"])
        task = _take_task(board, row, agents)
        keys.add((task.contract.action.id, task.contract.signature_hash))
        board.relay.welcome_back(task.id)
        count += 1
    for key in keys & board.queues.keys():
        routing.drain(board, key)
    return count


def agent_of(row: RowMapping) -> Agent:
    """Rebuild a disconnected agent from its row (joined with app and release)."""
    return Agent(
        id=row["id"],
        team=row["team_id"],
        person=row["person_id"],
        app=row["identifier"],
        session=row["session"],
        hub=row["hub_id"],
        epoch=row["epoch"],
        mode=row["mode"],
        visibility=row["visibility"],
        release=row["version"],
        labels=frozenset(loads(row["labels"])),
        capacity=row["capacity"],
        grace_s=row["grace_us"] / 1e6,
        host=row["host"],
        environment=row["environment_hash"],
    )


def _take_task(board: Board, row: RowMapping, agents: dict[str, Agent]) -> LiveTask:
    task = task_of(board, row)
    board.remember(task)
    if task.options.timeout_s is not None:
        control.start_timeout(board, task)
    if task.status is Status.QUEUED:
        routing.enqueue(board, task)
        control.start_queue_timeout(board, task)
        return task
    agent = agents.get(row["agent_id"] or "")
    if agent is None:  # its agent was settled, but not this task: the hub died in between
        agent = agents[row["agent_id"] or ""] = _placeholder(board, row)
        board.agents.start_grace(agent, 0.0)
    task.agent = agent
    task.is_delivered = True
    agent.tasks[task.id] = task
    return task


def _placeholder(board: Board, row: RowMapping) -> Agent:
    return Agent(
        id=row["agent_id"] or "-",
        team=row["team_id"],
        person=row["person_id"],
        app="?",
        session=f"gone:{row['agent_id']}",
        hub=board.hub,
        epoch=row["epoch"],
        mode="prod",
        visibility="team",
        release="0",
        labels=frozenset(),
        capacity=1,
        grace_s=0.0,
    )


def task_of(board: Board, row: Any) -> LiveTask:
    """Rebuild a task from its row."""
    timeline = loads(row["timeline"])
    number = max([entry[0] for entry in timeline] + [row["last_number"] or 0])
    yields = row["yields"]
    task = LiveTask(
        id=row["id"],
        team=row["team_id"],
        person=row["person_id"],
        app=row["app"],
        reference=row["reference"],
        contract=_contract(board, row),
        args=row["args"],
        root=row["root_id"],
        origin=row["origin_hub_id"],
        queued_at_us=row["queued_at_us"],
        parent=row["parent_id"],
        options=Options.from_json(loads(row["options"])),
        visibility=row["visibility"],
        is_discreet=row["is_discreet"],
        version=row["version_id"],
        again_of=row["again_of"],
        status=Status(row["status"]),
        attempt=row["attempt"],
        failures=row["failures"],
        epoch=row["epoch"],
        number=number,
        settled=number,
        timeline=timeline,
        yields=yields,
        settled_yields=yields,
        credit=yields + CREDIT,
        progress=loads(row["progress"]) if row["progress"] else None,
        assigned_at_us=row["assigned_at_us"],
        started_at_us=row["started_at_us"],
        is_stored=True,
        is_awaited=row["parent_id"] is not None,
    )
    if any(entry[1] == "cancelling" and entry[3] == task.attempt for entry in timeline):
        task.cancel_reason = "cancelled before the hub restarted"
    return task


def _contract(board: Board, row: Any) -> Contract:
    action = board.catalogue.actions[(row["team_id"], row["action"])]
    known = action.contracts.get(row["definition_hash"])
    if known is not None:
        return known
    same = [c for c in action.contracts.values() if c.signature_hash == row["signature_hash"]]
    return same[0] if same else max(action.contracts.values(), key=lambda contract: contract.offered_at_us)
