"""All tables, for SQLite and PostgreSQL alike.

Only text, integers and booleans: times are UTC microseconds, JSON is text written by `wire.codec` (so NUL and lone
surrogates survive in every database). The condition of a partial index is written for SQLite; `migrations/env.py` has
PostgreSQL use the same. The rule: every row but people, hubs and hub keys names its team; so do all but what precedes
a sign-in (codes of devices, links to an account, what a person signs in with) and the audit log, which tells of the
hub as well.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from .columns import at, metadata, team_column

hub = Table(
    "hub",
    metadata,
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    at("started_at_us"),
    at("lease_expires_at_us"),
)

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

team = Table(
    "team",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    at("created_at_us"),
)

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("os_user", Text, unique=True),
    Column("email", Text),
    Column("password_hash", Text),
    Column("is_hub_owner", Boolean, nullable=False, server_default=false()),
    at("created_at_us"),
    at("disabled_at_us", nullable=True),
    Index("ix_person_email", "email", unique=True),
)

passkey = Table(
    "passkey",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    at("created_at_us"),
    at("used_at_us", nullable=True),
    Index("ix_passkey_person", "person_id"),
)

identity = Table(
    "identity",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    at("created_at_us"),
    Index("ix_identity_person", "person_id"),
)

membership = Table(
    "membership",
    metadata,
    Column("team_id", Text, ForeignKey("team.id"), primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    Column("role", Text, nullable=False),
    at("created_at_us"),
)

invitation = Table(
    "invitation",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("by_id", Text, ForeignKey("person.id"), nullable=False),
    Column("uses_left", Integer, nullable=False),
    at("created_at_us"),
    at("expires_at_us"),
    at("revoked_at_us", nullable=True),
    Index("ix_invitation_team", "team_id", "id"),
)

account_link = Table(
    "account_link",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    at("created_at_us"),
    at("expires_at_us"),
    at("used_at_us", nullable=True),
)

client = Table(
    "client",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("name", Text, nullable=False),
    Column("redirect_uris", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_digest", LargeBinary),
    Column("by_id", Text, ForeignKey("person.id"), nullable=False),
    at("created_at_us"),
    at("revoked_at_us", nullable=True),
)

login = Table(
    "login",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("app", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("client_id", Text, nullable=False, server_default=""),
    Column("scopes", Text, nullable=False),
    Column("version", Text, nullable=False, server_default=""),
    Column("machine", Text, nullable=False, server_default=""),
    at("created_at_us"),
    at("used_at_us"),
    at("revoked_at_us", nullable=True),
    Index("ix_login_person", "team_id", "person_id", "id"),
    Index("ix_login_revoked", "revoked_at_us"),
)

token = Table(
    "token",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    team_column(),
    Column("login_id", Text, ForeignKey("login.id"), nullable=False),
    Column("kind", Text, nullable=False),
    at("created_at_us"),
    at("expires_at_us"),
    at("used_at_us", nullable=True),
    Index("ix_token_expires", "expires_at_us"),
    Index("ix_token_login", "login_id"),
)

redeem_token = Table(
    "redeem_token",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("app", Text),
    Column("scopes", Text, nullable=False),
    Column("is_single_use", Boolean, nullable=False),
    Column("uses", Integer, nullable=False, server_default="0"),
    at("created_at_us"),
    at("expires_at_us"),
    at("revoked_at_us", nullable=True),
    Index("ix_redeem_token_team", "team_id", "id"),
)

authorization_code = Table(
    "authorization_code",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    team_column(),
    Column("login_id", Text, ForeignKey("login.id"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("nonce", Text),
    at("created_at_us"),
    at("expires_at_us"),
    at("used_at_us", nullable=True),
)

device_code = Table(
    "device_code",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_code_digest", LargeBinary, nullable=False, unique=True),
    Column("client_id", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("login_id", Text, ForeignKey("login.id")),
    at("created_at_us"),
    at("expires_at_us"),
    at("polled_at_us", nullable=True),
    Column("interval_s", Integer, nullable=False),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public", Text, nullable=False),
    Column("private", Text, nullable=False),
    at("created_at_us"),
    at("retired_at_us", nullable=True),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("team_id", Text),
    Column("person_id", Text),
    Column("app", Text),
    Column("event", Text, nullable=False),
    Column("subject", Text),
    Column("data", Text, nullable=False),
    at("at_us"),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_audit_team", "team_id", "number"),
)

consent = Table(
    "consent",
    metadata,
    team_column(),
    Column("app_id", Text, ForeignKey("app.id"), primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    at("created_at_us"),
)

share = Table(
    "share",
    metadata,
    team_column(),
    Column("action_id", Text, ForeignKey("action.id"), primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    Column("by_id", Text, ForeignKey("person.id"), nullable=False),
    at("created_at_us"),
)

app = Table(
    "app",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("identifier", Text, nullable=False),
    Column("owner_id", Text, ForeignKey("person.id"), nullable=False),
    at("created_at_us"),
    UniqueConstraint("team_id", "identifier"),
)

release = Table(
    "release",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("app_id", Text, ForeignKey("app.id"), nullable=False),
    Column("version", Text, nullable=False),
    Column("source_hash", Text, nullable=False, server_default=""),
    Column("lock_hash", Text, nullable=False, server_default=""),
    Column("python", Text, nullable=False, server_default=""),
    at("created_at_us"),
    UniqueConstraint("team_id", "app_id", "version", "source_hash", "lock_hash", "python"),
)

action = Table(
    "action",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("app_id", Text, ForeignKey("app.id"), nullable=False),
    Column("name", Text, nullable=False),
    at("created_at_us"),
    UniqueConstraint("team_id", "name"),
)

definition = Table(
    "definition",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("action_id", Text, ForeignKey("action.id"), nullable=False),
    Column("definition_hash", Text, nullable=False),
    Column("signature_hash", Text, nullable=False),
    Column("visibility", Text, nullable=False, server_default="team"),
    Column("body", Text, nullable=False),
    at("created_at_us"),
    at("offered_at_us"),
    UniqueConstraint("team_id", "action_id", "definition_hash"),
    Index("ix_definition_hash", "team_id", "definition_hash"),
)

agent = Table(
    "agent",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("app_id", Text, ForeignKey("app.id"), nullable=False),
    Column("release_id", Text, ForeignKey("release.id"), nullable=False),
    Column("session", Text, nullable=False),
    Column("hub_id", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("environment_hash", Text),
    Column("capacity", Integer, nullable=False),
    Column("grace_us", BigInteger, nullable=False),
    at("connected_at_us"),
    at("lease_expires_at_us"),
    at("disconnected_at_us", nullable=True),
    at("gone_at_us", nullable=True),
    UniqueConstraint("team_id", "person_id", "app_id", "session"),
    Index("ix_agent_live", "team_id", "id", sqlite_where=text("gone_at_us IS NULL")),
    Index("ix_agent_team", "team_id", "id"),
)

implementation = Table(
    "implementation",
    metadata,
    Column("agent_id", Text, ForeignKey("agent.id"), primary_key=True),
    Column("action_id", Text, ForeignKey("action.id"), primary_key=True),
    team_column(),
    Column("definition_hash", Text, nullable=False),
    Column("signature_hash", Text, nullable=False),
    Column("version_id", Text),
    Column("concurrency", Integer),
    Column("active", Boolean, nullable=False),
    Index("ix_implementation_action", "team_id", "action_id"),
)

_LIVE = text("ended_at_us IS NULL")

UNHAPPY = text("status IN ('failed', 'cancelled', 'interrupted', 'lost', 'expired')")
_CHILD = text("parent_id IS NOT NULL")
TASK_KEY_INDEX = "sqlite_autoindex_task_1"
"""What SQLite calls the index of the primary key of `task`, for queries that have to name it."""

task = Table(
    "task",
    metadata,
    # What lists are filtered by stands before the texts that may be long, so that a scan does not read them. In SQLite
    # it has a rowid: without one, every row beyond a kilobyte takes a page of its own.
    Column("team_id", Text, ForeignKey("team.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("app", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("visibility", Text, nullable=False, server_default="team"),
    Column("is_discreet", Boolean, nullable=False, server_default=false()),
    Column("parent_id", Text),
    Column("root_id", Text, nullable=False),
    Column("agent_id", Text),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False),
    Column("yields", BigInteger, nullable=False, server_default="0"),
    at("queued_at_us"),
    at("assigned_at_us", nullable=True),
    at("started_at_us", nullable=True),
    at("ended_at_us", nullable=True),
    Column("signature_hash", Text, nullable=False),
    Column("definition_hash", Text, nullable=False),
    Column("hub_id", Text, nullable=False),
    Column("origin_hub_id", Text, nullable=False),
    Column("args", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("timeline", Text, nullable=False),
    Column("progress", Text),
    Column("returns", Text),
    Column("error", Text),
    Column("version_id", Text),
    Column("again_of", Text),
    UniqueConstraint("team_id", "person_id", "app", "reference"),
    Index("ix_task_live", "team_id", "status", "id", sqlite_where=_LIVE),
    Index("ix_task_unhappy", "team_id", "status", "id", sqlite_where=UNHAPPY),
    Index("ix_task_action", "team_id", "action", "id"),
    Index("ix_task_parent", "team_id", "parent_id", "id", sqlite_where=_CHILD),
    Index("ix_task_root", "team_id", "root_id", "id", sqlite_where=_CHILD),
)

event = Table(
    "event",
    metadata,
    Column("team_id", Text, ForeignKey("team.id"), nullable=False),
    Column("task_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("first", BigInteger),
    Column("count", Integer),
    at("at_us"),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)
