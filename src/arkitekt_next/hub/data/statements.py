"""The data service's statements of the ledger."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, update

from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage.ledger import Statement, insert_or

_i = d.item.c
_this = and_(_i.team_id == bindparam("b_team"), _i.id == bindparam("b_id"))
_here = and_(_this, _i.removed_at_us.is_(None))

INSERT_ITEM = insert_or(d.item, ["id"])
INSERT_TAG = insert_or(d.item_tag, ["item_id", "tag"])
INSERT_FOLDER = insert_or(d.folder, ["team_id", "parent_id", "name"])

COMMIT = Statement(
    "commit item",
    update(d.item)
    .where(_here, _i.committed_at_us.is_(None), _i.writes == bindparam("b_writes"))
    .values(
        {
            name: bindparam(name, type_=_i[name].type)
            for name in (
                "size_bytes",
                "objects",
                "digest",
                "shape",
                "dtype",
                "meta",
                "committed_at_us",
                "used_at_us",
            )
        }
    ),
)
CHANGE = Statement(
    "change item",
    update(d.item)
    .where(_here)
    .values(
        {
            name: bindparam(name, type_=_i[name].type)
            for name in ("name", "note", "visibility", "is_temporary", "folder_id")
        }
    ),
)
TRASH = Statement(
    "trash item",
    update(d.item).where(_here, _i.committed_at_us.is_not(None)).values(trashed_at_us=bindparam("trashed_at_us")),
)
DROP = Statement(
    "drop item",
    update(d.item).where(_here, _i.committed_at_us.is_(None)).values(removed_at_us=bindparam("removed_at_us")),
)
REMOVE_TAG = Statement(
    "remove tag",
    delete(d.item_tag).where(
        d.item_tag.c.team_id == bindparam("b_team"),
        d.item_tag.c.item_id == bindparam("b_id"),
        d.item_tag.c.tag == bindparam("b_tag"),
    ),
)
