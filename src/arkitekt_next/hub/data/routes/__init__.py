"""Items, folders and grants over HTTP."""

from .folders import router as folder_router
from .items import router as item_router

ROUTERS = (item_router, folder_router)
