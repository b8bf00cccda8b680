"""Ten times the memory limit goes through; the peak is measured in a process of its own and printed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.requirement("data.bounded")

LIMIT_MIB = 64

PROGRAM = """
    import json, pathlib, sys
    import numpy as np
    from zarr.storage import LocalStore
    from arkitekt_next.data.model import ArrayMeta, ImageMeta
    from arkitekt_next.sdk.data.arrays import write_array
    from arkitekt_next.sdk.data.images import write_image

    kind, folder, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    random = np.random.default_rng(0)
    noise = random.integers(0, 2**16, (1024, 512), np.uint16)  # no compressor makes it smaller

    def memory(name):  # getrusage would count what the process was before it became this program
        [line] = [row for row in pathlib.Path("/proc/self/status").read_text().splitlines() if row.startswith(name)]
        return int(line.split()[1]) * 1024

    def frames(count):
        for number in range(count):
            yield np.roll(noise, number)

    def write(name, count):
        shape = (count, *noise.shape)
        if kind == "image":
            meta = ImageMeta(shape=shape, dtype="uint16", axes=("t", "y", "x"))
            write_image(LocalStore(f"{folder}/{name}"), frames(count), meta, memory_bytes=limit)
        else:
            meta = ArrayMeta(shape=shape, dtype="uint16", axes=("t", "y", "x"))
            write_array(LocalStore(f"{folder}/{name}"), frames(count), meta, memory_bytes=limit)

    write("first", 2)  # what is loaded and kept by the libraries does not count
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory("VmRSS:")
    count = 10 * limit // noise.nbytes + 1
    write("large", count)
    peak = memory("VmHWM:")
    print(json.dumps({"written": count * noise.nbytes, "held": peak - before, "before": before}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("kind", ["image", "array"])
def test_ten_times_the_limit_is_written_within_the_limit(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), kind, str(tmp_path), str(LIMIT_MIB * 2**20)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    found = json.loads(done.stdout)
    print(
        f"{kind}: {found['written'] / 2**20:.0f} MiB written with a limit of {LIMIT_MIB} MiB, "
        f"{found['held'] / 2**20:.0f} MiB held at the peak above {found['before'] / 2**20:.0f} MiB"
    )
    assert found["written"] >= 10 * LIMIT_MIB * 2**20
    assert found["held"] <= LIMIT_MIB * 2**20
