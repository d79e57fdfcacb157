"""Requests under way: each waits for its answer in a task of its own, and hedges leave before everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs
from loguru import logger

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.values import OrderIntent
from runner.bitget.gateway import Events, Gateway


class Executor(Protocol):
    """Whoever answers the desk's requests: the gateway, or a pretence of it."""

    async def execute(self, action: do.Action) -> Events: ...


class Sending:
    """Starts requests and tells their answers.

    Args:
        gateway: whose budget counts, and which writes a spot hedge at once where it is the executor itself.
        executor: says who executes now.
        tell: takes each answering event.
        breach: told by name of a request that raised: the desk halts for a person.
    """

    def __init__(
        self,
        gateway: Gateway,
        executor: Callable[[], Executor],
        tell: Callable[[ev.Event], None],
        breach: Callable[[str, BaseException | None], None],
    ) -> None:
        self._gateway = gateway
        self._executor = executor
        self._tell = tell
        self._breach = breach
        self.under_way: set[asyncio.Task[None]] = set()

    def start(self, action: do.Action, came_s: float) -> None:
        """Start a request. A spot hedge's is written before this returns, if its line is free; any other hedge, and an
        unwind, holds quotes back until its request has been started.

        Args:
            action: what is asked for.
            came_s: when the event came that asked for it, by the loop's clock.
        """
        loop, budget = asyncio.get_running_loop(), self._gateway.budget
        begun = self._begun(action)
        is_hedge = isinstance(action, do.PlaceOrder) and action.request.intent is not OrderIntent.QUOTE
        if is_hedge:
            budget.hedge_coming(came_s)
        task = loop.create_task(self._request(action, begun))
        if begun is not None:
            budget.hedge_started()
        elif is_hedge:
            loop.call_soon(budget.hedge_started)  # runs after the task's first step, which writes the request
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    def _begun(self, action: do.Action) -> Awaitable[Events] | None:
        if self._executor() is not self._gateway:
            return None
        try:
            return self._gateway.begin(action)
        except Exception as error:  # whether it was sent is not known: the desk will ask
            asyncio.get_running_loop().call_soon(self._failed, action, error)  # not within the turn that asked
            return _nothing()

    async def _request(self, action: do.Action, begun: Awaitable[Events] | None) -> None:
        try:
            events = await (self._executor().execute(action) if begun is None else begun)
        except Exception as error:
            self._failed(action, error)
            return
        at_ms = now_ms()
        for event in events:
            # Told now, whenever each part of it was read: time never steps back for a slow partner request.
            self._tell(event if event.at_ms == at_ms else attrs.evolve(event, at_ms=at_ms))

    def _failed(self, action: do.Action, error: Exception) -> None:
        logger.opt(exception=error).error("request failed: {}", type(action).__name__)
        self._breach(f"request:{type(action).__name__}", error)


async def _nothing() -> Events:
    return ()
