"""What every store of objects has to do as S3 clients see it: the hub's own gateway, and any S3 server by its settings.

Subclass `ObjectsContract` under a fixture `place` that names an empty prefix of a bucket and the keys to it. Needs
`pytest`, `boto3` and `obstore`. What S3 servers of others do each in their own way is not asked here.
"""

from __future__ import annotations

import random
import string
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

PART_BYTES = 5 * 1024 * 1024
ODD = (
    "a b",
    "a+b",
    "a%2Fb",
    "ä",
    "日本",
    "🔬",
    "a&b=c",
    "a'b\"c",
    "<a>",
    "a;b",
    "a~b",
    "a*b",
    "a(1)",
    "#",
    "?",
    "@:,$!",
)


@dataclass(frozen=True)
class Place:
    """Where to write, and with what keys. `prefix` ends with a slash."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    access_key: str
    secret_key: str
    session_token: str | None = None

    def boto3(self, **options: Any) -> Any:
        """Give a client of boto3."""
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]

        settings: dict[str, Any] = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}}
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            aws_session_token=self.session_token,
            config=Config(**{**settings, "retries": {"max_attempts": 1}, **options}),
        )

    def obstore(self) -> Any:
        """Give a store of obstore whose root is the prefix."""
        from obstore.store import S3Store

        config: Any = {
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
            "virtual_hosted_style_request": False,
        }
        if self.session_token is not None:
            config["session_token"] = self.session_token
        return S3Store(
            self.bucket,
            prefix=self.prefix,
            config=config,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )


def failing(code: str | int) -> Any:
    """Expect a client's error by its code or status."""
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]

    return pytest.raises(ClientError, match=str(code))


