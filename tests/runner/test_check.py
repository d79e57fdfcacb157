"""`python -m runner check`: each item against the stand-in exchange over real sockets, red once by a real fault."""

import asyncio
import inspect
import io
import json
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from mmfsm.fees import Fees
from mmfsm.values import FeeRate
from runner.check import Item, Level, Wanted, run_check
from runner.check.judge_market import break_even
from runner.check.place import judge_room
from runner.check.shown import line
from runner.paper import PaperExchange
from runner.settings import Settings, to_texts
from tests.support.bot import Bot, exchange_with, nowhere_to_sign, settings_on, trading
from tests.support.tape import ROOT

FAST = {"BOOKS5_SILENT_MS": "150", "REQUEST_TIMEOUT_MS": "1500", "CHECK_BOUND_SEC": "3", "PERP_TIF": "auto"}


async def check(settings: Settings, **wanted: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    """The status and the items by their keys, as `--json` tells them."""
    out = io.StringIO()
    status = await run_check(settings, out, Wanted(json=True, **wanted))
    told = json.loads(out.getvalue())
    assert told["status"] == status and told["ok"] == (status == 0)
    return status, {item["key"]: item for item in told["items"]}


def changes(exchange: PaperExchange) -> list[str]:
    """Paths of all that asked the exchange to change something."""
    return [it.path for it in exchange.requests if it.method == "POST"]


Before = Callable[[PaperExchange], object]


async def prepared(exchange: PaperExchange, before: Before | None) -> None:
    """Do to the exchange what the row says."""
    doing = before(exchange) if before is not None else None
    if inspect.isawaitable(doing):
        await doing


def fault(name: str, **parameters: Any) -> Before:
    """A fault of the stand-in's catalogue, until the end."""
    return lambda exchange: exchange.fault(name, times=1_000, **parameters)


def row(
    level: str, key: str, advice: str, told: dict[str, str] | None = None, before: Before | None = None, **options: Any
) -> Any:
    """One row: the item that turns red or yellow, a word of its advice, and the setting, fault or option behind it."""
    words = [level, key, *(told or {}), *options]
    return pytest.param(level, key, advice, told or {}, before, options, id="-".join(words))


red, yellow = partial(row, "FAIL"), partial(row, "warn")

ROWS = [
    red("rest", "network", before=fault("request_hangs", path="/public/time")),
    red("clock", "NTP", before=fault("clock_skewed", ms=5_000)),
    red("key", "BITGET_API_KEY", {"BITGET_API_KEY": "bg_wrong"}),
    red("key", "BITGET_API_SECRET", {"BITGET_API_SECRET": "wrong"}),
    red("key", "BITGET_API_PASSPHRASE", {"BITGET_API_PASSPHRASE": "wrong"}),
    red("account_type", "classic", unified_account=True),
    red("public_socket", "network", before=lambda it: it.cut("public", 60)),
    red("perp_book", "SYMBOL", before=lambda it: [it.silence("perp", one) for one in ("books5", "books")]),
    red("spot_book", "SYMBOL", before=fault("books_refused", product="spot", channel="books")
        , books5_spot="refused"),
    red("private_socket", "network", before=lambda it: it.cut("private", 60)),
    red("private_socket", "fill", before=fault("private_silent")),
    red("private_socket", "NTP", before=fault("clock_skewed", ms=-5_000)),
    red("rules", "SYMBOL", constraints="missing"),
    red("rules", "SYMBOL", before=fault("halted", product="perp")),
    red("size", "QUOTE_SIZE", {"QUOTE_SIZE": "0.005"}),
    red("size", "MAX_POSITION", {"MAX_POSITION": "0.01"}),
    red("break_even", "MAX_HALF_SPREAD_BPS", {"EDGE_FLOOR": "1", "MAX_HALF_SPREAD_BPS": "14"}),
    red("funding", "network", before=fault("http_5xx", path="current-fund-rate")),
    red("position_mode", "AUTO_SET_POS_MODE", position_mode="hedge_mode"),
    red("position_mode", "a start with", {"AUTO_SET_POS_MODE": "1"}, position_mode="hedge_mode"),
    red("margin_mode", "MARGIN_MODE", {"MARGIN_MODE": "crossed"}),
    red("leverage", "MIN_LIQUIDATION_BPS", leverage=30),
    red("balances", "network", before=fault("http_5xx", path="/account/assets")),
    red("margin", "futures account", perp_usdt=Decimal(5)),
    red("hedges_of_bids", "Neither", spot_eth=Decimal(0), spot_usdt=Decimal(0)),
    red("hedges_of_asks", "Neither", spot_eth=Decimal(0), spot_usdt=Decimal(0)),
    red("hedges_of_bids", "SPOT_BASELINE", {"SPOT_BASELINE": "0.6"}),
    red("open_orders", "network", before=fault("http_5xx", path="/unfilled-orders")),
    red("position", "network", before=fault("http_5xx", path="/single-position")),
    red("log_disk", "LOG_PATH", {"LOG_PATH": "/proc/nowhere/log.jsonl"}),
    red("state_disk", "STATE_DIR", {"STATE_DIR": "/proc/nowhere"}),
    yellow("perp_book", "slower", books5_perp="refused"),
    yellow("spot_book", "slower", before=lambda it: it.silence("spot", "books5")),
    yellow("fees", "SPOT_TAKER_BPS", before=fault("http_5xx", path="trade-rate")),
    yellow("break_even", "EDGE_FLOOR", {"EDGE_FLOOR": "0", "BASE_HALF_SPREAD_BPS": "4"}),
    yellow("funding", "MIN_ABS_FUNDING", {"MIN_ABS_FUNDING": "0.0005"}),
    yellow("size", "multiple", {"QUOTE_SIZE": "0.025"}),
    yellow("margin", "MAX_POSITION", {"MAX_POSITION": "30"}),
    yellow("hedges_of_bids", "ETH", spot_eth=Decimal(0)),
    yellow("hedges_of_asks", "USDT", spot_usdt=Decimal(1)),
    yellow("permissions", "app", authorities=()),
    yellow("permissions", "may withdraw", authorities=("coow", "stow", "wwow")),
]  # fmt: skip


@pytest.mark.parametrize(("level", "key", "advice", "told", "before", "options"), ROWS)
async def test_each_item_turns_red_or_yellow_and_says_what_to_do(
    tmp_path: Path,
    level: str,
    key: str,
    advice: str,
    told: dict[str, str],
    before: Before | None,
    options: dict[str, Any],
) -> None:
    """By a real fault or a real setting. Red is status 2, yellow alone is 0; nothing was sent that changes anything."""
    async with exchange_with(**options) as exchange:
        await prepared(exchange, before)
        status, items = await check(settings_on(exchange, tmp_path / "log.jsonl", **FAST | told))

        assert items[key]["level"] == level and advice in items[key]["advice"], items[key]
        failed = {name: item for name, item in items.items() if item["level"] == "FAIL"}
        assert (status, bool(failed)) == ((2, True) if level == "FAIL" else (0, False)), failed
        assert changes(exchange) == []


async def test_all_is_well(tmp_path: Path) -> None:
    """Every item is there and ok; figures are in the words."""
    async with exchange_with() as exchange:
        status, items = await check(settings_on(exchange, tmp_path / "log.jsonl", PERP_TIF="auto", EDGE_FLOOR="1"))

        assert status == 0 and all(item["level"] == "ok" for item in items.values())
        assert list(items) == [
            "rest", "clock", "key", "account_type", "permissions", "public_socket", "perp_book", "spot_book",
            "private_socket", "rules", "fees", "break_even", "funding", "position_mode", "margin_mode", "leverage",
            "position", "open_orders", "size", "hedges_of_bids", "hedges_of_asks", "margin", "lock", "log_disk",
            "state_disk", "time_in_force",
        ]  # fmt: skip
        assert items["hedges_of_bids"]["data"]["hedges"] == 25  # 0.5 ETH, 0.02 a quote
        assert items["hedges_of_asks"]["data"]["hedges"] == int(5000 / (3500.05 * 1.01) / 0.02)
        assert "half spread 14 bps" in items["break_even"]["detail"] and "than 15" in items["break_even"]["detail"]
        assert "1.00 bps every 8 h, next at" in items["funding"]["detail"]


# --- the key's permissions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorities", "level", "words"),
    [
        (["coor", "coow", "cpow", "stor", "stow"], "ok", "from any address"),
        (["trade", "readonly"], "ok", "trade"),
        (["coow", "stow", "wtow", "wwow"], "warn", "may withdraw"),
        (["coor", "cpor", "stor"], "FAIL", "futures and spot"),
        (["coow", "cpow", "stor"], "FAIL", "on spot"),
        (["something", "new"], "warn", "does not tell"),
    ],
)
async def test_the_keys_permissions(tmp_path: Path, authorities: list[str], level: str, words: str) -> None:
    """As the exchange's own words have it: enough, too much (it may withdraw), too little, or not told."""
    async with exchange_with(authorities=tuple(authorities)) as exchange:
        status, items = await check(settings_on(exchange, tmp_path / "log.jsonl"))

        item = items["permissions"]
        assert item["level"] == level and words in item["detail"] + item["advice"], item
        assert status == (2 if level == "FAIL" else 0)


