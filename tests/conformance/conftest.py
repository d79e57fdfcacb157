"""Strangers' clients on an exchange whose market is set by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from runner.paper import PaperExchange
from tests.conformance import strangers
from tests.conformance.strangers import Ccxt
from tests.paper.conftest import connect, exchange, http, rest, stack, start

__all__ = ["connect", "exchange", "http", "rest", "stack", "start"]

Client = Callable[..., Awaitable[Ccxt]]


@pytest.fixture
async def client(exchange: PaperExchange) -> AsyncIterator[Ccxt]:
    """ccxt on the default exchange."""
    made = await strangers.ccxt_client(exchange)
    yield made
    await made.close()


@pytest.fixture
async def other_client() -> AsyncIterator[Client]:
    """Make a ccxt client of any exchange; members of its configuration (a wrong secret) can be given."""
    made: list[Ccxt] = []

    async def on(exchange: PaperExchange, **config: str) -> Ccxt:
        made.append(await strangers.ccxt_client(exchange, **config))
        return made[-1]

    yield on
    for one in made:
        await one.close()
