"""C4: `python -m runner` trades live: a process of its own, told by its environment, ended by a signal."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.chain import assert_chain
from tests.support.log import lines_of
from tests.support.tape import ROOT

BOUND_S = 30.0


@contextlib.asynccontextmanager
async def _process(*words: str, cwd: Path, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the package, in a folder of its own and with no setting of ours in its environment."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("BITGET_", "MMFSM_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runner", *words,
        cwd=cwd, env=bare | {"PYTHONPATH": str(ROOT)} | env,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Exchange:
    """The other process: its addresses, and the hand of tests over HTTP."""

    def __init__(self, where: dict[str, str], http: aiohttp.ClientSession) -> None:
        self.where = where
        self.http = http

    @property
    def env(self) -> dict[str, str]:
        """What a live run against it needs."""
        where = self.where
        return {
            "DRY_RUN": "0",
            "BITGET_REST_URL": where["rest"],
            "BITGET_WS_PUBLIC_URL": where["ws_public"],
            "BITGET_WS_PRIVATE_URL": where["ws_private"],
            "BITGET_API_KEY": where["api_key"],
            "BITGET_API_SECRET": where["secret"],
            "BITGET_API_PASSPHRASE": where["passphrase"],
            "BASE_HALF_SPREAD_BPS": "4",
            "QUOTE_SIZE": "0.02",
            "TICK_SEC": "0.1",
        }

    async def ask(self, verb: str, **body: Any) -> Any:
        async with self.http.post(f"{self.where['rest']}/control/{verb}", json=body) as answer:
            told = await answer.json()
        assert told["ok"], told
        return told.get("data")

    async def account(self) -> dict[str, Any]:
        account: dict[str, Any] = await self.ask("account")
        return account

    async def until(self, condition: Callable[[dict[str, Any]], Any], process: asyncio.subprocess.Process) -> Any:
        """Ask for the account until a condition holds: it is another process, and has no other way to tell."""
        async with asyncio.timeout(BOUND_S):
            while not (found := condition(await self.account())):
                assert process.returncode is None, (await process.communicate())[1].decode()[-2000:]
                await asyncio.sleep(0.02)
        return found


async def test_it_trades_against_another_process_and_ends_clean_on_sigterm(tmp_path: Path) -> None:
    """Quotes rest, one is filled and hedged, SIGTERM: status 0, no order left, flat, and the log tells it whole."""
    log = tmp_path / "live.jsonl"
    async with (
        _process("exchange", "--market", "scripted", "--queue-ahead", "0", cwd=tmp_path) as market,
        aiohttp.ClientSession() as http,
    ):
        assert market.stdout is not None
        exchange = Exchange(json.loads(await market.stdout.readline()), http)
        for product in ("perp", "spot"):
            await exchange.ask("book", product=product, bids=[["3500.00", "50"]], asks=[["3500.10", "50"]])
        told = {"LOG_PATH": str(log), "STATE_DIR": str(tmp_path / "state")}
        async with _process(cwd=tmp_path, **exchange.env, **told) as bot:

            def bid_of(account: dict[str, Any]) -> Any:
                both = [it for it in account["open_orders"] if it["force"] == "post_only"]
                return len(both) == 2 and next(it for it in both if it["side"] == "buy")

            bid = await exchange.until(bid_of, bot)
            await exchange.ask("trade", product="perp", price="3490", qty="1", taker_side="sell")
            await exchange.until(lambda account: any(it["product"] == "spot" for it in account["fills"]), bot)
            bot.send_signal(signal.SIGTERM)
            async with asyncio.timeout(BOUND_S):
                _, errors = await bot.communicate()
            account = await exchange.account()
        market.send_signal(signal.SIGTERM)
        async with asyncio.timeout(BOUND_S):
            assert await market.wait() == 0

    assert bot.returncode == 0, errors.decode()[-2000:]
    assert account["open_orders"] == [] and bid["size"] == account["position"] == "0.02"
    assert account["spot"]["ETH"]["available"] == "0.48"
    assert assert_chain(lines_of(log)) == {"perp_fills": 1, "tickets": 1, "spot_fills": 1}
    assert [it for it in lines_of(log) if it["event"] == "session"][-1]["reason"] == "SIGTERM"
    secrets = [exchange.where[name] for name in ("secret", "passphrase", "api_key")]
    assert not any(secret in text for secret in secrets for text in (log.read_text(), errors.decode()))
