"""Waiting for what another process of the test does and nobody tells."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until `holds()` is true; after `seconds` the test fails here."""
    for _ in range(int(seconds / 0.005)):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{seconds:g} s passed and it still does not hold")
