"""A stand-in exchange with one book a leg, and settings that reach it with a key."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from bare_rest import Answers

from runner.paper import PaperExchange, PaperOptions
from runner.settings import Settings


@pytest.fixture
async def exchange() -> AsyncIterator[PaperExchange]:
    async with PaperExchange(PaperOptions(market="scripted", rate_limits=False)) as running:
        running.market.set_touch("perp", "3500", "3500.1")
        running.market.set_touch("spot", "3500", "3500.1")
        yield running


@pytest.fixture
def settings_for() -> Callable[..., Settings]:
    """Settings for an exchange, with short bounds; anything can be overridden."""

    def build(exchange: PaperExchange, **changes: Any) -> Settings:
        key = exchange.credentials
        told: dict[str, Any] = {
            "dry_run": False,
            "bitget_api_key": key.api_key,
            "bitget_api_secret": key.secret,
            "bitget_api_passphrase": key.passphrase,
            "bitget_rest_url": exchange.rest_url,
            "bitget_ws_public_url": exchange.ws_public_url,
            "bitget_ws_private_url": exchange.ws_private_url,
            "request_timeout_ms": 1_000,
            "ws_backoff_min_ms": 20,
            "ws_backoff_max_ms": 100,
        }
        return Settings(**(told | changes))

    return build


@pytest.fixture
async def answers() -> AsyncIterator[Answers]:
    answers = Answers()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answers.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    answers.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield answers
    await runner.cleanup()
