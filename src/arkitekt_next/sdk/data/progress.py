"""What long work with pixels tells of itself. It imports nothing, so that naming the type costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many bytes of the full-size pixels are done, and of how many."""
