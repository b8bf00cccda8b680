"""AWS Signature Version 4, as S3 speaks it: reading, making and comparing signatures, without a network.

Both ways of signing a request are here (a header, and a presigned address) and how a chain of signed chunks goes on;
`chunks` reads such bodies. The rule: what a request says of itself counts only once its signature has been compared,
and what it could smuggle past a signature (a second header, an unsigned `x-amz-*`) is refused.
Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, unquote_plus

ALGORITHM = "AWS4-HMAC-SHA256"
REGION = "us-east-1"
SKEW_S = 15 * 60
PRESIGNED_S = 15 * 60
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_STREAMING = frozenset({STREAMING, STREAMING_TRAILER, STREAMING_UNSIGNED_TRAILER})

_SERVICE = "s3"
_TERMINATOR = "aws4_request"
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{8}T\d{6}Z")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_SPACES = re.compile(r" +")
_FIELDS = 3
_PRESIGNED = frozenset(
    f"X-Amz-{name}" for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
)
_TOKEN = "X-Amz-Security-Token"
_SHA256 = "X-Amz-Content-Sha256"

Pairs = Sequence[tuple[str, str]]


class Refused(ValueError):
    """A request that is not rightly signed: S3's code, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came. `path` is the raw one, percent-encoded; header names are in lower case."""

    method: str
    path: str
    query: Pairs
    headers: Pairs


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says about who signed it and how; nothing in it has been proved."""

    access_key: str
    date: str
    at: datetime
    signed_headers: tuple[str, ...]
    signature: str
    token: str
    payload: str
    expires_s: int | None

    @property
    def is_presigned(self) -> bool:
        """Whether the signature lies in the address."""
        return self.expires_s is not None

    @property
    def is_streaming(self) -> bool:
        """Whether the body comes in aws-chunked form."""
        return self.payload in _STREAMING

    @property
    def scope(self) -> str:
        """Name the key that signs: a day, a region, a service."""
        return f"{self.date}/{REGION}/{_SERVICE}/{_TERMINATOR}"


def parse_query(raw: str) -> list[tuple[str, str]]:
    """Read a query string as S3 does. Raises `Refused` for what is no UTF-8."""
    try:
        parts = [part.partition("=") for part in raw.split("&") if part]
        return [(unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")) for name, _, value in parts]
    except UnicodeDecodeError:
        raise Refused("InvalidURI", "expected a query in percent-encoded UTF-8") from None


def read(asked: Asked) -> Claim:
    """Read who claims to have signed a request. Raises `Refused`."""
    named = [name for name, _ in asked.query if name.lower().startswith("x-amz-")]
    if len(named) != len({name.lower() for name in named}):
        raise Refused("InvalidRequest", "expected each X-Amz- parameter once, got one of them several times")
    headers = dict(asked.headers)
    authorization = headers.get("authorization")
    if authorization is not None and _PRESIGNED & set(named):
        raise Refused("InvalidRequest", "expected one signature, got one in the address and another in a header")
    if authorization is not None:
        claim = _read_header(authorization, headers)
    elif _PRESIGNED & set(named):
        claim = _read_address(dict(asked.query), headers)
    else:
        raise _unsigned()
    _check_signed(claim, asked.headers)
    return claim


def _unsigned() -> Refused:
    return Refused("AccessDenied", f"expected a request signed with {ALGORITHM}: ask the hub for a grant")


def _read_header(authorization: str, headers: Mapping[str, str]) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    fields = [part.strip().partition("=") for part in rest.split(",")]
    found = {name: value for name, _, value in fields}
    if algorithm != ALGORITHM:
        raise _unsigned()
    expected = f"{ALGORITHM} Credential=…/{REGION}/{_SERVICE}/{_TERMINATOR}, SignedHeaders=…, Signature=…"
    if len(fields) != _FIELDS or found.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise Refused("AuthorizationHeaderMalformed", f"expected Authorization: {expected}")
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise Refused("InvalidRequest", "expected the header x-amz-content-sha256")
    access_key, date = _read_credential(found["Credential"])
    return Claim(
        access_key=access_key,
        date=date,
        at=_read_time(headers.get("x-amz-date", ""), date),
        signed_headers=_read_names(found["SignedHeaders"]),
        signature=found["Signature"],
        token=headers.get("x-amz-security-token", ""),
        payload=_read_payload(payload),
        expires_s=None,
    )


def _read_address(query: Mapping[str, str], headers: Mapping[str, str]) -> Claim:
    missing = _PRESIGNED - query.keys()
    if missing or query["X-Amz-Algorithm"] != ALGORITHM:
        what = ", ".join(sorted(missing)) or f"X-Amz-Algorithm={ALGORITHM}"
        raise Refused("AuthorizationQueryParametersError", f"expected also {what} in the address")
    expires = query["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) < 7 and 0 < int(expires) <= PRESIGNED_S):
        raise Refused(
            "AuthorizationQueryParametersError", f"expected X-Amz-Expires of 1 to {PRESIGNED_S} s, got {expires[:20]}"
        )
    access_key, date = _read_credential(query["X-Amz-Credential"])
    return Claim(
        access_key=access_key,
        date=date,
        at=_read_time(query["X-Amz-Date"], date),
        signed_headers=_read_names(query["X-Amz-SignedHeaders"]),
        signature=query["X-Amz-Signature"],
        token=query.get(_TOKEN, ""),
        payload=_read_payload(query.get(_SHA256, headers.get("x-amz-content-sha256", UNSIGNED))),
        expires_s=int(expires),
    )


def _read_credential(text: str) -> tuple[str, str]:
    parts = text.split("/")
    if len(parts) != 5 or parts[2:] != [REGION, _SERVICE, _TERMINATOR]:
        problem = f"expected a credential of the form <access key>/<day>/{REGION}/{_SERVICE}/{_TERMINATOR}: "
        raise Refused("AuthorizationHeaderMalformed", problem + f"set the client's region to {REGION}")
    return parts[0], parts[1]


def _read_time(text: str, date: str) -> datetime:
    if _TIME.fullmatch(text) is None or not text.isascii() or text[:8] != date:
        raise Refused("AccessDenied", "expected X-Amz-Date as 20260131T235959Z, of the day that the credential names")
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused("AccessDenied", "expected X-Amz-Date to be a day and a time that there are") from None


def _read_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if any(_NAME.fullmatch(name) is None for name in names) or list(names) != sorted(set(names)):
        problem = "expected SignedHeaders in lower case, in order, each once, separated by semicolons"
        raise Refused("AuthorizationHeaderMalformed", problem)
    return names


def _read_payload(text: str) -> str:
    if text == UNSIGNED or text in _STREAMING or _HEX64.fullmatch(text):
        return text
    expected = ", ".join((UNSIGNED, *sorted(_STREAMING)))
    raise Refused("InvalidRequest", f"expected x-amz-content-sha256 as SHA-256 in hexadecimal digits, or {expected}")


def _check_signed(claim: Claim, headers: Pairs) -> None:
    """Refuse a request that says something to us which its signature does not cover."""
    must = {"host"} | {name for name, _ in headers if name.startswith("x-amz-")}
    unsigned = sorted(must - set(claim.signed_headers))
    if unsigned:
        names = ", ".join(name[:64] for name in unsigned[:5])
        raise Refused("AccessDenied", f"expected these headers to be signed too: {names}")


def check_time(claim: Claim, now: datetime) -> None:
    """Refuse what was signed too long ago or lies in the future. Raises `Refused`."""
    age_s = (now - claim.at).total_seconds()
    if age_s < -SKEW_S or (claim.expires_s is None and age_s > SKEW_S):
        raise Refused(
            "RequestTimeTooSkewed", f"expected a clock within {SKEW_S} s of the hub's, got one {-age_s:.0f} s off"
        )
    if claim.expires_s is not None and age_s > claim.expires_s:
        raise Refused("AccessDenied", f"this address has expired {age_s - claim.expires_s:.0f} s ago: ask for another")


def signature_of(asked: Asked, claim: Claim, secret: str) -> str:
    """Make the signature that a request should have."""
    return _sign(signing_key(secret, claim.date), string_to_sign(asked, claim))


def verify(asked: Asked, claim: Claim, secret: str) -> None:
    """Compare a request's signature. Raises `Refused`."""
    if not hmac.compare_digest(signature_of(asked, claim, secret).encode(), claim.signature.encode()):
        problem = (
            "expected another signature: the secret key, or method, path, query, headers, differ from what was signed"
        )
        raise Refused("SignatureDoesNotMatch", problem)


