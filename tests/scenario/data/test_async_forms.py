"""Every blocking method that reads or writes at the hub has an async twin, which does the same without blocking."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arkitekt_next import App, Array, File, Folder, Image, Item, Table


@pytest.mark.parametrize("kind", [Item, Image, Array, Table, File, Folder])
def test_an_async_twin_takes_what_its_blocking_one_takes(kind: Any) -> None:
    twins = [name for name in dir(kind) if name.startswith("a") and hasattr(kind, name[1:]) and len(name) > 2]
    assert twins
    for name in twins:
        twin, plain = getattr(kind, name), getattr(kind, name[1:])
        assert inspect.iscoroutinefunction(twin) or inspect.isasyncgenfunction(twin), name
        taken, wanted = inspect.signature(twin).parameters, inspect.signature(plain).parameters
        passes_on = any(one.kind is one.VAR_KEYWORD for one in taken.values())
        assert passes_on or list(taken) == list(wanted), name


def test_the_async_twins_give_the_same(caller: App, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("fix, stain, wash")

    async def play() -> None:
        image = await Image.asave(np.arange(360_000, dtype=np.uint16).reshape(600, 600), name="steps")
        assert np.array_equal(await image.anumpy(), image.numpy())
        assert (await image.alevel(1)).shape == image.level(1).shape == (300, 300)
        assert await image.athumbnail() == image.thumbnail() is not None
        table = await Table.asave(pd.DataFrame({"a": [1, 2, 3]}), name="three")
        assert (await table.apandas())["a"].tolist() == [1, 2, 3]
        assert (await table.asql("SELECT sum(a) AS s FROM data")).to_pylist() == [{"s": 6}]
        file = await File.asave(path)
        assert (await file.apath()).read_text() == "fix, stain, wash"
        assert await Item.aget(file.id) == file
        assert (await file.acompare(file)).is_equal
        assert [node.id for node in (await file.aprovenance()).nodes] == [node.id for node in file.provenance().nodes]
        folder = await Folder.amake("plates")
        assert "plates" in [found.name for found in await Folder.aevery()]
        assert folder.name == "plates"

    asyncio.run(play())
