"""Items over REST and the gateway, as a client has them that knows nothing but addresses, grants and boto3."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Mapping
from typing import Any

import httpx2

from arkitekt_next.data.keys import THUMBNAIL
from tests.support.raw import Message, RawClient

IMAGE: dict[str, Any] = {"shape": [3, 64, 48], "dtype": "uint16", "axes": ["c", "y", "x"]}
FILE: dict[str, Any] = {"name": "a.bin", "content_type": "application/octet-stream"}
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
"""A picture of one black pixel."""
METAS: dict[str, dict[str, Any]] = {
    "image": IMAGE,
    "array": {"shape": [7], "dtype": "float32", "axes": ["i"]},
    "table": {"columns": [{"name": "area", "type": "double"}], "rows": 3},
    "file": FILE,
}


def s3_of(grant: Mapping[str, Any]) -> Any:
    """Give a boto3 client that signs with a grant."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=grant["endpoint"],
        region_name=grant["region"],
        aws_access_key_id=grant["access_key"],
        aws_secret_access_key=grant["secret_key"],
        aws_session_token=grant["session_token"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def put(grant: Mapping[str, Any], path: str, body: bytes) -> None:
    """Write an object below a grant's prefix; blocks."""
    s3_of(grant).put_object(Bucket=grant["bucket"], Key=f"{grant['prefix']}{path}", Body=body)


def fetch(grant: Mapping[str, Any], path: str) -> bytes:
    """Read an object below a grant's prefix; blocks."""
    found = s3_of(grant).get_object(Bucket=grant["bucket"], Key=f"{grant['prefix']}{path}")
    return bytes(found["Body"].read())


def refusal(work: Any, *args: Any) -> str:
    """Do what is to be refused by the gateway; give the code; blocks."""
    from botocore.exceptions import ClientError

    try:
        work(*args)
    except ClientError as error:
        return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"
    return "done"


async def make(web: httpx2.AsyncClient, kind: str = "file", **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make an item; give it and the grant to write it."""
    body = {"kind": kind, "name": f"{kind} {uuid.uuid4().hex[:6]}", "meta": METAS[kind], **fields}
    answer = await web.post("/api/items", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return made["item"], made["grant"]


async def commit(web: httpx2.AsyncClient, item: str, **fields: Any) -> dict[str, Any]:
    """Commit an item."""
    answer = await web.post(f"/api/items/{item}/commit", json=fields)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def store(web: httpx2.AsyncClient, kind: str = "file", *, body: bytes = b"x", **fields: Any) -> dict[str, Any]:
    """Make an item, write one object, and commit it."""
    item, grant = await make(web, kind, **fields)
    await asyncio.to_thread(put, grant, "a.bin", body)
    return await commit(web, item["id"])


async def store_image(web: httpx2.AsyncClient, *, picture: bytes = PNG, **fields: Any) -> dict[str, Any]:
    """Make an image with a thumbnail, and commit it."""
    item, grant = await make(web, "image", **fields)
    await asyncio.to_thread(put, grant, THUMBNAIL, picture)
    return await commit(web, item["id"])


async def granted(web: httpx2.AsyncClient, item: str, mode: str = "read") -> dict[str, Any]:
    """Ask for a grant."""
    answer = await web.post(f"/api/items/{item}/grants", json={"mode": mode})
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def listed(web: httpx2.AsyncClient, **params: Any) -> list[str]:
    """List all items that fit, page by page; give their ids."""
    ids: list[str] = []
    while True:
        answer = await web.get("/api/items", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return ids
        params["cursor"] = page["next"]


async def code(work: Any) -> str:
    """Give status and code of a refused request, or `ok`."""
    answer = await work
    return "ok" if answer.status_code < 400 else f"{answer.status_code} {answer.json()['code']}"


def works_on_files(name: str, *, generator: bool = False, pure: bool = False, retries: int = 0) -> Message:
    """The published form of a function that takes a file, or none, and gives files."""
    port = {"kind": "structure", "identifier": "data.file"}
    raw: Message = {
        "name": name,
        "args": [{"key": "x", "required": False, "nullable": True, "default": None, **port}],
        "returns": [{"key": "out", **port}],
        "effects": "none" if pure else "unknown",
        "retries": retries,
    }
    if pure:
        raw["pure"] = True
    if generator:
        raw["kind"] = "generator"
    return raw


async def ended(caller: RawClient, task: str) -> Message:
    """Wait for a task's outcome."""
    return await caller.expect("outcome", task=task)
