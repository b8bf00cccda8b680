"""What the gateway answers with, and how every error becomes one of S3's.

The rule: whatever is served is marked so that a browser neither shows nor runs it in the hub's origin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import escape

from arkitekt_next.data.sigv4 import Refused
from arkitekt_next.errors import ArkitektError, HubBusy, StorageFull
from arkitekt_next.hub.data.objects.contract import Frozen, Gone, Mismatch, Unmet

SAFETY = (
    (b"content-disposition", b"attachment"),
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
STATUSES = {
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "AuthorizationQueryParametersError": 400,
    "BadDigest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "EntityTooLarge": 400,
    "ExpiredToken": 403,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidToken": 403,
    "InvalidURI": 400,
    "MalformedXML": 400,
    "MaxMessageLengthExceeded": 413,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "StorageFull": 507,
    "XAmzContentSHA256Mismatch": 400,
}
_MISMATCHES = {
    "digest": "XAmzContentSHA256Mismatch",
    "size": "EntityTooLarge",
    "part": "InvalidPart",
    "order": "InvalidPartOrder",
}

Headers = list[tuple[bytes, bytes]]


class S3Error(Exception):
    """An error as S3 answers it; the message says what was expected and what to do."""

    def __init__(self, code: str, message: str, *, status: int | None = None, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.status = status or STATUSES[code]
        self.headers = headers or []


@dataclass(slots=True)
class Answer:
    """A response: its body is there as a whole, or goes on in steps."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    steps: AsyncIterator[bytes] | None = None


def as_s3(error: Exception) -> S3Error | None:
    """Give S3's error for one of ours; None for what is none of them."""
    match error:
        case S3Error():
            return error
        case Refused():
            return S3Error(error.code, str(error))
        case Frozen():
            return S3Error("AccessDenied", error.message)
        case Unmet():
            return S3Error("PreconditionFailed", error.message)
        case Gone():
            code = "NoSuchUpload" if error.fields.get("what") == "upload" else "NoSuchKey"
            return S3Error(code, error.message)
        case Mismatch():
            return S3Error(_MISMATCHES[error.fields["reason"]], error.message)
        case StorageFull():
            return S3Error("StorageFull", error.message)
        case HubBusy():
            retry = str(max(1, round(float(error.fields["retry_after_s"])))).encode()
            return S3Error("SlowDown", error.message, headers=[(b"retry-after", retry)])
        case ArkitektError() if error.status < 500:
            return S3Error("InvalidRequest", error.message, status=error.status)
    return None


def answer_error(error: S3Error, *, resource: str, request: str) -> Answer:
    """Write an error."""
    headers = [(b"content-type", b"application/xml"), *error.headers]
    return Answer(error.status, headers, error_text(error, resource=resource, request=request).encode())


def error_text(error: S3Error, *, resource: str, request: str) -> str:
    """Write the document of an error."""
    parts = {"Code": error.code, "Message": error.message, "Resource": resource[:1024], "RequestId": request}
    inside = "".join(f"<{name}>{escape(_plain(text))}</{name}>" for name, text in parts.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'


def _plain(text: str) -> str:
    """Leave out what XML can't hold."""
    return "".join(c if c.isprintable() or c == " " else "�" for c in text)
