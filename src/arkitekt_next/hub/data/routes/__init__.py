"""Items, what they hold, folders, grants and histories over HTTP."""

from .content import router as content_router
from .folders import router as folder_router
from .history import router as history_router
from .items import router as item_router

ROUTERS = (item_router, content_router, folder_router, history_router)
