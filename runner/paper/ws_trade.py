"""Orders over the private WebSocket: channels place-order and cancel-order of the op `trade`.

Sources: the place-order and cancel-order channel pages; answers as recorded by gocryptotrader in November 2025: the arg
comes back as a list of one whose `params` are the ids, `code` is a number, `msg` is `Success`; a refusal is an `error`
event that repeats the params as sent. Requests count against the limits of the REST endpoints.
"""

from collections.abc import Mapping
from typing import Any

from runner.paper.api import Api
from runner.paper.engine import Exchange
from runner.paper.instruments import PRODUCT_TYPE
from runner.paper.values import Refusal

PATHS = {
    ("SPOT", "place-order"): "/api/v2/spot/trade/place-order",
    ("SPOT", "cancel-order"): "/api/v2/spot/trade/cancel-order",
    (PRODUCT_TYPE, "place-order"): "/api/v2/mix/order/place-order",
    (PRODUCT_TYPE, "cancel-order"): "/api/v2/mix/order/cancel-order",
}
ID_LENGTH_MAX = 40


def trade(api: Api, arg: Mapping[str, Any], now_ms: int, account: Exchange | None = None) -> dict[str, Any]:
    """Carry out one order request of a client that has logged in, and return the answer's members.

    Args:
        api: The endpoints that do the work.
        arg: The single member of the request's args: id, instType, instId, channel, params.
        now_ms: The time.
        account: Whose orders; the default account's unless given.
    """
    try:
        params = _carry_out(api, arg, now_ms, account)
    except Refusal as refusal:
        return {"event": "error", "arg": [dict(arg)], "code": int(refusal.code), "msg": refusal.msg, "ts": now_ms}
    names = {name: arg[name] for name in ("id", "instType", "channel", "instId") if name in arg}
    return {"event": "trade", "arg": [names | {"params": params}], "code": 0, "msg": "Success", "ts": now_ms}


def _carry_out(api: Api, arg: Mapping[str, Any], now_ms: int, account: Exchange | None) -> dict[str, Any]:
    path = PATHS.get((str(arg.get("instType")), str(arg.get("channel"))))
    params, number = arg.get("params"), arg.get("id")
    if path is None or not isinstance(params, dict) or not isinstance(number, str) or len(number) > ID_LENGTH_MAX:
        raise Refusal("30016", "Param error")
    body = params | {"symbol": arg.get("instId"), "productType": arg.get("instType")}
    answer: dict[str, Any] = api.call("POST", path, lambda: body, now_ms, account)
    if arg["channel"] == "place-order":
        return answer
    # A cancel is answered with the ids the client named.
    return {name: params[name] for name in ("orderId", "clientOid") if name in params}
