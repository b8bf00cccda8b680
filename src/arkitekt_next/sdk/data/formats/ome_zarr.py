"""OME-Zarr folders, of ours or others' making, as a source."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from zarr.storage import LocalStore

from arkitekt_next.errors import ArkitektError, InvalidValue, SuspiciousFile
from arkitekt_next.sdk.data.bounds import packed_limit
from arkitekt_next.sdk.data.naming import safe_name
from arkitekt_next.sdk.data.ngff import LABELS
from arkitekt_next.sdk.data.reading import Opened, lazy
from arkitekt_next.sdk.data.roots import open_root
from arkitekt_next.sdk.data.zarr_stores import METADATA, METADATA_BYTES

from .source import Hints, Limits, Source, broken, build_meta


def label_folders(path: Path) -> dict[str, Path]:
    """Give the label images that lie in an OME-Zarr folder, by name; names that lead elsewhere are passed over."""
    found: dict[str, Path] = {}
    try:
        group = open_root(LocalStore(path / LABELS, read_only=True))
    except (ArkitektError, OSError, ValueError, KeyError, TypeError):
        return found
    raw = group.attrs.asdict()
    ome = raw.get("ome", raw)
    names = ome.get(LABELS) if isinstance(ome, Mapping) else None
    for name in names if isinstance(names, list) else ():
        if not isinstance(name, str) or not name or name != safe_name(name, ""):
            continue
        folder = path / LABELS / name
        if folder.is_dir() and not folder.is_symlink():
            found[name] = folder
    return found


def _sizes(path: Path) -> dict[Path, int]:
    """Give the files below a folder with their sizes, before any is read. Raises `SuspiciousFile`."""
    sizes: dict[Path, int] = {}
    for file in path.rglob("*"):
        kind = "a link" if file.is_symlink() else None if file.is_dir() or file.is_file() else "a pipe or a device"
        if kind is not None:
            remedy = "Copy what it leads to in its place" if kind == "a link" else "Remove it"
            raise SuspiciousFile(path=str(path), expected="files", got=f"{kind}, {file.name}", remedy=remedy)
        if file.is_file():
            sizes[file] = file.stat().st_size
            if file.name.endswith(METADATA) and sizes[file] > METADATA_BYTES:
                raise SuspiciousFile(
                    path=str(file),
                    expected=f"metadata of at most {METADATA_BYTES} bytes",
                    got=str(sizes[file]),
                    remedy="Copy the image again",
                )
    return sizes


def read_ome_zarr(path: Path, hints: Hints, limits: Limits, series: int) -> Source:
    """Open the full level of an OME-Zarr image, version 0.5 or 0.4."""
    if series:
        raise InvalidValue(where="series", expected="0: OME-Zarr folders are read one image at a time", got=str(series))
    sizes = _sizes(path)
    try:
        opened = Opened(LocalStore(path, read_only=True))
        data = lazy(opened.level(0))
    except ArkitektError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise broken(path, "OME-Zarr", error) from error
    meta = opened.meta
    most = packed_limit(opened.level(0))
    swollen = next((file for file, size in sizes.items() if size > most), None)
    if swollen is not None:
        raise SuspiciousFile(
            path=str(swollen),
            expected=f"at most {most} bytes, what a chunk or a shard of it may take",
            got=f"{sizes[swollen]}",
            remedy="Copy the image again",
        )
    size = sum(sizes.values())
    limits.check(path, meta.shape, data.dtype.itemsize, max(1, size))
    told = build_meta(
        data, meta.axes, hints, scale=meta.scale, units=meta.units, channels=meta.channels, where=str(path)
    )
    kept = told.model_copy(update={"role": meta.role})
    return Source(path, data, kept, ExitStack())
