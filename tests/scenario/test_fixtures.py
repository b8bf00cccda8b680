"""The fixtures that the package publishes for the tests of an app."""

from __future__ import annotations

from typing import Any

import pytest

from arkitekt_next import App, call, easy

pytestmark = pytest.mark.requirement("call.testing")


def test_the_hub_fixture_starts_a_hub_that_apps_find_by_themselves(hub: Any) -> None:
    app = App("fixture")

    @app.register
    def double(x: int) -> int:
        return 2 * x

    with app.run_detached(), easy("caller"):
        assert call("fixture.double", 4) == 8


def test_the_local_app_fixture_needs_no_hub(local_app: App) -> None:
    @local_app.register
    def double(x: int) -> int:
        return 2 * x

    assert call("local.double", 4) == 8
