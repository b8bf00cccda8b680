"""What attackers send in place of this site: origins, hosts, and addresses that are to lead away from it."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

FOREIGN_ORIGINS = (
    "null",
    "http://evil.example",
    "https://evil.example",
    "http://evil.example:{port}",
    "http://localhost",
    "https://localhost",
    "http://localhost:1",
    "https://localhost:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost.evil.example:{port}",
    "http://127.0.0.1.evil.example:{port}",
    "http://evil.example@localhost:{port}",
    "http://localhost:{port}@evil.example",
    "http://localhost:{port}/",
    "http://localhost:{port}#",
    "http://localhost:0{port}",
    "//localhost:{port}",
    "localhost:{port}",
    "ftp://localhost:{port}",
    "file://",
    "http://[::1",
    "http://127.1:{port}",
    "http://2130706433:{port}",
    "http://0x7f000001:{port}",
    "chrome-extension://abcdefghijklmnop",
    "http://rebound.example:{port}",
    "http://lab:{port}",
    "moz-extension://0",
)
HOSTS = (
    "localhost:{port}",
    "127.0.0.1:{port}",
    "[::1]:{port}",
    "LOCALHOST:{port}",
    "evil.example:{port}",
    "evil.example",
    "rebound.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "lab:{port}",
    "rebound.example@localhost:{port}",
)
TARGETS = ("evil.example", "evil.example/path", "user@evil.example", "127.0.0.1:1", "localhost:1")
TRICKS = (
    "http://{}", "https://{}", "HTTP://{}", "//{}", "///{}", "////{}", "\\\\{}", "/\\{}", "\\/{}", "/\\/{}", "/%5c{}",
    "/%2f{}", "/%2F%2F{}", "/\t/{}", "/\n/{}", "/\r/{}", "\t//{}", " //{}", "/%09/{}", "/%0a/{}", "/%0d%0aLocation: http://{}",
    "javascript:alert(1)//{}", "data:text/html,{}", "http:{}", "http:/{}", "https:///{}", ".{}", "@{}", "/.//{}", "//{}/%2e%2e",
    "/x/..//{}", "／／{}", "/​/{}", "http://{}#/", "vbscript:{}", "//{}\\@localhost", "/;@{}", "/@{}", "/a?b=//{}", "/..//{}",
)  # fmt: skip


def leads_to(location: str, base: str) -> str:
    """Give the origin a browser goes to: it takes \\ for / and drops tabs and line ends. Source: WHATWG URL §4.4."""
    read = re.sub(r"[\t\n\r]", "", location.strip()).replace("\\", "/")
    if re.match(r"/{2,}", read):
        read = "//" + read.lstrip("/")
    parts = urlsplit(urljoin(base, read))
    return f"{parts.scheme}://{parts.netloc}"
