"""An asyncio bot on pybotters that uses mmfsm directly: it buys on the perp its own way and lets a ticket hedge it.

It talks to the stand-in exchange, so it runs without an account. For the real one, use Bitget's addresses and your key,
and drop the two `Hosts` lines: pybotters knows Bitget's own hosts.

Run it: python examples/pybotters_bot.py
"""

import asyncio
import warnings
from decimal import Decimal
from typing import Any

import pybotters
from pybotters import auth as rest_auth
from pybotters import ws as ws_auth

from mmfsm.clock import now_ms
from mmfsm.machines.ticket import HedgeLimits, HedgeTicket, HedgeView, SendChild, TicketInput, open_ticket, step
from mmfsm.testing import constraints
from mmfsm.values import InstType, Side, plain
from runner.paper import PaperExchange

warnings.filterwarnings("ignore", "The 'auth' parameter is deprecated")  # pybotters 1.11 on aiohttp 3.14

LIMITS = HedgeLimits(1_500, 5_000, 200, 300, Decimal(5), Decimal(10), Decimal(100), Decimal(50))
PERP, SPOT = "USDT-FUTURES", "SPOT"
FILLS_AND_ORDERS = ("fill", "orders")
PRIVATE = [{"instType": it, "channel": ch, "instId": "default"} for it in (PERP, SPOT) for ch in FILLS_AND_ORDERS]
BOOKS = [{"instType": it, "channel": "books5", "instId": "ETHUSDT"} for it in (PERP, SPOT)]
PERP_BUY = {
    "symbol": "ETHUSDT", "productType": PERP, "marginMode": "isolated", "marginCoin": "USDT",
    "side": "buy", "orderType": "market", "size": "0.02",
}  # fmt: skip


class Bot:
    """Buys once on the perp; every fill of it is hedged by a ticket."""

    def __init__(self, client: pybotters.Client) -> None:
        self.client = client
        self.books: dict[str, tuple[Decimal, Decimal]] = {}
        self.ticket: HedgeTicket | None = None
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.acked: set[str] = set()
        self.booked = Decimal(0)  # what the fills of the hedge order under way add up to
        self.claimed: Decimal | None = None  # what the exchange says it filled, once it has ended

    def on_message(self, message: dict[str, Any], _ws: object) -> None:
        self.messages.put_nowait(message)

    async def run(self) -> None:
        """Read messages until the ticket is done."""
        bought = False
        while self.ticket is None or self.ticket.state != "DONE":
            message = await asyncio.wait_for(self.messages.get(), 20)
            arg = message.get("arg", {})
            if message.get("event") == "subscribe":
                self.acked.add(f"{arg['instType']}:{arg['channel']}")
            for row in message.get("data", []):
                await self.on_row(arg["instType"], arg["channel"], row)
            ready = len(self.books) == 2 and len(self.acked) == len(PRIVATE) + len(BOOKS)
            if ready and not bought:
                bought = True
                await self.client.post("/api/v2/mix/order/place-order", data=PERP_BUY)

    async def on_row(self, inst: str, channel: str, row: dict[str, Any]) -> None:
        if channel == "books5":
            self.books[inst] = (Decimal(row["bids"][0][0]), Decimal(row["asks"][0][0]))
        elif channel == "fill" and inst == PERP:
            print(f"perp fill   {row['side']} {row['baseVolume']} @ {row['price']}")
            qty = Decimal(row["baseVolume"])
            if self.ticket is None:
                self.ticket, out = open_ticket(f"h{now_ms()}", 1, Side(row["side"]), qty, self.input())
                await self.carry_out(out)
            else:
                await self.tell("grow", qty)
        elif channel == "fill":
            print(f"spot fill   {row['side']} {row['size']} @ {row['priceAvg']}")
            self.booked += Decimal(row["size"])
            await self.tell("hedge_filled", Decimal(row["size"]))  # a sale: its fee is in USDT
            await self.settle()
        elif channel == "orders" and inst == SPOT and row["status"] in ("filled", "cancelled"):
            self.claimed = Decimal(row["accBaseVolume"])
            await self.settle()

    async def settle(self) -> None:
        """The order is over when it has ended *and* its fills add up: the two come in either order."""
        if self.claimed is not None and self.booked >= self.claimed:
            self.booked, self.claimed = Decimal(0), None
            await self.tell("child_settled")

    def input(self, qty: Decimal = Decimal(0)) -> TicketInput:
        (perp_bid, perp_ask), (spot_bid, spot_ask) = self.books[PERP], self.books[SPOT]
        view = HedgeView(constraints(), LIMITS, spot_bid, spot_ask, perp_bid, perp_ask, Decimal("0.02"))
        return TicketInput(now_ms(), view, qty)

    async def tell(self, event: str, qty: Decimal = Decimal(0)) -> None:
        assert self.ticket is not None
        await self.carry_out(step(self.ticket, event, self.input(qty)))
        print(f"ticket      {event} -> {self.ticket.state}, remain {plain(self.ticket.remain)}")

    async def carry_out(self, commands: list[Any]) -> None:
        for order in commands:
            if isinstance(order, SendChild) and order.inst is InstType.SPOT:
                print(f"hedge       {order.side} {plain(order.qty)} at {plain(order.price)} or better")
                body = {
                    "symbol": "ETHUSDT", "side": order.side.value, "orderType": "limit", "force": "ioc",
                    "price": plain(order.price), "size": plain(order.qty),
                }  # fmt: skip
                await self.client.post("/api/v2/spot/trade/place-order", data=body)


async def main() -> None:
    async with PaperExchange() as exchange:
        rest_auth.Hosts.items["127.0.0.1"] = rest_auth.Item("bitget", rest_auth.Auth.bitget)
        ws_auth.AuthHosts.items["127.0.0.1"] = ws_auth.Item("bitget", ws_auth.Auth.bitget)
        key = exchange.credentials
        apis = {"bitget": [key.api_key, key.secret, key.passphrase]}
        async with pybotters.Client(apis=apis, base_url=exchange.rest_url) as client:
            bot = Bot(client)
            store = pybotters.BitgetV2DataStore()
            handlers = [store.onmessage, bot.on_message]
            for url, args in ((exchange.ws_private_url, PRIVATE), (exchange.ws_public_url, BOOKS)):
                client.ws_connect(url, send_json={"op": "subscribe", "args": args}, hdlr_json=handlers)  # type: ignore[arg-type]
            await bot.run()


if __name__ == "__main__":
    asyncio.run(main())
