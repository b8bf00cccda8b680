"""The global functions: they act for the current app (see `current`).

The rule: nothing is decided here; each is one line over the method of the same name of `App`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from .app import App, Mode
from .current import current_app, default_app, registering_app

if TYPE_CHECKING:
    from .handle import TaskHandle
    from .remote import RemoteFunction
    from .serving import Serving


def _forward(name: str) -> Any:
    method = getattr(App, name)

    def forwarded(*args: Any, **kwargs: Any) -> Any:
        return getattr(registering_app(), name)(*args, **kwargs)

    forwarded.__name__ = forwarded.__qualname__ = name
    forwarded.__doc__ = method.__doc__
    return forwarded


if TYPE_CHECKING:
    _typed = App()
    register = _typed.register
    startup = _typed.startup
    shutdown = _typed.shutdown
    background = _typed.background
    context = _typed.context
    find = _typed.find
    afind = _typed.afind
else:
    register = _forward("register")
    startup = _forward("startup")
    shutdown = _forward("shutdown")
    background = _forward("background")
    context = _forward("context")

    def find(*args: Any, **kwargs: Any) -> RemoteFunction:
        return current_app().find(*args, **kwargs)

    async def afind(*args: Any, **kwargs: Any) -> RemoteFunction:
        return await current_app().afind(*args, **kwargs)

    find.__doc__, afind.__doc__ = App.find.__doc__, App.afind.__doc__


def call(action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call an action and block until the value is there.

    Keywords may be call options (`timeout=`, `retries=`, `reference=` …).
    """
    return current_app().call(action, *args, **kwargs)


async def acall(action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call an action and await the value."""
    return await current_app().acall(action, *args, **kwargs)


def iterate(action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Iterator[Any]:
    """Read a stream, value by value."""
    return current_app().iterate(action, *args, **kwargs)


def aiterate(action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
    """Read a stream, value by value, without blocking."""
    return current_app().aiterate(action, *args, **kwargs)


def submit(action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> TaskHandle:
    """Start a task; come back once the hub has recorded it."""
    return current_app().submit(action, *args, **kwargs)


async def asubmit(action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> TaskHandle:
    """Start a task; come back once the hub has recorded it."""
    return await current_app().asubmit(action, *args, **kwargs)


def easy(identifier: str | None = None, **options: Any) -> App:
    """Give an app to use in a `with` or `async with` block, which connects, makes it the current app, and disconnects.

    Functions registered globally belong to it when it is run: `with easy("demo") as app: app.run()`. Options are
    those of `App`.
    """
    return App(identifier, registrations=default_app().registrations, **options)


def run(app: App | None = None, *, mode: Mode = "prod") -> None:
    """Provide an app's functions and block until SIGINT or SIGTERM."""
    (app or registering_app()).run(mode=mode)


async def arun(app: App | None = None, *, mode: Mode = "prod") -> None:
    """Provide an app's functions on the running loop until this is cancelled."""
    await (app or registering_app()).arun(mode=mode)


def run_detached(app: App | None = None, *, mode: Mode = "prod") -> Serving:
    """Provide an app's functions beside this thread; give a handle with `stop`."""
    return (app or registering_app()).run_detached(mode=mode)


def interactive(identifier: str | None = None, *, mode: Mode = "dev", **options: Any) -> App:
    """Connect a notebook or prompt: provide what is registered, and what will be, in the background; give the app.

    It becomes the current app and is closed when the process ends. Called again with the same identifier it gives
    the same app.
    """
    from .run import refuse_blocking
    from .serving import start_interactive

    refuse_blocking("interactive()", "async with easy(...)")
    return start_interactive(identifier, mode, options)