async def test_the_addresses_a_key_is_bound_to_are_counted(tmp_path: Path) -> None:
    """Two addresses: the detail says so."""
    async with exchange_with(ips="1.2.3.4, 5.6.7.8") as exchange:
        _status, items = await check(settings_on(exchange, tmp_path / "log.jsonl"))

        assert "from 2 addresses alone" in items["permissions"]["detail"]


# --- what is lying about ----------------------------------------------------------------------------------------------


async def test_a_position_nobody_knows_is_red_and_one_the_journal_knows_is_not(tmp_path: Path) -> None:
    """Seen with the journal's folder it is explained; from another folder it is not, unless ADOPT_POSITION=1."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        assert await bot.stop() == 0
        elsewhere = attrs.evolve(bot.settings, state_dir=str(tmp_path / "other"))

        assert (await check(bot.settings))[1]["position"]["level"] == "ok"
        status, items = await check(elsewhere)
        assert status == 2 and "ADOPT_POSITION" in items["position"]["advice"]
        assert (await check(attrs.evolve(elsewhere, adopt_position=True)))[1]["position"]["level"] == "ok"


async def test_a_journal_that_cannot_be_read_is_red(tmp_path: Path) -> None:
    """A start would end with status 65: the file is named, and what it costs to begin without it."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        assert await bot.stop() == 0
        newest = max((tmp_path / "state").rglob("journal/*"))
        newest.write_bytes(b"no journal\n")
        status, items = await check(bot.settings)

        assert status == 2 and newest.name in items["journal"]["detail"] and "FRESH_START" in items["journal"]["advice"]


