"""P0-0a: the rules of both legs are loaded at start; without them nothing is ever sent."""

from pathlib import Path

from tests.support.bot import trading


async def test_both_legs_rules_are_read_and_logged_before_the_first_order(tmp_path: Path) -> None:
    """The record holds tick, step, minimum quantity and minimum notional of both, and stands before any order."""
    async with trading(tmp_path) as bot:
        await bot.quoting()

        (loaded,) = bot.find("constraints_loaded")
        assert loaded["data"]["USDT-FUTURES"] | {"band": "x"} == {
            "tick": "0.01", "step": "0.01", "min_qty": "0.01", "min_notional": "5", "band": "x",
        }  # fmt: skip
        assert loaded["data"]["SPOT"]["step"] == "0.0001" and loaded["data"]["SPOT"]["min_notional"] == "1"
        assert bot.lines.index(loaded) < bot.lines.index(bot.find("order_new")[0])


async def test_without_them_nothing_is_sent_and_the_run_ends_with_an_error(tmp_path: Path) -> None:
    """`order_skip reason=constraints_missing`, exit status not zero, and not one request that changes anything."""
    async with trading(tmp_path, {"constraints": "missing"}) as bot:
        status = await bot.ended()

        assert status != 0 and bot.runner.exit_reason == "constraints_missing"
        assert bot.find("order_skip", reason="constraints_missing")
        assert bot.posts == [] and bot.find("order_new") == []


async def test_rules_that_never_arrive_end_the_run_too(tmp_path: Path) -> None:
    """Asked again until the bound, then an exit that is not zero; still nothing sent."""
    async with trading(
        tmp_path,
        before=lambda exchange: exchange.next_answer("/market/contracts", "http500", times=100),
        CHECK_BOUND_SEC="2",
    ) as bot:
        status = await bot.ended()

        assert status != 0 and bot.runner.exit_reason == "no_answer:ask_constraints"
        assert len(bot.requests("/market/contracts", "GET")) > 1 and bot.posts == []


async def test_rules_that_come_at_the_second_asking_are_enough(tmp_path: Path) -> None:
    """One failed reading is no reason to end."""
    async with trading(tmp_path, before=lambda exchange: exchange.next_answer("/public/symbols", "http500")) as bot:
        await bot.quoting()

        assert len(bot.requests("/public/symbols", "GET")) == 2
