"""An upload in parts, as S3 has it: begun, its parts put in any order, completed. What is asked twice does no harm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from arkitekt_next.errors import ArkitektError, NotFound

if TYPE_CHECKING:
    from .requests import Requests

_UPLOAD = re.compile(rb"<UploadId>([^<]+)</UploadId>")


def begin(requests: Requests, key: str) -> str:
    """Begin an upload; give the store's name of it."""
    body = requests.ask("POST", key, {"uploads": ""}).body
    found = _UPLOAD.search(body)
    if found is None:
        raise ArkitektError(f"The store did not say which upload was begun: {body[:200]!r}")
    return found.group(1).decode()


def put_part(requests: Requests, key: str, upload: str, number: int, data: bytes) -> str:
    """Send a part; give its etag."""
    query = {"partNumber": str(number), "uploadId": upload}
    return requests.ask("PUT", key, query, data).headers["etag"].strip('"')


def complete(requests: Requests, key: str, upload: str, etags: Mapping[int, str]) -> None:
    """Let the object be there, made of its parts in the order of their numbers."""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>"
        for number, etag in sorted(etags.items())
    )
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    try:
        requests.ask("POST", key, {"uploadId": upload}, body)
    except NotFound:  # it was completed, and the answer was lost; else the object is not there either
        requests.ask("HEAD", key)
