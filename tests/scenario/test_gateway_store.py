"""What the store under the gateway holds to: whole or not at all, frozen once committed, nothing left over."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.data.objects.folder import WRITERS
from arkitekt_next.storage import data_tables as d
from tests.support.data import BUCKET, Access, Sending, blobs_named, commit_item, give, new_item, on_loop, set_item
from tests.support.disks import small_disk
from tests.support.raw import sign_in
from tests.support.waiting import until

MIB = 1024 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with serve(tmp_path / "hub", log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        yield running


def files(server: Any) -> set[str]:
    return {path.name for path in (server.folder / "objects").rglob("*") if path.is_file()}


def until_written(server: Any, more_than: int) -> None:
    until(lambda: len(files(server)) > more_than)


@pytest.mark.requirement("data.frozen")
def test_nothing_below_a_committed_item_changes(server: Any) -> None:
    access = give(server, new_item(server))
    s3, key = access.boto3(), f"{access.prefix}a"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"one")
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key=f"{access.prefix}p")["UploadId"]
    query = [("uploadId", begun)]
    etag = access.ask("PUT", f"{access.prefix}p", query=[*query, ("partNumber", "1")], body=b"x").headers["etag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    commit_item(server, access.grant.item)
    document = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode()
    done = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    asked = (
        *(("PUT", key, [], b"two"), ("PUT", f"{key}2", [], b"two"), ("DELETE", key, [], b"")),
        *(("POST", "", [("delete", "")], document), ("POST", key, [("uploads", "")], b"")),
        *(
            ("PUT", f"{access.prefix}p", [*query, ("partNumber", "2")], b"y"),
            ("POST", f"{access.prefix}p", query, done),
        ),
        ("DELETE", f"{access.prefix}p", query, b""),
    )
    for method, name, parameters, body in asked:
        answer = access.ask(method, name, query=parameters, body=body)
        assert (answer.status, answer.code) == (403, "AccessDenied"), (method, name)
        assert b"is committed" in answer.body
    copied = access.ask("PUT", f"{key}3", headers={"x-amz-copy-source": f"{BUCKET}/{key}"})
    assert (copied.status, copied.code) == (403, "AccessDenied")
    assert access.ask("GET", key).body == b"one"
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=access.prefix)["KeyCount"] == 1
    print(f"N = {len(asked) + 1} changes, 0 taken")


@pytest.mark.requirement("data.frozen", "data.whole")
@pytest.mark.parametrize("end", ["commit", "remove", "revoke"])
def test_what_ends_while_a_body_is_on_its_way_keeps_it_out(server: Any, end: str) -> None:
    access = give(server, new_item(server))
    key = f"{access.prefix}a"
    sending = Sending(access, key, 3 * MIB)
    sending.send(bytes(2 * MIB))
    until_written(server, 0)
    if end == "commit":
        commit_item(server, access.grant.item)
    elif end == "remove":
        set_item(server, access.grant.item, removed_at_us=now_us())
    else:
        on_loop(server, server.app.state.hub.grants.revoke(id=access.grant.id))
    sending.send(bytes(MIB))
    status, body = sending.end()
    assert status == (404 if end == "remove" else 403), body
    assert blobs_named(server) == set()
    until(lambda: files(server) == set())


@pytest.mark.requirement("data.whole")
def test_a_client_that_leaves_leaves_nothing(server: Any) -> None:
    access = give(server, new_item(server))
    key = f"{access.prefix}a"
    assert access.ask("PUT", key, body=b"old").status == 200
    for size in (0, 100, MIB, 3 * MIB):
        sending = Sending(access, key, 4 * MIB)
        sending.send(bytes(size))
        until_written(server, 1)
        assert access.ask("GET", key).body == b"old"
        sending.connection.close()
        until(lambda: len(files(server)) == 1)
    assert access.ask("GET", key).body == b"old"
    assert server.app.state.hub.objects.blobs.in_flight == set()


@pytest.mark.requirement("data.whole")
def test_a_reader_gets_one_version_while_writers_replace_it(server: Any) -> None:
    access = give(server, new_item(server))
    key = f"{access.prefix}a"
    versions = [bytes([number]) * (2 * MIB + number) for number in range(6)]
    assert access.ask("PUT", key, body=versions[0]).status == 200
    stop = threading.Event()
    read: list[bytes] = []

    def keep_reading() -> None:
        while not stop.is_set():
            answer = access.ask("GET", key)
            assert answer.status == 200
            read.append(answer.body)

    with ThreadPoolExecutor(10) as pool:
        readers = [pool.submit(keep_reading) for _ in range(3)]
        for _ in range(5):
            assert set(pool.map(lambda body: access.ask("PUT", key, body=body).status, versions)) == {200}
        stop.set()
        for reader in readers:
            reader.result()
    assert all(body in versions for body in read)
    on_loop(server, server.app.state.hub.objects.sweep(older_than_s=-1))
    assert len(files(server)) == 1
    print(f"N = {len(read)} reads of an object that was replaced 30 times")


@pytest.mark.requirement("data.whole")
def test_only_one_of_many_creates_an_object(server: Any) -> None:
    access = give(server, new_item(server))
    key = f"{access.prefix}a"

    def create(number: int) -> int:
        return access.ask("PUT", key, body=str(number).encode(), headers={"if-none-match": "*"}).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(create, range(16)))
    assert sorted(statuses) == [200] + [412] * 15
    assert access.ask("GET", key).body == str(statuses.index(200)).encode()
    etag = access.ask("HEAD", key).headers["etag"]
    assert access.ask("PUT", key, body=b"b", headers={"if-match": '"other"'}).status == 412
    assert access.ask("PUT", key, body=b"b", headers={"if-match": etag}).status == 200
    assert access.ask("PUT", key, body=b"c", headers={"if-match": etag}).status == 412
    assert access.ask("PUT", f"{key}2", body=b"c", headers={"if-match": etag}).status == 404
    until(lambda: len(files(server)) == 1)


@pytest.mark.requirement("data.quota")
def test_what_is_replaced_goes_at_once_however_many_write_at_a_time(server: Any) -> None:
    access = give(server, new_item(server))
    key, query = f"{access.prefix}a", [("uploadId", begin(access, f"{access.prefix}p"))]

    def put(number: int) -> int:
        return access.ask("PUT", key, body=b"%d" % number).status

    def put_or_delete(number: int) -> int:
        return access.ask("DELETE", key).status if number % 4 == 0 else put(number)

    def put_part(number: int) -> int:
        answer = access.ask("PUT", f"{access.prefix}p", query=[*query, ("partNumber", "1")], body=b"%d" % number)
        return answer.status

    with ThreadPoolExecutor(8) as pool:
        for work in (put, put_or_delete, put_part):
            for _ in range(8):
                assert set(pool.map(work, range(16))) <= {200, 204}
                assert files(server) == blobs_named(server)
    assert len(files(server)) <= 2


def begin(access: Access, key: str) -> str:
    """Begin an upload; give its id."""
    begun: str = access.boto3().create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    return begun


def put_parts(access: Access, key: str, upload: str, bodies: Sequence[bytes]) -> bytes:
    """Send the parts of an upload; give the document that completes it."""
    document = ""
    for number, body in enumerate(bodies, 1):
        query = [("uploadId", upload), ("partNumber", str(number))]
        etag = access.ask("PUT", key, query=query, body=body).headers["etag"]
        document += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
    return f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>".encode()


@pytest.mark.requirement("data.quota")
def test_parts_are_joined_once_however_often_an_upload_is_completed(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = give(server, new_item(server))
    key, bodies = f"{access.prefix}a", [b"1" * 100, b"2" * 100]
    upload = begin(access, key)
    document = put_parts(access, key, upload, bodies)
    blobs = server.app.state.hub.objects.blobs
    join, joins, late = blobs.join, [], threading.Event()

    async def join_slowly(names: Sequence[str]) -> Any:
        joins.append(names)
        await asyncio.to_thread(late.wait, 20)
        return await join(names)

    monkeypatch.setattr(blobs, "join", join_slowly)

    def complete(_: int) -> str:
        answer = access.ask("POST", key, query=[("uploadId", upload)], body=document)
        return f"{answer.status} {answer.code}"

    with ThreadPoolExecutor(9) as pool:
        said = pool.map(complete, range(8))
        until(lambda: joins)
        query = [("uploadId", upload), ("partNumber", "3")]
        part = pool.submit(access.ask, "PUT", key, query=query, body=b"late")
        until_written(server, 2)
        late.set()
        assert sorted(said) == ["200 ", *["404 NoSuchUpload"] * 7]
        assert (part.result().status, part.result().code) == (404, "NoSuchUpload")
    assert len(joins) == 1
    assert access.ask("GET", key).body == b"".join(bodies)
    assert files(server) == blobs_named(server)
    assert len(files(server)) == 1
    until(lambda: not server.app.state.hub.uploads._locks)


@pytest.mark.requirement("data.whole")
def test_what_is_not_on_the_disk_is_missing_without_saying_where_it_lay(server: Any) -> None:
    access = give(server, new_item(server))
    key = f"{access.prefix}a"
    assert access.ask("PUT", key, body=b"x").status == 200
    (lost,) = [path for path in (server.folder / "objects").rglob("*") if path.is_file()]
    lost.unlink()
    copied = access.ask("PUT", f"{key}2", headers={"x-amz-copy-source": f"{BUCKET}/{key}"})
    assert (copied.status, copied.code) == (404, "NoSuchKey")
    assert lost.name.encode() in copied.body
    assert str(server.folder).encode() not in copied.body


@pytest.mark.requirement("data.whole", "bar.disk-full")
def test_a_full_disk_refuses_with_the_reason_and_shows_nothing_half(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        if disk is None:
            pytest.skip("mounting a small disk needs root")
        with serve(disk.path / "hub", log_level="error") as server:
            sign_in(server.url, server.folder, "web")
            access = give(server, new_item(server))
            key = f"{access.prefix}a"
            assert access.ask("PUT", key, body=b"old").status == 200
            for _ in range(3):
                answer = access.ask("PUT", key, body=bytes(30 * MIB))
                assert (answer.status, answer.code) == (507, "StorageFull")
                assert b"disk is full" in answer.body
                assert access.ask("GET", key).body == b"old"
                until(lambda: len(files(server)) == 1)
            assert access.ask("PUT", key, body=bytes(MIB)).status == 200
            assert access.ask("GET", key).body == bytes(MIB)


def test_many_large_bodies_at_once_take_little_memory(server: Any) -> None:
    access = give(server, new_item(server))
    block = random.Random(1).randbytes(MIB)
    count, size = WRITERS + 8, 24
    process = psutil.Process()
    before = process.memory_info().rss
    seen = [before]

    def put(number: int) -> int:
        sending = Sending(access, f"{access.prefix}{number}", size * MIB)
        for _ in range(size):
            sending.send(block)
            seen.append(process.memory_info().rss)
        return sending.end()[0]

    with ThreadPoolExecutor(count) as pool:
        assert set(pool.map(put, range(count))) == {200}
    grown_mib = (max(seen) - before) / MIB
    assert grown_mib < 160
    extent = on_loop(server, server.app.state.hub.objects.sync(access.grant.team, access.grant.item))
    assert (extent.objects, extent.size_bytes) == (count, count * size * MIB)
    print(f"N = {count} bodies of {size} MiB at once, grown by {grown_mib:.0f} MiB")


def test_what_was_written_is_told_by_its_hash(server: Any) -> None:
    access = give(server, new_item(server))
    hub = server.app.state.hub
    bodies = {"b": b"2", "a/ä": b"1" * 100, "c": b""}
    for name, body in bodies.items():
        assert access.ask("PUT", access.prefix + name, body=body).status == 200
    stored = on_loop(server, hub.objects.head(f"{access.prefix}b"))
    assert stored.digest == hashlib.sha256(b"2").hexdigest()
    assert stored.etag == f"{stored.digest[:32]}-1"
    expected = hashlib.sha256()
    for name in ("a/ä", "b", "c"):
        expected.update(f"{name}\0{hashlib.sha256(bodies[name]).hexdigest()}\n".encode())
    extent = on_loop(server, hub.objects.sync(access.grant.team, access.grant.item))
    assert (extent.objects, extent.size_bytes, extent.digest) == (3, 101, expected.hexdigest())


@pytest.mark.requirement("data.whole")
def test_a_sweep_takes_what_nothing_names_and_only_that(server: Any) -> None:
    hub = server.app.state.hub
    access, other = give(server, new_item(server)), give(server, new_item(server))
    s3 = access.boto3()
    s3.put_object(Bucket=BUCKET, Key=f"{access.prefix}a", Body=b"kept")
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key=f"{access.prefix}p")["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key=f"{access.prefix}p", UploadId=begun, PartNumber=1, Body=b"kept too")
    dead = other.boto3().create_multipart_upload(Bucket=BUCKET, Key=f"{other.prefix}p")["UploadId"]
    other.boto3().upload_part(
        Bucket=BUCKET, Key=f"{other.prefix}p", UploadId=dead, PartNumber=1, Body=b"never completed"
    )
    commit_item(server, other.grant.item)
    sending = Sending(access, f"{access.prefix}b", 3 * MIB)
    sending.send(bytes(2 * MIB))
    until_written(server, 3)
    for number in range(5):
        (server.folder / "objects" / "aa").mkdir(exist_ok=True)
        (server.folder / "objects" / "aa" / f"aa{number:030x}").write_bytes(b"orphan")
    assert on_loop(server, hub.objects.sweep(older_than_s=3600)) == 0
    swept = on_loop(server, hub.objects.sweep(older_than_s=-1))
    assert swept == 5
    sending.send(bytes(MIB))
    assert sending.end()[0] == 200
    assert access.ask("GET", f"{access.prefix}a").body == b"kept"
    assert access.ask("GET", f"{access.prefix}b").body == bytes(3 * MIB)
    assert files(server) == blobs_named(server)
    assert len(files(server)) == 3
    assert on_loop(server, hub.objects.clear(access.grant.team, access.grant.item)) == 2
    assert (files(server), blobs_named(server)) == (set(), set())
    print(f"N = {swept} orphans")


def test_a_write_is_counted_so_that_a_commit_notices_it(server: Any) -> None:
    access = give(server, new_item(server))

    async def writes() -> int:
        async with server.app.state.hub.database.engine.connect() as db:
            row = (await db.execute(d.item.select().where(d.item.c.id == access.grant.item))).one()
            return int(row.writes)

    assert on_loop(server, writes()) == 0
    access.ask("PUT", f"{access.prefix}a", body=b"1")
    access.ask("DELETE", f"{access.prefix}a")
    assert on_loop(server, writes()) == 2


def test_grants_are_pruned_when_they_are_long_past(server: Any) -> None:
    access = give(server, new_item(server))
    grants = server.app.state.hub.grants
    day_us = 86_400_000_000
    assert on_loop(server, grants.prune(at_us=now_us() + day_us)) == 0
    assert on_loop(server, grants.prune(at_us=now_us() + day_us + 3_700_000_000)) == 1
    on_loop(server, grants.revoke(login=access.grant.login))  # what is known of it is forgotten
    assert access.ask("GET", access.prefix + "a").code == "InvalidAccessKeyId"
