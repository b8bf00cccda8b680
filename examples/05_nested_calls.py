"""A function that calls others: they become its children, and are cancelled with it.

Start a hub first: arkitekt-next hub start --background

Prints:
    3 of 4 wells are bright
    every call knew its parent: True
"""

import asyncio

from arkitekt_next import Task, acall, easy, find, register


@register(effects="none")
def is_bright(well: float, task: Task) -> tuple[bool, str]:
    """Tell whether a well is bright, and on whose behalf it was asked."""
    return well > 0.5, task.parent or ""


@register
async def plate(wells: list[float], task: Task) -> tuple[str, bool]:
    """Look at all wells at the same time."""
    answers = await asyncio.gather(*(acall("nested.is_bright", well) for well in wells))
    count = sum(bright for bright, _ in answers)
    return f"{count} of {len(wells)} wells are bright", all(parent == task.id for _, parent in answers)


if __name__ == "__main__":
    with easy("nested").run_detached(), easy("caller"):
        said, knew = find("nested.plate")([0.1, 0.6, 0.7, 0.9])
        print(said)
        print("every call knew its parent:", knew)
