"""Every setting of a hub, read from arguments, then `ARKITEKT_HUB_*` variables, then these defaults.

The reference page is generated from this file; a setting without a description fails the tests.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from arkitekt_next.errors import RequestRefused
from arkitekt_next.wire.messages import GRACE_S, HEARTBEAT_S, LEASE_S

PREFIX = "ARKITEKT_HUB_"
_SECRET = frozenset({"oidc_client_secret", "data_secret_key"})
_ISSUER = r"^(https://[A-Za-z0-9.\[\]:-]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)(/[A-Za-z0-9._~/-]*)?$"


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class HubSettings(BaseModel):
    """How a hub runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    folder: Path = Field(description="Where the hub keeps its database, keys and log: the one folder to back up.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(
        default=0, ge=0, le=65535, description="The port to listen on; 0 takes the last one, or a free one."
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.\[\]:-]+$",
        description="The address people reach the hub by, as `https://lab.example.org`; by default where it listens.",
    )
    tls_cert: Path | None = Field(default=None, description="A certificate (PEM, with its chain) to serve TLS with.")
    tls_key: Path | None = Field(default=None, description="The private key of `tls_cert` (PEM).")
    trusted_proxy: Annotated[list[str], BeforeValidator(_split)] = Field(
        default_factory=list,
        description="Addresses or networks of proxies in front that do TLS; who asks is taken from their headers. "
        "Needs `public_url`.",
    )
    insecure: bool = Field(
        default=False,
        description="Listen beyond this machine without TLS. Whoever can listen on the network reads everything.",
    )
    database_url: str | None = Field(
        default=None, description="`postgresql://…`, or a SQLite file; by default `hub.db` in the folder."
    )
    bus_url: str | None = Field(
        default=None, description="`nats://…` when several hubs share a database; by default none."
    )
    durability: Literal["full", "normal"] = Field(
        default="full",
        description="`full`: synced to disk before every acknowledgement. `normal`: survives a crash of the hub, "
        "but the last moments may be lost when the machine loses power.",
    )
    lease_s: float = Field(
        default=LEASE_S, gt=0, description="Silence after which a connection counts as broken, in seconds."
    )
    heartbeat_s: float = Field(
        default=HEARTBEAT_S, gt=0, description="How often an idle connection is checked, in seconds."
    )
    grace_s: float = Field(
        default=GRACE_S,
        ge=0,
        description="How long a broken connection's tasks wait for their agent, in seconds.",
    )
    restart_grace_s: float = Field(
        default=30.0,
        ge=0,
        description="How long agents may take to come back after the hub itself was down, in seconds.",
    )
    queue_timeout_s: float = Field(
        default=86_400.0,
        gt=0,
        description="How long a task waits for an agent before it expires, in seconds.",
    )
    cancel_deadline_s: float = Field(
        default=10.0,
        ge=0,
        description="How long a cancelled function may clean up before it is interrupted, in seconds.",
    )
    max_attempts: int = Field(default=3, ge=1, description="How often a repeatable task may lose its agent.")
    max_live_tasks: int = Field(
        default=50_000, ge=1, description="Tasks that may wait or run at once; beyond it: busy."
    )
    max_live_tasks_per_person: int = Field(
        default=40_000, ge=1, description="Tasks of one person that may wait or run at once; beyond it: busy."
    )
    max_live_bytes: int = Field(
        default=128 * 1024 * 1024,
        ge=1024,
        description="What the arguments of waiting and running tasks may take in memory, in bytes, and one person's "
        "four fifths of it; beyond it: busy.",
    )
    max_backlog: int = Field(default=5_000, ge=1, description="Writes that may wait for the disk; beyond it: busy.")
    reader_limit_bytes: int = Field(
        default=1024 * 1024,
        ge=65536,
        description="What may wait for one reader before it is served from disk, in bytes.",
    )
    reader_patience_s: float = Field(
        default=30.0,
        gt=0,
        description="How long a reader may take nothing before it is disconnected, in seconds.",
    )
    retention_days: float = Field(
        default=90.0,
        gt=0,
        description="How long ended tasks and their events are kept, in days; those that a stored item came of stay as "
        "long as it does.",
    )
    retention_bytes: int = Field(
        default=5 * 1024**3,
        ge=0,
        description="How large the ledger may grow before the oldest ended tasks go, in bytes.",
    )
    data_uncommitted_hours: float = Field(
        default=24.0,
        gt=0,
        description="How long an item that was never committed is kept once nobody has had a right to write it, in "
        "hours.",
    )
    data_temporary_days: float = Field(
        default=30.0,
        gt=0,
        description="How long unnamed values of calls are kept after they were last used, in days; what is known of "
        "them stays for as long as the history of something needs it.",
    )
    data_trash_days: float = Field(
        default=30.0, gt=0, description="How long what is in the trash can be restored, in days."
    )
    data_quota_bytes: int | None = Field(
        default=None,
        ge=0,
        description="How much all stored data may take, in bytes; beyond it nothing more is taken. What is sent in "
        "parts needs room twice while they are put together. By default as much as the disk holds.",
    )
    data_bucket: str | None = Field(
        default=None,
        max_length=500,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$",
        description="A bucket of an S3 server, or a folder in it as `bucket/folder`, that keeps all stored data; by "
        "default it lies in the hub's folder. Needs `data_key_id` and `data_secret_key`.",
    )
    data_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.\[\]:-]+$",
        description="The address of the S3 server, as `https://minio.example.org:9000`; by default Amazon's.",
    )
    data_region: str = Field(
        default="us-east-1",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="The region of the S3 server; most that are not Amazon's take any.",
    )
    data_key_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="The key the S3 server knows this hub by."
    )
    data_secret_key: SecretStr | None = Field(
        default=None, min_length=1, max_length=500, description="The secret of `data_key_id`. It never leaves the hub."
    )
    access_token_s: int = Field(
        default=1800,
        ge=1,
        le=86_400,
        description="How long an app's access token holds before it fetches the next one, in seconds.",
    )
    team: str = Field(default="home", min_length=1, max_length=64, description="The name of the first team.")
    oidc_issuer: str | None = Field(
        default=None,
        max_length=500,
        pattern=_ISSUER,
        description="The OpenID Connect provider that people may sign in with, as `https://login.example.org`, written "
        "as its own metadata writes it. Needs `oidc_client_id` and `oidc_client_secret`.",
    )
    oidc_client_id: str | None = Field(
        default=None, min_length=1, max_length=500, description="The name the provider knows this hub by."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, min_length=1, max_length=2000, description="The secret the provider gave to this hub."
    )
    oidc_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="What the sign-in page calls the provider; by default the host of `oidc_issuer`.",
    )
    oidc_team: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="The team, by name or id, that everybody joins who signs in with the provider for the first time; "
        "by default newcomers need an invitation.",
    )
    oidc_role: Literal["member", "guest"] = Field(default="guest", description="What newcomers are in `oidc_team`.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="What is logged.")

    @model_validator(mode="after")
    def _check_provider(self) -> Self:
        needed = {name: getattr(self, name) for name in ("oidc_issuer", "oidc_client_id", "oidc_client_secret")}
        missing = [name for name, value in needed.items() if value is None]
        said = self.model_fields_set & {*needed, "oidc_name", "oidc_team", "oidc_role"}
        if missing and any(getattr(self, name) is not None for name in said):
            raise ValueError(f"a sign-in with a provider also needs {' and '.join(missing)}")
        if "oidc_role" in said and self.oidc_team is None:
            raise ValueError("oidc_role also needs oidc_team, the team that newcomers join")
        return self

    @model_validator(mode="after")
    def _check_bucket(self) -> Self:
        needed = {name: getattr(self, name) for name in ("data_bucket", "data_key_id", "data_secret_key")}
        missing = [name for name, value in needed.items() if value is None]
        said = self.model_fields_set & {"data_endpoint", "data_region"}
        if missing and (len(missing) < len(needed) or said):
            raise ValueError(f"data on an S3 server also needs {' and '.join(missing)}")
        return self

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the settings: what is given here wins over the environment. Raises `RequestRefused` for a bad one."""
        values: dict[str, Any] = {}
        for name in cls.model_fields:
            text = os.environ.get(PREFIX + name.upper())
            if text is not None:
                values[name] = text
        values.update({name: value for name, value in given.items() if value is not None})
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            if not name:  # about several together: each is all right by itself, and one of them may be a secret
                raise RequestRefused(where="settings", problem=first["msg"].removeprefix("Value error, ")) from None
            got = "" if name in _SECRET else f", got {first.get('input')!r}"
            problem = f"{first['msg']}{got} (variable {PREFIX}{name.upper()})"
            raise RequestRefused(where=f"setting {name}", problem=problem) from None
