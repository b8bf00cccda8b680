"""Which app the global functions mean: the one whose task runs here, else the innermost `with`, else the default app.

The rule: the default app is made when it is first meant, so importing the package decides nothing.
"""

from __future__ import annotations

import threading

from .app import App

_entered: list[App] = []
_lock = threading.Lock()
_default: list[App] = []


def default_app() -> App:
    """Give the app that functions belong to when none was named."""
    if not _default:
        with _lock:
            if not _default:
                _default.append(App())
    return _default[0]


def current_app() -> App:
    """Give the app that `find`, `call` and the like act for."""
    from .context import current_app_of_task

    return current_app_of_task() or (_entered[-1] if _entered else default_app())


def registering_app() -> App:
    """Give the app that `register` and the hooks add to."""
    return _entered[-1] if _entered else default_app()


def enter(app: App) -> None:
    """Make an app the current one until `leave`."""
    _entered.append(app)


def leave(app: App) -> None:
    """End what `enter` began."""
    for index in range(len(_entered) - 1, -1, -1):
        if _entered[index] is app:
            del _entered[index]
            return


def act_for_current_app() -> None:
    """Let values be stored and fetched at the hub of the current app, where nobody said another place."""
    from arkitekt_next.ports.acting import set_usual_store  # only where values travel: it needs what ports need

    set_usual_store(lambda: current_app().link.items)
