"""`call`: one function called from the command line, on the hub or in this folder.

Reading arguments is `arguments`, waiting is `following`. The rule: standard output holds what the function returned
and nothing else.
"""

from __future__ import annotations

from typing import Any

import click

from arkitekt_next.cli.options import json_option, module_option, url_option
from arkitekt_next.errors import RequestRefused


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
Examples:
  arkitekt-next call my-app.pixel_size camera_um=6.5 magnification=40
  arkitekt-next call my-app.pixel_size 6.5 40           in the order of the arguments
  arkitekt-next call my-app.bleaching frames=5 --json   a stream: one JSON value a line
  arkitekt-next call my-app.fit --args @settings.json   arguments from a file
  arkitekt-next call my-app.pixel_size --local          this folder's app, without a hub

\b
How values are written:
  str                 as it stands             name=Ada
  int, float, bool    as in Python             n=3 sigma=1.5 is_live=true
  enum, one of …      the name or the value    channel=DAPI
  list, set, tuple    with commas, or JSON     sizes=1,2,3
  model, dict, JSON   JSON, or a file          roi='{"x": 1, "y": 2}'  roi=@roi.json
  timedelta           seconds, or with a unit  exposure=50ms
  datetime, date      ISO 8601                 at=2026-11-21T14:00
  bytes               text, or a file          raw=@frame.bin
  image, table, file  the name or id it has    image="field 1"   (see data ls; what comes out is an id)
  optional            null for none            roi=null""",
)
@click.argument("action", metavar="APP.FUNCTION")
@click.argument("values", nargs=-1, metavar="[KEY=VALUE | VALUE]...")
@click.option("--args", "given", metavar="JSON", help="Arguments as a JSON object, or @file.json.")
@url_option
@click.option("--local", is_flag=True, help="Run this folder's app right here, through its ports, without a hub.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Give up after S seconds.")
@click.option("--reference", metavar="KEY", help="The same key again is the same task, not another one.")
@click.option("--agent", metavar="ID", help="The agent that has to run it.")
@click.option("--label", "labels", multiple=True, metavar="NAME", help="Only agents with this label. Repeatable.")
@click.option("--retries", type=click.IntRange(min=0), help="Run it again when it fails, at most this often.")
@click.option("--no-wait", is_flag=True, help="Fail at once when nobody provides it, instead of waiting.")
@click.option("--detach", is_flag=True, help="Print the task's id and leave it running.")
@module_option
@json_option
def call(
    action: str,
    values: tuple[str, ...],
    given: str | None,
    url: str | None,
    local: bool,
    module: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Call a function and print what it returns; a stream is printed as it comes.

    Ctrl-C cancels the task.
    """
    _refuse_options((action, *values))
    from arkitekt_next.cli.arguments import read_json

    arguments = None if given is None else read_json(given, "--args")
    if local:
        _refuse_remote(url, options)
        _call_here(action, values, arguments, module, as_json=as_json)
    else:
        _call_there(action, values, arguments, url, options, as_json=as_json)


def _refuse_options(values: tuple[str, ...]) -> None:
    """Tell a misspelt option from a negative number, since options that aren't known are let through as values."""
    for text in values:
        if text.startswith("-") and not _is_number(text):
            from difflib import get_close_matches

            context = click.get_current_context()
            known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
            near = get_close_matches(text.partition("=")[0], known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"For a text that starts with '-', write KEY={text}"
            context.fail(f"No such option: {text}. {hint}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_remote(url: str | None, options: dict[str, Any]) -> None:
    named = {"url": url, **options}
    wrong = [f"--{name.replace('_', '-')}" for name, value in named.items() if value]
    if wrong:
        raise RequestRefused(where="--local", problem=f"nothing is asked of a hub, so drop {', '.join(wrong)}")


def _call_here(action: str, values: tuple[str, ...], given: Any, module: str | None, *, as_json: bool) -> None:
    from arkitekt_next.cli.following import print_local
    from arkitekt_next.cli.loading import load_app
    from arkitekt_next.cli.project import find_project
    from arkitekt_next.errors import NotFound

    loaded = load_app(find_project(module=module))
    identifier, functions = loaded.app.identifier, loaded.app.registrations.functions
    registration = functions.get(action.removeprefix(f"{identifier}."))
    if registration is None:
        known = ", ".join(functions) or "none yet"
        raise NotFound(what="function", name=action, remedy=f"The app {identifier} of this folder has: {known}")
    print_local(registration, values, given, as_json=as_json)


def _call_there(
    action: str, values: tuple[str, ...], given: Any, url: str | None, options: dict[str, Any], *, as_json: bool
) -> None:
    from arkitekt_next.cli.arguments import name_items, read_arguments
    from arkitekt_next.cli.data.opening import id_of
    from arkitekt_next.cli.following import detach, follow
    from arkitekt_next.cli.reach import enter_hub
    from arkitekt_next.cli.scopes import CLI_APP
    from arkitekt_next.ports import TypeRegistry
    from arkitekt_next.sdk.app import App

    is_detached, timeout = options["detach"], options["timeout"]
    with App(CLI_APP, url=enter_hub(url), registry=TypeRegistry(opens_items=False)) as app:
        found = app.find(action)
        wire = name_items(found.definition.args, read_arguments(found.definition, action, values, given), id_of)
        target = found.with_options(
            timeout=timeout,
            reference=options["reference"],
            agent=options["agent"],
            labels=options["labels"],
            retries=options["retries"],
            wait_for_agent=not options["no_wait"],
        )
        if is_detached:
            detach(target, wire, as_json=as_json)
        else:
            follow(target, wire, timeout_s=timeout, as_json=as_json)
