"""The keyring of the operating system, where one works without asking anybody anything.

The rule: it is never required and never prompts; where that can't be known, a file is used instead.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

SERVICE = "arkitekt-next"

# These ask for a password, or open a wallet, which does.
_PROMPTING = ("keyrings.alt", "keyring.backends.kwallet", "keyring.backends.libsecret")
_LEAST_PRIORITY = 1  # below it, `keyring` itself does not recommend a backend


class Vault(Protocol):
    """What a backend of `keyring` can do."""

    def get_password(self, service: str, username: str) -> str | None:
        """Give a secret, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget a secret."""


def open_vault() -> Vault | None:
    """Give the keyring if there is one that works by itself; None in a container, a service, a session without it."""
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]

        chosen = keyring.get_keyring()
        backends: list[Any] = list(getattr(chosen, "backends", [])) or [chosen]
        return next((backend for backend in backends if _is_quiet(backend)), None)
    except Exception:  # not installed, or a backend that fails in its own way: there is no keyring then
        return None


def _is_quiet(backend: Any) -> bool:
    module = type(backend).__module__
    if module.startswith(_PROMPTING) or float(backend.priority) < _LEAST_PRIORITY:
        return False
    return not (module == "keyring.backends.SecretService" and _is_locked())


def _is_locked() -> bool:
    import secretstorage  # type: ignore[import-not-found, unused-ignore]

    connection = secretstorage.dbus_init()
    try:
        return bool(secretstorage.get_default_collection(connection).is_locked())
    finally:
        with suppress(Exception):
            connection.close()
