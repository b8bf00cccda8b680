"""Addresses that a browser may be sent to: redirect URIs of OAuth clients, and pages of this site.

The rule: compare exactly, parse only to refuse. Whatever is not known to be harmless is not followed.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\])(:([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?")
_HTTPS = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9._~/%?=&+-]*")
LONGEST_PATH = 2_000
"""Characters of an address that is taken along through a sign-in."""
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")


def is_registrable(uri: str) -> bool:
    """Whether a client may register this redirect URI: https, or http to this machine by number; no fragment."""
    if len(uri) > 1000 or ".." in uri or "%2e" in uri.lower():
        return False
    loopback = _LOOPBACK.fullmatch(uri)
    if loopback is not None:
        return _is_port(loopback[3])
    if _HTTPS.fullmatch(uri) is None:
        return False
    try:
        parts = urlsplit(uri)
        return parts.hostname is not None and "@" not in parts.netloc and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def is_redirect(registered: str, asked: str) -> bool:
    """Whether a client that registered one URI may be answered at another.

    They have to be equal, letter by letter; only the port of a loopback address is up to the program.
    Source: RFC 8252 §7.3, RFC 9700 §2.1.
    """
    if registered == asked:
        return True
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(asked)
    if ours is None or theirs is None or not _is_port(theirs[3]):
        return False
    return (ours[1], ours[4]) == (theirs[1], theirs[4])


def _is_port(text: str | None) -> bool:
    return text is None or (not text.startswith("0") and 0 < int(text) < 65536)


def local_path(wanted: str | None, default: str = "/") -> str:
    """Give where to go on after a sign-in: a path of this site, or `default` for whatever could lead elsewhere."""
    if wanted is None or len(wanted) > LONGEST_PATH or _PATH.fullmatch(wanted) is None:
        return default
    lowered = wanted.partition("?")[0].lower()  # what a query carries is read as text, and leads nowhere
    if "%2f%2f" in lowered or "%5c" in lowered or "%0" in lowered or "%1" in lowered or lowered.startswith("/%2f"):
        return default
    return wanted
