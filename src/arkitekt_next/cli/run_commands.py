"""`run dev` and `run prod`: the app of this folder, connected to a hub."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import module_option, url_option


@click.command(
    epilog="""\b
Examples:
  arkitekt-next run dev                            finds the hub of this machine, or starts one
  arkitekt-next run dev --ephemeral-hub            a hub it starts ends with it
  arkitekt-next run dev --url https://lab.example.org
  arkitekt-next run dev --module lab.cells         functions in lab/cells.py

While it runs, call your functions from anywhere: arkitekt-next call APP.FUNCTION"""
)
@url_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the hub on this machine. Default: yours, or ARKITEKT_HUB_FOLDER.",
)
@module_option
@click.option("--share", is_flag=True, help="Let your team call it. Without it only you can.")
@click.option("--keep-sources", is_flag=True, help="Let the hub keep the sources of each version, as run prod does.")
@click.option("--headless", is_flag=True, help="Plain lines without colours, never a question, and no browser.")
@click.option(
    "--ephemeral-hub/--keep-hub",
    default=False,
    help="Whether a hub that this starts ends with it, or stays (default). Its data stays either way.",
)
def dev(
    url: str | None,
    folder: Path | None,
    module: str | None,
    share: bool,
    keep_sources: bool,
    headless: bool,
    ephemeral_hub: bool,
) -> None:
    """Connect the app of this folder, and reload it when it is edited.

    A new version takes over once it has been imported without an error and the old one has finished what it was doing
    (10 seconds at most). While the app is broken, its last good version keeps serving.

    Without --url it uses the hub of this machine, and starts one in the background if there is none. At a hub elsewhere
    the app has to be signed in once: a link and a code are shown, and it starts when somebody has approved it.
    """
    import asyncio
    import os

    from arkitekt_next.cli.dev.hub import DevHub
    from arkitekt_next.cli.dev.screen import Screen
    from arkitekt_next.cli.dev.supervisor import Options, Supervisor
    from arkitekt_next.cli.entering import meet
    from arkitekt_next.cli.reach import named_url

    given = None if folder is not None and url is None else named_url(url)
    if headless:
        os.environ["NO_COLOR"] = "1"
    elif given is not None:
        meet(given)
    hub = DevHub(given, folder, is_kept=not ephemeral_hub)
    supervisor = Supervisor(Options(Path.cwd(), module, share, headless, keep_sources), hub, Screen())
    asyncio.run(supervisor.run())


@click.command(
    epilog="""\b
Examples:
  arkitekt-next run prod
  arkitekt-next run prod --url https://lab.example.org
  arkitekt-next run prod --fail-fast               end with code 3 when no hub answers

Exit code 0: stopped as asked. 6: the app can't be imported. 3: no hub, with --fail-fast."""
)
@url_option
@module_option
@click.option("--fail-fast", is_flag=True, help="End when no hub answers at the start, instead of trying for ever.")
@click.option(
    "--keep-sources/--no-keep-sources",
    default=True,
    help="Whether the hub keeps the sources of this release, so that it can be run again (default).",
)
def prod(url: str | None, module: str | None, fail_fast: bool, keep_sources: bool) -> None:
    """Connect the app of this folder and serve until told to stop.

    SIGTERM or Ctrl-C lets it finish what it is doing, then ends it with exit code 0. When the hub goes away it
    reconnects for ever, and keeps results until then. Whatever is declared by then is visible to your team.

    Once it is connected, the hub is given its sources (Python files, pyproject.toml and the lock file), for you and
    those who manage your team, unless it has them.
    """
    from arkitekt_next.cli.entering import enter
    from arkitekt_next.cli.loading import load_app
    from arkitekt_next.cli.project import find_project
    from arkitekt_next.cli.reach import named_url
    from arkitekt_next.cli.serving import identify, serve
    from arkitekt_next.cli.serving import keep_sources as keep
    from arkitekt_next.sdk.login import normalize

    loaded = load_app(find_project(module=module))
    app = loaded.app
    app.url = named_url(url) or app.url
    identify(app, loaded.project)
    if app.url is not None and not app.has_token:
        enter(normalize(app.url), app.identifier, version=app.release().version)
    stops: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stops.append(number))
    _log_to_stderr()
    teller = _Teller(fail_fast)
    if keep_sources:
        teller.served.append(lambda: keep(app, loaded.project, teller))
    serve(app, mode="prod", tell=teller, is_stopping=lambda: bool(stops), fail_fast=fail_fast)
    teller.line("stopped; everything under way was finished")


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


class _Teller:
    """Writes what happens to the connection, a line each."""

    def __init__(self, fail_fast: bool) -> None:
        self._last = ""
        self._fail_fast = fail_fast
        self.served: list[Callable[[], None]] = []

    def __call__(self, event: str, **fields: Any) -> None:
        url = fields.get("url", "")
        if event == "serving":
            names = ", ".join(f"{fields['identifier']}.{name}" for name in fields["functions"])
            self.line(f"connected to {url}; serving {names or 'no function'}")
            for listener in self.served:
                listener()
        elif event == "kept" and fields["is_new"]:
            self.line(f"the hub keeps the sources of this release (item {fields['item']})")
        elif event == "not_kept":
            self.line(f"the hub does not keep the sources of this release: {fields['reason']}")
        elif event == "waiting":
            self.line(f"{fields['reason'].rstrip('.')}. Trying again until it answers")
        elif event == "disconnected":
            self.line(f"the connection to {url} broke; reconnecting")
        elif event == "reconnected":
            self.line(f"connected again to {url}")

    def line(self, text: str) -> None:
        """Write a line, unless it is the one before again."""
        if text != self._last:
            self._last = text
            output.say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {output.clean(text)}")
