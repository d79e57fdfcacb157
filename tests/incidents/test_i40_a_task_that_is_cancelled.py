"""I40: a task that ends because something it awaited was cancelled is "cancelled" too, and nobody is told."""

import asyncio

from runner.bitget.tasks import Tasks


async def test_i40_a_task_that_was_cancelled_by_another_is_reported() -> None:
    """Its inner task is cancelled by a library; the outer one ends with it."""
    told: list[str] = []
    tasks = Tasks(lambda name, _error: told.append(name))
    begun = asyncio.Event()

    async def outer() -> None:
        inner = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(inner.cancel)
        begun.set()
        await inner

    tasks.start("reader", outer())
    await begun.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    assert told == ["reader"]
    await tasks.close()
    assert told == ["reader"]
