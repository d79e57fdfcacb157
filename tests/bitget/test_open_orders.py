"""Open orders row by row: what can be read is told and cancelled, whatever stands beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.values import InstType, Outcome
from runner.bitget.gateway import Gateway
from runner.cancelling import Cleared, clear_ours
from runner.paper import PaperExchange
from runner.settings import Settings

PERP, SPOT = InstType.PERP, InstType.SPOT
OURS = "mm-Qpb-7-1-a"
SettingsFor = Callable[..., Settings]


def row(client_oid: str, **changes: Any) -> dict[str, Any]:
    told = {"orderId": f"9{client_oid[-1]}", "clientOid": client_oid, "status": "live", "side": "buy", "size": "1"}
    return told | {"price": "3500", "baseVolume": "0", "uTime": "1700000000000"} | changes


class Shop:
    """A REST server with a list of open perp orders, from which cancelled ones go."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    async def serve(self, request: web.Request) -> web.Response:
        data: Any = []
        if request.path.endswith("orders-pending"):
            data = {"entrustedList": self.rows if request.query.get("status") == "live" else None}
        elif request.path.endswith("cancel-order"):
            asked = json.loads(await request.text())
            gone = asked.get("orderId") or asked["clientOid"]
            self.rows = [it for it in self.rows if not (isinstance(it, dict) and gone in it.values())]
            data = {"orderId": gone}
        return web.json_response({"code": "00000", "msg": "success", "data": data})


@pytest.fixture
async def shop() -> AsyncIterator[tuple[Shop, str]]:
    shop, app = Shop(), web.Application()
    app.router.add_route("*", "/{path:.*}", shop.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield shop, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def gateway(shop: tuple[Shop, str], exchange: PaperExchange, settings_for: SettingsFor) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings_for(exchange, bitget_rest_url=shop[1]), lambda *_: None)
    await gateway.open()
    yield gateway
    await gateway.close()


STRANGE = row("12345", status="quantum", price="a lot", side=None)


async def test_ours_is_cancelled_beside_a_strangers_that_cannot_be_read(
    shop: tuple[Shop, str], gateway: Gateway
) -> None:
    """The stranger's stays, and nothing of ours is left: that is known."""
    shop[0].rows = [STRANGE, row(OURS)]
    cleared = Cleared()
    await clear_ours(gateway, cleared, lambda: True)

    assert (cleared.gone, cleared.cancelled, cleared.why) == (True, [OURS], "")
    assert shop[0].rows == [STRANGE]


async def test_ours_is_cancelled_by_its_ids_whatever_else_of_it_cannot_be_read(
    shop: tuple[Shop, str], gateway: Gateway
) -> None:
    """Without an orderId by its clientOid."""
    shop[0].rows = [row(OURS, status="quantum", baseVolume=None, orderId=None)]
    cleared = Cleared()
    await clear_ours(gateway, cleared, lambda: True)

    assert cleared.gone and cleared.cancelled == [OURS] and shop[0].rows == []


async def test_a_row_that_names_nobody_is_told_of_and_nothing_is_called_gone(
    shop: tuple[Shop, str], gateway: Gateway
) -> None:
    """It may be ours: ours beside it goes at once, and the reading is repeated for as long as whoever asked goes on."""
    shop[0].rows = ["?", row(OURS)]
    cleared = Cleared()
    await clear_ours(gateway, cleared, lambda: cleared.readings < 2)

    assert not cleared.gone and cleared.cancelled == [OURS]
    assert "unreadable answer: order = '?': expected an object" in cleared.why


async def test_the_desk_is_told_of_all_it_needs_to_know(shop: tuple[Shop, str], gateway: Gateway) -> None:
    """An unreadable stranger's is passed over; one of ours, or one that names nobody, fails the reading."""
    shop[0].rows = [STRANGE, row(OURS)]
    (told,) = await gateway.execute(do.QueryOpenOrders(PERP))
    assert isinstance(told, ev.OpenOrdersRead) and [it.client_oid for it in told.orders] == [OURS]

    for unclear in (row(OURS, status="quantum"), STRANGE | {"clientOid": None}, "?"):
        shop[0].rows = [unclear, row("67890")]
        (told,) = await gateway.execute(do.QueryOpenOrders(PERP))
        assert isinstance(told, ev.CheckFailed) and told.result.outcome is Outcome.UNKNOWN
