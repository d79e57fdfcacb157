"""Faults by hand over HTTP, from the command line, and as options of an exchange with sockets."""

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from runner.paper import CATALOGUE, Account, FaultRule, PaperExchange, PaperOptions, main
from runner.paper.cli import options_of, parser
from runner.paper.faults import COMMON, table
from tests.paper.client import FILL, MIX, PERP, Rest, perp_order
from tests.paper.conftest import Connect, Start

ROOT = Path(__file__).resolve().parents[2]


async def control(exchange: PaperExchange, http: ClientSession, verb: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """One control request."""
    async with http.post(f"{exchange.rest_url}/control/{verb}", json=body) as answer:
        return answer.status, await answer.json()


async def test_the_catalogue_can_be_asked_for(exchange: PaperExchange, http: ClientSession) -> None:
    """Every row with its text and its parameters."""
    _, answer = await control(exchange, http, "faults")

    assert [row["name"] for row in answer["data"]] == list(CATALOGUE)
    assert all(row["text"] and isinstance(row["parameters"], dict) for row in answer["data"])


async def test_a_fault_that_means_nothing_is_answered_with_the_reason(
    exchange: PaperExchange, http: ClientSession
) -> None:
    """400, what is wrong, and nothing armed."""
    status, answer = await control(exchange, http, "fault", name="push_lost", colour="red")

    assert status == 400 and "push_lost takes channel" in answer["error"]
    assert (await control(exchange, http, "fault"))[0] == 400 and exchange.faults.is_calm


async def test_the_hand_reaches_every_account(start: Start, http: ClientSession) -> None:
    """Mode, balance and truth of the account that is named; a name nobody has is 400."""
    exchange = await start(accounts=(Account.named("other"),))
    await control(exchange, http, "balance", coin="ETH", amount="3", account="other")
    await control(exchange, http, "position_mode", posMode="hedge_mode", account="other")

    _, other = await control(exchange, http, "account", account="other")

    assert (other["data"]["spot"]["ETH"]["available"], other["data"]["position_mode"]) == ("3", "hedge_mode")
    assert exchange.account_view().position_mode == "one_way_mode"
    assert (await control(exchange, http, "account", account="nobody"))[0] == 400


async def test_a_profile_misbehaves_from_the_start(start: Start, http: ClientSession, connect: Connect) -> None:
    """Every fill comes twice, every second question fails, for one account alone; `clear` ends it."""
    rules = (
        FaultRule.parse({"name": "push_doubled", "channel": "fill", "account": "other"}),
        FaultRule.parse({"name": "too_many_requests", "path": "orders-pending", "account": "other"}),
    )
    exchange = await start(accounts=(Account.named("other"),), faults=rules)
    mine, theirs = Rest(exchange, http), Rest(exchange, http, "other")
    stream = await connect(exchange, FILL, account="other")
    await theirs.place(perp_order("buy", None, "0.10"))

    first, again = await stream.rows("fill", count=2)
    statuses = [(await client.get(f"{MIX}/order/orders-pending", **PERP))[0] for client in (mine, theirs)]
    exchange.clear_faults()

    assert first == again and statuses == [200, 429]
    assert (await theirs.get(f"{MIX}/order/orders-pending", **PERP))[0] == 200


def test_the_catalogue_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`--faults` prints every name, parameter and common parameter, and nothing is served."""
    assert main(["--faults"]) == 0

    printed = capsys.readouterr().out
    assert printed.strip() == table().strip()
    for kind in CATALOGUE.values():
        assert kind.name in printed and all(f"{name}=" in printed for name in kind.parameters)
    assert all(name in printed for name in COMMON)


def test_accounts_and_markets_on_the_command_line(tmp_path: Path) -> None:
    """Each --account is one more; the tape can be resampled and thinned."""
    words = (
        f"--account a --account b --market resampled --tape {tmp_path} --block-s 5 9 --thin 0.25 --mark-price median"
    )

    options = options_of(parser().parse_args(words.split()))

    assert options.accounts == (Account.named("a"), Account.named("b"))
    assert (options.market, options.block_s, options.tape_thin) == ("resampled", (5, 9), Decimal("0.25"))
    assert options.mark_price == "median"
    with pytest.raises(ValueError, match="tape_thin"):
        PaperOptions(tape_thin=Decimal(0))


async def test_the_keys_of_all_accounts_are_printed() -> None:
    """By name, beside the default one's."""
    code = "import sys; from runner.paper import main; sys.exit(main(['--account', 'a']))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    where = json.loads(await process.stdout.readline())
    process.terminate()
    await process.wait()

    expected = Account.named("a").credentials
    assert where["accounts"]["a"] == {
        "api_key": expected.api_key, "secret": expected.secret, "passphrase": expected.passphrase,
    }  # fmt: skip
