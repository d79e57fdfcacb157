"""When garbage is collected: in quiet moments, after a bound in any, and as before once the run is over."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from runner import garbage
from runner.garbage import OVERDUE, OWN_PACE, Garbage
from runner.simulator.clock import virtual_time


class Cycle:
    """Something only a collection frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collected() -> Iterator[list[int]]:
    """The generation of every collection, in order."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


def live(it: Garbage, seconds: float) -> None:
    """Let so much virtual time pass."""

    async def run() -> None:
        looking = asyncio.create_task(it.look())
        await asyncio.sleep(seconds)
        looking.cancel()

    with virtual_time(1_800_000_000_000) as loop:
        gc.disable()
        try:
            loop.run_until_complete(run())
        finally:
            gc.enable()


def test_quiet_moments_collect_the_young_every_few_seconds_and_all_every_minute(collected: list[int]) -> None:
    live(Garbage(lambda: True), 121.5)

    assert collected == [1] * 11 + [2] + [1] * 11 + [2]


def test_without_a_quiet_moment_it_waits_five_times_as_long(collected: list[int]) -> None:
    live(Garbage(lambda: False), garbage.FULL_S * OVERDUE + 1.5)

    assert collected == [1] * 11 + [2]


def test_what_was_there_at_the_beginning_is_looked_at_no_more_and_all_is_as_before_at_the_end() -> None:
    before, kept = gc.get_threshold(), [Cycle()]
    it = Garbage(lambda: True)
    it.begin()
    try:
        assert gc.get_threshold() == OWN_PACE and gc.get_freeze_count() > 10_000
        assert not any(one is kept for one in gc.get_objects())
    finally:
        it.end()
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0
