"""How the cells of the S3 subset are asked: no token opens it, and a grant or a presigned address whoever brings it."""

from __future__ import annotations

import asyncio

import httpx2

from arkitekt_next.hub.data.gateway.route import METHODS
from tests.support.data import BUCKET, Access, give, new_item

from .asking import Probe, Probes
from .stage import Actor, Stage

PATH = "/arkitekt-data/{key:path}"


def _unsigned(method: str, *, has_key: bool) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        item = await asyncio.to_thread(new_item, stage.server)
        path = f"/{BUCKET}/team/{stage.home}/{item}/a" if has_key else f"/{BUCKET}"
        answer = await actor.web.request(method, path, content=b"x" if method in ("PUT", "POST") else None)
        return str(answer.status_code)

    return probe


def _presigned(method: str) -> Probe:
    """Give an actor an address to read by; their own token stays out of it."""

    async def probe(stage: Stage, actor: Actor) -> str:
        def ask() -> str:
            access = give(stage.server, new_item(stage.server))
            key = f"{access.prefix}a"
            access.boto3().put_object(Bucket=BUCKET, Key=key, Body=b"x")
            operation = {"GET": "get_object", "HEAD": "head_object"}[method]
            address = access.boto3().generate_presigned_url(
                operation, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=60
            )
            answer = httpx2.request(method, address, timeout=20)
            assert answer.content == (b"x" if method == "GET" else b"")
            return "ok" if answer.status_code == 200 else str(answer.status_code)

        return await asyncio.to_thread(ask)

    return probe


def _beside(method: str, *, has_key: bool) -> Probe:
    """Ask for what belongs to one item by the grant of another, in the actor's own team."""

    async def probe(stage: Stage, actor: Actor) -> str:
        def ask() -> str:
            theirs = give(stage.server, new_item(stage.server))
            own = give(stage.server, new_item(stage.server, team=actor.team), team=actor.team, person=actor.person)
            theirs.boto3().put_object(Bucket=BUCKET, Key=f"{theirs.prefix}a", Body=b"x")
            answer = _ask(own, method, theirs.prefix, has_key=has_key)
            kept = theirs.boto3().get_object(Bucket=BUCKET, Key=f"{theirs.prefix}a")["Body"].read()
            return answer if kept == b"x" else f"{answer}, and it was changed"

        return await asyncio.to_thread(ask)

    return probe


def _ask(own: Access, method: str, prefix: str, *, has_key: bool) -> str:
    """Say how what lies below a prefix is given, or dealt with, by a grant of another one."""
    if has_key:
        begin = [("uploads", "")] if method == "POST" else []
        return str(own.ask(method, f"{prefix}a", query=begin, body=b"y" if method == "PUT" else b"").status)
    if method == "POST":
        body = f"<Delete><Object><Key>{prefix}a</Key></Object></Delete>".encode()
        answer = own.ask(method, query=[("delete", "")], body=body)
        return "none" if b"<Code>AccessDenied</Code>" in answer.body else str(answer.status)
    answer = own.ask(method, query=[("prefix", prefix)] if method == "GET" else [])
    return "ok" if answer.status == 200 else str(answer.status)


def _row(method: str, *, has_key: bool) -> dict[str, Probe]:
    row = {"without a grant": _unsigned(method, has_key=has_key)}
    if has_key and method in ("GET", "HEAD"):
        row["a presigned one"] = _presigned(method)
    if method != "OPTIONS":
        row["a grant of others"] = _beside(method, has_key=has_key)
    return row


GATEWAY: Probes = {
    **{f"{method} /{BUCKET}": _row(method, has_key=False) for method in METHODS},
    **{f"{method} {PATH}": _row(method, has_key=True) for method in METHODS},
}
