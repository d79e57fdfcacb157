"""Long-lived tasks do not die unnoticed (I40, I55)."""

import asyncio

from bitget_wait import until

from runner.bitget.tasks import Tasks


async def test_a_task_that_ends_or_raises_is_reported_by_name() -> None:
    ended: list[tuple[str, str]] = []
    tasks = Tasks(lambda name, error: ended.append((name, repr(error))))

    async def returns() -> None:
        return

    async def raises() -> None:
        raise KeyError("gone")

    tasks.start("sync", returns())
    tasks.start("monitor", raises())
    await until(lambda: len(ended) == 2)
    assert sorted(ended) == [("monitor", "KeyError('gone')"), ("sync", "None")]


async def test_closing_waits_for_every_task_and_reports_none() -> None:
    ended: list[str] = []
    cleaned = asyncio.Event()
    tasks = Tasks(lambda name, error: ended.append(name))

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    tasks.start("socket", slow_to_end())
    await asyncio.sleep(0)  # let it begin: a task cancelled before its first step has nothing to clean up
    await tasks.close()
    assert cleaned.is_set() and ended == []
