"""Signatures are those that AWS documents, byte for byte, and what is not rightly signed is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from arkitekt_next.data import sigv4
from arkitekt_next.data.chunks import Chunks
from arkitekt_next.data.sigv4 import Asked, ChunkChain, Claim, Credentials, Refused

# Source: Amazon S3 API Reference, the examples of "Authenticating Requests (AWS Signature Version 4)".
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = ("host", "examplebucket.s3.amazonaws.com")
DATE = ("x-amz-date", "20130524T000000Z")


def signature(method: str, path: str, query: list[tuple[str, str]], payload: str, *headers: tuple[str, str]) -> str:
    full = [HOST, DATE, ("x-amz-content-sha256", payload), *headers]
    claim = Claim(KEY, "20130524", AT, tuple(sorted(name for name, _ in full)), "", "", payload, None)
    return sigv4.signature_of(Asked(method, path, query, full), claim, SECRET)


def test_signatures_are_those_of_the_documented_examples() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    get = signature("GET", "/test.txt", [], empty, ("range", "bytes=0-9"))
    assert get == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    body = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    more = (("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"))
    put = signature("PUT", "/test$file.text", [], body, *more)
    assert put == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    lifecycle = signature("GET", "/", [("lifecycle", "")], empty)
    assert lifecycle == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    listed = signature("GET", "/", [("max-keys", "2"), ("prefix", "J")], empty)
    assert listed == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


def test_a_presigned_address_is_that_of_the_documented_example() -> None:
    query = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{KEY}/20130524/us-east-1/s3/aws4_request"),
        ("X-Amz-Date", "20130524T000000Z"),
        ("X-Amz-Expires", "86400"),
        ("X-Amz-SignedHeaders", "host"),
    ]
    claim = Claim(KEY, "20130524", AT, ("host",), "", "", sigv4.UNSIGNED, 86400)
    found = sigv4.signature_of(Asked("GET", "/test.txt", query, [HOST]), claim, SECRET)
    assert found == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


def chunk(data: bytes, signature: str) -> bytes:
    return b"%x;chunk-signature=%s\r\n" % (len(data), signature.encode()) + (data + b"\r\n" if data else b"")


STREAM = Claim(
    *(KEY, "20130524", AT, ("host",), "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", ""),
    *(sigv4.STREAMING, None),
)
BODY = (
    chunk(b"a" * 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648")
    + chunk(b"a" * 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497")
    + chunk(b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
    + b"\r\n"
)
TRAILED = replace(
    STREAM,
    signature="106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    payload=sigv4.STREAMING_TRAILER,
)
TRAILED_BODY = (
    chunk(b"a" * 65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2")
    + chunk(b"a" * 1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7")
    + chunk(b"", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992")
    + b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    + b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


def decode(body: bytes, claim: Claim = STREAM, *, step: int = 1000, trailer: str | None = None) -> bytes:
    chunks = Chunks(size=66560, chain=ChunkChain(claim, SECRET), trailer=trailer)
    found = b"".join(part for at in range(0, len(body), step) for part in chunks.feed(body[at : at + step]))
    chunks.close()
    return found


@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
def test_signed_chunks_are_those_of_the_documented_examples(step: int) -> None:
    assert decode(BODY, step=step) == b"a" * 66560
    assert decode(TRAILED_BODY, TRAILED, step=step, trailer="x-amz-checksum-crc32c") == b"a" * 66560


def test_a_change_of_any_byte_of_signed_chunks_is_noticed() -> None:
    tried = 0
    for body, claim, trailer in ((BODY, STREAM, None), (TRAILED_BODY, TRAILED, "x-amz-checksum-crc32c")):
        inside = list(range(90)) + list(range(90, 65000, 997)) + list(range(65600, len(body)))
        for at in inside:
            changed = bytearray(body)
            changed[at] ^= 0x01
            tried += 1
            try:
                same = decode(bytes(changed), claim, trailer=trailer) == b"a" * 66560
            except Refused:
                continue
            assert not same or bytes(changed[at : at + 1]).lower() == body[at : at + 1].lower(), at
            raise AssertionError(f"byte {at} was changed and taken")
        for end in range(0, len(body), 613):
            tried += 1
            with pytest.raises(Refused):
                decode(body[:end], claim, trailer=trailer)
        tried += 1
        with pytest.raises(Refused):
            decode(body + b"x", claim, trailer=trailer)
    print(f"N = {tried} changed bodies")


CREDENTIALS = Credentials("id", "secret", "token")


def signed(now: datetime) -> Asked:
    given = [("host", "localhost")]
    added = sigv4.sign_headers("GET", "/b/k", [], given, CREDENTIALS, at=now)
    return Asked("GET", "/b/k", [], [*given, *added.items()])


def test_what_is_signed_here_is_read_and_compared_here() -> None:
    asked = signed(AT)
    claim = sigv4.read(asked)
    sigv4.verify(asked, claim, "secret")
    assert (claim.access_key, claim.token, claim.is_presigned) == ("id", "token", False)
    with pytest.raises(Refused, match="expected another signature"):
        sigv4.verify(asked, claim, "Secret")


def test_a_clock_may_be_a_quarter_of_an_hour_off() -> None:
    claim = sigv4.read(signed(AT))
    for off_s in (-900, 0, 900):
        sigv4.check_time(claim, AT + timedelta(seconds=off_s))
    for off_s in (-901, 901, 86400 * 365):
        with pytest.raises(Refused, match="within 900 s"):
            sigv4.check_time(claim, AT + timedelta(seconds=off_s))


def test_a_path_is_signed_in_one_way_however_it_was_encoded() -> None:
    assert sigv4.canonical_path("/b/a%20b/%C3%A4~%7E(1)") == "/b/a%20b/%C3%A4~~%281%29"
    assert sigv4.canonical_path("/b//x/../y") == "/b//x/../y"