async def test_a_run_that_holds_the_account_is_named_and_its_quotes_are_left_alone(tmp_path: Path) -> None:
    """Beside a run: its pid, its two orders counted as ours and guarded, status 0, both still resting."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        sent, resting = len(bot.posts), {order.order_id for order in bot.open_orders}
        status, items = await check(bot.settings)

        assert status == 0 and items["lock"]["level"] == "warn" and items["lock"]["data"]["pid"] == os.getpid()
        assert items["open_orders"]["level"] == "ok" and "2 of ours" in items["open_orders"]["detail"]
        assert {order.order_id for order in bot.open_orders} == resting and len(bot.posts) == sent


async def test_orders_that_nobody_here_guards_are_yellow(tmp_path: Path) -> None:
    """A bot died with its quotes resting: they are counted, and the next start is said to cancel them."""
    async with exchange_with() as exchange:
        bot = Bot(exchange, settings_on(exchange, tmp_path / "log.jsonl"))
        await bot.quoting()
        await bot.kill()
        status, items = await check(bot.settings)

        assert status == 0 and items["open_orders"]["level"] == "warn"
        assert len(items["open_orders"]["data"]["ours"]) == 2 and "cancels them" in items["open_orders"]["advice"]


async def test_without_a_key_the_market_is_looked_at_and_the_account_is_not(tmp_path: Path) -> None:
    """A dry run needs no key: one line says that nothing of the account was read."""
    async with exchange_with() as exchange:
        status, items = await check(settings_on(exchange, tmp_path / "log.jsonl", **nowhere_to_sign()))

        assert status == 0 and "No key is set" in items["key"]["advice"]
        assert not {"position", "margin", "private_socket"} & set(items) and items["perp_book"]["level"] == "ok"


async def test_a_key_that_is_refused_is_told_without_waiting_for_the_bound(tmp_path: Path) -> None:
    """With half a minute allowed: three logins are refused, and the look is over."""
    async with exchange_with() as exchange:
        settings = settings_on(exchange, tmp_path / "log.jsonl", BITGET_API_KEY="bg_wrong", CHECK_BOUND_SEC="600")
        async with asyncio.timeout(8):
            status, items = await check(settings)

        assert status == 2 and "40006" in items["key"]["detail"] and items["private_socket"]["level"] == "FAIL"


async def test_an_exchange_that_is_not_there_is_told_in_seconds(tmp_path: Path) -> None:
    """Every host red with what to do, none of it an exception."""
    async with exchange_with() as exchange:
        settings = settings_on(exchange, tmp_path / "log.jsonl", **FAST)
    status, items = await check(settings)

    assert status == 2
    assert {items[key]["level"] for key in ("rest", "key", "public_socket", "private_socket", "rules")} == {"FAIL"}


@pytest.mark.parametrize(("free_mb", "level"), [(99, "FAIL"), (100, "warn"), (999, "warn"), (1000, "ok")])
def test_room_is_judged_by_what_is_written(free_mb: int, level: str) -> None:
    """Less than is needed is red; less than a gigabyte is yellow."""
    assert judge_room("log_disk", "disk", "free", free_mb, 100, "Make room.").level == level


def test_break_even_counts_rebates(tmp_path: Path) -> None:
    """A maker rebate of half a basis point makes the least half spread that much smaller."""
    fees = Fees(FeeRate(Decimal("-0.5"), Decimal(6)), FeeRate(Decimal(10), Decimal(10)), Decimal("9.5"))

    assert "half spread 11.5 bps" in break_even(fees, Settings()).detail


# --- the proof --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "policy"), [("force", "both"), ("timeInForceValue", "timeInForceValue"), ("both", "timeInForceValue")]
)
async def test_the_proof_places_one_order_and_sees_it_gone(tmp_path: Path, field: Any, policy: str) -> None:
    """One bid half a price band below the touch, post-only by `timeInForceValue` alone; then the policy is told."""
    async with exchange_with(perp_tif_field=field) as exchange:
        settings = settings_on(exchange, tmp_path / "log.jsonl", PERP_TIF="auto")
        status, items = await check(settings, prove_tif=True, yes=True)

        assert status == 0 and items["time_in_force"]["data"] == {"policy": policy}
        placed = [it.body for it in exchange.requests if it.path.endswith("place-order")]
        assert [(it["side"], it["size"], it["price"], it.get("force")) for it in placed] == [
            ("buy", "0.01", "3412.5", None)
        ]
        assert len(changes(exchange)) == 2 and exchange.account_view().open_orders == ()
        assert exchange.account_view().fills == ()


@pytest.mark.parametrize(
    ("wanted", "told", "why"),
    [
        ({}, {}, "nobody to ask"),
        ({"ask": lambda _question: False}, {}, "the answer was no"),
        ({"yes": True}, {"DRY_RUN": "1"}, "DRY_RUN=1"),
    ],
)
async def test_the_proof_is_never_made_without_a_yes(
    tmp_path: Path, wanted: dict[str, Any], told: dict[str, str], why: str
) -> None:
    """Nobody there, a no, or a dry run: nothing leaves, and the item says why."""
    async with exchange_with() as exchange:
        status, items = await check(settings_on(exchange, tmp_path / "log.jsonl", **told), prove_tif=True, **wanted)

        assert status == 0 and why in items["time_in_force"]["detail"] and changes(exchange) == []


async def test_the_question_says_what_would_be_placed(tmp_path: Path) -> None:
    """Size, price and distance; a yes places just that."""
    asked: list[str] = []
    async with exchange_with() as exchange:
        settings = settings_on(exchange, tmp_path / "log.jsonl")
        await check(settings, prove_tif=True, ask=lambda question: asked.append(question) or True)

        assert "0.01 ETH at 3412.5, 2.5 % below the best bid" in asked[0] and len(changes(exchange)) == 2


async def test_the_proof_waits_for_everything_else(tmp_path: Path) -> None:
    """Something is red, or a run trades here: no order."""
    async with exchange_with(leverage=30) as exchange:
        _status, items = await check(settings_on(exchange, tmp_path / "log.jsonl"), prove_tif=True, yes=True)
        assert "failed first" in items["time_in_force"]["detail"] and changes(exchange) == []
    async with trading(tmp_path) as bot:
        await bot.quoting()
        sent = len(bot.posts)
        _status, items = await check(bot.settings, prove_tif=True, yes=True)
        assert "a run trades here" in items["time_in_force"]["detail"] and len(bot.posts) == sent


async def test_a_proof_that_is_refused_or_not_answered_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code and what to do; an order whose cancel is not confirmed is named, for a person to look for."""
    monkeypatch.setattr("runner.check.proof.PAUSE_S", 0.01)
    async with exchange_with() as exchange:
        settings = settings_on(exchange, tmp_path / "log.jsonl")
        exchange.fault("refused", path="place-order", code="40014", executed=0.0)
        status, items = await check(settings, prove_tif=True, yes=True)
        assert status == 2 and "permission" in items["time_in_force"]["advice"]
        exchange.clear_faults()
        exchange.fault("http_5xx", path="/order/cancel-order", executed=0.0, times=2)
        status, items = await check(settings, prove_tif=True, yes=True)
        assert status == 0 and exchange.account_view().open_orders == ()  # cancelled again until it was gone
        exchange.fault("http_5xx", path="/order/cancel-order", executed=0.0, times=100)
        status, items = await check(settings, prove_tif=True, yes=True)
        (left,) = exchange.account_view().open_orders
        assert status == 2 and str(left.client_oid) in items["time_in_force"]["advice"]


