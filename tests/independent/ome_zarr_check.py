"""Look at an OME-Zarr image with programs of others: ome-zarr-models validates it, ome-zarr reads it.

It runs in a virtual environment of its own, which has `ome-zarr` and `ome-zarr-models` and nothing of this project:

    python ome_zarr_check.py IMAGE.ome.zarr

It prints one JSON object: axes, shapes and SHA-256 of the pixels of every level, scales, translations, channels.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import ome_zarr.io
import ome_zarr.reader
import ome_zarr_models.v05
import zarr
from ome_zarr_models.common.omero import Omero


def validated(path: str) -> dict[str, Any]:
    """Validate the metadata and the arrays they name, and give what ome-zarr-models understood."""
    image = ome_zarr_models.v05.Image.from_zarr(zarr.open_group(path, mode="r"))
    multiscale = image.ome_attributes.multiscales[0]
    raw = getattr(image.ome_attributes, "omero", None)  # a dict: the models of 0.5 do not cover it, the shared one does
    channels = Omero.model_validate(raw).channels if raw else []
    return {
        "version": image.ome_attributes.version,
        "axes": [[axis.name, axis.type, axis.unit] for axis in multiscale.axes],
        "scales": [list(dataset.coordinateTransformations[0].scale) for dataset in multiscale.datasets],
        "translations": [
            list(dataset.coordinateTransformations[1].translation)
            if len(dataset.coordinateTransformations) > 1
            else None
            for dataset in multiscale.datasets
        ],
        "channels": [
            [said["label"], channel.color, [channel.window.start, channel.window.end]]
            for said, channel in zip(raw["channels"] if raw else [], channels, strict=True)
        ],
    }


def read(path: str) -> dict[str, Any]:
    """Read every level with ome-zarr."""
    location = ome_zarr.io.parse_url(path, mode="r")
    assert location is not None, f"ome-zarr finds no image in {path}"
    node = next(iter(ome_zarr.reader.Reader(location)()))
    levels = [np.asarray(level.compute()) for level in node.data]
    return {
        "axes": [axis["name"] for axis in node.metadata["axes"]],
        "names": node.metadata.get("channel_names") or node.metadata.get("name"),
        "limits": [[float(v) for v in limits] for limits in node.metadata.get("contrast_limits") or []],
        "scales": [
            next(step["scale"] for step in steps if step["type"] == "scale")
            for steps in node.metadata["coordinateTransformations"]
        ],
        "shapes": [list(level.shape) for level in levels],
        "dtype": str(levels[0].dtype),
        "sha256": [hashlib.sha256(np.ascontiguousarray(level).tobytes()).hexdigest() for level in levels],
    }


if __name__ == "__main__":
    versions = {name: version(name) for name in ("ome-zarr", "ome-zarr-models", "zarr")}
    print(json.dumps({"versions": versions, "models": validated(sys.argv[1]), "ome-zarr": read(sys.argv[1])}))
