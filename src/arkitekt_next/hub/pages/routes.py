"""All pages, and the routes of the API that belong to them."""

from __future__ import annotations

from .app import router as app_router
from .assets import router as assets_router
from .consent import router as consent_router
from .device import router as device_router
from .entry import router as entry_router
from .home import router as home_router
from .invite import router as invite_router
from .oidc import router as oidc_router
from .own_account import router as own_account_router
from .passkeys import router as passkeys_router
from .setup import router as setup_router

ROUTERS = (
    home_router,
    app_router,
    entry_router,
    passkeys_router,
    setup_router,
    invite_router,
    device_router,
    consent_router,
    oidc_router,
    assets_router,
    own_account_router,
)
