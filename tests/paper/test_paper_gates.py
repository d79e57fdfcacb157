"""What stands before every endpoint: paths, signatures, clocks, limits, account type, and public answers."""

import json

import pytest
from aiohttp import ClientSession

from runner.paper import PaperExchange, PaperOptions, Venue
from runner.paper.api import Request
from runner.paper.limits import OVERALL_MAX, RECOVERY_MS, RateLimits
from tests.paper.client import MIX, PERP, SPOT, Rest, perp_order
from tests.paper.conftest import Start


async def test_an_unknown_path_is_404(rest: Rest) -> None:
    """So is a known path with the wrong method."""
    assert (await rest.get("/api/v2/mix/order/nothing"))[0] == 404
    assert (await rest.get(f"{MIX}/order/place-order"))[0] == 404


async def test_success_and_error_envelopes(rest: Rest) -> None:
    """Code is text, requestTime a number, data null on an error."""
    _, good = await rest.get("/api/v2/public/time")
    status, bad = await rest.get(f"{MIX}/order/detail", **PERP, orderId="1")

    assert (good["code"], good["msg"], type(good["requestTime"])) == ("00000", "success", int)
    assert isinstance(good["data"]["serverTime"], str)
    assert status == 400 and bad["data"] is None and set(bad) == {"code", "msg", "requestTime", "data"}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"ACCESS-KEY": ""}, "40001"),
        ({"ACCESS-SIGN": ""}, "40002"),
        ({"ACCESS-TIMESTAMP": "now"}, "40005"),
        ({"ACCESS-TIMESTAMP": "1695806875837"}, "40008"),
        ({"ACCESS-KEY": "other"}, "40006"),
        ({"ACCESS-PASSPHRASE": "other"}, "40012"),
        ({"ACCESS-SIGN": "AAAA"}, "40009"),
    ],
)
async def test_each_bad_header_has_its_code(rest: Rest, spoil: dict[str, str], code: str) -> None:
    """Nothing is executed and the request is still on record."""
    rest.spoil = spoil

    assert await rest.refuse(perp_order("buy", "2679.00", "0.10")) == code
    assert rest.exchange.account_view().orders == ()
    assert rest.exchange.requests[-1].path == f"{MIX}/order/place-order"


async def test_a_body_other_than_the_signed_one_is_refused(rest: Rest, http: ClientSession) -> None:
    """The signature covers the exact bytes: the same JSON without spaces is another body."""
    path, order = f"{MIX}/order/place-order", perp_order("buy", "2679.00", "0.10")
    headers = rest.headers("POST", path, json.dumps(order))

    async with http.post(
        rest.exchange.rest_url + path, data=json.dumps(order, separators=(",", ":")), headers=headers
    ) as answer:
        assert (await answer.json())["code"] == "40009"


async def test_a_signed_query_counts_raw_or_decoded(rest: Rest, http: ClientSession) -> None:
    """What was sent was signed: the percent-encoded path works as it is and as its decoded form."""
    from yarl import URL

    raw = f"{MIX}/order/orders-pending?productType=USDT%2DFUTURES"
    decoded = f"{MIX}/order/orders-pending?productType=USDT-FUTURES"
    for signed in (raw, decoded):
        url = URL(rest.exchange.rest_url + raw, encoded=True)
        async with http.get(url, headers=rest.headers("GET", signed, "")) as answer:
            assert (await answer.json())["code"] == "00000"


async def test_the_eleventh_order_in_a_second_is_429(rest: Rest, exchange: PaperExchange) -> None:
    """Ten a second for place-order; the body is Bitget's, the order is not placed, other endpoints are free."""
    for n in range(10):
        await rest.place(perp_order("buy", "2679.00", "0.01", clientOid=str(n)))

    status, answer = await rest.post(f"{MIX}/order/place-order", perp_order("buy", "2679.00", "0.01"))

    assert (status, answer["code"], answer["msg"]) == (429, "429", "Too Many Requests")
    assert len(exchange.account_view().orders) == 10
    assert (await rest.get(f"{MIX}/order/orders-pending", **PERP))[0] == 200


def test_limits_slide_and_the_overall_one_takes_five_minutes() -> None:
    """A window frees one by one; 6001 requests in a minute block everything for five."""
    limits = RateLimits()
    assert [limits.allow("a", 2, at) for at in (0, 500, 999, 1000, 1001)] == [True, True, False, True, False]

    limits = RateLimits()
    assert all(limits.allow(str(n), 1, 0) for n in range(OVERALL_MAX))
    assert not limits.allow("one more", 1, 0)
    assert not limits.allow("later", 1, RECOVERY_MS - 1) and limits.allow("later", 1, RECOVERY_MS)


async def test_a_refusal_can_come_with_http_200(start: Start, http: ClientSession) -> None:
    """Bitget's code alone says what became of a request; too many requests stay 429."""
    rest = Rest(await start(refusal_status=200), http)
    status, refused = await rest.post(f"{MIX}/order/place-order", perp_order("buy", "2680.001", "0.10"))

    assert (status, refused["code"], refused["data"]) == (200, "45115", None)
    assert [(await rest.get(f"{SPOT}/account/info"))[0] for _ in range(2)] == [200, 429]


