"""Programs that speak S3 already read and write through the gateway with nothing but a grant."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import random
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from arkitekt_next.data import sigv4
from arkitekt_next.embedded import serve
from tests.support.data import BUCKET, Access, Got, Sent, give, new_item
from tests.support.raw import sign_in

pytestmark = pytest.mark.requirement("data.store")

ROWS = 20_000


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        yield running


@pytest.fixture
def access(server: Any) -> Access:
    return give(server, new_item(server))


# -- boto3 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [True, False])
def test_boto3_sends_files_in_parts_and_fetches_them_by_ranges(access: Access, tmp_path: Path, signature: bool) -> None:
    s3 = access.boto3(s3={"addressing_style": "path", "payload_signing_enabled": signature})
    (tmp_path / "a").write_bytes(data := random.Random(1).randbytes(21_000_000))
    s3.upload_file(str(tmp_path / "a"), BUCKET, f"{access.prefix}a")
    s3.download_file(BUCKET, f"{access.prefix}a", str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == data
    s3.copy({"Bucket": BUCKET, "Key": f"{access.prefix}a"}, BUCKET, f"{access.prefix}c")
    assert s3.head_object(Bucket=BUCKET, Key=f"{access.prefix}c")["ContentLength"] == len(data)


@pytest.mark.parametrize("when", ["when_supported", "when_required"])
@pytest.mark.parametrize("algorithm", [None, "CRC32", "SHA256", "SHA1"])
def test_boto3_sends_checksums_in_headers_and_trailers(access: Access, when: str, algorithm: str | None) -> None:
    s3 = access.boto3(request_checksum_calculation=when, response_checksum_validation=when)
    more = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    data = random.Random(2).randbytes(300_000)
    s3.put_object(Bucket=BUCKET, Key=f"{access.prefix}a", Body=data, **more)
    s3.put_object(Bucket=BUCKET, Key=f"{access.prefix}b", Body=io.BytesIO(data), **more)
    for name in "ab":
        assert s3.get_object(Bucket=BUCKET, Key=f"{access.prefix}{name}")["Body"].read() == data


def test_a_hash_is_given_with_what_is_read(access: Access) -> None:
    access.ask("PUT", f"{access.prefix}a", body=b"hello")
    got = access.boto3().get_object(Bucket=BUCKET, Key=f"{access.prefix}a", ChecksumMode="ENABLED")
    assert got["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"hello").digest()).decode()


def test_checksums_that_are_wrong_keep_a_body_out(access: Access) -> None:
    key = f"{access.prefix}a"
    wrong = {
        "content-md5": base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode(),
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"other").digest()).decode(),
        "x-amz-checksum-sha1": base64.b64encode(hashlib.sha1(b"other", usedforsecurity=False).digest()).decode(),
        "x-amz-checksum-crc32": base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode(),
    }
    for name, value in wrong.items():
        answer = access.ask("PUT", key, body=b"this", headers={name: value})
        assert (answer.status, answer.code) == (400, "BadDigest"), name
        for malformed in ("", "x", value + "AAAA", "é".encode().decode("latin-1")):
            assert access.ask("PUT", key, body=b"this", headers={name: malformed}).code == "InvalidDigest", name
    signed = access.ask("PUT", key, body=b"this", payload=hashlib.sha256(b"that").hexdigest())
    assert (signed.status, signed.code) == (400, "XAmzContentSHA256Mismatch")
    assert access.ask("HEAD", key).status == 404


# -- bodies in signed chunks -----------------------------------------------------------------------------------


class Chunked:
    """Writes an aws-chunked body by hand, as the reference says; `spoil` changes one of its parts."""

    def __init__(self, access: Access, payload: str, *, trailer: str = "", spoil: str = "") -> None:
        self.access, self.payload, self.trailer, self.spoil = access, payload, trailer, spoil
        self.is_signed = payload != sigv4.STREAMING_UNSIGNED_TRAILER

    def put(self, key: str, data: bytes, *, size: int = 65536, length: int | None = None) -> Got:
        headers = {
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(data) if length is None else length),
        }
        if self.trailer:
            headers["x-amz-trailer"] = self.trailer

        def change(sent: Sent) -> None:
            sent.body = self._body(sent, data, size)

        return self.access.ask("PUT", key, headers=headers, payload=self.payload, change=change)

    def _body(self, sent: Sent, data: bytes, size: int) -> bytes:
        at = sent.headers["x-amz-date"]
        scope = f"{at[:8]}/us-east-1/s3/aws4_request"
        key = f"AWS4{self.access.keys.secret_key}".encode()
        for part in (at[:8], "us-east-1", "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        last = sent.headers["authorization"].rpartition("=")[2]
        text = b""
        for start in (*range(0, len(data), size), None):
            part = data[start : start + size] if start is not None else b""
            hashed = f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(part).hexdigest()}"
            said = f"AWS4-HMAC-SHA256-PAYLOAD\n{at}\n{scope}\n{last}\n{hashed}"
            last = hmac.digest(key, said.encode(), "sha256").hex()
            if self.spoil == "data" and start == size:
                part = bytes(len(part))
            if self.spoil == "order" and start == size:
                last = hashlib.sha256(b"x").hexdigest()
            head = f"{len(part):x};chunk-signature={last}" if self.is_signed else f"{len(part):x}"
            text += head.encode() + b"\r\n" + (part + b"\r\n" if part else b"")
            if self.spoil == "cut" and start == size:
                return text
        if self.trailer:
            checksum = base64.b64encode(zlib.crc32(data + b"x" * (self.spoil == "checksum")).to_bytes(4, "big"))
            line = b"x-amz-checksum-crc32:" + checksum
            hashed = hashlib.sha256(line + b"\n").hexdigest()
            said = f"AWS4-HMAC-SHA256-TRAILER\n{at}\n{scope}\n{last}\n{hashed}"
            signature = hmac.digest(key, said.encode(), "sha256").hex()
            text += b"" if self.spoil == "no trailer" else line + b"\r\n"
            if self.is_signed and self.spoil != "no signature":
                signature = signature[::-1] if self.spoil == "trailer" else signature
                text += b"x-amz-trailer-signature:" + signature.encode() + b"\r\n"
        return text + b"\r\n"


FORMS = (
    (sigv4.STREAMING, ""),
    (sigv4.STREAMING_TRAILER, "x-amz-checksum-crc32"),
    (sigv4.STREAMING_UNSIGNED_TRAILER, "x-amz-checksum-crc32"),
)


@pytest.mark.parametrize(("payload", "trailer"), FORMS)
@pytest.mark.parametrize("size", [0, 1, 65536, 200_000])
def test_a_body_in_chunks_is_taken_as_it_is(access: Access, payload: str, trailer: str, size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert Chunked(access, payload, trailer=trailer).put(f"{access.prefix}a", data).status == 200
    assert access.ask("GET", f"{access.prefix}a").body == data


def test_a_body_in_chunks_that_was_changed_is_not_taken(access: Access) -> None:
    data = random.Random(1).randbytes(200_000)
    tried = 0
    for payload, trailer in FORMS:
        spoils = ["cut", "data", "order"] if payload != sigv4.STREAMING_UNSIGNED_TRAILER else ["cut"]
        spoils += ["checksum", "no trailer"] if trailer else []
        spoils += ["trailer", "no signature"] if payload == sigv4.STREAMING_TRAILER else []
        for spoil in spoils:
            answer = Chunked(access, payload, trailer=trailer, spoil=spoil).put(f"{access.prefix}a", data)
            assert 400 <= answer.status < 500, (payload, spoil)
            tried += 1
        for length in (len(data) - 1, len(data) + 1, 0, 6 * 1024**3):
            answer = Chunked(access, payload, trailer=trailer).put(f"{access.prefix}a", data, length=length)
            assert 400 <= answer.status < 500, (payload, length)
            tried += 1
    for payload, trailer in (
        (sigv4.STREAMING, "x-amz-checksum-crc32"),
        (sigv4.STREAMING_TRAILER, ""),
        (sigv4.UNSIGNED, "a"),
    ):
        answer = Chunked(access, payload, trailer=trailer).put(f"{access.prefix}a", data)
        assert 400 <= answer.status < 500, (payload, trailer)
        tried += 1
    for payload in ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING", ""):
        answer = access.ask("PUT", f"{access.prefix}a", body=b"x", payload=payload or " ")
        assert answer.status == 400, payload
        tried += 1
    assert access.ask("HEAD", f"{access.prefix}a").status == 404
    print(f"N = {tried} chunked bodies, 0 taken")


# -- other programs --------------------------------------------------------------------------------------------


def test_duckdb_reads_and_writes_parquet_over_a_grant(access: Access) -> None:
    import duckdb
    from obstore.fsspec import FsspecStore

    db = duckdb.connect()
    keys = access.keys
    db.register_filesystem(
        FsspecStore(
            "s3",
            config={
                "endpoint": access.url,
                "region": sigv4.REGION,
                "access_key_id": keys.access_key,
                "secret_access_key": keys.secret_key,
                "session_token": keys.session_token,
            },
            client_options={"allow_http": True},
        )
    )
    address = f"s3://{BUCKET}/{access.prefix}t.parquet"
    db.execute(f"COPY (SELECT range AS a, range * 2 AS b FROM range({ROWS})) TO '{address}' (FORMAT parquet)")
    count, total = db.execute(f"SELECT count(*), sum(b) FROM read_parquet('{address}') WHERE a >= 10").fetchone() or ()
    assert (count, total) == (ROWS - 10, ROWS * (ROWS - 1) - 90)


def test_duckdbs_own_reader_of_s3_reads_and_writes_with_a_grant(access: Access) -> None:
    import duckdb

    db = duckdb.connect()
    try:
        db.execute("LOAD httpfs")
    except duckdb.Error as error:
        pytest.skip(f"duckdb has no httpfs here: {error}")
    keys = access.keys
    db.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{keys.access_key}', SECRET '{keys.secret_key}', "
        f"SESSION_TOKEN '{keys.session_token}', REGION '{sigv4.REGION}', URL_STYLE 'path', USE_SSL false, "
        f"ENDPOINT '{access.url.split('//')[1]}')"
    )
    address = f"s3://{BUCKET}/{access.prefix}"
    db.execute(f"COPY (SELECT range AS a FROM range({ROWS})) TO '{address}t.parquet' (FORMAT parquet)")
    assert db.execute(f"SELECT sum(a) FROM read_parquet('{address}*.parquet')").fetchone() == (ROWS * (ROWS - 1) // 2,)


def test_pyarrow_reads_and_writes_over_a_grant(access: Access) -> None:
    import pyarrow as pa
    from pyarrow import fs, parquet

    keys = access.keys
    store = fs.S3FileSystem(
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        session_token=keys.session_token,
        region=sigv4.REGION,
        scheme="http",
        endpoint_override=access.url.split("//")[1],
    )
    table = pa.table({"a": list(range(ROWS))})
    parquet.write_table(table, f"{BUCKET}/{access.prefix}t.parquet", filesystem=store)
    assert parquet.read_table(f"{BUCKET}/{access.prefix}t.parquet", filesystem=store).equals(table)


def test_the_aws_command_line_copies_both_ways(access: Access, tmp_path: Path) -> None:
    aws = shutil.which("aws")
    if aws is None:
        pytest.skip("there is no aws command here")
    keys = access.keys
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.session_token,
        "AWS_DEFAULT_REGION": sigv4.REGION,
        "AWS_ENDPOINT_URL": access.url,
    }

    def run(*words: str) -> str:
        done = subprocess.run([aws, *words], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "in" / "d").mkdir(parents=True)
    (tmp_path / "in" / "small ä").write_bytes(b"small")
    (tmp_path / "in" / "d" / "large").write_bytes(data := random.Random(3).randbytes(20_000_000))
    where = f"s3://{BUCKET}/{access.prefix}"
    run("s3", "cp", "--recursive", str(tmp_path / "in"), where)
    assert "small ä" in run("s3", "ls", where)
    run("s3", "sync", where, str(tmp_path / "out"))
    assert (tmp_path / "out" / "d" / "large").read_bytes() == data
    run("s3", "rm", "--recursive", where)
    assert access.boto3().list_objects_v2(Bucket=BUCKET, Prefix=access.prefix)["KeyCount"] == 0


def test_an_address_that_was_presigned_here_reads_ranges(access: Access) -> None:
    access.ask("PUT", f"{access.prefix}a ä", body=b"hello")
    address = access.url + access.presigned(f"{access.prefix}a ä")
    assert httpx2.get(address).text == "hello"
    assert httpx2.get(address, headers={"range": "bytes=-2"}).text == "lo"
    head = access.url + access.presigned(f"{access.prefix}a ä", method="HEAD")
    assert httpx2.head(head).headers["content-length"] == "5"


# -- what is not there is said to be so ------------------------------------------------------------------------


def test_what_this_store_has_not_is_refused_in_words(access: Access) -> None:
    key = f"{access.prefix}a"
    access.ask("PUT", key, body=b"x")
    asked: list[tuple[str, str, list[tuple[str, str]], dict[str, str]]] = [
        *(("GET", key, [(name, "")], {}) for name in ("acl", "tagging", "torrent", "retention", "legal-hold")),
        *(("GET", "", [(name, "")], {}) for name in ("versions", "policy", "uploads", "cors", "acl")),
        *(("PUT", key, [(name, "")], {}) for name in ("acl", "tagging")),
        ("PUT", key, [], {"x-amz-server-side-encryption": "AES256"}),
        ("PUT", key, [], {"x-amz-storage-class": "GLACIER"}),
        ("PUT", key, [], {"x-amz-acl": "public-read"}),
        ("PUT", key, [], {"x-amz-tagging": "a=b"}),
        ("PUT", key, [], {"if-none-match": '"etag"'}),
        ("GET", key, [("versionId", "1")], {}),
        ("GET", key, [("response-content-type", "text/html")], {}),
    ]
    for method, name, query, headers in asked:
        answer = access.ask(method, name, query=query, headers=headers, body=b"y" * (method == "PUT"))
        assert (answer.status, answer.code) == (501, "NotImplemented"), (method, query, headers)
        assert b"<Message>expected" in answer.body
        assert answer.headers["x-amz-request-id"].encode() in answer.body
    assert access.ask("GET", key).body == b"x"
    assert access.ask("PATCH", key).status == 405
    other = replace(access, url=access.url)
    assert other.ask("GET", path="/arkitekt-datax/a").status == 404
    print(f"N = {len(asked)} features that are not there")
