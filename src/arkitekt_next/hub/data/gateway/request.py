"""One request as the gateway looks at it, before and after its signature has been compared.

The rule: a key is read once, from the raw path, and the same text is checked, compared with the grant and looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from arkitekt_next.data import keys, sigv4
from arkitekt_next.hub.data.grants import Grant, Mode

from .answers import S3Error

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from arkitekt_next.hub.core.context import HubContext

BUCKET = "arkitekt-data"
_ROOT = f"/{BUCKET}"
_ONCE = frozenset(
    {
        *("host", "authorization", "content-length", "content-type", "content-md5", "content-encoding", "range"),
        *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "transfer-encoding", "expect"),
    }
)
_SIGNING = frozenset(
    {
        *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"),
        *("X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "x-id"),
    }
)
_TAKEN = frozenset(
    {
        *("x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-decoded-content-length"),
        *("x-amz-trailer", "x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm", "x-amz-checksum-type"),
        *("x-amz-checksum-mode", "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme"),
        *("x-amz-checksum-sha1", "x-amz-checksum-sha256", "x-amz-copy-source", "x-amz-copy-source-range"),
        *("x-amz-copy-source-if-match", "x-amz-metadata-directive", "x-amz-user-agent", "x-amz-mp-object-size"),
        *("x-amz-expected-bucket-owner", "x-amz-request-payer", "x-amz-optional-object-attributes"),
        "x-amz-api-version",
    }
)
_ONLY = {"x-amz-acl": "private", "x-amz-storage-class": "STANDARD", "x-amz-bucket-object-lock-enabled": "false"}
_UNKEPT = "x-amz-meta-"
"""Metadata of a client's own is taken, since some clients always send it, and is not kept."""


@dataclass(slots=True)
class Call:
    """A request to the gateway. `key` is empty when it is about the bucket."""

    hub: HubContext
    receive: Receive
    id: str
    asked: sigv4.Asked
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    claim: sigv4.Claim = field(init=False)
    grant: Grant = field(init=False)

    @property
    def resource(self) -> str:
        """What errors name."""
        return f"{_ROOT}/{self.key}"

    def header(self, name: str) -> str | None:
        """Give a header's value."""
        return self.headers.get(name)

    def takes(self, *names: str) -> None:
        """Refuse query parameters that are not among these. Raises `S3Error`."""
        unknown = sorted(self.query.keys() - _SIGNING - set(names))
        if unknown:
            named = ", ".join(name[:64] for name in unknown[:5])
            raise S3Error("NotImplemented", f"expected no {named} in the address: this store has no such feature")

    def key_within(self, key: str) -> keys.Key:
        """Read a key that the grant reaches. Raises `S3Error`."""
        check_key(key)
        if not key.startswith(self.grant.prefix):
            raise S3Error("AccessDenied", f"expected a key below {self.grant.prefix}, which is what the grant is for")
        return keys.parse(key)

    def own_key(self) -> keys.Key:
        """Give the key that is asked about. Raises `S3Error`."""
        return self.key_within(self.key)

    def check_writes(self) -> None:
        """Refuse to write by a grant that is to read. Raises `S3Error`."""
        if self.grant.mode is not Mode.WRITE:
            raise S3Error("AccessDenied", "expected a grant with mode write, got one with mode read: ask for the other")


def read_call(scope: Scope, receive: Receive, id: str) -> Call:
    """Read a request. Raises `S3Error`, and `sigv4.Refused` for a query that is no text."""
    raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    asked = sigv4.Asked(scope["method"], raw, sigv4.parse_query(scope["query_string"].decode("latin-1")), headers)
    _check_headers(asked)
    return Call(
        hub=scope["app"].state.hub,
        receive=receive,
        id=id,
        asked=asked,
        key=_key_of(raw),
        query=_once(asked),
        headers=dict(headers),
    )


def check_key(key: str) -> None:
    """Refuse what is no key. Raises `S3Error`."""
    try:
        keys.check(key)
    except keys.InvalidKey as error:
        raise S3Error("InvalidArgument", f"of a key: {error}") from None


def _key_of(raw: str) -> str:
    try:
        path = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "expected a path in percent-encoded UTF-8") from None
    if path in (_ROOT, f"{_ROOT}/"):
        return ""
    if not path.startswith(f"{_ROOT}/"):
        raise S3Error("NoSuchBucket", f"expected the bucket {BUCKET}, which is the only one")
    key = path.removeprefix(f"{_ROOT}/")
    check_key(key)
    return key


def _once(asked: sigv4.Asked) -> dict[str, str]:
    query = dict(asked.query)
    if len(query) != len(asked.query):
        raise S3Error("InvalidRequest", "expected each query parameter once, got one of them several times")
    return query


def _check_headers(asked: sigv4.Asked) -> None:
    seen: set[str] = set()
    for name, value in asked.headers:
        is_ours = name.startswith("x-amz-")
        if name in seen and (is_ours or name in _ONCE):
            raise S3Error("InvalidRequest", f"expected the header {name[:64]} once, got it several times")
        seen.add(name)
        if is_ours and name not in _TAKEN and not name.startswith(_UNKEPT) and _ONLY.get(name) != value:
            known = f", or with the value {_ONLY[name]}" if name in _ONLY else ""
            raise S3Error("NotImplemented", f"expected no header {name[:64]}{known}: this store has no such feature")
    if {"transfer-encoding", "content-length"} <= seen:
        raise S3Error("InvalidRequest", "expected either Content-Length or Transfer-Encoding, got both")
