"""Tasks that may not die unnoticed: one that ends or raises is reported, and closing waits for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

OnFailure = Callable[[str, BaseException | None], None]


class Tasks:
    """A set of long-lived tasks. `on_failure(name, error)` is called for each that ends by itself; error None: it
    simply returned, which no long-lived task may."""

    def __init__(self, on_failure: OnFailure) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._on_failure(task.get_name(), task.exception())
        elif not self._closing:  # something it awaited was cancelled, and it with it
            self._on_failure(task.get_name(), None)

    async def close(self) -> None:
        """Cancel every task and wait until each is gone."""
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
