"""A task that says how far it is, and is cancelled.

Start a hub first: arkitekt-next hub start --background

Prints:
    it moves
    the stage is home
    cancelled: wrong sample
"""

import time

from arkitekt_next import easy, find, progress, register
from arkitekt_next.errors import TaskCancelled


@register
def scan(positions: int = 1000) -> int:
    """Visit positions with the stage."""
    try:
        for position in range(1, positions + 1):
            progress(100 * position / positions, f"position {position} of {positions}")
            time.sleep(0.02)
    finally:
        print("the stage is home")
    return positions


if __name__ == "__main__":
    with easy("progress").run_detached(), easy("caller"):
        task = find("progress.scan").submit()
        for event in task.events():
            if event["name"] == "progress" and event["data"]["percent"] > 0.5:
                print("it moves")
                break
        task.cancel(reason="wrong sample")
        try:
            task.result()
        except TaskCancelled as end:
            print(f"{task.status}: {end.reason}")
