"""A hub that keeps its data on an S3 server of others' making: by settings alone, and nothing else is different."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from pydantic import SecretStr

from arkitekt_next import App, Array
from arkitekt_next.cli.main import cli
from arkitekt_next.embedded import serve
from arkitekt_next.errors import Conflict, HubBusy, RequestRefused, StorageFull
from arkitekt_next.hub.core.config import HubSettings
from arkitekt_next.hub.data.objects import bucket
from arkitekt_next.hub.data.objects.blobs import path_of
from arkitekt_next.hub.data.objects.bucket import CLAIM, PART_BYTES, Bucket, BucketBlobs
from arkitekt_next.hub.data.objects.contract import Mismatch
from arkitekt_next.storage.backup import restore
from tests.support.buckets import BUCKET, KEY_ID, SECRET, S3Server, s3_server
from tests.support.data import Sending, blobs_named, commit_item, give, new_item, on_loop
from tests.support.raw import sign_in
from tests.support.waiting import until

pytestmark = pytest.mark.requirement("data.bucket")

MIB = 1024 * 1024
BREAKS = 24


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"{BUCKET}/{re.sub('[^a-z0-9]+', '-', request.node.name)[:60]}"


@pytest.fixture
def server(s3: S3Server, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(tmp_path / "hub"))
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "state"))
    with serve(tmp_path / "hub", **s3.settings(data_bucket=prefix)) as running:
        sign_in(running.url, running.folder, "web")
        yield running


def held(s3: S3Server, prefix: str) -> set[str]:
    """Give the names of what a hub's part of the bucket holds."""
    below = prefix.partition("/")[2]
    names = {key.removeprefix(f"{below}/") for key in s3.everything() if key.startswith(f"{below}/")}
    return {name.rpartition("/")[2] for name in names - {CLAIM}}


def put(access: Any, name: str, body: bytes) -> None:
    access.boto3().put_object(Bucket=access.place.bucket, Key=f"{access.prefix}{name}", Body=body)


def get(access: Any, name: str, **options: Any) -> bytes:
    return bytes(
        access.boto3().get_object(Bucket=access.place.bucket, Key=f"{access.prefix}{name}", **options)["Body"].read()
    )


def test_arrays_pass_between_programs_by_way_of_the_bucket(server: Any, s3: S3Server, prefix: str) -> None:
    maker, caller = App("maker", url=server.url), App("caller", url=server.url)

    @maker.register
    def twice(values: np.ndarray) -> np.ndarray:
        return values * 2

    values = np.arange(3_000_000, dtype=np.uint32).reshape(1000, 3000)
    with maker.run_detached(), caller:
        stored = Array.save(values, name="kept")
        assert np.array_equal(caller.call("maker.twice", values), values * 2)
        assert np.array_equal(Array.get(stored.id).numpy(), values)
        assert np.array_equal(np.asarray(Array.get(stored.id)[500:502, 7:9]), values[500:502, 7:9])
    assert held(s3, prefix) == blobs_named(server)
    assert not (server.folder / "objects").exists()


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 7])
def test_bodies_of_every_size_come_back(server: Any, size: int) -> None:
    access = give(server, new_item(server))
    body = np.random.default_rng(size).bytes(size)
    put(access, "a", body)
    assert hashlib.sha256(get(access, "a")).digest() == hashlib.sha256(body).digest()
    if size > 10:
        assert get(access, "a", Range="bytes=-9") == body[-9:]
        assert get(access, "a", Range=f"bytes={size // 2}-{size // 2 + 4}") == body[size // 2 : size // 2 + 5]


def test_what_breaks_off_or_is_changed_on_its_way_leaves_nothing(server: Any, s3: S3Server, prefix: str) -> None:
    access = give(server, new_item(server))
    for size, sent in ((4 * PART_BYTES, 3 * PART_BYTES), (1000, 10)):
        sending = Sending(access, f"{access.prefix}a", size)
        for _ in range(0, sent, MIB):
            sending.send(bytes(min(sent, MIB)))
        sending.connection.close()
    wrong = hashlib.sha256(b"other").hexdigest()
    for body in (bytes(2 * PART_BYTES), b"small"):
        got = access.ask("PUT", f"{access.prefix}b", body=body, payload=wrong)
        assert (got.status, got.code) == (400, "XAmzContentSHA256Mismatch")
    until(lambda: not server.app.state.hub.objects.blobs.in_flight and not held(s3, prefix))
    assert access.ask("GET", f"{access.prefix}a").status == 404


def test_parts_become_one_object_and_what_is_replaced_or_deleted_goes(server: Any, s3: S3Server, prefix: str) -> None:
    access = give(server, new_item(server))
    client, where = access.boto3(), {"Bucket": access.place.bucket, "Key": f"{access.prefix}big"}
    begun = client.create_multipart_upload(**where)["UploadId"]
    parts = [np.random.default_rng(n).bytes(size) for n, size in enumerate((9 * MIB, 5 * MIB, 3))]
    tags = [
        client.upload_part(**where, UploadId=begun, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(parts, 1)
    ]
    client.complete_multipart_upload(
        **where,
        UploadId=begun,
        MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]},
    )
    assert get(access, "big") == b"".join(parts)
    put(access, "small", b"one")
    put(access, "small", b"another")
    until(lambda: len(held(s3, prefix)) == 2)
    client.delete_object(**where)
    until(lambda: held(s3, prefix) == blobs_named(server))
    assert (get(access, "small"), len(held(s3, prefix))) == (b"another", 1)


