"""Arrays of microscopy: written, read and cropped through the hub's store, each beside zarr on the local disk.

python -m benchmarks.arrays --mib 1024 --pairs 3

The array is uint16 camera noise over bright spots, blosc-lz4, in the layout that is printed, the same on both sides.
`read` is of a file that was just written, so out of the memory's cache, on both sides. The last row stores an array ten
times as large as the memory that the writer says it takes, block by block, and says what the process took beside.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import stage

CROPS = 200
CROP = 256
STREAM_MEMORY_BYTES = 128 * 1024 * 1024
MIB = 1024 * 1024


def microscopy(mib: int, seed: int = 1) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Make planes of 2048 x 2048: an offset, shot noise, and spots that move from plane to plane."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] - 32
    spot = 900 * np.exp(-(y**2 + x**2) / 120)
    planes = np.empty((mib // 8, 2048, 2048), np.uint16)
    noise = [rng.poisson(110, (2048, 2048)).astype(np.float32) for _ in range(4)]
    for number in range(len(planes)):
        plane = np.roll(noise[number % 4], number * 37, axis=number % 2).copy()
        for top, left in rng.integers(0, 2048 - 64, (40, 2)):
            plane[top : top + 64, left : left + 64] += spot
        planes[number] = plane
    return planes


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def _crops(data: Any, seed: int) -> float:
    """Give how many crops of one plane a second come."""
    rng = np.random.default_rng(seed)
    planes, height, width = data.shape
    places = [(int(rng.integers(planes)), int(rng.integers(height - CROP)), int(rng.integers(width - CROP)))]
    places += [
        (int(rng.integers(planes)), int(rng.integers(height - CROP)), int(rng.integers(width - CROP)))
        for _ in range(CROPS - 1)
    ]
    took, _ = _timed(lambda: [np.asarray(data[z, y : y + CROP, x : x + CROP]) for z, y, x in places])
    return CROPS / took


def local(values: Any, folder: Path) -> dict[str, float]:
    """Do it with zarr on this disk."""
    import zarr
    from zarr.storage import LocalStore

    from arkitekt_next.sdk.data.arrays import write_array
    from arkitekt_next.sdk.data.describing import describe_array

    wrote_s, _ = _timed(lambda: write_array(LocalStore(folder), values, describe_array(values)))
    array = zarr.open_array(store=LocalStore(folder / "0"), mode="r")
    read_s, back = _timed(lambda: array[:])
    assert np.array_equal(back, values)
    crops = _crops(array, seed=2)
    shutil.rmtree(folder)
    return _figures(values.nbytes, wrote_s, read_s, crops)


def through_hub(values: Any) -> dict[str, float]:
    """Do it with an item of the hub."""
    from arkitekt_next import Array
    from arkitekt_next.sdk.data.arrays import read_array

    wrote_s, item = _timed(lambda: Array.save(values, name="benchmark"))
    read_s, back = _timed(item.numpy)
    assert np.array_equal(back, values)
    array, _ = read_array(item._items.open(item.id).zarr())
    crops = _crops(array, seed=2)
    item.trash()
    return _figures(values.nbytes, wrote_s, read_s, crops)


def _figures(size: int, wrote_s: float, read_s: float, crops: float) -> dict[str, float]:
    return {"write_mb_s": size / 1e6 / wrote_s, "read_mb_s": size / 1e6 / read_s, "crops_s": crops}


def _peak_kib() -> int:
    """Give the most that this process has held, in KiB. Linux only."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def stream() -> dict[str, Any]:
    """Store ten times the memory that is named, plane by plane; give what the process took beside what it had."""
    from arkitekt_next import Array

    total = 10 * STREAM_MEMORY_BYTES
    plane = microscopy(8)[0]
    count = total // plane.nbytes

    class Planes:
        shape, dtype = (count, *plane.shape), plane.dtype

        def __iter__(self) -> Iterator[Any]:
            for number in range(count):
                yield np.roll(plane, number)

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew; a process inherits its parent's
    before = _peak_kib()
    took, item = _timed(lambda: Array.save(Planes(), name="stream", memory_bytes=STREAM_MEMORY_BYTES))
    peak = _peak_kib()
    item.trash()
    return {
        "stream_mib": total // MIB,
        "limit_mib": STREAM_MEMORY_BYTES // MIB,
        "took_beside_mib": (peak - before) // 1024,
        "mb_s": total / 1e6 / took,
    }


def run(*, mib: int, pairs: int) -> dict[str, Any]:
    """Measure in turn, and give medians and their ratios."""
    from arkitekt_next import App
    from arkitekt_next.sdk.data.chunking import array_layout

    layout = array_layout((mib // 8, 2048, 2048), 2)
    shown: dict[str, Any] = {"mib": mib, "pairs": pairs, "chunks": layout.chunks, "shards": layout.shards}
    beside: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []
    with stage.hub() as hub, tempfile.TemporaryDirectory(dir=hub.folder.parent) as folder:
        os.environ.update(stage.surroundings(hub))
        with App("benchmark", url=hub.url):
            shown |= stream()  # first, while the process has never held anything large
            values = microscopy(mib)
            for number in range(pairs):
                beside.append(local(values, Path(folder) / str(number)))
                ours.append(through_hub(values))
        shown["hub_rss_mib"] = hub.rss_bytes // MIB
    for name in beside[0]:
        floor = statistics.median(figures[name] for figures in beside)
        found = statistics.median(figures[name] for figures in ours)
        shown[name] = {"local": round(floor, 1), "hub": round(found, 1), "ratio": round(found / floor, 2)}
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="how large the array is")
    parser.add_argument("--pairs", type=int, default=3, help="how often both are measured, in turn")
    chosen = parser.parse_args()
    print(json.dumps(run(mib=chosen.mib, pairs=chosen.pairs)))


if __name__ == "__main__":
    main()
