"""Values that arrive while they are made.

Start a hub first: arkitekt-next hub start --background

Prints:
    1000.0
    900.0
    810.0
    the shutter is closed
"""

import time
from collections.abc import Iterator

from arkitekt_next import easy, find, register


@register
def bleaching(frames: int = 100) -> Iterator[float]:
    """Measure one frame after the other, as the sample bleaches."""
    try:
        for frame in range(frames):
            time.sleep(0.05)
            yield round(1000 * 0.9**frame, 1)
    finally:
        print("the shutter is closed")


if __name__ == "__main__":
    with easy("stream").run_detached(), easy("caller"):
        for mean in find("stream.bleaching").iterate():
            print(mean)
            if mean < 850:
                break  # leaving the loop cancels the stream
