"""Items and folders as REST shows them, and what may be asked of them."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from arkitekt_next.data.names import NAME_CHARS, PART_PATTERN, TAG_CHARS
from arkitekt_next.data.provenance import DEPTH, DEPTH_LIMIT, Direction
from arkitekt_next.data.sigv4 import PRESIGNED_S
from arkitekt_next.hub.accounts.routes.profile import Named
from arkitekt_next.hub.core.http import Form, Strict
from arkitekt_next.hub.core.paging import Id, Name, Paged, Text, TimeUs

Kind = Literal["image", "array", "table", "file"]
Tag = Annotated[str, Field(min_length=1, max_length=TAG_CHARS, pattern=PART_PATTERN, examples=["control"])]
Note = Annotated[str, Field(max_length=20_000, pattern=r"^[^\x00]*$")]
OBJECTS_AT_ONCE = 16
"""How many objects an item may come with."""


def _decoded(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("expected base64") from None


Base64 = Annotated[bytes, BeforeValidator(_decoded), WithJsonSchema({"type": "string", "contentEncoding": "base64"})]
Shown = Annotated[
    Literal["private", "team"], Field(description="Who sees it: you alone, or everybody in the team but guests.")
]

_ID = "01a1fb9b-0100-7000-8000-000000000001"
_PERSON = {"id": "01a1fb9b-0001-7000-8000-000000000001", "name": "ada"}
_META: dict[str, Any] = {"shape": [3, 512, 672], "dtype": "uint16", "axes": ["c", "y", "x"]}
ITEM: dict[str, Any] = {
    "id": _ID,
    "kind": "image",
    "name": "HeLa, plate 3",
    "note": "",
    "visibility": "team",
    "is_temporary": False,
    "person": _PERSON,
    "app": "segment",
    "task": None,
    "folder": None,
    "parent": None,
    "tags": ["control"],
    "meta": _META,
    "size_bytes": 2064384,
    "objects": 4,
    "digest": "9f" * 32,
    "created_at_us": 1795222602284847,
    "committed_at_us": 1795222603284847,
    "trashed_at_us": None,
    "removed_at_us": None,
}
GRANT: dict[str, Any] = {
    "id": "01a1fb9b-0200-7000-8000-000000000001",
    "mode": "write",
    "endpoint": "https://lab.example.org",
    "bucket": "arkitekt-data",
    "region": "us-east-1",
    "prefix": f"team/01a1fb9b-0000-7000-8000-000000000001/{_ID}/",
    "access_key": "01a1fb9b-0200-7000-8000-000000000001",
    "secret_key": "M2Y5...",
    "session_token": "q0T1...",
    "expires_at_us": 1795226202284847,
}
LINK: dict[str, Any] = {
    "path": "zarr.json",
    "url": f"https://lab.example.org/arkitekt-data/{GRANT['prefix']}zarr.json?X-Amz-Algorithm=AWS4-HMAC-SHA256&...",
}
FOLDER: dict[str, Any] = {
    "id": "01a1fb9b-0300-7000-8000-000000000001",
    "name": "plate 3",
    "path": "screen/plate 3",
    "parent": "01a1fb9b-0300-7000-8000-000000000000",
    "person": _PERSON,
    "visibility": "team",
    "created_at_us": 1795222602284847,
}


class ItemForm(Form):
    """A new item: what it will be. What it holds is written with the grant that comes back, then committed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "image", "name": "HeLa", "meta": _META}]})
    kind: Kind
    name: Name
    note: Note = ""
    meta: Annotated[
        dict[str, Any],
        Field(default_factory=dict, description="What a reader has to know of it; nothing yet is said by `{}`."),
    ]
    visibility: Shown | None = None
    is_temporary: Annotated[
        bool, Field(description="An unnamed value of a call: removed 30 days after it was last used.")
    ] = False
    folder: Id | None = None
    parent: Annotated[Id | None, Field(description="The item it belongs to, as labels to an image.")] = None
    task: Annotated[Id | None, Field(description="The task it is made in, which an agent of yours runs.")] = None
    tags: Annotated[list[Tag], Field(default_factory=list, max_length=64)]
    objects: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=1024)], Base64] | None,
        Field(
            min_length=1,
            max_length=OBJECTS_AT_ONCE,
            description="All that it holds, by paths, in base64: it is committed at once, with this `meta`. For what "
            "is small: a request has 1 MiB at most.",
        ),
    ] = None


