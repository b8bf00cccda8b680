"""What the store over a folder writes into the ledger.

The rule: whatever changes below an item begins with `WRITE`, which changes no row of an item that is committed or
removed and so keeps what follows it from being done. An object is replaced, or deleted, by the name of the blob
that was found: so whoever changes a row knows which blob nothing names any more.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, delete, literal_column, update

from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage.ledger import Statement, insert_or

_i, _o, _u, _p = d.item.c, d.object.c, d.upload.c, d.upload_part.c
_ONE: ColumnElement[int] = literal_column("1")
_CHANGED = ("blob", "size_bytes", "digest", "etag", "content_type", "modified_at_us")

WRITE = Statement(
    "write below item",
    update(d.item)
    .where(
        _i.id == bindparam("b_item"),
        _i.team_id == bindparam("b_team"),
        _i.committed_at_us.is_(None),
        _i.removed_at_us.is_(None),
    )
    .values(writes=_i.writes + _ONE),
)
PUT_NEW = insert_or(d.object, ["key"])
REPLACE = Statement(
    "replace object",
    update(d.object)
    .where(_o.key == bindparam("b_key"), _o.blob == bindparam("b_blob"))
    .values({name: bindparam(name, type_=_o[name].type) for name in _CHANGED}),
)
DELETE = Statement(
    "delete object",
    delete(d.object).where(
        _o.key == bindparam("b_key"), _o.item_id == bindparam("b_item"), _o.blob == bindparam("b_blob")
    ),
)

BEGIN = insert_or(d.upload, ["id"])
GO_ON = Statement(
    "go on with upload",
    update(d.upload).where(_u.id == bindparam("b_upload")).values(content_type=_u.content_type),
)
PUT_PART = insert_or(d.upload_part, ["upload_id", "number"], update=["blob", "size_bytes", "digest", "modified_at_us"])
DROP_PARTS = Statement("drop parts", delete(d.upload_part).where(_p.upload_id == bindparam("b_upload")))
DROP_UPLOAD = Statement("drop upload", delete(d.upload).where(_u.id == bindparam("b_upload")))
