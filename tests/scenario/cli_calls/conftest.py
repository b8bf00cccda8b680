"""One hub with one app for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cli import home_at, write_app
from tests.support.rig import APP, Rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with home_at(tmp_path_factory.mktemp("calls")) as home:
        place = write_app(home.folder / "lab", APP)
        assert home.run("hub", "start", "--background").code == 0
        with home.started("run", "prod", at=place) as app:
            app.says("lab.divide")
            yield Rig(home, place, app)
