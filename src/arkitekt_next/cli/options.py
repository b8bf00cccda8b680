"""Options that several commands share, each spelt once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from arkitekt_next.platform import hub_folder

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add `--json`: nothing but JSON is printed."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON only; errors too.")(command)


def hub_folder_option(command: F) -> F:
    """Add `--folder`: which hub of this machine."""
    return click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=hub_folder,
        help="The hub's folder. Default: yours, or ARKITEKT_HUB_FOLDER.",
    )(command)


def url_option(command: F) -> F:
    """Add `--url`: which hub."""
    return click.option(
        "--url", metavar="URL", help="The hub's address. Default: ARKITEKT_URL, else the hub on this machine."
    )(command)


def team_option(command: F) -> F:
    """Add `--team`: which team."""
    return click.option(
        "--team", metavar="NAME", help="The team, by name or id. Default: the one you are signed in to."
    )(command)


def yes_option(command: F) -> F:
    """Add `--yes`: do not ask."""
    return click.option("--yes", "-y", "is_sure", is_flag=True, help="Do not ask.")(command)


def module_option(command: F) -> F:
    """Add `--module`: where the app's functions are."""
    return click.option(
        "--module", metavar="NAME", help="The module with the functions. Default: app, or what pyproject.toml says."
    )(command)
