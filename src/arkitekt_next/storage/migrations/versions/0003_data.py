"""The data service: items, folders, tags, grants, what lies in the store, and what ran to make it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "folder",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("private_to", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_folder_person_id_person")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_folder_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder")),
        sa.UniqueConstraint(
            "team_id", "parent_id", "name", "private_to", name=op.f("uq_folder_team_id_parent_id_name_private_to")
        ),
    )
    op.create_table(
        "task_item",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_task_item_team_id_team")),
        sa.PrimaryKeyConstraint("team_id", "task_id", "item_id", "role", name=op.f("pk_task_item")),
    )
    op.create_index("ix_task_item", "task_item", ["team_id", "item_id", "role", "task_id"])
    op.create_table(
        "item",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("is_temporary", sa.Boolean(), nullable=False),
        sa.Column("folder_id", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("objects", sa.Integer(), server_default="0", nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("shape", sa.Text(), server_default="", nullable=False),
        sa.Column("dtype", sa.Text(), server_default="", nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("writes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("used_at_us", sa.BigInteger(), nullable=False),
        sa.Column("committed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("trashed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("removed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("cleared_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_item_by_id_person")),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name=op.f("fk_item_folder_id_folder")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_item_person_id_person")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_item_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
    )
    op.create_index("ix_item_folder", "item", ["folder_id"])
    op.create_index(
        "ix_item_open",
        "item",
        ["created_at_us"],
        sqlite_where=sa.text("committed_at_us IS NULL"),
        postgresql_where=sa.text("committed_at_us IS NULL"),
    )
    op.create_index("ix_item_parent", "item", ["parent_id"])
    op.create_index(
        "ix_item_removed",
        "item",
        ["id"],
        sqlite_where=sa.text("removed_at_us IS NOT NULL"),
        postgresql_where=sa.text("removed_at_us IS NOT NULL"),
    )
    op.create_index(
        "ix_item_shown",
        "item",
        ["team_id", "id"],
        sqlite_where=sa.text("committed_at_us IS NOT NULL AND is_temporary = false AND trashed_at_us IS NULL"),
        postgresql_where=sa.text("committed_at_us IS NOT NULL AND is_temporary = false AND trashed_at_us IS NULL"),
    )
    op.create_index("ix_item_task", "item", ["team_id", "task_id"])
    op.create_index("ix_item_team", "item", ["team_id", "id"])
    op.create_index(
        "ix_item_temporary",
        "item",
        ["used_at_us"],
        sqlite_where=sa.text("is_temporary = true AND removed_at_us IS NULL"),
        postgresql_where=sa.text("is_temporary = true AND removed_at_us IS NULL"),
    )
    op.create_index(
        "ix_item_trashed",
        "item",
        ["trashed_at_us"],
        sqlite_where=sa.text("trashed_at_us IS NOT NULL AND removed_at_us IS NULL"),
        postgresql_where=sa.text("trashed_at_us IS NOT NULL AND removed_at_us IS NULL"),
    )
    op.create_index(
        "ix_item_uncleared",
        "item",
        ["id"],
        sqlite_where=sa.text("removed_at_us IS NOT NULL AND cleared_at_us IS NULL"),
        postgresql_where=sa.text("removed_at_us IS NOT NULL AND cleared_at_us IS NULL"),
    )
    op.create_table(
        "data_grant",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("login_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_data_grant_item_id_item")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_data_grant_person_id_person")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_data_grant_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_grant")),
    )
    op.create_index("ix_data_grant_expires", "data_grant", ["expires_at_us"])
    op.create_index("ix_data_grant_item", "data_grant", ["item_id"])
    op.create_index("ix_data_grant_login", "data_grant", ["login_id"])
    op.create_table(
        "item_tag",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_tag_item_id_item")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_item_tag_team_id_team")),
        sa.PrimaryKeyConstraint("item_id", "tag", name=op.f("pk_item_tag")),
    )
    op.create_index("ix_item_tag", "item_tag", ["team_id", "tag"])
    op.create_table(
        "object",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("modified_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_object_item_id_item")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_object_team_id_team")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_object")),
    )
    op.create_index("ix_object_item", "object", ["item_id"])
    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_upload_item_id_item")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_upload_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index("ix_upload_item", "upload", ["item_id"])
    op.create_table(
        "upload_part",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("modified_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_upload_part_team_id_team")),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_upload_part_upload_id_upload")),
        sa.PrimaryKeyConstraint("upload_id", "number", name=op.f("pk_upload_part")),
    )
    _add_history()


def _add_history() -> None:
    op.create_table(
        "environment",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_environment_team_id_team")),
        sa.PrimaryKeyConstraint("team_id", "hash", name=op.f("pk_environment")),
    )
    op.create_table(
        "function_version",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("definition_hash", sa.Text(), nullable=False),
        sa.Column("function_hash", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("release_id", sa.Text(), nullable=False),
        sa.Column("environment_hash", sa.Text(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["action_id"], ["action.id"], name=op.f("fk_function_version_action_id_action")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_function_version_release_id_release")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_function_version_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_function_version")),
    )
    op.create_index("ix_function_version_code", "function_version", ["team_id", "code_hash"])
    op.create_table(
        "release_source",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("source_hash", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f("fk_release_source_app_id_app")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_release_source_item_id_item")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_release_source_person_id_person")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_release_source_team_id_team")),
        sa.PrimaryKeyConstraint("app_id", "source_hash", name=op.f("pk_release_source")),
    )
    op.create_index("ix_release_source_item", "release_source", ["item_id"])
    op.add_column("agent", sa.Column("environment_hash", sa.Text(), nullable=True))
    op.add_column("implementation", sa.Column("version_id", sa.Text(), nullable=True))
    op.add_column("task", sa.Column("version_id", sa.Text(), nullable=True))
    op.add_column("task", sa.Column("again_of", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a database goes back by restoring a backup")
