"""Where faults are demonstrated: an exchange, a client of it, a hand that injects; and the list of demonstrations."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from aiohttp import ClientSession

from runner.paper import PaperExchange
from tests.paper.client import MIX, Rest, Stream, perp_order
from tests.paper.conftest import Connect

PLACE = f"{MIX}/order/place-order"
PENDING = f"{MIX}/order/orders-pending"
# Long enough that the loop is certain to have had nothing to say.
SILENCE_S = 0.12


@attrs.frozen
class Scene:
    """An exchange, a client of it, and the hand that injects faults over HTTP."""

    exchange: PaperExchange
    rest: Rest
    connect: Connect
    http: ClientSession

    async def fault(self, name: str, **parameters: Any) -> None:
        """Let a fault begin, as anybody can from another process."""
        await self._control("fault", name=name, **parameters)

    async def clear(self) -> None:
        """End all faults."""
        await self._control("clear")

    async def _control(self, verb: str, **body: Any) -> None:
        async with self.http.post(f"{self.exchange.rest_url}/control/{verb}", json=body) as answer:
            assert answer.status == 200, await answer.text()

    @property
    def orders(self) -> int:
        """How many orders the exchange has."""
        return len(self.exchange.account_view().orders)

    async def buy(self, client_oid: str = "", size: str = "0.10") -> dict[str, Any]:
        """Buy on the perp at market."""
        return await self.rest.place(perp_order("buy", None, size, **({"clientOid": client_oid} if client_oid else {})))

    def move(self, bid: str = "2682.00", ask: str = "2682.01") -> None:
        """Move the spot market."""
        self.exchange.market.set_touch("spot", bid, ask)


Demonstration = Callable[[Scene], Awaitable[None]]
SHOWN: dict[str, Demonstration] = {}


def shows(demonstration: Demonstration) -> Demonstration:
    """Register a demonstration under its own name."""
    SHOWN[demonstration.__name__] = demonstration
    return demonstration


async def pong(stream: Stream) -> Any:
    """Ping and wait for what comes."""
    await stream.socket.send_str("ping")
    return await stream.receive()


async def is_silent(stream: Stream) -> bool:
    """Whether nothing comes for a while."""
    try:
        await asyncio.wait_for(stream.socket.receive(), SILENCE_S)
    except TimeoutError:
        return True
    return False