def test_a_sweep_takes_what_nothing_names_and_nothing_that_is_not_the_hubs(
    server: Any, s3: S3Server, prefix: str
) -> None:
    access = give(server, new_item(server))
    put(access, "a", b"kept")
    below = prefix.partition("/")[2]
    orphan, alien = path_of("ab" + "0" * 30), ("notes.txt", "ab/other", f"ab/{'ab' + '1' * 30}/deeper")
    for key in (orphan, *alien):
        s3.client.put_object(Bucket=BUCKET, Key=f"{below}/{key}", Body=b"x")
    objects = server.app.state.hub.objects
    assert on_loop(server, objects.sweep(older_than_s=3600)) == 0
    assert on_loop(server, objects.sweep(older_than_s=-3)) == 1
    left = {key.removeprefix(f"{below}/") for key in s3.everything() if key.startswith(below)}
    assert left == {path_of(name) for name in blobs_named(server)} | set(alien) | {CLAIM}


def health(server: Any) -> tuple[int, str, list[str]]:
    """Ask the hub how it is."""
    try:
        with urllib.request.urlopen(f"{server.url}/health", timeout=20) as answer:
            status, body = answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        status, body = refused.code, json.load(refused)
    return status, body["status"], body["reasons"]


def test_a_server_that_is_away_is_said_to_be_and_all_goes_on_when_it_is_back(
    server: Any, s3: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = give(server, new_item(server))
    put(access, "a", b"kept")
    blobs = blobs_named(server)
    monkeypatch.setattr(bucket, "LOOK_EVERY_S", 0.0)
    assert health(server) == (200, "ok", [])
    s3.stop()
    try:
        assert health(server) == (200, "degraded", ["no data: the place where the data lies can't be reached"])
        for method, name, body in (("PUT", "b", b"new"), ("GET", "a", b"")):
            got = access.ask(method, f"{access.prefix}{name}", body=body)
            assert (got.status, got.code, got.headers["retry-after"]) == (503, "SlowDown", "5"), got.body
            assert b"the place where the data lies can&#x27;t be reached" in got.body
            told = got.body.decode().replace(access.prefix, "")
            assert not [said for said in (SECRET, BUCKET, prefix, s3.url.split(":")[-1], *blobs) if said in told], told
    finally:
        s3.start()
    put(access, "b", b"new")
    assert (get(access, "a"), get(access, "b")) == (b"kept", b"new")
    assert health(server) == (200, "ok", [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data_bucket": "no-such-bucket"}, "there is no such bucket"),
        ({"data_endpoint": "http://127.0.0.1:9"}, "can't be reached"),
    ],
)
def test_a_hub_that_cannot_use_its_bucket_does_not_open_and_says_why(
    s3: S3Server, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Conflict) as refused, serve(tmp_path, **s3.settings(**change)):
        pass
    text = str(refused.value)
    assert reason in text
    assert "data_key_id" in text
    assert SECRET not in text


def test_settings_that_do_not_go_together_are_refused_without_quoting_the_secret(tmp_path: Path) -> None:
    for given, missing in (
        ({"data_bucket": "lab"}, "data_key_id and data_secret_key"),
        ({"data_secret_key": SECRET, "data_key_id": "k"}, "data_bucket"),
        ({"data_endpoint": "https://s3.lab"}, "data_bucket"),
    ):
        with pytest.raises(RequestRefused, match=missing) as refused:
            HubSettings.load(folder=tmp_path, **given)
        assert SECRET not in str(refused.value)
    for name in ("UPPER", "a", "lab/../x", "lab//x", "/lab"):
        with pytest.raises(RequestRefused, match="data_bucket"):
            HubSettings.load(folder=tmp_path, data_bucket=name, data_key_id="k", data_secret_key=SECRET)


def test_a_hub_moves_its_data_into_a_bucket_and_back_by_copying(s3: S3Server, prefix: str, tmp_path: Path) -> None:
    folder, below = tmp_path / "hub", prefix.partition("/")[2]
    with serve(folder, log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        access = give(running, new_item(running))
        put(access, "a", b"moved")
        item = access.grant.item
    there = s3.settings(data_bucket=prefix)
    with pytest.raises(Conflict, match="of 1 objects 1 are not there"), serve(folder, **there):
        pass
    files = [path for path in (folder / "objects").rglob("*") if path.is_file()]
    for path in files:
        key = f"{below}/{path.relative_to(folder / 'objects').as_posix()}"
        s3.client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        path.unlink()
    with serve(folder, **there) as running:
        assert get(give(running, item), "a") == b"moved"
        put(give(running, item), "b", b"in the bucket")
    with pytest.raises(Conflict, match="take back the settings"), serve(folder, log_level="error"):
        pass
    for key in s3.everything():
        if key.startswith(f"{below}/") and not key.endswith(CLAIM):
            target = folder / "objects" / key.removeprefix(f"{below}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(s3.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    with serve(folder, log_level="error") as running:
        assert get(give(running, item), "b") == b"in the bucket"


def test_a_backup_says_that_the_data_lies_elsewhere_and_a_restored_hub_finds_it(
    s3: S3Server, prefix: str, tmp_path: Path
) -> None:
    settings = s3.settings(data_bucket=prefix)
    with serve(tmp_path / "hub", **settings) as running:
        sign_in(running.url, running.folder, "web")
        access = give(running, new_item(running))
        put(access, "a", b"kept")
        commit_item(running, access.grant.item)
        said = CliRunner().invoke(cli, ["hub", "backup", str(tmp_path / "b"), "--folder", str(tmp_path / "hub")])
    assert said.exit_code == 0, said.output
    assert f"it lies in s3://{prefix} at {s3.url}" in " ".join(said.output.split())
    told = CliRunner().invoke(cli, ["hub", "backup", str(tmp_path / "c"), "--folder", str(tmp_path / "hub"), "--json"])
    assert json.loads(told.output)["data_place"] == f"s3://{prefix} at {s3.url}"
    restore(tmp_path / "b", tmp_path / "other")
    with serve(tmp_path / "other", **settings) as running:
        assert get(give(running, access.grant.item, "read"), "a") == b"kept"


def test_the_servers_keys_are_nowhere_but_in_the_settings(server: Any) -> None:
    access = give(server, new_item(server))
    put(access, "a", b"x")
    with pytest.raises(ClientError):
        access.boto3().get_object(Bucket=BUCKET, Key=f"{access.prefix}a")
    for path in server.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in repr(server.app.state.hub.settings)


@pytest.mark.parametrize(
    ("status", "code", "error", "reason"),
    [
        (507, "XMinioStorageFull", StorageFull, "XMinioStorageFull"),
        (403, "QuotaExceeded", StorageFull, "QuotaExceeded"),
        (403, "AccessDenied", HubBusy, "the server answers AccessDenied"),
        (500, "InternalError", HubBusy, "Server returned"),
    ],
)
def test_what_the_server_refuses_is_told_by_what_it_is(
    status: int, code: str, error: type[Exception], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Mock()
    monkeypatch.setattr(bucket, "log", log)
    with answering(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>") as url:

        async def body() -> AsyncIterator[bytes]:
            yield bytes(100)

        async def write() -> None:
            place = Bucket(BUCKET, "", url, "us-east-1", KEY_ID, SecretStr(SECRET))
            blobs = BucketBlobs(place)
            with pytest.raises(error) as refused:
                await blobs.write(body())
            told = json.dumps(refused.value.to_json())
            assert not [said for said in (SECRET, BUCKET, url, url.split(":")[-1]) if said in told], told
            assert (reason in told) is (error is StorageFull)
            logged = log.error.call_args.kwargs
            assert (logged["place"], reason in logged["reason"]) == (place.place, True)
            with pytest.raises(Conflict, match="the key has to be allowed") as unusable:
                await blobs.open("me")
            assert reason in str(unusable.value)
            assert place.place in str(unusable.value)
            assert SECRET not in str(unusable.value)

        asyncio.run(write())


@contextmanager
def answering(status: int, text: str) -> Iterator[str]:
    """Run a server that answers everything alike."""

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_PUT = do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.handle_error = lambda *_: None  # who asks may have gone
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_two_hubs_never_keep_their_data_in_one_place(server: Any, s3: S3Server, prefix: str, tmp_path: Path) -> None:
    access = give(server, new_item(server))
    put(access, "a", b"kept")
    settings = s3.settings(data_bucket=prefix)
    with (
        pytest.raises(Conflict, match=r"Another hub, .* keeps its data in") as refused,
        serve(tmp_path / "b", **settings),
    ):
        pass
    assert "data_bucket=name/folder" in str(refused.value)
    with serve(tmp_path / "c", **s3.settings(data_bucket=f"{prefix}/inner")) as third:
        put(give(third, new_item(third)), "a", b"beside it")
        assert on_loop(third, third.app.state.hub.objects.sweep(older_than_s=-3)) == 0
        assert on_loop(server, server.app.state.hub.objects.sweep(older_than_s=-3)) == 0
        assert len(held(s3, f"{prefix}/inner")) == 1
    below = prefix.partition("/")[2]
    orphan = f"{below}/{path_of('ab' + '0' * 30)}"
    s3.client.put_object(Bucket=BUCKET, Key=orphan, Body=b"x")
    s3.client.put_object(Bucket=BUCKET, Key=f"{below}/{CLAIM}", Body=b"somebody who took it over")
    assert on_loop(server, server.app.state.hub.objects.sweep(older_than_s=-3)) == 0
    assert orphan in s3.everything()
    assert get(access, "a") == b"kept"


def test_what_is_given_up_keeps_its_place_until_nothing_of_it_is_left(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield bytes(PART_BYTES)
        raise OSError("the sender broke off")

    async def write() -> None:
        goes_on = asyncio.Event()
        give_up = bucket._Sending.give_up

        async def slowly(sending: Any) -> None:
            await goes_on.wait()
            await give_up(sending)

        monkeypatch.setattr(bucket._Sending, "give_up", slowly)
        blobs = BucketBlobs(Bucket(BUCKET, "slow", s3.url, "us-east-1", KEY_ID, SecretStr(SECRET)))
        for _ in range(blobs.writers):
            with pytest.raises(OSError, match="broke off"):
                await blobs.write(body())
        assert blobs._writers.locked()
        goes_on.set()
        await blobs.close()
        assert not blobs._writers.locked()

    asyncio.run(write())
    assert held(s3, f"{BUCKET}/slow") == set()


@pytest.mark.alone  # a server that drops connections under load makes parts that nobody is told of
def test_no_way_of_breaking_off_leaves_parts_on_the_server(s3: S3Server) -> None:
    async def body(number: int) -> AsyncIterator[bytes]:
        for _ in range(3 * PART_BYTES // MIB):
            yield bytes(MIB)
        if number % 3 == 0:
            raise OSError("the sender broke off")
        await asyncio.sleep(0 if number % 3 == 1 else 60)

    async def write() -> None:
        blobs = BucketBlobs(Bucket(BUCKET, "broken", s3.url, "us-east-1", KEY_ID, SecretStr(SECRET)))
        for number in range(BREAKS):
            work = asyncio.ensure_future(blobs.write(body(number), digest="0" * 64 if number % 3 == 1 else None))
            if number % 3 == 2:
                await asyncio.sleep(0.02 * number)
                work.cancel()
            with pytest.raises((OSError, Mismatch, asyncio.CancelledError)):
                await work
        await blobs.close()

    asyncio.run(write())
    assert held(s3, f"{BUCKET}/broken") == set()
    assert s3.uploads("broken/") == 0
    print(f"N = {BREAKS} uploads broken off")
