"""Items, what they hold, folders, grants, histories and what it all takes over HTTP."""

from .content import router as content_router
from .folders import router as folder_router
from .history import router as history_router
from .items import router as item_router
from .usage import router as usage_router

ROUTERS = (item_router, content_router, folder_router, history_router, usage_router)
