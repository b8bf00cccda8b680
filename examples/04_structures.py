"""A class of your own, passed by reference: only its id travels.

Start a hub first: arkitekt-next hub start --background

Prints:
    Image(name='coins-bright', pixels=[200, 90])
"""

from __future__ import annotations

from dataclasses import dataclass

from arkitekt_next import easy, find, register

SHELF: dict[str, Image] = {}  # in life, a store that both sides can reach


@dataclass
class Image:
    name: str
    pixels: list[int]

    async def shrink(self) -> str:
        SHELF[self.name] = self
        return self.name

    @classmethod
    async def expand(cls, value: str) -> Image:
        return SHELF[value]


@register
def bright(image: Image, level: int = 50) -> Image:
    """Keep the pixels above a level."""
    return Image(f"{image.name}-bright", [pixel for pixel in image.pixels if pixel > level])


if __name__ == "__main__":
    with easy("structures").run_detached(), easy("caller"):
        print(find("structures.bright")(Image("coins", [3, 200, 90])))
