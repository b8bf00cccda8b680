"""`hub start`, `hub status`, `hub stop`: a hub on this machine, in front of you or in the background.

It leaves running a hub to `hub.server` and finding one to `embedded`. The rule: what protects a hub is decided
there (`hub.core.exposure`), not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit
from arkitekt_next.cli.options import hub_folder_option, json_option
from arkitekt_next.errors import Conflict

if TYPE_CHECKING:
    from arkitekt_next.embedded import Announcement
    from arkitekt_next.hub.core.config import HubSettings


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub start                          in this terminal, until Ctrl-C
  arkitekt-next hub start --background             in the background, with a log file
  arkitekt-next hub start --folder /data/hub --port 8787
  arkitekt-next hub start --host 0.0.0.0           for your network, with a certificate it makes itself

Every option can also be given as ARKITEKT_HUB_<OPTION>, such as ARKITEKT_HUB_PORT."""
)
@hub_folder_option
@click.option("--host", help="The address to listen on. Default: 127.0.0.1, this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port. Default: the last one, else a free one.")
@click.option(
    "--durability",
    type=click.Choice(["full", "normal"]),
    help="full (default): nothing acknowledged is lost, even when the machine loses power. normal: faster, survives "
    "a crash of the hub only.",
)
@click.option("--database-url", metavar="URL", help="postgresql://…, or a SQLite file. Default: hub.db in the folder.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Default: info.")
@click.option("--background/--foreground", default=False, help="Go to the background once it answers.")
@click.option("--public-url", metavar="URL", help="The address people reach it by, such as https://lab.example.org.")
@click.option("--tls-cert", metavar="FILE", help="A certificate (PEM) to serve TLS with. Needs --tls-key.")
@click.option("--tls-key", metavar="FILE", help="The private key of --tls-cert (PEM).")
@click.option(
    "--trusted-proxy",
    metavar="ADDRESS",
    multiple=True,
    help="A proxy in front that does TLS, by address or network. Needs --public-url. Can be given several times.",
)
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without TLS. Only in a network you trust.")
@click.option("--headless", is_flag=True, help="Open no browser to set up the first account.")
@json_option
def start(
    folder: Path,
    background: bool,
    headless: bool,
    insecure: bool,
    trusted_proxy: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Run a hub over a folder, and say where it answers.

    The folder holds everything it keeps. Only one hub runs over a folder. As long as nobody has an account with a
    password, it also shows the link by which you make yours. Beyond this machine (--host) it serves TLS: with
    --tls-cert, or with a certificate it makes itself, whose fingerprint it shows.
    """
    from arkitekt_next.embedded import require_hub

    require_hub()
    from arkitekt_next.hub.core.config import HubSettings
    from arkitekt_next.hub.core.exposure import is_loopback

    given |= {"insecure": insecure or None, "trusted_proxy": ",".join(trusted_proxy) or None}
    settings = HubSettings.load(folder=folder.resolve(), **given)
    if settings.insecure and not is_loopback(settings.host):
        output.warn(
            f"this hub listens on {settings.host} without TLS. Whoever can listen on the network reads all calls, and "
            "can take over a sign-in."
        )
    if background:
        _start_beside(settings.folder, _as_options(given), headless=headless, as_json=as_json)
    else:
        _serve(settings, headless=headless, as_json=as_json)


def _as_options(given: dict[str, Any]) -> list[str]:
    options: list[str] = []
    for name, value in given.items():
        if value is not None:
            options += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return options


def _serve(settings: HubSettings, *, headless: bool, as_json: bool) -> None:
    import threading

    from arkitekt_next.embedded import announced
    from arkitekt_next.hub.server import run

    def ready(url: str) -> None:
        _announce(announced(settings.folder), as_json=as_json)
        if not as_json:
            output.say(f"  stop  Ctrl-C, or: {hub_line('stop', settings.folder)}")
            # The hub is asked over its own door like any other, and can't answer while this function runs.
            threading.Thread(target=_offer_setup, args=(settings.folder, headless), daemon=True).start()

    run(settings, on_ready=ready)
    if not as_json:
        output.say("Stopped.")


def _offer_setup(folder: Path, headless: bool) -> None:
    from arkitekt_next.cli.open_command import offered_setup, show_setup
    from arkitekt_next.embedded import find_hub

    found = find_hub(folder)
    link = offered_setup(found) if found is not None else None
    if link is not None:
        show_setup(link, folder, headless=headless)


def _start_beside(folder: Path, options: list[str], *, headless: bool, as_json: bool) -> None:
    from arkitekt_next.embedded import LOG_NAME, ensure_hub

    found, is_new = ensure_hub(folder, *options)
    if not is_new and options:
        raise Conflict(
            problem=f"A hub runs over {folder} already ({found.url}), so these options have no effect",
            remedy="Stop it first with `arkitekt-next hub stop`",
        )
    _announce(found, as_json=as_json, is_new=is_new)
    if not as_json:
        output.say(f"  log   {folder / LOG_NAME}")
        output.say(f"  stop  {hub_line('stop', folder)}")
        _offer_setup(folder, headless)


def _announce(found: Announcement, *, as_json: bool, is_new: bool = True) -> None:
    if as_json:
        told = {"url": found.url, "folder": str(found.folder), "started": is_new, "public_url": found.public_url}
        output.print_json(told | ({"fingerprint": found.fingerprint} if found.certificate is not None else {}))
        return
    verb = "answers" if is_new else "runs already"
    output.say(f"{output.paint(output.mark('ok'), 'green')} The hub {verb} at {output.paint(found.url, bold=True)}")
    output.say(f"  data  {found.folder}")
    if found.certificate is not None:
        output.say(f"  TLS   SHA-256 {found.fingerprint}")
    if found.public_url.partition("://")[2] != found.url.partition("://")[2].replace("127.0.0.1", "localhost"):
        output.say(f"  others sign in with: arkitekt-next login --url {found.public_url}")


def hub_line(verb: str, folder: Path) -> str:
    """Give the command that does something (start, stop) with the hub of a folder."""
    from arkitekt_next.platform import hub_folder

    is_default = folder.resolve() == hub_folder().resolve()
    return f"arkitekt-next hub {verb}" if is_default else f'arkitekt-next hub {verb} --folder "{folder}"'


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub status
  arkitekt-next hub status --json | jq .health.queued_tasks

Exit code 0 when it runs and takes work, 1 when it runs but is degraded, 3 when none runs."""
)
@hub_folder_option
@json_option
def status(folder: Path, as_json: bool) -> int:
    """Say whether a hub runs over a folder, where it answers, and how it is."""
    from arkitekt_next.embedded import find_hub

    place = folder.resolve()
    found = find_hub(place)
    health = _health(found) if found is not None else None
    if as_json:
        output.print_json(_status_json(place, found, health))
    elif found is None or health is None:
        _say_absent(place)
    else:
        _say_running(found, health)
    if found is None or health is None:
        return Exit.NO_HUB
    return Exit.OK if health.get("status") == "ok" else Exit.FAILED