async def test_a_proof_that_trades_is_red(tmp_path: Path) -> None:
    """A market that falls through the order while it rests: the quantity is told, and that it must be closed."""
    async with exchange_with() as exchange:

        async def fall() -> None:
            await exchange.until(lambda: bool(exchange.account_view().open_orders))
            exchange.market.trade("perp", "3400.00", "1", "sell")

        falling = asyncio.create_task(fall())
        status, items = await check(settings_on(exchange, tmp_path / "log.jsonl"), prove_tif=True, yes=True)
        await falling

        assert status == 2 and "0.01 of the order was filled" in items["time_in_force"]["detail"]


# --- how it is told ---------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "colour"), [("", True), ("1", False)])
async def test_colour_is_for_terminals_that_want_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_color: str, colour: bool
) -> None:
    """Green, yellow and red beside the word, never instead of it; NO_COLOR is honoured, and a file gets none."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    terminal, file = Terminal(), io.StringIO()
    async with exchange_with(leverage=30) as exchange:
        settings = settings_on(exchange, tmp_path / "log.jsonl")
        for out in (terminal, file):
            await run_check(settings, out)

    for start in ("\x1b[32mok", "\x1b[33mwarn", "\x1b[31mFAIL"):
        assert (start in terminal.getvalue()) == colour
    assert "\x1b" not in file.getvalue() and "1 failed: leverage; nothing was placed" in file.getvalue()


def test_a_line_has_its_advice_under_it() -> None:
    """The word, the label, the detail; then, set in, what to do."""
    shown = line(Item("clock", "clock", Level.FAIL, "9 s off", "Set it."), False)

    assert shown.splitlines() == ["FAIL  clock               9 s off", "      Set it."]


async def test_the_command_itself(tmp_path: Path) -> None:
    """`python -m runner check --json --prove-tif` in a process of its own, with nobody at its terminal: one object."""
    async with exchange_with() as exchange:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runner", "check", "--json", "--prove-tif"),
            cwd=ROOT,
            env=os.environ | to_texts(settings_on(exchange, tmp_path / "log.jsonl")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _nothing = await process.communicate()
    told = json.loads(out)

    assert process.returncode == 0 and told["ok"] and told["items"][-1]["key"] == "time_in_force"
    assert "nobody to ask" in told["items"][-1]["detail"] and changes(exchange) == []
