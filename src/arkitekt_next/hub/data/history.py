"""The history of items and tasks, built from rows: which calls, people, releases and environments made what of what.

Where to go on is left to `data.provenance`. The rule: each node is shown only as far as its reader might look at it by
itself, and nothing is looked up beyond what they may not read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, false, or_, select

from arkitekt_next.data import provenance as p
from arkitekt_next.data.provenance import Direction, Edge, EdgeKind, Found, Graph, Walk, ref_of
from arkitekt_next.hub.tasks import access as tasks
from arkitekt_next.hub.tasks.links import INPUT, OUTPUT
from arkitekt_next.ports.references import compile_references
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import history_tables as h
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads

from . import access

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.data.provenance import Step
    from arkitekt_next.hub.catalog.service import Catalogue

_i = d.item.c
_t = t.task.c
_link = d.task_item.c
_v = h.function_version.c


@dataclass(slots=True)
class _Rows:
    """What was looked up until now. `closed` may not be gone through, `hidden` may not even be shown."""

    items: dict[str, Row[Any]] = field(default_factory=dict)
    tasks: dict[str, Any] = field(default_factory=dict)
    makers: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    hidden: list[str] = field(default_factory=list)

    def hide(self, ref: str) -> None:
        """Note that nothing of a node may be told."""
        self.closed.add(ref)
        self.hidden.append(ref)


async def trace(
    engine: AsyncEngine,
    catalogue: Catalogue,
    who: Principal,
    *,
    kind: Literal["item", "task"],
    id: str,
    direction: Direction,
    depth: int,
    most: int = p.NODE_LIMIT,
) -> Graph:
    """Give the history of an item or a task that somebody may read; the caller has asked whether they may."""
    walk = Walk(kind, id, direction, depth=depth, most=most)
    rows = _Rows()
    async with engine.connect() as db:
        while level := walk.take():
            await _look_up(db, who, rows, level)
            steps = walk.enter(level, rows.closed)
            if steps:
                walk.follow(steps, await _find(db, who, rows, steps, walk.most))
        nodes, edges = await _describe(db, catalogue, who, rows)
    shown, joined = p.hide(nodes, [*walk.edges, *edges], rows.hidden)
    root = ref_of(kind, id)
    hidden = set(rows.hidden)
    cut = [one for one in walk.cut.values() if one.ref not in hidden]
    return Graph(root=root, direction=direction, depth=depth, nodes=tuple(shown), edges=tuple(joined), cut=tuple(cut))


async def _look_up(db: AsyncConnection, who: Principal, rows: _Rows, level: Iterable[Step]) -> None:
    """Read the rows of a level, each at most once, and note which may not be read."""
    items = [step.id for step in level if step.kind == "item" and step.id not in rows.items]
    if items:
        query = select(d.item, access.readable(who).label("is_known")).where(
            _i.team_id == who.team, _i.id.in_(items), _i.committed_at_us.is_not(None)
        )
        found = {row.id: row for row in await db.execute(query)}
        for id in items:
            if id in found and found[id].is_known:
                rows.items[id] = found[id]
            elif ref_of("item", id) not in rows.closed:
                rows.hide(ref_of("item", id))
    calls = [step.id for step in level if step.kind == "task" and step.id not in rows.tasks]
    if calls:
        for id, row in (await _tasks_of(db, who, calls)).items():
            rows.tasks[id] = row
            if not row.is_readable:
                rows.closed.add(ref_of("task", id))
        for id in calls:
            if id not in rows.tasks and ref_of("task", id) not in rows.closed:
                rows.hide(ref_of("task", id))


async def _tasks_of(db: AsyncConnection, who: Principal, ids: Sequence[str]) -> dict[str, Any]:
    """Give the rows of tasks that somebody sees, with what ran them."""
    query = (
        select(
            *(column for column in t.task.c if column.key not in ("timeline", "progress", "returns", "error")),
            tasks.readable(who).label("is_readable"),
            _v.definition_hash.label("ran_definition_hash"),
            _v.function_hash,
            _v.release_id.label("ran_release_id"),
            _v.environment_hash,
            t.agent.c.release_id.label("agent_release_id"),
            t.agent.c.host,
        )
        .outerjoin(h.function_version, and_(_v.team_id == _t.team_id, _v.id == _t.version_id))
        .outerjoin(t.agent, and_(t.agent.c.team_id == _t.team_id, t.agent.c.id == _t.agent_id))
        .where(_t.team_id == who.team, _t.id.in_(ids), tasks.visible(who))
    )
    return {row.id: row for row in await db.execute(query)}


async def _find(db: AsyncConnection, who: Principal, rows: _Rows, steps: Sequence[Step], most: int) -> Found:
    """Look up what nodes are joined to."""
    items = [step.id for step in steps if step.kind == "item"]
    calls = [step.id for step in steps if step.kind == "task"]
    links = select(_link.task_id, _link.item_id, _link.role).where(
        _link.team_id == who.team,
        or_(_link.item_id.in_(items) if items else false(), _link.task_id.in_(calls) if calls else false()),
    )
    linked = (await db.execute(links.order_by(_link.task_id, _link.item_id).limit(most + 1))).all()
    used = [(row.task_id, row.item_id) for row in linked if row.role == INPUT]
    gave = [(row.task_id, row.item_id) for row in linked if row.role == OUTPUT]
    made = select(_i.id, _i.task_id).where(
        _i.team_id == who.team,
        _i.committed_at_us.is_not(None),
        or_(
            _i.id.in_([*items, *(item for _, item in gave)]),
            _i.task_id.in_(calls) if calls else false(),
        ),
    )
    stored = (await db.execute(made.order_by(_i.id).limit(most + 1))).all()
    given_in = set(used)
    for row in stored:
        givers = (task for task, item in gave if item == row.id and (task, item) not in given_in)
        maker = row.task_id or next(givers, None)
        if maker is not None:
            rows.makers[row.id] = maker
    kept = [(row.task_id, row.id) for row in stored if row.task_id in set(calls)]
    family = select(_t.parent_id, _t.id).where(
        _t.team_id == who.team,
        _t.parent_id.is_not(None),
        or_(_t.parent_id.in_(calls), _t.id.in_(calls)) if calls else false(),
    )
    called = (await db.execute(family.order_by(_t.id).limit(most + 1))).all() if calls else []
    return Found(
        made_by=rows.makers,
        used=used,
        gave=gave,
        stored=kept,
        called=[(row.parent_id, row.id) for row in called],
        was_cut=max(len(linked), len(stored), len(called)) > most,
    )


# -- what each node holds ------------------------------------------------------------------------------------


async def _describe(
    db: AsyncConnection, catalogue: Catalogue, who: Principal, rows: _Rows
) -> tuple[list[Any], list[Edge]]:
    nodes: list[Any] = [_item(row) for row in rows.items.values()]
    edges: list[Edge] = []
    shown = {f"item:{id}" for id in rows.items}
    for row in rows.tasks.values():
        if row.is_readable:
            await catalogue.learn(who.team, row.action)
        nodes.append(_task(catalogue, who.team, row, shown))
        source = ref_of("task", row.id)
        edges.append(Edge(kind=EdgeKind.ACTED_FOR, source=source, target=ref_of("person", row.person_id)))
        if not row.is_readable:
            continue
        release = row.ran_release_id or row.agent_release_id
        if release is not None:
            edges.append(Edge(kind=EdgeKind.RAN, source=source, target=ref_of("release", release)))
        if row.environment_hash is not None:
            target = ref_of("environment", row.environment_hash)
            edges.append(Edge(kind=EdgeKind.RAN_IN, source=source, target=target))
        if row.again_of in rows.tasks:
            edges.append(Edge(kind=EdgeKind.AGAIN_OF, source=source, target=ref_of("task", row.again_of)))
    for row in rows.items.values():
        if row.id not in rows.makers and row.task_id is None:
            target = ref_of("person", row.person_id)
            edges.append(Edge(kind=EdgeKind.ATTRIBUTED, source=ref_of("item", row.id), target=target))
    wanted = {edge.target for edge in edges}
    nodes += await _people(db, wanted)
    nodes += await _releases(db, who, wanted)
    nodes += await _environments(db, who, wanted)
    return nodes, edges


def _item(row: Row[Any]) -> p.ItemNode:
    return p.ItemNode(
        ref=ref_of("item", row.id),
        id=row.id,
        kind=row.kind,
        name=row.name,
        meta=loads(row.meta),
        digest=row.digest,
        size_bytes=row.size_bytes,
        app=row.app,
        is_temporary=row.is_temporary,
        parent=row.parent_id,
        created_at_us=row.created_at_us,
        committed_at_us=row.committed_at_us,
        trashed_at_us=row.trashed_at_us,
        removed_at_us=row.removed_at_us,
    )


def _task(catalogue: Catalogue, team: str, row: Any, shown: set[str]) -> p.TaskNode:
    told: dict[str, Any] = {}
    if row.is_readable:
        definition_hash = row.ran_definition_hash or row.definition_hash
        action = catalogue.actions.get((team, row.action))
        contract = action.contracts.get(definition_hash) if action is not None else None
        told = {
            "signature_hash": row.signature_hash,
            "definition_hash": definition_hash,
            "function_hash": row.function_hash or None,
            "effects": str(contract.definition.effects) if contract is not None else None,
            "host": row.host,
            "agent": row.agent_id,
            "arguments": _arguments(contract.definition.args if contract is not None else (), loads(row.args), shown),
        }
    same = ("id", "action", "status", "app", "attempt", "queued_at_us", "started_at_us", "ended_at_us")
    fields = {name: getattr(row, name) for name in same}
    return p.TaskNode(ref=ref_of("task", row.id), is_readable=bool(row.is_readable), **fields, **told)


def _arguments(ports: Sequence[Any], args: dict[str, Any], shown: set[str]) -> tuple[p.Argument, ...]:
    """Give the arguments in the order of the ports, each with the items in it that the graph shows."""
    walks = {port.key: compile_references((port,)) for port in ports}
    made = []
    for key in [*(key for key in walks if key in args), *(key for key in args if key not in walks)]:
        walk = walks.get(key)
        found = [ref_of("item", id) for id in walk({key: args[key]})] if walk is not None else []
        made.append(p.Argument(key=key, value=args[key], items=tuple(ref for ref in found if ref in shown)))
    return tuple(made)


def _ids(kind: str, refs: Iterable[str]) -> list[str]:
    return [ref.partition(":")[2] for ref in refs if ref.startswith(f"{kind}:")]


async def _people(db: AsyncConnection, wanted: set[str]) -> list[p.PersonNode]:
    query = select(t.person.c.id, t.person.c.name).where(t.person.c.id.in_(_ids("person", wanted)))
    rows = (await db.execute(query.order_by(t.person.c.id))).all()
    return [p.PersonNode(ref=ref_of("person", row.id), id=row.id, name=row.name) for row in rows]


async def _releases(db: AsyncConnection, who: Principal, wanted: set[str]) -> list[p.ReleaseNode]:
    """Give releases, each with the item that keeps its sources where the reader may read that."""
    r, s = t.release.c, h.release_source.c
    readable = select(_i.id).where(_i.id == s.item_id, access.usable(), access.readable(who)).exists()
    query = (
        select(t.release, t.app.c.identifier, s.item_id)
        .join(t.app, t.app.c.id == r.app_id)
        .outerjoin(h.release_source, and_(s.app_id == r.app_id, s.source_hash == r.source_hash, readable))
        .where(r.team_id == who.team, r.id.in_(_ids("release", wanted)))
        .order_by(r.id)
    )
    return [
        p.ReleaseNode(
            ref=ref_of("release", row.id),
            id=row.id,
            app=row.identifier,
            version=row.version,
            source_hash=row.source_hash,
            lock_hash=row.lock_hash,
            python=row.python,
            source=row.item_id,
        )
        for row in await db.execute(query)
    ]


async def _environments(db: AsyncConnection, who: Principal, wanted: set[str]) -> list[p.EnvironmentNode]:
    e = h.environment.c
    query = select(e.hash, e.body).where(e.team_id == who.team, e.hash.in_(_ids("environment", wanted)))
    rows = (await db.execute(query.order_by(e.hash))).all()
    return [p.EnvironmentNode(**loads(row.body), ref=ref_of("environment", row.hash), id=row.hash) for row in rows]