async def test_a_unified_account_is_refused_before_its_signature(start: Start, http: ClientSession) -> None:
    """40085 on every private call, bad signature or not; public calls work."""
    rest = Rest(await start(unified_account=True), http)
    rest.spoil = {"ACCESS-SIGN": "AAAA"}

    assert await rest.refuse(perp_order("buy", "2679.00", "0.10")) == "40085"
    assert (await rest.get("/api/v2/public/time"))[0] == 200


async def test_configuration_rows_are_the_exchanges(rest: Rest) -> None:
    """Contract and symbol rows as recorded; trade-rate is what the account pays."""
    _, contracts = await rest.get(f"{MIX}/market/contracts", productType="usdt-futures", symbol="ETHUSDT")
    _, symbols = await rest.get(f"{SPOT}/public/symbols", symbol="ETHUSDT")
    _, rate = await rest.get("/api/v2/common/trade-rate", symbol="ETHUSDT", businessType="spot")

    assert contracts["data"][0]["minTradeUSDT"] == "5" and contracts["data"][0]["priceEndStep"] == "1"
    assert symbols["data"][0]["minTradeUSDT"] == "1" and symbols["data"][0]["quantityPrecision"] == "4"
    assert rate["data"] == {"makerFeeRate": "0.001", "takerFeeRate": "0.001"}


async def test_constraints_can_be_missing(start: Start, http: ClientSession) -> None:
    """The contract list is empty and the symbol does not exist."""
    rest = Rest(await start(constraints="missing"), http)

    assert (await rest.get(f"{MIX}/market/contracts", productType="USDT-FUTURES"))[1]["data"] == []
    assert (await rest.get(f"{SPOT}/public/symbols"))[1]["code"] == "40034"


async def test_funding_is_told_by_three_endpoints(rest: Rest, exchange: PaperExchange) -> None:
    """Rate, interval, cap and next settlement agree; the history is newest first and eight hours apart."""
    exchange.market.funding("-0.000014")
    _, current = await rest.get(f"{MIX}/market/current-fund-rate", **PERP)
    _, when = await rest.get(f"{MIX}/market/funding-time", **PERP)
    _, history = await rest.get(f"{MIX}/market/history-fund-rate", **PERP, pageSize="2")

    row = current["data"][0]
    assert (row["fundingRate"], row["fundingRateInterval"]) == ("-0.000014", "8")
    assert (row["minFundingRate"], row["maxFundingRate"]) == ("-0.003", "0.003")
    assert when["data"] == [{"symbol": "ETHUSDT", "nextFundingTime": row["nextUpdate"], "ratePeriod": "8"}]
    times = [int(one["fundingTime"]) for one in history["data"]]
    assert [int(row["nextUpdate"]) - at for at in times] == [8 * 3_600_000, 16 * 3_600_000]


async def test_depth_is_numbers_on_the_perp_and_text_on_spot(rest: Rest) -> None:
    """merge-depth gives numbers although its page shows strings; tickers answer lists."""
    _, perp = await rest.get(f"{MIX}/market/merge-depth", **PERP, limit="max")
    _, spot = await rest.get(f"{SPOT}/market/orderbook", symbol="ETHUSDT", limit="1")
    _, ticker = await rest.get(f"{MIX}/market/ticker", **PERP)
    _, price = await rest.get(f"{MIX}/market/symbol-price", **PERP)
    _, tickers = await rest.get(f"{SPOT}/market/tickers", symbol="ETHUSDT")

    assert perp["data"]["bids"][0] == [2680.0, 5.0]
    assert spot["data"]["asks"] == [["2681.01", "5"]]
    assert ticker["data"][0]["symbol"] == "ETHUSDT" and ticker["data"][0]["markPrice"] == "2680.005"
    assert price["data"][0]["markPrice"] == "2680.005" and tickers["data"][0]["bidPr"] == "2681"


async def test_a_body_that_is_no_object_is_refused(rest: Rest) -> None:
    """40017, and a number that is none is 40020."""
    status, answer = await rest.post(f"{MIX}/order/place-order", [])  # type: ignore[arg-type]

    assert (status, answer["code"]) == (400, "40017")
    assert (await rest.get(f"{MIX}/order/fills", **PERP, limit="all"))[1]["code"] == "40020"


def test_the_api_answers_without_sockets_under_virtual_time() -> None:
    """The same gates and endpoints, a clock of the caller's."""
    venue = Venue(PaperOptions(market="scripted"), 0)
    path = f"{MIX}/market/funding-time?symbol=ETHUSDT&productType=USDT-FUTURES"

    answer = venue.answer(Request("GET", path, {}, b""), 123)

    assert answer.status == 200 and answer.body["requestTime"] == 123
    assert answer.body["data"][0]["nextFundingTime"] == str(8 * 3_600_000)