class CommitForm(Form):
    """What to check and settle as an item is committed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"meta": _META}]})
    meta: Annotated[dict[str, Any] | None, Field(description="The final metadata; as it was created by default.")] = (
        None
    )
    digest: Annotated[
        str | None, Field(pattern=r"^[0-9a-f]{64}$", description="Refuse unless this is what the objects' digest is.")
    ] = None


class ChangeForm(Form):
    """What to say anew of an item; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "HeLa, plate 3"}]})
    name: Name | None = None
    note: Note | None = None
    visibility: Shown | None = None
    is_temporary: Annotated[Literal[False] | None, Field(description="`false` keeps a value of a call for good.")] = (
        None
    )
    folder: Annotated[Id | None, Field(description="The folder to file it in; null takes it out.")] = None


class GrantForm(Form):
    """Which right is asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "read"}]})
    mode: Literal["read", "write"] = "read"


class Item(Strict):
    """Something stored: what it is, whose it is, and how it came to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM]})
    id: str
    kind: Kind
    name: str
    note: str
    visibility: Shown
    is_temporary: bool
    person: Named
    app: str = Field(description="The app that wrote it.")
    task: str | None = Field(description="The task it was made in.")
    folder: str | None
    parent: str | None
    tags: list[str]
    meta: dict[str, Any]
    size_bytes: int
    objects: int
    digest: str | None = Field(description="SHA-256 over all its objects' keys and contents, once committed.")
    created_at_us: TimeUs
    committed_at_us: TimeUs | None
    trashed_at_us: TimeUs | None
    removed_at_us: TimeUs | None = Field(description="When its content was removed; what is known of it stays.")


class ItemPage(Strict):
    """Items, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ITEM], "next": None}]})
    items: list[Item]
    next: str | None


class TaskItems(Strict):
    """What a task had to do with, each the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [], "outputs": [ITEM], "others": []}]})
    inputs: list[Item] = Field(description="What it was given.")
    outputs: list[Item] = Field(description="What it returned or yielded.")
    others: list[Item] = Field(description="What was stored in it besides.")


class HistoryQuery(Form):
    """Which part of a history is wanted."""

    direction: Annotated[
        Direction, Field(description="How it was made (`back`), what was made of it (`forward`), or both.")
    ] = Direction.BACK
    depth: Annotated[int, Field(ge=1, le=DEPTH_LIMIT, description="How many calls away to look.")] = DEPTH


class DocumentQuery(HistoryQuery):
    """Which part of a history is wanted, and in which form."""

    format: Annotated[
        Literal["prov", "rocrate"], Field(description="W3C PROV-JSON, or the metadata of an RO-Crate.")
    ] = "prov"


class SourceForm(Form):
    """Where the sources of a release are kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item": _ID}]})
    item: Annotated[Id, Field(description="A committed file of yours: the tree as tar.gz.")]


class Source(Strict):
    """The sources of the releases of an app that have one source hash."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"app": "segment", "source_hash": "9c41" * 16, "item": _ID}]}
    )
    app: str
    source_hash: str
    item: str


class Grant(Strict):
    """A right to read or write one item's objects by the S3 protocol, for a while."""

    model_config = ConfigDict(json_schema_extra={"examples": [GRANT]})
    id: str
    mode: Literal["read", "write"]
    endpoint: str
    bucket: str
    region: str
    prefix: str = Field(description="Every key of the item begins with it, and no other key can be reached.")
    access_key: str
    secret_key: str
    session_token: str
    expires_at_us: TimeUs


