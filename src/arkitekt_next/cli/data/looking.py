"""`data ls`, `data show` and `data du`: what there is, all that is known of one, and what takes the room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.data.jobs import what_of
from arkitekt_next.cli.data.opening import find_item, opened
from arkitekt_next.cli.data.options import ITEM_ID, TAG
from arkitekt_next.cli.data.quantities import read_moment, size_text
from arkitekt_next.cli.options import json_option, url_option

if TYPE_CHECKING:
    from arkitekt_next.sdk.data.item import Item
    from arkitekt_next.sdk.data.store import HubItems

_KINDS = ("image", "array", "table", "file")
_NARROW, _WIDE = 96, 130


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data ls
  arkitekt-next data ls hela --kind image --tag control
  arkitekt-next data ls --folder 'plate 3' --since 2d
  arkitekt-next data ls --shape '*,512,512' --dtype uint16 --all --json
  arkitekt-next data ls --trash"""
)
@click.argument("text", required=False, metavar="[TEXT]")
@click.option("--kind", type=click.Choice(_KINDS), help="Only this kind.")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag. Repeatable: all of them.", type=TAG
)
@click.option("--folder", metavar="PATH", help="Only what is filed in this folder.")
@click.option("--person", metavar="NAME", help="Only what belongs to somebody, by e-mail address, name or id.")
@click.option("--app", metavar="APP", help="Only what this app wrote.")
@click.option("--shape", metavar="SIZES", help="Only with these sizes along its axes, `*` for any.")
@click.option("--dtype", metavar="TYPE", help="Only with numbers of this type, as uint16.")
@click.option("--since", metavar="WHEN", help="Only from then on: a date, or an age as 3d.")
@click.option("--until", metavar="WHEN", help="Only up to then.")
@click.option("--trash", "is_trash", is_flag=True, help="What lies in the trash instead.")
@click.option("--temporary", "is_temporary", is_flag=True, help="Also unnamed values of calls.")
@click.option("--limit", type=click.IntRange(min=1), default=50, help="How many at most. Default: 50.")
@click.option("--all", "is_all", is_flag=True, help="However many there are.")
@click.option("--after", metavar="ID", help="Go on after this one, the last of the list before.", type=ITEM_ID)
@url_option
@json_option
def ls(
    text: str | None, folder: str | None, person: str | None, limit: int, is_all: bool, url: str | None, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """List what is stored, the newest first; TEXT is part of a name or a note."""
    with opened(url) as items:
        from arkitekt_next.sdk.data.folder import Folder
        from arkitekt_next.sdk.data.item import Item

        filters = _filters(options)
        filters["folder"] = None if folder is None else Folder.find(folder)
        filters["person"] = None if person is None else _person(items, person)
        found = list(Item.search(text, limit=None if is_all else limit + 1, **filters))
    shown = found if is_all else found[:limit]
    if as_json:
        output.print_json([item.record for item in shown])
    elif shown:
        _show_list(shown)
    else:
        output.say(_nothing(text, filters))
    if len(found) > len(shown):
        output.note(f"There are more: --after {shown[-1].id}, --limit or --all")


def _nothing(text: str | None, filters: dict[str, Any]) -> str:
    if filters["cursor"] is not None:
        return "Nothing further fits."
    return "Nothing fits." if text or any(filters.values()) else "Nothing is stored yet."


def _filters(options: dict[str, Any]) -> dict[str, Any]:
    filters = {name: options[name] for name in ("kind", "tags", "app", "shape", "dtype")}
    for name in ("since", "until"):
        given = options[name]
        filters[name] = None if given is None else read_moment(given, f"--{name}")
    return {**filters, "trashed": options["is_trash"], "temporary": options["is_temporary"], "cursor": options["after"]}


def _person(items: HubItems, text: str) -> str:
    from arkitekt_next.cli.hub_api import pick
    from arkitekt_next.sdk.data.listing import every

    return str(pick(list(every(items.session, "/api/members", {})), text, what="member")["id"])


def _show_list(items: list[Item]) -> None:
    width = output.width()
    columns: list[tuple[str, Callable[[Item], str]]] = [("KIND", lambda item: item.kind)]
    if width >= _NARROW:
        columns.append(("MADE", lambda item: output.when(item.record["created_at_us"])))
    if width >= _WIDE:
        columns += [("WHAT", what_of), ("SIZE", lambda item: size_text(item.size_bytes))]
        columns.append(("BY", lambda item: output.shorten(item.person, 20)))
    columns += [("ID", lambda item: item.id), ("NAME", _named)]
    output.show_table([title for title, _ in columns], [[cell(item) for _, cell in columns] for item in items])


def _named(item: Item) -> str:
    return item.name + "".join(f"  #{tag}" for tag in item.tags)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data show 'cells, field 3'
  arkitekt-next data show ID --json"""
)
@click.argument("wanted", metavar="ITEM")
@url_option
@json_option
def show(wanted: str, url: str | None, as_json: bool) -> None:
    """Show all that is known of an item: what it holds, whose it is, when and by which call it was made."""
    with opened(url) as items:
        item = find_item(wanted)
        call = _call_of(items, item)
        place = _place_of(item)
    if as_json:
        output.print_json({**item.record, "folder_path": place, "call": call})
        return
    output.say(output.paint(output.clean(item.name), bold=True))
    rows = [*_content(item), *_about(item, place), *_making(item, call)]
    size = max(len(title) for title, _ in rows)
    for title, value in rows:
        output.say(f"  {title.ljust(size)}  {output.clean(value)}")


def _call_of(items: HubItems, item: Item) -> dict[str, Any] | None:
    from arkitekt_next.errors import NotFound, NotPermitted

    try:
        return None if item.task is None else items.session.get(f"/api/tasks/{item.task}")
    except (NotFound, NotPermitted):  # it was removed, or is not shown to whoever asks
        return None


def _place_of(item: Item) -> str | None:
    from arkitekt_next.sdk.data.folder import Folder

    if item.folder is None:
        return None
    return next((folder.path for folder in Folder.every() if folder.id == item.folder), item.folder)


def _content(item: Item) -> list[tuple[str, str]]:
    meta = item.meta
    rows = [("what", f"{item.kind}, {what_of(item)}")]
    if meta.get("axes"):
        sizes = zip(meta["axes"], meta["shape"], strict=True)
        rows.append(("axes", ", ".join(f"{axis} {size}{_step(meta, axis)}" for axis, size in sizes)))
    if meta.get("channels"):
        rows.append(("channels", ", ".join(_channel(channel) for channel in meta["channels"])))
    if meta.get("columns"):
        rows.append(("columns", ", ".join(f"{column['name']} ({column['type']})" for column in meta["columns"])))
    if meta.get("origin"):
        origin = meta["origin"]
        rows.append(("read from", f"{origin['name']}, {size_text(origin['size_bytes'])}, SHA-256 {origin['sha256']}"))
    if meta.get("sha256"):
        rows.append(("SHA-256", meta["sha256"]))
    return [*rows, ("takes", f"{size_text(item.size_bytes)} in {item.record['objects']} objects")]


def _step(meta: dict[str, Any], axis: str) -> str:
    step, unit = meta.get("scale", {}).get(axis), meta.get("units", {}).get(axis, "")
    return "" if step is None else f" (every {step:g} {unit})".replace(" )", ")")


def _channel(channel: dict[str, Any]) -> str:
    window = channel.get("window")
    said = [f"#{channel['color']}"] if channel.get("color") else []
    said += [f"shown from {window[2]:g} to {window[3]:g}"] if window else []
    return f"{channel['name']} ({', '.join(said)})" if said else str(channel["name"])


def _about(item: Item, place: str | None) -> list[tuple[str, str]]:
    record = item.record
    seen = "the team" if record["visibility"] == "team" else "its owner, and who may read the calls it went through"
    rows = [("id", item.id), ("of", item.person), ("seen by", seen)]
    rows += [("folder", place)] if place else []
    rows += [("belongs to", record["parent"])] if record["parent"] else []
    rows += [("tags", ", ".join(item.tags))] if item.tags else []
    rows += [("note", item.note)] if item.note else []
    if record["is_temporary"]:
        rows.append(("kept", "until 30 days after it was last used; it is an unnamed value of a call"))
    if record["trashed_at_us"]:
        rows.append(("in the trash", f"since {output.when(record['trashed_at_us'])}"))
    if record["removed_at_us"]:
        rows.append(("removed", f"{output.when(record['removed_at_us'])}; what is known of it stays"))
    return rows


def _making(item: Item, call: dict[str, Any] | None) -> list[tuple[str, str]]:
    rows = [("made", f"{output.when(item.record['created_at_us'])}, by the app {item.record['app']}")]
    if item.task is not None:
        rows.append(("in the call", item.task if call is None else f"{call['action']}, task {item.task}"))
    return rows


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data du
  arkitekt-next data du --by folder --json"""
)
@click.option("--by", "chosen", type=click.Choice(["kind", "person", "folder"]), help="Only this way. Default: all.")
@url_option
@json_option
def du(chosen: str | None, url: str | None, as_json: bool) -> None:
    """Say what the items that you see take, by kind, person and folder; unnamed values and the trash included."""
    with opened(url):
        from arkitekt_next.sdk.data.folder import Folder
        from arkitekt_next.sdk.data.item import Item

        here = list(Item.search(temporary=True))
        trash = list(Item.search(temporary=True, trashed=True))
        paths = {folder.id: folder.path for folder in Folder.every()} if chosen in (None, "folder") else {}
    ways: dict[str, Callable[[Item], str]] = {
        "kind": lambda item: f"unnamed {item.kind}" if item.record["is_temporary"] else item.kind,
        "person": lambda item: item.person,
        "folder": lambda item: "(none)" if item.folder is None else paths.get(item.folder, item.folder),
    }
    tables = {way: _summed(here, of) for way, of in ways.items() if chosen in (None, way)}
    total, thrown = _sum(here), _sum(trash)
    if as_json:
        output.print_json({"total": total, "trash": thrown, **tables})
        return
    for way, rows in tables.items():
        shown = [(size_text(row["size_bytes"]).rjust(9), str(row["items"]), row["name"]) for row in rows]
        output.show_table(("     SIZE", "ITEMS", way.upper()), shown)
        output.say()
    output.say(f"{size_text(total['size_bytes'])} in {total['items']} items; in the trash "
               f"{size_text(thrown['size_bytes'])} in {thrown['items']}")  # fmt: skip


def _summed(items: list[Item], of: Callable[[Item], str]) -> list[dict[str, Any]]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(of(item), []).append(item)
    rows = [{"name": name, **_sum(group)} for name, group in groups.items()]
    return sorted(rows, key=lambda row: (-row["size_bytes"], row["name"]))


def _sum(items: list[Item]) -> dict[str, int]:
    return {"items": len(items), "size_bytes": sum(item.size_bytes for item in items)}