def string_to_sign(asked: Asked, claim: Claim) -> str:
    """Write what is signed."""
    digest = hashlib.sha256(canonical_request(asked, claim).encode()).hexdigest()
    return "\n".join((ALGORITHM, _time(claim.at), claim.scope, digest))


def canonical_request(asked: Asked, claim: Claim) -> str:
    """Write a request in the one form that both sides hash."""
    query = [(name, value) for name, value in asked.query if not (claim.is_presigned and name == "X-Amz-Signature")]
    return "\n".join(
        (
            asked.method,
            canonical_path(asked.path),
            canonical_query(query),
            *(f"{name}:{_value_of(name, asked.headers)}" for name in claim.signed_headers),
            "",
            ";".join(claim.signed_headers),
            claim.payload,
        )
    )


def canonical_path(raw: str) -> str:
    """Encode a path the one way that counts, whatever its sender left as it was; segments stay as they are."""
    return quote(unquote(raw, errors="surrogateescape"), safe="/-_.~", errors="surrogateescape") or "/"


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Encode and order query parameters."""
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _value_of(name: str, headers: Pairs) -> str:
    return ",".join(_SPACES.sub(" ", value.strip()) for given, value in headers if given == name)


def sha256_of(data: bytes) -> str:
    """Give the SHA-256 of a body in the form in which a request names it."""
    return hashlib.sha256(data).hexdigest()


def signing_key(secret: str, date: str) -> bytes:
    """Derive the key of one day from a secret."""
    key = b"AWS4" + secret.encode()
    for part in (date, REGION, _SERVICE, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


def _time(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")


class ChunkChain:
    """The signatures of a body's chunks: each covers the one before, beginning with the request's."""

    def __init__(self, claim: Claim, secret: str) -> None:
        self._key = signing_key(secret, claim.date)
        self._head = f"{_time(claim.at)}\n{claim.scope}"
        self._last = claim.signature

    def check_chunk(self, digest: str, signature: str) -> None:
        """Compare a chunk's signature, given the SHA-256 of its bytes. Raises `Refused`."""
        self._check(f"{ALGORITHM}-PAYLOAD", f"{EMPTY_SHA256}\n{digest}", signature)

    def check_trailer(self, digest: str, signature: str) -> None:
        """Compare the trailer's signature, given the SHA-256 of its lines. Raises `Refused`."""
        self._check(f"{ALGORITHM}-TRAILER", digest, signature)

    def _check(self, algorithm: str, what: str, signature: str) -> None:
        expected = _sign(self._key, f"{algorithm}\n{self._head}\n{self._last}\n{what}")
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise Refused(
                "SignatureDoesNotMatch", "expected another signature of a chunk: the body was changed on its way"
            )
        self._last = expected


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client signs with."""

    access_key: str
    secret_key: str
    session_token: str


def sign_headers(
    method: str,
    path: str,
    query: Pairs,
    headers: Pairs,
    credentials: Credentials,
    *,
    at: datetime,
    payload: str = UNSIGNED,
) -> dict[str, str]:
    """Give the headers to add to a request, which has `host` among its own already."""
    added = {
        "x-amz-date": _time(at),
        "x-amz-content-sha256": payload,
        "x-amz-security-token": credentials.session_token,
    }
    full = [*headers, *added.items()]
    names = tuple(sorted({name for name, _ in full}))
    claim = Claim(credentials.access_key, _time(at)[:8], at, names, "", credentials.session_token, payload, None)
    signature = signature_of(Asked(method, path, query, full), claim, credentials.secret_key)
    credential = f"{credentials.access_key}/{claim.scope}"
    parts = f"Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return {**added, "authorization": f"{ALGORITHM} {parts}"}


def presign(
    path: str, host: str, credentials: Credentials, *, at: datetime, expires_s: int = PRESIGNED_S, method: str = "GET"
) -> str:
    """Give the path and query of an address that whoever has it may use until it expires."""
    path = quote(path, safe="/-_.~")
    claim = Claim(credentials.access_key, _time(at)[:8], at, ("host",), "", "", UNSIGNED, expires_s)
    query = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{claim.scope}"),
        ("X-Amz-Date", _time(at)),
        ("X-Amz-Expires", str(expires_s)),
        (_TOKEN, credentials.session_token),
        ("X-Amz-SignedHeaders", "host"),
    ]
    signature = signature_of(Asked(method, path, query, [("host", host)]), claim, credentials.secret_key)
    return f"{path}?{canonical_query(query)}&X-Amz-Signature={signature}"
