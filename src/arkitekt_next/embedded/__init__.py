"""A hub in this process or beside it. Besides the CLI, the only place that sees both the hub and its clients."""

from arkitekt_next.embedded.beside import (
    LOG_NAME,
    Announcement,
    announced,
    ensure_hub,
    find_hub,
    require_hub,
    start_beside,
    stop_hub,
)
from arkitekt_next.embedded.owner import page_link, setup_link
from arkitekt_next.embedded.within import serve

__all__ = [
    "LOG_NAME",
    "Announcement",
    "announced",
    "ensure_hub",
    "find_hub",
    "page_link",
    "require_hub",
    "serve",
    "setup_link",
    "start_beside",
    "stop_hub",
]
