"""All routes about who acts, a module a resource. They are thin: the rules are the services' beside this folder."""

from __future__ import annotations

from arkitekt_next.hub.accounts.oauth.routes import router as oauth_router

from .account import router as account_router
from .audit import router as audit_router
from .client import router as client_router
from .device import router as device_router
from .invitation import router as invitation_router
from .key import router as key_router
from .local import router as local_router
from .login import router as login_router
from .member import router as member_router
from .person import router as person_router
from .profile import router as profile_router
from .redeem import router as redeem_router
from .team import router as team_router

ROUTERS = (
    local_router,
    oauth_router,
    profile_router,
    account_router,
    login_router,
    redeem_router,
    device_router,
    client_router,
    team_router,
    member_router,
    invitation_router,
    person_router,
    key_router,
    audit_router,
)
