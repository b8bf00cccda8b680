"""What goes wrong elsewhere is an ordinary exception here.

Start a hub first: arkitekt-next hub start --background

Prints:
    expose.exposure_ms: expected float, got str 'long'
    ValueError: 900.0 ms would bleach the sample
    TaskTimeout: True
"""

import time

from arkitekt_next import easy, find, register


@register
def expose(exposure_ms: float) -> float:
    """Take a frame."""
    if exposure_ms > 500:
        raise ValueError(f"{exposure_ms} ms would bleach the sample")
    time.sleep(exposure_ms / 1000)
    return exposure_ms


if __name__ == "__main__":
    with easy("errors").run_detached(), easy("caller"):
        remote = find("errors.expose")
        for exposure in ("long", 900):
            try:
                remote(exposure)
            except ValueError as error:
                print(error if exposure == "long" else f"{error.remote_type}: {error}")
        try:
            remote(500, timeout=0.1)
        except TimeoutError as late:
            print(f"{type(late).__name__}:", late.timeout_s == 0.1)
