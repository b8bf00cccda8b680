"""Progress bars of `tqdm` as the progress of the current task.

The rule: outside a task, and without tqdm, nothing happens here.
"""

from __future__ import annotations

import sys
from typing import Any

from .run import CURRENT

_MARK = "_arkitekt_bridged"


def bridge_tqdm() -> bool:
    """Make every tqdm bar report to the task it runs in, if tqdm has been imported; give whether it has."""
    module = sys.modules.get("tqdm.std")
    if module is None:
        return False
    kind: Any = module.tqdm
    if not getattr(kind, _MARK, False):
        setattr(kind, _MARK, True)
        display = kind.display

        def reporting(self: Any, *args: Any, **kwargs: Any) -> Any:
            report_bar(self)
            return display(self, *args, **kwargs)

        kind.display = reporting
    return True


def report_bar(bar: Any) -> None:
    """Say how far a bar is; raise `Cancelled` in a thread when the task was asked to stop."""
    run = CURRENT.get()
    if run is None:
        return
    if not run.is_on_loop:
        run.check()
    done, total = bar.n, bar.total
    percent = max(0.0, min(100.0, 100.0 * done / total)) if total else None
    said = f"{done}/{total}" if total else str(done)
    run.say_progress(percent, f"{bar.desc}: {said}" if bar.desc else said)
