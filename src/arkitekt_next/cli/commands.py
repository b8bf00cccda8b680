"""The tree of commands: their names, their one-line helps, and where each is defined.

It leaves every command to a module of its own. The rule: nothing heavier than click is imported here.
"""

from __future__ import annotations

import click

from arkitekt_next.cli.lazy import LazyGroup, Place

PROGRAM = "arkitekt-next"

_RUN = {
    "dev": Place("arkitekt_next.cli.run_commands:dev", "Connect this folder's app and reload it when it is edited."),
    "prod": Place("arkitekt_next.cli.run_commands:prod", "Connect this folder's app and serve until told to stop."),
}

_COMMANDS = {
    "init": Place("arkitekt_next.cli.init_command:init", "Make an app of this folder."),
    "run": Place("arkitekt_next.cli.commands:run", "Connect the app to a hub: dev (reloads) or prod."),
    "call": Place("arkitekt_next.cli.call_command:call", "Call a function and print what it returns."),
    "inspect": Place("arkitekt_next.cli.inspect_command:inspect", "List the functions there are, or describe one."),
    "check": Place("arkitekt_next.cli.check_command:check", "Find what is wrong with the app before it runs."),
    "manifest": Place("arkitekt_next.cli.manifest_command:manifest", "Print what the app would publish, as JSON."),
    "gen": Place("arkitekt_next.cli.gen_command:gen", "Write a typed Python client for functions of the hub."),
    "login": Place("arkitekt_next.cli.login_command:login", "Sign an app in at a hub, by a browser anywhere."),
    "logout": Place("arkitekt_next.cli.logout_command:logout", "Sign an app out, at its hub and on this machine."),
    "status": Place("arkitekt_next.cli.status_command:status", "Show the sign-ins kept on this machine."),
    "hub": Place("arkitekt_next.cli.commands:hub", "Start, stop, back up and restore a hub on this machine."),
    "self": Place("arkitekt_next.cli.commands:self_group", "About this installation."),
    "app": Place("arkitekt_next.cli.commands:app", "Older spellings: `app init`, `app run dev`.", hidden=True),
}

_HUB = {
    "start": Place("arkitekt_next.cli.hub_commands:start", "Run a hub here, or in the background."),
    "status": Place("arkitekt_next.cli.hub_commands:status", "Say whether a hub runs, where, and how it is."),
    "stop": Place("arkitekt_next.cli.hub_commands:stop", "Stop the hub of a folder."),
    "open": Place("arkitekt_next.cli.open_command:open_hub", "Open your hub in the browser, signed in."),
    "backup": Place("arkitekt_next.cli.backup_commands:backup", "Write everything a hub keeps to one file."),
    "restore": Place("arkitekt_next.cli.backup_commands:restore", "Put a backup back in place."),
}

_SELF = {"info": Place("arkitekt_next.cli.self_command:info", "Versions, folders, and the hub on this machine.")}

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(
    cls=LazyGroup,
    places=_COMMANDS,
    context_settings=_CONTEXT,
    epilog="""\b
Examples:
  arkitekt-next init --yes                         make an app of this folder
  arkitekt-next run dev                            connect it; starts a hub if none runs
  arkitekt-next call my-app.pixel_size camera_um=6.5
  arkitekt-next inspect                            what there is to call

Each command has its own --help.""",
)
@click.version_option(package_name="arkitekt-next", message="%(prog)s %(version)s", prog_name=PROGRAM)
def cli() -> None:
    """Turn typed Python functions into apps a whole team can find, call and watch."""


@click.group(cls=LazyGroup, places=_RUN, context_settings=_CONTEXT)
def run() -> None:
    """Connect the app of this folder to a hub.

    `dev` reloads the app when it is edited and starts a hub if none runs; `prod` does neither.
    """


@click.group(cls=LazyGroup, places=_HUB, context_settings=_CONTEXT)
def hub() -> None:
    """Start, stop, back up and restore a hub on this machine.

    A hub keeps everything in one folder. `--folder` names another than yours; so does ARKITEKT_HUB_FOLDER.
    """


@click.group(cls=LazyGroup, places=_SELF, context_settings=_CONTEXT, name="self")
def self_group() -> None:
    """About this installation."""


@click.group(
    cls=LazyGroup,
    places={name: _COMMANDS[name] for name in ("init", "run", "call", "inspect", "check", "manifest", "gen")},
    context_settings=_CONTEXT,
)
def app() -> None:
    """Older spellings of the commands that deal with an app."""
