"""A writer of small LIF files, for tests: there is none of Leica's that could be kept here.

Layout: a header with XML in UTF-16, then one memory block for each image. Source: the notes on the format in liffile.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DIMENSIONS = {"X": 1, "Y": 2, "Z": 3, "T": 4}


def write_lif(
    path: Path, images: list[npt.NDArray[Any]], *, lengths: dict[str, float], tables: list[str], cut: int = 0
) -> None:
    """Write images whose axes are T, Z, C, Y, X; the last block is `cut` bytes short."""
    elements = "".join(_element(number, image, lengths, tables) for number, image in enumerate(images))
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="experiment" UniqueID="u"><Children>'
        f"{elements}</Children></Element></LMSDataContainerHeader>"
    )
    parts = [struct.pack("<IIBI", 0x70, 2 * len(xml) + 5, 0x2A, len(xml)), xml.encode("utf-16-le")]
    for number, image in enumerate(images):
        name = f"MemBlock_{number}"
        content = np.ascontiguousarray(image).tobytes()
        content = content[: len(content) - (cut if number == len(images) - 1 else 0)]
        parts.append(struct.pack("<IIBQBI", 0x70, 14 + 2 * len(name), 0x2A, len(content), 0x2A, len(name)))
        parts += [name.encode("utf-16-le"), content]
    path.write_bytes(b"".join(parts))


def _element(number: int, image: npt.NDArray[Any], lengths: dict[str, float], tables: list[str]) -> str:
    strides = dict(zip("TZCYX", image.strides, strict=True))
    sizes = dict(zip("TZCYX", image.shape, strict=True))
    bits = image.dtype.itemsize * 8
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{bits}" NameOfMeasuredQuantity="" Min="0" '
        f'Max="{2**bits - 1}" Unit="" LUTName="{table}" IsLUTInverted="0" BytesInc="{n * strides["C"]}" BitInc="0"/>'
        for n, table in enumerate(tables)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{DIMENSIONS[axis]}" NumberOfElements="{sizes[axis]}" Origin="0" '
        f'Length="{lengths[axis]}" Unit="m" BytesInc="{strides[axis]}" BitInc="0"/>'
        for axis in "XYZT"
    )
    return (
        f'<Element Name="series {number}" UniqueID="i{number}"><Data><Image><ImageDescription><Channels>{channels}'
        f"</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{image.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
    )
