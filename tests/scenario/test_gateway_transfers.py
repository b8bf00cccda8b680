"""Who takes their time with the gateway leaves places to others, be it with one address that needs no sign-in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.errors import HubBusy
from arkitekt_next.hub.data.objects import blobs
from arkitekt_next.hub.data.objects.folder import READERS, WRITERS
from arkitekt_next.hub.data.transfers import Transfers
from tests.support.data import BUCKET, Access, Sending, give, new_item
from tests.support.raw import sign_in
from tests.support.teams import join
from tests.support.waiting import scenario, until

pytestmark = pytest.mark.requirement("data.shared")

MIB = 1024 * 1024


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(blobs, "_PATIENCE_S", 1.0)
    with serve(tmp_path / "hub", log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        yield running


@pytest.fixture
def other(server: Any) -> Access:
    """Another person's grant, with an object below it."""
    person, _, _ = asyncio.run(join(server, "member"))
    access = give(server, new_item(server, person=person), person=person)
    assert access.ask("PUT", f"{access.prefix}x", body=b"there").status == 200
    return access


def free(server: Any) -> tuple[int, int]:
    """Give how many places to read and to write nobody has."""
    store = server.app.state.hub.objects.blobs
    return store._readers._value, store._writers._value


def read_slowly(access: Access, target: str) -> socket.socket:
    """Ask for an object and take nothing of it."""
    host, port = access.url.split("//")[1].split(":")
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asking.connect((host, int(port)))
    asking.sendall(f"GET {target} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
    return asking


def test_readers_who_take_nothing_leave_places_to_others(server: Any, other: Access) -> None:
    access = give(server, new_item(server))
    key = f"{access.prefix}big"
    assert access.ask("PUT", key, body=bytes(24 * MIB)).status == 200
    target = access.presigned(key)
    with ExitStack() as open_ones:
        for _ in range(READERS + 8):
            open_ones.enter_context(read_slowly(access, target))
        until(lambda: free(server)[0] <= READERS // 4)
        for _ in range(3):
            assert other.ask("GET", f"{other.prefix}x").body == b"there"
        refused = access.ask("GET", key)
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "SlowDown", "2")
        assert b"of yours" in refused.body
        assert free(server)[0] == READERS // 4
        assert access.ask("HEAD", key).status == 200
        assert access.ask("PUT", f"{access.prefix}small", body=b"x").status == 200
    until(lambda: free(server)[0] == READERS)
    assert access.ask("GET", f"{access.prefix}small").body == b"x"


def test_writers_who_send_nothing_leave_places_to_others(server: Any, other: Access) -> None:
    access = give(server, new_item(server))
    key = f"{access.prefix}p"
    s3, where = access.boto3(), {"Bucket": BUCKET, "Key": key}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    etag = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    document = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    done = f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>".encode()
    slow: list[Sending] = []
    for number in range(WRITERS):
        query = (("partNumber", str(number + 1)), ("uploadId", upload)) if number % 2 else ()
        slow.append(Sending(access, key if query else f"{key}{number}", 10, query=query))
        slow[-1].send(b"x")
    until(lambda: free(server)[1] <= WRITERS // 4)
    copied = {"x-amz-copy-source": f"{BUCKET}/{other.prefix}x"}
    assert other.ask("PUT", f"{other.prefix}y", body=b"y").status == 200
    assert other.ask("PUT", f"{other.prefix}z", headers=copied).status == 200
    assert access.ask("GET", f"{access.prefix}none").status == 404
    query, small = [("uploadId", upload)], f"{access.prefix}small"
    for refused in (
        access.ask("PUT", small, body=b"x"),
        access.ask("PUT", key, query=[*query, ("partNumber", "50")], body=b"x"),
        access.ask("POST", key, query=query, body=done),
    ):
        assert (refused.status, refused.code) == (503, "SlowDown")
    assert free(server)[1] == WRITERS // 4
    for sending in slow:
        sending.connection.close()
    until(lambda: free(server)[1] == WRITERS)
    assert access.ask("POST", key, query=query, body=done).status == 200
    assert access.ask("PUT", small, headers={"x-amz-copy-source": f"{BUCKET}/{key}"}).status == 200
    assert access.ask("GET", small).body == b"part"


@scenario
async def test_a_share_is_a_place_at_least_and_kept_as_long_as_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "_PATIENCE_S", 0.05)
    for places, share in ((1, 1), (2, 1), (4, 3), (READERS, 24)):
        transfers = Transfers(readers=places, writers=1)
        for _ in range(2):
            async with AsyncExitStack() as taken:
                for _ in range(share):
                    await taken.enter_async_context(transfers.reading("a"))
                with pytest.raises(HubBusy, match="too many transfers of yours"):
                    await taken.enter_async_context(transfers.reading("a"))
                await taken.enter_async_context(transfers.reading("b"))
                await taken.enter_async_context(transfers.writing("a"))
            assert not transfers._reading._shares
