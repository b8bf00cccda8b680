"""A function, called as plain Python and through the hub.

Start a hub first: arkitekt-next hub start --background

Prints:
    0.1625
    0.1625
    pixel_size(camera_um: float = 6.5, magnification: float = 60.0) -> float
"""

from arkitekt_next import easy, find, register


@register
def pixel_size(camera_um: float = 6.5, magnification: float = 60.0) -> float:
    """Give the size of a pixel in the sample, in micrometres."""
    return camera_um / magnification


if __name__ == "__main__":
    print(pixel_size(magnification=40))
    with easy("hello").run_detached(), easy("caller"):
        remote = find("hello.pixel_size")
        print(remote(magnification=40))
        print(f"{remote.__name__}{remote.__signature__}")
