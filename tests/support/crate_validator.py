"""Runs `roc-validator` on a crate where there is no network. For the validators' own environment, by its own Python.

    python crate_validator.py FOLDER PROFILE

The one thing fetched, the JSON-LD context of RO-Crate 1.1, comes from the package `rocrate` (0.14), which ships it; any
other address is not there. Every rule checked is the validator's.
"""

from __future__ import annotations

import io
import sys
import urllib.request
from importlib.resources import files
from typing import Any

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def context() -> bytes:
    shipped: bytes = (files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()
    assert f'"@id": "{CONTEXT}"'.encode() in shipped[:400], "this rocrate ships another version's context"
    return shipped


class Shipped(urllib.request.HTTPSHandler):
    def https_open(self, request: Any) -> Any:
        from email.message import Message
        from urllib.error import URLError
        from urllib.response import addinfourl

        if request.full_url != CONTEXT:
            raise URLError(f"{request.full_url} is not there: no network")
        headers = Message()
        headers["Content-Type"] = "application/ld+json"
        return addinfourl(io.BytesIO(context()), headers, CONTEXT, 200)


def remember(cache: str) -> None:
    """Put the context where the validator's own requests look first."""
    import requests
    import requests_cache
    from urllib3.response import HTTPResponse

    response = requests.Response()
    response.status_code, response.url, response._content = 200, CONTEXT, context()
    response.headers["Content-Type"] = "application/ld+json"
    response.raw = HTTPResponse(io.BytesIO(b""), response.headers, status=200, request_url=CONTEXT)
    response.request = requests.Request("GET", CONTEXT).prepare()
    requests_cache.CachedSession(cache, expire_after=-1).cache.save_response(response)


def main() -> int:
    import tempfile
    from pathlib import Path

    from rocrate_validator import models, services

    folder, profile = sys.argv[1:]
    urllib.request.install_opener(urllib.request.build_opener(Shipped))
    with tempfile.TemporaryDirectory() as scratch:
        cache = str(Path(scratch) / "cache")
        remember(cache)
        settings = {
            "rocrate_uri": folder,
            "profile_identifier": profile,
            "requirement_severity": models.Severity.RECOMMENDED,
            "offline": True,
            "cache_path": cache,
            "skip_availability_check": True,
        }
        known = models.ValidationSettings.__dataclass_fields__
        result = services.validate(models.ValidationSettings(**{k: v for k, v in settings.items() if k in known}))
    for issue in result.get_issues():
        print(f"{issue.severity.name} {issue.check.identifier} {issue.violatingEntity}: {issue.message}")
    checks = len(result.executed_checks)
    print(f"{profile}: {checks} checks, {len(result.get_issues())} issues")
    return 1 if result.get_issues(models.Severity.REQUIRED) else 0


if __name__ == "__main__":
    sys.exit(main())
