"""A hub beside this process: found by its announcement, started in the background, restarted when it died, stopped.

Whoever needs a hub may start it; a file lock sees to it that only one does. The rule: an announcement counts only when
the hub it names answers under the same id.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from arkitekt_next.errors import Conflict, HubUnavailable
from arkitekt_next.platform import IS_WINDOWS, FileLock, hub_folder

LOG_NAME = "hub.log"
_START_S = 30.0
_STOP_S = 20.0
_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_ERROR = re.compile(r"(?:Error|arkitekt_next\.errors\.\w+): (.+)")


@dataclass(frozen=True, slots=True)
class Announcement:
    """A running hub: where this machine reaches it, who it is, its process and folder, where others reach it.

    `certificate` is the file of the one it shows, when it speaks TLS.
    """

    url: str
    hub: str
    pid: int
    folder: Path
    public_url: str
    certificate: Path | None = None

    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 fingerprint of its certificate, as pairs with colons."""
        if self.certificate is None:
            return None
        first = self.certificate.read_text().partition("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first[0] + first[1])).digest().hex(":").upper()


def find_hub(folder: Path | None = None) -> Announcement | None:
    """Give the hub that runs over a folder (default: this user's), or None."""
    place = folder or hub_folder()
    try:
        found = announced(place)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if _answers(found) else None


def announced(folder: Path) -> Announcement:
    """Read what the hub of a folder says of itself, whether it still runs or not. Raises when it says nothing sound."""
    raw = json.loads((folder / "hub.json").read_text())
    url, certificate = str(raw["url"]), raw.get("certificate")
    return Announcement(
        url=url,
        hub=str(raw["hub"]),
        pid=int(raw["pid"]),
        folder=folder,
        public_url=str(raw.get("public_url", url)),
        certificate=Path(certificate) if certificate is not None else None,
    )


def _answers(found: Announcement) -> bool:
    try:
        with opener_of(found).open(f"{found.url}/health", timeout=5) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except (OSError, ValueError):
        return False
    try:
        return bool(json.loads(body)["hub"] == found.hub)
    except (ValueError, KeyError, TypeError):
        return False


def opener_of(found: Announcement) -> urllib.request.OpenerDirector:
    """Give what speaks HTTP to a hub on this machine. Raises `OSError` when its certificate can't be read."""
    # A hub on this machine is never reached through the proxy that the environment names.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if found.certificate is not None:
        handlers.append(urllib.request.HTTPSHandler(context=_context(found.certificate)))
    return urllib.request.build_opener(*handlers)


def _context(certificate: Path) -> ssl.SSLContext:
    """Believe the certificate that the hub's own folder names, whatever name it carries."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def ensure_hub(folder: Path | None = None, *options: str) -> tuple[Announcement, bool]:
    """Give the hub of a folder, starting it when none runs; the flag says whether it was started now.

    `options` are those of `arkitekt-next hub start`; they count only for a hub that is started here.
    """
    place = folder or hub_folder()
    found = find_hub(place)
    if found is not None:
        return found, False
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(place / "start.lock")
    try:
        lock.acquire(_START_S)
    except TimeoutError as error:
        raise Conflict(
            problem="Another process has been starting the hub for too long", remedy=f"See {place / LOG_NAME}"
        ) from error
    try:
        found = find_hub(place)
        return (found, False) if found is not None else (start_beside(place, *options), True)
    finally:
        lock.release()


def start_beside(folder: Path, *options: str) -> Announcement:
    """Start a hub in the background, with its own log file; wait until it answers."""
    require_hub()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_path = folder / LOG_NAME
    if log_path.exists() and log_path.stat().st_size > _LOG_LIMIT_BYTES:
        log_path.replace(log_path.with_suffix(".log.1"))
    command = [sys.executable, "-m", "arkitekt_next.cli.main", "hub", "start", "--folder", str(folder), *options]
    with open(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log_file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=not IS_WINDOWS,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if IS_WINDOWS else 0,
        )
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = find_hub(folder)
        if found is not None:
            return found
        if process.poll() is not None:
            raise _not_started(folder, _last_words(log_path))
        time.sleep(0.02)
    process.terminate()
    raise _not_started(folder, f"it did not answer within {_START_S:g} s")


def _not_started(folder: Path, reason: str) -> HubUnavailable:
    remedy = f"Its log: {folder / LOG_NAME}"
    text = f"The hub over {folder} could not start: {reason.rstrip('.')}. {remedy}"
    return HubUnavailable(text, url="", reason=reason, remedy=remedy)


def require_hub() -> None:
    """Raise `HubUnavailable` with the remedy when the hub's dependencies are not installed here."""
    import importlib.util

    if importlib.util.find_spec("uvicorn") is None or importlib.util.find_spec("sqlalchemy") is None:
        raise HubUnavailable(
            url="this machine",
            reason="the hub's dependencies are not installed",
            remedy="Install the extra `hub` (or `all`), or name a running hub with --url",
        )


def _last_words(log_path: Path) -> str:
    """Give the error a log ends with, as its own sentence; else the last line."""
    lines = log_path.read_text(errors="replace").strip().splitlines()[-100:]
    for line in reversed(lines):
        said = _ERROR.match(line)
        if said is not None:
            return said[1][:1000]
    return lines[-1][:1000] if lines else "its log is empty"


def stop_hub(folder: Path | None = None) -> Announcement | None:
    """Stop the hub of a folder and wait for its end; give what ran, or None when none did."""
    found = find_hub(folder)
    if found is None:
        return None
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while time.monotonic() < deadline:
        if find_hub(folder) is None and not (found.folder / "hub.json").exists():
            return found
        time.sleep(0.02)
    raise Conflict(
        problem=f"The hub (process {found.pid}) did not stop within {_STOP_S:g} s", remedy=f"Kill process {found.pid}"
    )