class ObjectsContract:
    """The contract."""

    @pytest.fixture
    def place(self) -> Place:
        """Give an empty prefix."""
        raise NotImplementedError

    @pytest.fixture
    def s3(self, place: Place) -> Iterator[Any]:
        """Give a client of boto3."""
        client = place.boto3()
        yield client
        client.close()

    # -- one object ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [0, 1, 1023, 1024 * 1024, 3 * 1024 * 1024 + 7])
    def test_what_was_put_comes_back(self, place: Place, s3: Any, size: int) -> None:
        data = random.Random(size).randbytes(size)
        put = s3.put_object(Bucket=place.bucket, Key=place.prefix + "a", Body=data, ContentType="text/x-a")
        got = s3.get_object(Bucket=place.bucket, Key=place.prefix + "a")
        assert got["Body"].read() == data
        assert (got["ContentLength"], got["ContentType"], got["ETag"]) == (size, "text/x-a", put["ETag"])
        head = s3.head_object(Bucket=place.bucket, Key=place.prefix + "a")
        assert (head["ContentLength"], head["ETag"]) == (size, put["ETag"])

    @pytest.mark.parametrize("name", ODD)
    def test_a_key_of_odd_characters_is_the_same_everywhere(self, place: Place, s3: Any, name: str) -> None:
        key = f"{place.prefix}{name}/{name}"
        s3.put_object(Bucket=place.bucket, Key=key, Body=name.encode())
        assert s3.get_object(Bucket=place.bucket, Key=key)["Body"].read() == name.encode()
        assert [e["Key"] for e in s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]] == [key]
        assert s3.list_objects_v2(Bucket=place.bucket, Prefix=f"{place.prefix}{name}/")["KeyCount"] == 1
        s3.delete_objects(Bucket=place.bucket, Delete={"Objects": [{"Key": key}]})
        assert s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["KeyCount"] == 0

    def test_ranges_give_their_part_alone(self, place: Place, s3: Any) -> None:
        data = random.Random(1).randbytes(2_500_000)
        key = place.prefix + "a"
        s3.put_object(Bucket=place.bucket, Key=key, Body=data)
        for text, expected, content in (
            ("bytes=0-0", data[:1], "bytes 0-0/2500000"),
            ("bytes=10-99", data[10:100], "bytes 10-99/2500000"),
            ("bytes=2499999-", data[-1:], "bytes 2499999-2499999/2500000"),
            ("bytes=-7", data[-7:], "bytes 2499993-2499999/2500000"),
            ("bytes=-9999999", data, "bytes 0-2499999/2500000"),
            ("bytes=100-9999999", data[100:], "bytes 100-2499999/2500000"),
        ):
            got = s3.get_object(Bucket=place.bucket, Key=key, Range=text)
            assert got["Body"].read() == expected
            assert (got["ContentRange"], got["ResponseMetadata"]["HTTPStatusCode"]) == (content, 206)
        with failing("InvalidRange"):
            s3.get_object(Bucket=place.bucket, Key=key, Range="bytes=2500000-")

    def test_reading_can_depend_on_the_etag(self, place: Place, s3: Any) -> None:
        key = place.prefix + "a"
        etag = s3.put_object(Bucket=place.bucket, Key=key, Body=b"1")["ETag"]
        assert s3.get_object(Bucket=place.bucket, Key=key, IfMatch=etag)["Body"].read() == b"1"
        with failing("304"):
            s3.get_object(Bucket=place.bucket, Key=key, IfNoneMatch=etag)
        s3.put_object(Bucket=place.bucket, Key=key, Body=b"2")
        with failing("PreconditionFailed"):
            s3.get_object(Bucket=place.bucket, Key=key, IfMatch=etag)
        assert s3.get_object(Bucket=place.bucket, Key=key, IfNoneMatch=etag)["Body"].read() == b"2"

    def test_writing_can_depend_on_there_being_nothing(self, place: Place, s3: Any) -> None:
        key = place.prefix + "a"
        s3.put_object(Bucket=place.bucket, Key=key, Body=b"1", IfNoneMatch="*")
        with failing("PreconditionFailed"):
            s3.put_object(Bucket=place.bucket, Key=key, Body=b"2", IfNoneMatch="*")
        assert s3.get_object(Bucket=place.bucket, Key=key)["Body"].read() == b"1"

    def test_a_put_replaces_and_a_deletion_removes(self, place: Place, s3: Any) -> None:
        key = place.prefix + "a"
        for body in (b"one", b"three", b""):
            s3.put_object(Bucket=place.bucket, Key=key, Body=body)
            assert s3.get_object(Bucket=place.bucket, Key=key)["Body"].read() == body
        for _ in range(2):
            assert s3.delete_object(Bucket=place.bucket, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
        with failing("NoSuchKey"):
            s3.get_object(Bucket=place.bucket, Key=key)
        with failing("404"):
            s3.head_object(Bucket=place.bucket, Key=key)

    def test_a_copy_has_the_bytes_and_the_type(self, place: Place, s3: Any) -> None:
        data = random.Random(2).randbytes(1_200_000)
        a, b = place.prefix + "a ü", place.prefix + "b"
        s3.put_object(Bucket=place.bucket, Key=a, Body=data, ContentType="text/x-a")
        s3.copy_object(Bucket=place.bucket, Key=b, CopySource={"Bucket": place.bucket, "Key": a})
        got = s3.get_object(Bucket=place.bucket, Key=b)
        assert (got["Body"].read(), got["ContentType"]) == (data, "text/x-a")
        with failing("NoSuchKey"):
            s3.copy_object(Bucket=place.bucket, Key=b, CopySource={"Bucket": place.bucket, "Key": a + "x"})

    def test_many_are_deleted_at_once(self, place: Place, s3: Any) -> None:
        names = [f"{place.prefix}d/{number}" for number in range(25)]
        for name in names:
            s3.put_object(Bucket=place.bucket, Key=name, Body=b"x")
        asked = [{"Key": name} for name in [*names[:20], place.prefix + "nothing"]]
        told = s3.delete_objects(Bucket=place.bucket, Delete={"Objects": asked})
        assert {entry["Key"] for entry in told["Deleted"]} == {entry["Key"] for entry in asked}
        left = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
        assert sorted(entry["Key"] for entry in left) == sorted(names[20:])

    @pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
    def test_a_checksum_that_is_right_is_taken(self, place: Place, s3: Any, algorithm: str) -> None:
        data = random.Random(3).randbytes(1_500_000)
        s3.put_object(Bucket=place.bucket, Key=place.prefix + "a", Body=data, ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket=place.bucket, Key=place.prefix + "a", ChecksumMode="ENABLED")
        assert got["Body"].read() == data

    def test_a_presigned_address_reads_without_keys(self, place: Place, s3: Any) -> None:
        s3.put_object(Bucket=place.bucket, Key=place.prefix + "a b", Body=b"hello")
        asked = {"Bucket": place.bucket, "Key": place.prefix + "a b"}
        address = s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=60)
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert answer.read() == b"hello"

    # -- in parts --------------------------------------------------------------------------------------------------

    def _begin(self, place: Place, s3: Any, key: str) -> str:
        made = s3.create_multipart_upload(Bucket=place.bucket, Key=key, ContentType="text/x-p")
        return str(made["UploadId"])

    def test_parts_become_one_object(self, place: Place, s3: Any) -> None:
        key = place.prefix + "p"
        bodies = [random.Random(number).randbytes(PART_BYTES) for number in range(2)] + [b"the end"]
        id = self._begin(place, s3, key)
        named = {"Bucket": place.bucket, "Key": key, "UploadId": id}
        parts = []
        for number in (3, 1, 2):
            etag = s3.upload_part(**named, PartNumber=number, Body=bodies[number - 1])["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
        parts.sort(key=lambda part: int(part["PartNumber"]))
        with failing("404"):
            s3.head_object(Bucket=place.bucket, Key=key)
        listed = s3.list_parts(**named)["Parts"]
        assert [(e["PartNumber"], e["Size"]) for e in listed] == [(1, PART_BYTES), (2, PART_BYTES), (3, 7)]
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        got = s3.get_object(Bucket=place.bucket, Key=key)
        assert got["Body"].read() == b"".join(bodies)
        assert got["ContentType"] == "text/x-p"
        with failing("NoSuchUpload"):
            s3.list_parts(**named)

    def test_a_part_is_written_anew_by_its_number(self, place: Place, s3: Any) -> None:
        named = {"Bucket": place.bucket, "Key": place.prefix + "p"}
        named["UploadId"] = self._begin(place, s3, named["Key"])
        s3.upload_part(**named, PartNumber=1, Body=b"first")
        etag = s3.upload_part(**named, PartNumber=1, Body=b"second")["ETag"]
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        assert s3.get_object(Bucket=place.bucket, Key=named["Key"])["Body"].read() == b"second"

    def test_parts_that_did_not_come_are_not_completed(self, place: Place, s3: Any) -> None:
        named = {"Bucket": place.bucket, "Key": place.prefix + "p"}
        named["UploadId"] = self._begin(place, s3, named["Key"])
        s3.upload_part(**named, PartNumber=1, Body=b"x")
        wrong = [{"PartNumber": 2, "ETag": '"11111111111111111111111111111111"'}]
        with failing("InvalidPart"):
            s3.complete_multipart_upload(**named, MultipartUpload={"Parts": wrong})
        with failing("404"):
            s3.head_object(Bucket=place.bucket, Key=named["Key"])

    def test_an_aborted_upload_leaves_nothing(self, place: Place, s3: Any) -> None:
        named = {"Bucket": place.bucket, "Key": place.prefix + "p"}
        named["UploadId"] = self._begin(place, s3, named["Key"])
        s3.upload_part(**named, PartNumber=1, Body=b"x")
        s3.abort_multipart_upload(**named)
        with failing("NoSuchUpload"):
            s3.list_parts(**named)
        assert s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["KeyCount"] == 0

    def test_a_part_can_be_a_range_of_another_object(self, place: Place, s3: Any) -> None:
        data = random.Random(4).randbytes(PART_BYTES + 1000)
        source = {"Bucket": place.bucket, "Key": place.prefix + "a"}
        s3.put_object(**source, Body=data)
        named = {"Bucket": place.bucket, "Key": place.prefix + "p"}
        named["UploadId"] = self._begin(place, s3, named["Key"])
        parts = []
        for number, text in ((1, f"bytes=0-{PART_BYTES - 1}"), (2, f"bytes={PART_BYTES}-{PART_BYTES + 9}")):
            made = s3.upload_part_copy(**named, PartNumber=number, CopySource=source, CopySourceRange=text)
            parts.append({"PartNumber": number, "ETag": made["CopyPartResult"]["ETag"]})
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        assert s3.get_object(Bucket=place.bucket, Key=named["Key"])["Body"].read() == data[: PART_BYTES + 10]

    # -- lists -----------------------------------------------------------------------------------------------------

    def test_lists_are_what_a_model_says(self, place: Place, s3: Any) -> None:
        chance = random.Random(7)
        names = sorted({_random_key(chance) for _ in range(60)}, key=str.encode)
        for name in names:
            s3.put_object(Bucket=place.bucket, Key=place.prefix + name, Body=b"")
        tried = 0
        for _ in range(40):
            prefix = chance.choice(["", "a", "a/", "b/", "a/b", "z", chance.choice(names)[:2]])
            delimiter = chance.choice(["", "/", "/", "b"])
            size = chance.choice([1, 2, 3, 7, 1000])
            expected = _model(names, prefix, delimiter)
            assert _all_pages(place, s3, prefix, delimiter, size) == expected, (prefix, delimiter, size)
            tried += 1
        print(f"N = {tried} lists of {len(names)} keys")

    def test_the_first_version_of_the_list_goes_on_by_marker(self, place: Place, s3: Any) -> None:
        names = [f"{place.prefix}{name}" for name in ("a/1", "a/2", "b", "c/1", "d")]
        for name in names:
            s3.put_object(Bucket=place.bucket, Key=name, Body=b"")
        found, marker = [], ""
        while True:
            page = s3.list_objects(
                Bucket=place.bucket,
                Prefix=place.prefix,
                Delimiter="/",
                MaxKeys=2,
                **({"Marker": marker} if marker else {}),
            )
            found += [e["Key"] for e in page.get("Contents", [])] + [
                e["Prefix"] for e in page.get("CommonPrefixes", [])
            ]
            if not page["IsTruncated"]:
                break
            marker = page["NextMarker"]
        assert sorted(found) == [place.prefix + name for name in ("a/", "b", "c/", "d")]

    def test_a_list_can_begin_after_a_key(self, place: Place, s3: Any) -> None:
        for name in "abcd":
            s3.put_object(Bucket=place.bucket, Key=place.prefix + name, Body=b"")
        page = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix, StartAfter=place.prefix + "b")
        assert [entry["Key"][-1] for entry in page["Contents"]] == ["c", "d"]

    def test_the_bucket_says_that_it_is_there_and_where(self, place: Place, s3: Any) -> None:
        assert s3.head_bucket(Bucket=place.bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert s3.get_bucket_location(Bucket=place.bucket)["LocationConstraint"] is None

    # -- a client in another language ------------------------------------------------------------------------------

    def test_obstore_writes_reads_and_lists(self, place: Place) -> None:
        import obstore

        store = place.obstore()
        data = random.Random(8).randbytes(12_000_000)
        obstore.put(store, "d/large", data)
        obstore.put(store, "d/ä b", b"small", attributes={"Content-Type": "text/x-a"})
        assert bytes(obstore.get(store, "d/large").bytes()) == data
        got = obstore.get(store, "d/ä b")
        assert (bytes(got.bytes()), got.attributes.get("Content-Type")) == (b"small", "text/x-a")
        parts = obstore.get_ranges(store, "d/large", starts=[0, 11_999_990, 5_000_000], lengths=[5, 10, 1_000_000])
        assert [bytes(part) for part in parts] == [data[:5], data[-10:], data[5_000_000:6_000_000]]
        assert bytes(obstore.get(store, "d/large", options={"range": {"suffix": 9}}).bytes()) == data[-9:]
        obstore.copy(store, "d/ä b", "e")
        listed = {entry["path"]: entry["size"] for entry in obstore.list(store).collect()}
        assert listed == {"d/large": 12_000_000, "d/ä b": 5, "e": 5}
        assert obstore.list_with_delimiter(store)["common_prefixes"] == ["d"]
        obstore.delete(store, ["d/large", "d/ä b"])
        assert [entry["path"] for entry in obstore.list(store).collect()] == ["e"]
        with pytest.raises(FileNotFoundError):
            obstore.get(store, "d/large")

    def test_obstore_creates_only_what_is_not_there(self, place: Place) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        store = place.obstore()
        obstore.put(store, "a", b"1", mode="create")
        with pytest.raises(AlreadyExistsError):
            obstore.put(store, "a", b"2", mode="create")
        assert bytes(obstore.get(store, "a").bytes()) == b"1"

    def test_obstore_sends_a_stream(self, place: Place) -> None:
        import obstore

        store = place.obstore()
        block = random.Random(9).randbytes(1_000_000)
        obstore.put(store, "s", iter([block] * 17))
        assert bytes(obstore.get(store, "s").bytes()) == block * 17


def _random_key(chance: random.Random) -> str:
    depth = chance.randint(1, 3)
    letters = "ab" + "é𝄞-" + chance.choice(string.ascii_lowercase)
    return "/".join("".join(chance.choices(letters, k=chance.randint(1, 2))) for _ in range(depth))


def _model(names: Sequence[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    keys, prefixes = [], []
    for name in names:
        if name.startswith(prefix):
            head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            if not found:
                keys.append(name)
            elif prefix + head + delimiter not in prefixes:
                prefixes.append(prefix + head + delimiter)
    return keys, prefixes


def _all_pages(place: Place, s3: Any, prefix: str, delimiter: str, size: int) -> tuple[list[str], list[str]]:
    keys: list[str] = []
    prefixes: list[str] = []
    asked = {"Bucket": place.bucket, "Prefix": place.prefix + prefix, "MaxKeys": size}
    if delimiter:
        asked["Delimiter"] = delimiter
    while True:
        page = s3.list_objects_v2(**asked)
        new = page.get("Contents", []), page.get("CommonPrefixes", [])
        assert page["KeyCount"] == len(new[0]) + len(new[1]) <= size
        keys += [entry["Key"].removeprefix(place.prefix) for entry in new[0]]
        prefixes += [entry["Prefix"].removeprefix(place.prefix) for entry in new[1]]
        if not page["IsTruncated"]:
            return keys, prefixes
        asked["ContinuationToken"] = page["NextContinuationToken"]
