"""P0-5a: perp orders always carry `timeInForceValue`, spot orders `force`, and no quote is ever not post-only."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.bot import touch, trading

PERP_PLACE, SPOT_PLACE = "/mix/order/place-order", "/spot/trade/place-order"
HONOURS = {"perp_tif_field": "timeInForceValue"}


@pytest.mark.parametrize("tif", ["auto", "timeInForceValue", "force", "both"])
async def test_perp_orders_always_carry_it_and_spot_orders_never(tmp_path: Path, tif: str) -> None:
    """Through a hedged fill, under every setting, on an exchange that reads either spelling."""
    async with trading(tmp_path, {"perp_tif_field": "both"}, PERP_TIF=tif) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()

        assert all("timeInForceValue" in body for body in bot.requests(PERP_PLACE))
        (spot,) = bot.requests(SPOT_PLACE)
        assert spot["force"] == "ioc" and "timeInForceValue" not in spot


@pytest.mark.parametrize(("tif", "has_force"), [("timeInForceValue", False), ("force", True), ("both", True)])
async def test_a_fixed_setting_asks_for_no_proof(tmp_path: Path, tif: str, has_force: bool) -> None:
    """Each spelling is sent as set, from the first order on, and nothing is probed."""
    async with trading(tmp_path, {"perp_tif_field": "both"}, PERP_TIF=tif) as bot:
        await bot.quoting()

        assert bot.find("tif_probe") == [] and len(bot.requests(PERP_PLACE)) == 2
        assert all(("force" in body) is has_force for body in bot.requests(PERP_PLACE))


async def test_the_proof_is_one_tiny_order_far_away_with_that_member_alone(tmp_path: Path) -> None:
    """Smallest size, inside the price band, `timeInForceValue` alone; read back, cancelled, then READY."""
    async with trading(tmp_path, PERP_TIF="auto") as bot:
        await bot.ready()

        probe = bot.requests(PERP_PLACE)[0]
        assert (probe["size"], probe["timeInForceValue"], "force" in probe) == ("0.01", "post_only", False)
        assert Decimal("3500") * Decimal("0.95") < Decimal(probe["price"]) < Decimal("3500") * Decimal("0.99")
        order = next(it for it in bot.truth.orders if it.client_oid == probe["clientOid"])
        assert (order.status, order.filled) == ("canceled", 0)
        assert bot.requests("/mix/order/detail", "GET")
        assert bot.lines.index(bot.find("tif_probe")[0]) < bot.lines.index(bot.find("session", data_to="READY")[0])


async def test_the_documented_exchange_makes_both_be_sent(tmp_path: Path) -> None:
    """Only `force` is honoured: the record says what was read and why both go, and every quote rests post-only."""
    async with trading(tmp_path, PERP_TIF="auto") as bot:
        await bot.quoting()

        (probe,) = bot.find("tif_probe")
        assert (probe["reason"], probe["data"]["read_force"], probe["data"]["honoured"]) == ("both", "gtc", False)
        assert "gtc" in probe["data"]["why"]
        assert all(body["force"] == body["timeInForceValue"] == "post_only" for body in bot.requests(PERP_PLACE)[1:])
        assert {order.force for order in bot.open_orders} == {"post_only"} and len(bot.open_orders) == 2


async def test_an_exchange_that_honours_it_never_sees_force_on_the_perp(tmp_path: Path) -> None:
    """Quotes, replacements and hedges: `force` appears on spot alone, and quotes rest post-only."""
    async with trading(tmp_path, HONOURS, PERP_TIF="auto") as bot:
        await bot.quoting()
        assert {order.force for order in bot.open_orders} == {"post_only"}
        bot.fill_bid()
        await bot.hedged()
        await bot.quoting()

        assert bot.find("tif_probe")[0]["reason"] == "timeInForceValue"
        assert len(bot.requests(PERP_PLACE)) >= 5
        assert not any("force" in body for body in bot.requests(PERP_PLACE))


async def test_a_proof_without_an_answer_ends_the_run_and_leaves_no_order(tmp_path: Path) -> None:
    """The order cannot be read back: no trading, a status that is not zero, and the tiny order is taken out."""
    async with trading(
        tmp_path,
        before=lambda exchange: exchange.next_answer("/mix/order/detail", "http500", times=1000),
        PERP_TIF="auto",
        REQUEST_TIMEOUT_MS="200",
        ANSWER_BOUND_MS="500",
        QUERY_PERIOD_MS="200",
        CHECK_BOUND_SEC="3",
    ) as bot:
        status = await bot.ended()

        assert status != 0 and len(bot.requests(PERP_PLACE)) == 1
        assert bot.open_orders == (), "the proof's order is left on the exchange"


async def test_a_proof_that_is_answered_at_the_second_asking_is_enough(tmp_path: Path) -> None:
    """One failed reading is asked again."""
    async with trading(
        tmp_path,
        before=lambda exchange: exchange.next_answer("/mix/order/detail", "http500"),
        PERP_TIF="auto",
        QUERY_PERIOD_MS="200",
    ) as bot:
        await bot.quoting()

        assert bot.find("tif_probe")[0]["reason"] == "both"


async def test_a_refused_proof_ends_the_run(tmp_path: Path) -> None:
    """45110 for the tiny order: nothing was proven, nothing is traded."""
    async with trading(
        tmp_path, before=lambda exchange: exchange.next_answer(PERP_PLACE, "45110"), PERP_TIF="auto"
    ) as bot:
        status = await bot.ended()

        assert status != 0 and bot.runner.exit_reason == "tif_probe" and len(bot.requests(PERP_PLACE)) == 1


async def test_a_quote_that_is_not_post_only_is_cancelled_and_halts_for_a_person(tmp_path: Path) -> None:
    """`timeInForceValue` alone on the documented exchange rests as gtc: both cancelled at once, HALTED, latched."""
    async with trading(tmp_path, PERP_TIF="timeInForceValue") as bot:
        await bot.until(lambda: bot.halts.get("tif_not_honoured") and not bot.open_orders)

        assert bot.mode == "HALTED"
        (halt,) = bot.find("risk", reason="tif_not_honoured")
        assert halt["data"]["latched"] is True and "gtc" in halt["data"]["detail"]
        placed = len(bot.requests(PERP_PLACE))
        touch(bot.exchange, perp="3501.00", spot="3501.00")
        await bot.ticked(2)
        assert len(bot.requests(PERP_PLACE)) == placed and bot.mode == "HALTED"


async def test_the_mismatch_is_seen_without_the_orders_stream_too(tmp_path: Path) -> None:
    """The stream's pushes are lost: the reading of open orders sees that they are not post-only."""
    async with trading(
        tmp_path,
        before=lambda exchange: exchange.push_fault("drop", times=2, channel="orders"),
        PERP_TIF="timeInForceValue",
        RECONCILE_SEC="1",
    ) as bot:
        await bot.until(lambda: bot.halts.get("tif_not_honoured") and not bot.open_orders)


async def test_a_quote_that_would_cross_is_a_benign_end(tmp_path: Path) -> None:
    """The market moves while a quote is under way: accepted, cancelled by the engine, re-priced; no taker fill."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        placed = len(bot.requests(PERP_PLACE))
        bot.exchange.next_answer(PERP_PLACE, "delay_before_ms", ms=200)
        touch(bot.exchange, perp="3501.00", spot="3501.00")
        await bot.until(lambda: len(bot.requests(PERP_PLACE)) > placed)  # whichever side comes first
        moved = "3490.00" if bot.requests(PERP_PLACE)[placed]["side"] == "buy" else "3512.00"
        touch(bot.exchange, perp=moved, spot=moved)
        crossed = "post_only_fill_cancel"
        await bot.until(lambda: any(order.cancel_reason == crossed for order in bot.truth.orders))
        await bot.quoting()

        assert not any(not fill.is_maker for fill in bot.truth.fills if fill.product == "perp")
        ours = next(order.client_oid for order in bot.truth.orders if order.cancel_reason == crossed)
        assert not any(bot.halts.values()) and bot.find("order_reject", client_oid=ours) == []
