"""As which app the command line signs itself in, and for what an app is signed in when nobody says otherwise."""

from __future__ import annotations

from collections.abc import Sequence

CLI_APP = "arkitekt-cli"
APP_SCOPES = ("read", "call", "provide")
CLI_SCOPES = ("read", "call", "manage")


def default_scopes(app: str) -> Sequence[str]:
    """Give what an app is signed in for when nobody says otherwise."""
    return CLI_SCOPES if app == CLI_APP else APP_SCOPES
