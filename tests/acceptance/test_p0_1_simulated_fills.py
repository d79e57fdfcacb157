"""P0-1: pretend spot fills exist only on request, are marked, and never stand beside real orders but on loopback."""

from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm.errors import ParamError
from runner.settings import Settings, load_settings
from tests.support.bot import trading

REAL = {
    "DRY_RUN": "0",
    "BITGET_API_KEY": "key",
    "BITGET_API_SECRET": "secret",
    "BITGET_API_PASSPHRASE": "words",
}


def test_it_is_off_by_default() -> None:
    """Nobody gets pretend hedges without asking."""
    assert Settings().simulated_spot_fill is False


async def test_a_real_hedge_is_never_marked(tmp_path: Path) -> None:
    """Through a whole hedged fill no line says `simulated: true`, and the spot fill is the exchange's own."""
    async with trading(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()

        assert not [line for line in bot.lines if line["simulated"]]
        (fill,) = bot.find("fill", inst_type="SPOT")
        assert fill["exch_trade_id"] in {it.trade_id for it in bot.truth.fills}


async def test_switched_on_it_pretends_spot_alone_and_marks_it(tmp_path: Path) -> None:
    """Real perp orders on loopback: no spot request leaves, the spot fill is `simulated: true`, the perp's is not. A
    ticket that a pretend fill has closed, and what it seems to have earned, are no more real than that fill."""
    async with trading(tmp_path, SIMULATED_SPOT_FILL="1") as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()

        assert bot.requests("/spot/trade/place-order") == [] and bot.truth.position == Decimal("0.02")
        assert [line["simulated"] for line in bot.find("fill", inst_type="SPOT")] == [True]
        assert not bot.find("fill", inst_type="USDT-FUTURES")[0]["simulated"]
        assert bot.find("ticket", data_status="DONE")[0]["data"]["remain"] == "0"
        assert [line["simulated"] for line in bot.find("ticket", data_status="DONE")] == [True]
        assert [line["simulated"] for line in bot.find("pnl", reason="ticket")] == [True]


def test_beside_real_orders_elsewhere_it_is_refused(tmp_path: Path) -> None:
    """DRY_RUN=0 on any other address than this machine's: an error that names the variable, before anything opens."""
    with pytest.raises(ParamError, match="SIMULATED_SPOT_FILL") as refused:
        load_settings(REAL | {"SIMULATED_SPOT_FILL": "1"}, tmp_path / "none")

    assert "naked leg" in str(refused.value)


@pytest.mark.parametrize("name", ["BITGET_REST_URL", "BITGET_WS_PUBLIC_URL", "BITGET_WS_PRIVATE_URL"])
def test_one_address_elsewhere_is_enough_to_refuse_it(tmp_path: Path, name: str) -> None:
    """All three addresses must be this machine's."""
    here = {
        "BITGET_REST_URL": "http://127.0.0.1:1",
        "BITGET_WS_PUBLIC_URL": "ws://127.0.0.1:1/v2/ws/public",
        "BITGET_WS_PRIVATE_URL": "ws://127.0.0.1:1/v2/ws/private",
    }
    load_settings(REAL | here | {"SIMULATED_SPOT_FILL": "1"}, tmp_path / "none")
    del here[name]

    with pytest.raises(ParamError):
        load_settings(REAL | here | {"SIMULATED_SPOT_FILL": "1"}, tmp_path / "none")


def test_a_dry_run_may_have_it_anywhere(tmp_path: Path) -> None:
    """With DRY_RUN=1 there is no real leg to leave naked."""
    assert load_settings({"SIMULATED_SPOT_FILL": "1"}, tmp_path / "none")[0].simulated_spot_fill
