"""A drop-in for `tqdm` whose bar is also the progress of the current task, at every step.

    from arkitekt_next.integrations.tqdm import tqdm, trange

A bar of plain tqdm reports too while an app is hosted, as often as it is drawn. The rule: outside a task it is
plain tqdm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tqdm import tqdm as _plain  # type: ignore[import-untyped]

from arkitekt_next.sdk.bars import report_bar
from arkitekt_next.sdk.run import CURRENT


class tqdm(_plain):  # type: ignore[misc]  # the name it stands in for
    """A tqdm bar that reports to the current task as it moves."""

    def update(self, n: float | None = 1) -> bool | None:
        """Move the bar; raise `Cancelled` in a thread when the task was asked to stop."""
        shown: bool | None = super().update(n)
        report_bar(self)
        return shown

    def __iter__(self) -> Iterator[Any]:
        if CURRENT.get() is None:
            yield from super().__iter__()
            return
        for value in self.iterable:
            yield value
            self.update()
        self.close()


def trange(*args: int, **options: Any) -> tqdm:
    """Give `tqdm(range(*args), **options)`."""
    return tqdm(range(*args), **options)
