"""The data service's statements of the ledger.

The rule: what looks at other rows than the one it changes (`exists`) says its own key the other way round, parameter
first, so that the ledger runs it row by row and never many at once; a parameter that is used twice is one object.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, delete, exists, null, or_, select, update

from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage.ledger import Statement, Step, insert_or

_i, _f = d.item.c, d.folder.c
_other_item, _other_folder = d.item.alias("other_item"), d.folder.alias("other_folder")
_this = and_(_i.team_id == bindparam("b_team"), _i.id == bindparam("b_id"))
_here = and_(_this, _i.removed_at_us.is_(None))

INSERT_ITEM = insert_or(d.item, ["id"])
INSERT_TAG = insert_or(d.item_tag, ["item_id", "tag"])
INSERT_FOLDER = insert_or(d.folder, ["team_id", "parent_id", "name", "private_to"])

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
CHANGE = {
    name: Statement(
        f"change item's {name}", update(d.item).where(_here).values({name: bindparam(name, type_=_i[name].type)})
    )
    for name in ("name", "note", "visibility", "is_temporary", "folder_id")
}
"""One a column, so that two people who change different things do not undo each other."""
USE = Statement(
    "use item",
    update(d.item).where(_here, _i.committed_at_us.is_not(None)).values(used_at_us=bindparam("used_at_us")),
)
TRASH = Statement(
    "trash item",
    update(d.item).where(_here, _i.committed_at_us.is_not(None)).values(trashed_at_us=bindparam("trashed_at_us")),
)
DROP = Statement(
    "drop item",
    update(d.item).where(_here, _i.committed_at_us.is_(None)).values(removed_at_us=bindparam("removed_at_us")),
)
CLEARED = Statement(
    "note that item is cleared",
    update(d.item).where(_this, _i.removed_at_us.is_not(None)).values(cleared_at_us=bindparam("cleared_at_us")),
)
REMOVE_TAG = Statement(
    "remove tag",
    delete(d.item_tag).where(
        d.item_tag.c.team_id == bindparam("b_team"),
        d.item_tag.c.item_id == bindparam("b_id"),
        d.item_tag.c.tag == bindparam("b_tag"),
    ),
)

_TOUCH_FOLDER = Statement(
    "touch folder",
    update(d.folder).where(_f.team_id == bindparam("b_team"), _f.id == bindparam("b_folder")).values(name=_f.name),
)
_is_in = _other_folder.c
_name, _parent = bindparam("name", type_=_f.name.type), bindparam("parent_id", type_=_f.parent_id.type)
MOVE_FOLDER = Statement(
    "move folder",
    update(d.folder)
    .where(
        _f.team_id == bindparam("b_team"),
        bindparam("b_id") == _f.id,
        ~exists(
            select(_is_in.id).where(
                _is_in.team_id == _f.team_id,
                _is_in.private_to == _f.private_to,
                _is_in.parent_id == _parent,
                _is_in.name == _name,
                _is_in.id != _f.id,
            )
        ),
    )
    .values(name=_name, parent_id=_parent),
)
_filed = _other_item.c
_is_kept = and_(_filed.trashed_at_us.is_(None), _filed.removed_at_us.is_(None))
_of_folder = and_(_i.team_id == bindparam("b_team"), _i.folder_id == bindparam("b_folder"))
TAKE_OUT = Statement(
    "take what is gone out of a folder that is otherwise empty",
    update(d.item)
    .where(
        _of_folder,
        or_(_i.trashed_at_us.is_not(None), _i.removed_at_us.is_not(None)),
        ~exists(select(_filed.id).where(_filed.folder_id == _i.folder_id, _is_kept)),
    )
    .values(folder_id=null()),
)
REMOVE_FOLDER = Statement(
    "remove folder",
    delete(d.folder).where(
        _f.team_id == bindparam("b_team"),
        _f.id == bindparam("b_folder"),
        ~exists(select(_filed.id).where(_filed.folder_id == _f.id)),
        ~exists(select(_is_in.id).where(_is_in.team_id == _f.team_id, _is_in.parent_id == _f.id)),
    ),
)


def touch_folder(team: str, folder: str) -> Step:
    """Give the step that keeps those after it from being done where the folder is gone."""
    row: dict[str, Any] = {"b_team": team, "b_folder": folder}
    return _TOUCH_FOLDER, row
