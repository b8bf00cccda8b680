"""What a thumbnail is: a small PNG. Whoever stored one may have stored anything, so both ends look.

Source of the layout: the PNG specification, sections 5.2 and 11.2.1.
"""

from __future__ import annotations

LIMIT_BYTES = 1024 * 1024
SIDE = 256
"""Its longer side, in pixels, is at most this."""
_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def is_thumbnail(body: bytes) -> bool:
    """Whether bytes begin as a PNG that is no larger than a thumbnail may be, in bytes and in pixels."""
    if len(body) > LIMIT_BYTES or not body.startswith(_HEAD):
        return False
    width, height = (int.from_bytes(body[at : at + 4], "big") for at in (16, 20))
    return 0 < width <= SIDE and 0 < height <= SIDE
