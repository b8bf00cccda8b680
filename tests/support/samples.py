"""Where the real microscope images lie: `ARKITEKT_TEST_SAMPLES`, else `shared/samples` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "ARKITEKT_TEST_SAMPLES"


def sample(*parts: str) -> Path:
    """Give the path of a sample; skip the test where the samples are not there."""
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "samples"
    found = folder.joinpath(*parts)
    if not found.exists():
        pytest.skip(f"no sample at {found}: set {VARIABLE} to the folder of the microscope images")
    return found
