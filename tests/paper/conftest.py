"""An exchange with a market set by hand, and clients connected to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from runner.paper import PaperExchange, PaperOptions
from tests.paper.client import Rest, Stream

Start = Callable[..., Awaitable[PaperExchange]]
Connect = Callable[..., Awaitable[Stream]]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Everything a test opens; closed last opened, first closed."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def start(stack: AsyncExitStack) -> Start:
    """Start an exchange: options by name, a scripted market with both touches set unless told otherwise."""

    async def started(touch: bool = True, **options: object) -> PaperExchange:
        made = PaperOptions(**({"market": "scripted"} | options))  # type: ignore[arg-type]
        exchange = await stack.enter_async_context(PaperExchange(made))
        if touch:
            exchange.market.set_touch("perp", "2680.00", "2680.01")
            exchange.market.set_touch("spot", "2681.00", "2681.01")
        return exchange

    return started


@pytest.fixture
async def http(stack: AsyncExitStack) -> aiohttp.ClientSession:
    """One HTTP session."""
    return await stack.enter_async_context(aiohttp.ClientSession())


@pytest.fixture
async def exchange(start: Start) -> PaperExchange:
    """The default exchange."""
    return await start()


@pytest.fixture
async def rest(exchange: PaperExchange, http: aiohttp.ClientSession) -> Rest:
    """A signed client of the default exchange."""
    return Rest(exchange, http)


@pytest.fixture
async def connect(http: aiohttp.ClientSession, stack: AsyncExitStack) -> Connect:
    """Open a socket on an exchange; with private args, log in and subscribe to them."""

    async def connected(
        exchange: PaperExchange, *args: dict[str, str], stream: str = "private", account: str = "default"
    ) -> Stream:
        url = exchange.ws_private_url if stream == "private" else exchange.ws_public_url
        opened = Stream(await stack.enter_async_context(http.ws_connect(url)))
        if stream == "private" and args:
            assert (await opened.login(exchange, account))["code"] == 0
        if args:
            assert [ack["event"] for ack in await opened.subscribe(*args)] == ["subscribe"] * len(args)
        return opened

    return connected