class LinkForm(Form):
    """Which objects of an item are to be read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"paths": ["zarr.json", "0/c/0/0/0"]}]})
    paths: list[Annotated[str, Field(min_length=1, max_length=1024)]] = Field(
        min_length=1, max_length=1000, description="The paths of objects within the item."
    )
    within_s: Annotated[int, Field(ge=1, le=PRESIGNED_S, description="How long they hold, in seconds.")] = PRESIGNED_S


class Link(Strict):
    """Where one object may be read."""

    model_config = ConfigDict(json_schema_extra={"examples": [LINK]})
    path: str
    url: str


class Links(Strict):
    """Where objects may be read until they expire, by anybody who has the addresses."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"links": [LINK], "meta": _META, "expires_at_us": 1795223502284847}]}
    )
    links: list[Link] = Field(description="In the order in which they were asked for; whether they are there is open.")
    meta: dict[str, Any] = Field(description="What a reader has to know of the item.")
    expires_at_us: TimeUs


class Created(Strict):
    """A new item, and the right to write it, unless it came with all that it holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item": ITEM, "grant": GRANT}]})
    item: Item
    grant: Grant | None


class ItemQuery(Paged):
    """Which items are wanted."""

    text: Annotated[Text | None, Field(description="Part of the name or the note, in any case of letters.")] = None
    kind: Kind | None = None
    tag: Annotated[list[Tag], Field(default_factory=list, max_length=16, description="A tag it carries; several: all.")]
    folder: Id | None = None
    parent: Id | None = None
    task: Annotated[Id | None, Field(description="What was made in this task.")] = None
    person: Annotated[Id | None, Field(description="Whose it is.")] = None
    mine: Annotated[bool, Field(description="Only your own, which you or your own agents wrote.")] = False
    app: Annotated[Text | None, Field(description="The app that wrote it.")] = None
    shape: Annotated[
        str | None,
        Field(
            pattern=r"^(\*|[0-9]+)(,(\*|[0-9]+))*$", description="The sizes along its axes, `*` for any: `*,512,512`."
        ),
    ] = None
    dtype: Annotated[str | None, Field(pattern=r"^[a-z]+[0-9]*$", description="As `uint16`.")] = None
    sha256: Annotated[
        str | None,
        Field(pattern=r"^[0-9a-f]{64}$", description="Files with this content, and images read from such a file."),
    ] = None
    since_us: TimeUs | None = None
    until_us: TimeUs | None = None
    trashed: Annotated[bool, Field(description="Those in the trash instead.")] = False
    temporary: Annotated[bool, Field(description="Also unnamed values of calls.")] = False


FolderName = Annotated[str, Field(min_length=1, max_length=NAME_CHARS, pattern=PART_PATTERN, examples=["plate 3"])]


class FolderForm(Form):
    """A new folder."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "plate 3"}]})
    name: FolderName
    parent: Id | None = None
    visibility: Shown = "team"


class FolderChangeForm(Form):
    """Another name or place for a folder; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "plate 4"}]})
    name: FolderName | None = None
    parent: Annotated[Id | None, Field(description="The folder to move it into; null takes it to the top.")] = None


class Folder(Strict):
    """A place to file items in."""

    model_config = ConfigDict(json_schema_extra={"examples": [FOLDER]})
    id: str
    name: str
    path: str = Field(description="Its name after those of the folders it lies in, as far as you see them.")
    parent: str | None
    person: Named
    visibility: Shown
    created_at_us: TimeUs


class FolderPage(Strict):
    """Folders, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [FOLDER], "next": None}]})
    items: list[Folder]
    next: str | None


class FolderQuery(Paged):
    """Which folders are wanted."""

    parent: Annotated[Id | None, Field(description="Those in this folder; by default those in none.")] = None
    everywhere: Annotated[bool, Field(description="All folders, wherever they lie.")] = False
