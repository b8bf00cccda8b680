"""Where the sign-ins of this user's apps are kept between their runs: one entry a hub and app.

An entry is a 0600 file in the state folder; its secrets lie in the operating system's keyring where one works without
asking. The rule: refresh tokens work once and a second use ends the sign-in, so whoever uses one holds the entry's
lock, reads the entry again under it, and writes the next token down before anything else is done with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from arkitekt_next.errors import Conflict, HubUnavailable, NotAuthenticated
from arkitekt_next.platform import STATE_FOLDER, FileLock, state_folder, write_private

from .trust import file_name
from .vault import SERVICE, Vault, open_vault

_LOCK_S = 45.0
_ACCESS, _REFRESH = "access_token", "refresh_token"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One app's sign-in at one hub. `person` and `team` are names to show; times are by this machine's clock."""

    address: str
    app: str
    person: str
    person_id: str
    team: str
    team_id: str
    scopes: tuple[str, ...]
    access_token: str = field(repr=False)
    expires_at: float
    refresh_token: str = field(repr=False)
    signed_in_at: float = 0.0
    refreshed_at: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether the access token still holds for a while."""
        return time.time() < self.expires_at


class CredentialStore:
    """The entries of this user."""

    def __init__(self) -> None:
        self._folder = state_folder() / "credentials"
        self._opened: list[Vault | None] = []

    @contextmanager
    def locked(self, address: str, app: str) -> Iterator[None]:
        """Hold an entry against all other processes and threads. Blocks, for as long as another one talks to the hub.

        Raises `HubUnavailable` when that takes too long, `Conflict` where nothing can be written.
        """
        lock = FileLock(self._place(address, app).with_suffix(".lock"))
        try:
            lock.acquire(_LOCK_S)
        except TimeoutError as held:
            reason = f"another process of yours has been waiting for its answer for {_LOCK_S:g} s"
            raise HubUnavailable(url=address, reason=reason, remedy="Try again") from held
        except OSError as refused:
            raise self._unwritable(refused) from refused
        try:
            yield
        finally:
            lock.release()

    def read(self, address: str, app: str) -> Credentials | None:
        """Give an entry; None when there is none, or none that makes sense.

        Raises `NotAuthenticated` when its secrets lie in a keyring that can't be read now.
        """
        return self._load(self._place(address, app), with_secrets=True)

    def has(self, address: str, app: str) -> bool:
        """Say whether there is an entry, without opening a keyring."""
        return self._load(self._place(address, app), with_secrets=False) is not None

    def write(self, entry: Credentials) -> None:
        """Keep an entry, replacing the former one at once. Raises `Conflict` where nothing can be written."""
        place = self._place(entry.address, entry.app)
        kept: dict[str, Any] = asdict(entry)
        vault = self._vault()
        if vault is not None:
            secrets = json.dumps({_ACCESS: entry.access_token, _REFRESH: entry.refresh_token})
            with suppress(Exception):  # what a keyring can't do, the file can
                vault.set_password(SERVICE, self._name(place), secrets)
                kept |= {"is_in_keyring": True, _ACCESS: "", _REFRESH: ""}
        try:
            write_private(place, json.dumps(kept))
        except OSError as refused:
            raise self._unwritable(refused) from refused

    def _unwritable(self, refused: OSError) -> Conflict:
        return Conflict(
            problem=f"Sign-ins can't be kept in {self._folder}: {refused.strerror or refused}",
            remedy=f"Make it writable, free space, or name another folder in {STATE_FOLDER}",
        )

    def remove(self, address: str, app: str) -> None:
        """Forget an entry."""
        place = self._place(address, app)
        with suppress(FileNotFoundError):
            place.unlink()
        vault = self._vault()
        if vault is not None:
            with suppress(Exception):  # it was not there
                vault.delete_password(SERVICE, self._name(place))

    def list(self) -> list[Credentials]:
        """Give all entries, without the secrets that lie in a keyring; sorted by hub and app."""
        found = [self._load(place, with_secrets=False) for place in sorted(self._folder.glob("*.json"))]
        return sorted((entry for entry in found if entry is not None), key=lambda entry: (entry.address, entry.app))

    def _load(self, place: Path, *, with_secrets: bool) -> Credentials | None:
        try:
            raw = json.loads(place.read_text(encoding="utf-8"))
            is_in_keyring = raw.pop("is_in_keyring", False)
            entry = Credentials(**{**raw, "scopes": tuple(raw["scopes"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return self._with_secrets(entry, place) if is_in_keyring and with_secrets else entry

    def _with_secrets(self, entry: Credentials, place: Path) -> Credentials:
        vault = self._vault()
        try:
            secrets = json.loads((vault.get_password(SERVICE, self._name(place)) if vault is not None else None) or "")
            return replace(entry, access_token=str(secrets[_ACCESS]), refresh_token=str(secrets[_REFRESH]))
        except Exception as closed:
            raise NotAuthenticated(
                reason=f"the sign-in of {entry.app} at {entry.address} lies in the keyring, which can't be read here",
                remedy="Unlock it, or sign in again: "
                f"arkitekt-next login --url {entry.address} --app {entry.app} --reauth",
            ) from closed

    def _vault(self) -> Vault | None:
        if not self._opened:
            self._opened.append(open_vault())
        return self._opened[0]

    def _name(self, place: Path) -> str:
        return f"{place.stem} of {self._folder}"

    def _place(self, address: str, app: str) -> Path:
        return self._folder / f"{file_name(address, app)}.json"