def _health(found: Announcement) -> dict[str, Any] | None:
    from arkitekt_next.errors import HubUnavailable
    from arkitekt_next.sdk.web import fetch

    try:
        _, answer = fetch(found.url, "GET", "/health")
    except HubUnavailable:
        return None
    return answer if isinstance(answer, dict) else None


def _status_json(folder: Path, found: Announcement | None, health: dict[str, Any] | None) -> dict[str, Any]:
    if found is None:
        return {"running": False, "folder": str(folder)}
    return {
        "running": health is not None,
        "folder": str(folder),
        "url": found.url,
        "hub": found.hub,
        "pid": found.pid,
        "health": health,
    }


def _say_absent(folder: Path) -> None:
    from arkitekt_next.embedded import LOG_NAME

    output.say(f"No hub runs over {folder}.")
    if (folder / "hub.json").exists():
        output.say(f"One did, and ended without saying so. Its log: {folder / LOG_NAME}")
    output.say("Start one with `arkitekt-next hub start`; `arkitekt-next run dev` starts one by itself.")


def _say_running(found: Announcement, health: dict[str, Any]) -> None:
    from arkitekt_next.embedded import LOG_NAME

    is_well = health.get("status") == "ok"
    sign = output.paint(output.mark("ok" if is_well else "warn"), "green" if is_well else "yellow")
    output.say(f"{sign} A hub runs at {output.paint(found.url, bold=True)}")
    rows = [
        ("state", "takes work" if is_well else "; ".join(map(str, health.get("reasons", [])))),
        ("up", f"{_span(float(health.get('uptime_s', 0)))}, process {found.pid}"),
        ("apps", f"{health.get('agents', 0)} connected"),
        ("tasks", f"{health.get('live_tasks', 0)} under way, {health.get('queued_tasks', 0)} of them waiting"),
        ("data", f"{found.folder} ({_size(found.folder)})"),
        ("log", str(found.folder / LOG_NAME) if (found.folder / LOG_NAME).exists() else "where it was started"),
    ]
    for title, text in rows:
        output.say(f"  {title:<6}{output.clean(text)}")


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def _size(folder: Path) -> str:
    files = [path for path in folder.glob("hub.db*") if path.is_file()]
    stored = [path for path in (folder / "objects").rglob("*") if path.is_file()]
    return size_text(sum(path.stat().st_size for path in (*files, *stored)))


def size_text(size_bytes: float) -> str:
    """Write a size the way a person reads it."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000 or unit == "GB":
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    raise AssertionError("unreachable")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub stop
  arkitekt-next hub stop --folder /data/hub"""
)
@hub_folder_option
@json_option
def stop(folder: Path, as_json: bool) -> None:
    """Stop the hub of a folder. Tasks under way go on at their apps, and are reported when a hub is back."""
    from arkitekt_next.embedded import stop_hub

    place = folder.resolve()
    stopped = stop_hub(place)
    if as_json:
        output.print_json({"stopped": stopped is not None, "folder": str(place)})
    elif stopped is None:
        output.say(f"No hub runs over {place}.")
    else:
        output.say(f"{output.paint(output.mark('ok'), 'green')} Stopped the hub at {stopped.url}.")
