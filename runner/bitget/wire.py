"""What we send to Bitget and how its envelopes are told apart. Pure functions between mmfsm's values and JSON.

This file and its neighbours, `wire_account.py` (orders, fills, positions, balances), `wire_market.py` (rules, books,
funding) and `wire_lists.py` (all symbols at once), are the only ones that know Bitget's field names. Sources, by page
of Bitget's V2 documents: Place Order and Get Order Details of both products, Websocket Intro, and what ccxt, bbgo and
hummingbot send and receive.

Time in force on the perp. `timeInForceValue` is sent always; V2's documents and every known client call the member
`force`, and Bitget ignores members it does not know. `Terms.tif_policy` says whether `force` goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import attrs

from mmfsm.params import Params
from mmfsm.values import InstType, OrderRequest, PositionEffect, PosMode, Side, Tif, plain
from runner.bitget.members import Row, WireError, as_row, as_rows, millis, parse_json

SUCCESS = "00000"
NOT_LOGGED_IN = "30004"  # of a socket's error messages
TIF_WORDS = {Tif.POST_ONLY: "post_only", Tif.IOC: "ioc", Tif.GTC: "gtc"}
PAGE = 100  # the largest page of every list (Get Orders Pending, Get Order Fills, Get Fills, Get Unfilled Orders)
FILLS_SPAN_MS = 89 * 86_400_000
"""How far back fills are asked for. Get Fills has 90 days; Get Order Fills ends three months after `startTime` where no
end is named, so that an older start would hide the newest."""
FUNDING_BUSINESS = "contract_settle_fee"  # what Get Account Bill calls a settlement of funding
PRIVATE = "private"  # our name for the set of private channels
TRADES = "trade"  # the channel of public trades


@attrs.frozen
class Terms:
    """What an order needs beside itself to become a request."""

    symbol: str
    margin_mode: str
    pos_mode: PosMode
    tif_policy: str
    receive_window_ms: int
    margin_coin: str = "USDT"

    @classmethod
    def of(cls, params: Params) -> Terms:
        """Terms as configured. "auto" sends `timeInForceValue` alone until the start-up proof has been read."""
        return cls(
            params.symbol,
            params.margin_mode,
            PosMode(params.target_pos_mode),
            params.perp_tif,
            params.spot_receive_window_ms,
        )


# --- requests ---------------------------------------------------------------------------------------------------------


def place_body(request: OrderRequest, terms: Terms, now_ms: int) -> dict[str, str]:
    """Return the body of a place-order request.

    Args:
        request: the order; prices in quote coin, quantity in base coin.
        terms: symbol, margin, position mode and the spelling of time in force.
        now_ms: Bitget's clock; a spot order that arrives `receive_window_ms` later is refused by Bitget itself.

    Raises:
        ValueError: the order cannot be said on this account.
    """
    return perp_body(request, terms) if request.inst is InstType.PERP else spot_body(request, terms, now_ms)


def perp_body(request: OrderRequest, terms: Terms) -> dict[str, str]:
    """Place Order (futures). In hedge mode `side` is the direction of the position, not of the trade: closing a long is
    side buy with tradeSide close."""
    side = request.side
    body = {
        "symbol": terms.symbol,
        "productType": InstType.PERP.value,
        "marginMode": terms.margin_mode,
        "marginCoin": terms.margin_coin,
        "size": plain(request.qty),
        "price": plain(request.price),
        "orderType": "limit",
        "timeInForceValue": TIF_WORDS[request.tif],
        "clientOid": request.client_oid,
    }
    if terms.tif_policy in ("force", "both"):
        body["force"] = TIF_WORDS[request.tif]
    if terms.pos_mode is PosMode.HEDGE:
        if request.position_effect is None:
            raise ValueError(f"order {request.client_oid}: in hedge mode it must say whether it opens or closes")
        if request.position_effect is PositionEffect.CLOSE:
            side = side.opposite
        body["tradeSide"] = request.position_effect.value
    elif request.reduce_only:
        body["reduceOnly"] = "YES"  # upper case or it is not taken; exists in one-way mode only
    return body | {"side": side.value}


def spot_body(request: OrderRequest, terms: Terms, now_ms: int) -> dict[str, str]:
    """Place Order (spot). `size` is base coin for a limit order."""
    return {
        "symbol": terms.symbol,
        "side": request.side.value,
        "orderType": "limit",
        "force": TIF_WORDS[request.tif],
        "price": plain(request.price),
        "size": plain(request.qty),
        "clientOid": request.client_oid,
        "requestTime": str(now_ms),
        "receiveWindow": str(terms.receive_window_ms),
    }


def order_key(inst: InstType, client_oid: str, order_id: str | None, terms: Terms) -> dict[str, str]:
    """Name one order, for cancelling and reading: by orderId where it is known, else by clientOid."""
    key = {"orderId": order_id} if order_id else {"clientOid": client_oid}
    if inst is InstType.PERP:
        return {"symbol": terms.symbol, "productType": InstType.PERP.value, "marginCoin": terms.margin_coin} | key
    return {"symbol": terms.symbol} | key


def fills_params(
    inst: InstType, terms: Terms, order_id: str | None, since_ms: int, before: str | None
) -> dict[str, str]:
    """Fills of one order, or those since a time; `before` is the tradeId that the next page goes on from."""
    params = {"symbol": terms.symbol, "limit": str(PAGE)}
    if inst is InstType.PERP:
        params["productType"] = InstType.PERP.value
    params |= {"orderId": order_id} if order_id else {"startTime": str(since_ms)}
    return params | ({"idLessThan": before} if before else {})


def open_orders_params(inst: InstType, terms: Terms, status: str | None, before: str | None) -> dict[str, str]:
    params = {"symbol": terms.symbol, "limit": str(PAGE)}
    if inst is InstType.PERP:
        params["productType"] = InstType.PERP.value
    if status:
        params["status"] = status
    return params | ({"idLessThan": before} if before else {})


def account_params(terms: Terms) -> dict[str, str]:
    """Get Single Account and Get Single Position."""
    return {"symbol": terms.symbol, "productType": InstType.PERP.value, "marginCoin": terms.margin_coin}


def settlements_params(terms: Terms, since_ms: int, before: str | None) -> dict[str, str]:
    """Get Account Bill: settlements of funding alone; `before` is the billId that the next page goes on from."""
    params = {"symbol": terms.symbol, "productType": InstType.PERP.value, "businessType": FUNDING_BUSINESS}
    params |= {"startTime": str(since_ms), "limit": str(PAGE)}
    return params | ({"idLessThan": before} if before else {})


def market_params(inst: InstType, terms: Terms) -> dict[str, str]:
    """Contracts, Spot Symbols and Current Funding Rate."""
    return {"symbol": terms.symbol} | ({"productType": InstType.PERP.value} if inst is InstType.PERP else {})


def trade_rate_params(inst: InstType, terms: Terms) -> dict[str, str]:
    """Get Trade Rate: its table says `businessType`, its own example `business`; the unknown one is ignored."""
    business = "mix" if inst is InstType.PERP else "spot"
    return {"symbol": terms.symbol, "businessType": business, "business": business}


def pos_mode_body(pos_mode: PosMode) -> dict[str, str]:
    return {"productType": InstType.PERP.value, "posMode": pos_mode.value}


# --- REST envelope ----------------------------------------------------------------------------------------------------


@attrs.frozen
class Envelope:
    """An answer of REST, opened: Bitget's code and words, its clock, and what is inside."""

    code: str
    msg: str
    exch_ms: int | None
    data: Any


def open_envelope(body: str) -> Envelope:
    """Open the body of a REST answer; on an error some gateways leave `requestTime` out.

    Raises:
        ValueError: it is no JSON object with a code.
    """
    row = as_row(parse_json(body), "body")
    code, time = row.get("code"), row.get("requestTime")
    if code is None:
        raise WireError("code", None, "a code")
    words = row.get("msg") or row.get("message") or ""
    return Envelope(str(code), str(words), time if isinstance(time, int) else None, row.get("data"))


def placed_order_id(data: object) -> str | None:
    """orderId of a place answer. Absent where a reduce-only order made Bitget cancel older ones (Place Order)."""
    value = data.get("orderId") if isinstance(data, dict) else None
    return str(value) if value else None


def read_server_time(data: object) -> int:
    """Get Server Time: a string of Unix milliseconds."""
    return millis(as_row(data, "data"), "serverTime")


# --- socket frames ----------------------------------------------------------------------------------------------------


@attrs.frozen
class Channel:
    """One subscription: a product, a channel, and an instrument or (of account) a coin."""

    inst: InstType
    name: str
    target: str

    def arg(self) -> dict[str, str]:
        key = "coin" if self.name == "account" else "instId"
        return {"instType": self.inst.value, "channel": self.name, key: self.target}

    def is_told_by(self, arg: Row) -> bool:
        """True when an answer is about this subscription: Bitget may spell the product in either case."""
        return str(arg.get("instType", "")).upper() == self.inst.value and arg.get("channel") == self.name


# "default" is every instrument: the one form every private channel takes (Positions Channel takes no other).
PRIVATE_CHANNELS = (
    Channel(InstType.PERP, "orders", "default"),
    Channel(InstType.PERP, "fill", "default"),
    Channel(InstType.PERP, "positions", "default"),
    Channel(InstType.PERP, "account", "default"),
    Channel(InstType.SPOT, "orders", "default"),
    Channel(InstType.SPOT, "fill", "default"),
    Channel(InstType.SPOT, "account", "default"),
)


class FrameKind(StrEnum):
    DATA = "data"
    SUBSCRIBED = "subscribed"
    REFUSED = "refused"
    OTHER = "other"


_INST = {inst.value: inst for inst in InstType}
"""Asked of every message: a look-up takes a fifth of what asking the enumeration does."""


class Frame(NamedTuple):
    """One message of a socket, told apart. `snapshot` False is an increment; `arg` and `channel` are empty where none
    came."""

    kind: FrameKind
    arg: Row
    channel: str
    rows: list[Row]
    snapshot: bool = True
    ts_ms: int = 0
    code: str | None = None
    msg: str | None = None

    @property
    def inst(self) -> InstType:
        """Raises ValueError for a product that is not ours."""
        told = str(self.arg.get("instType", "")).upper()
        return _INST.get(told) or InstType(told)


def is_urgent(text: str) -> bool:
    """True for a message that may hold fills, by its text alone; what else it is true for is read a little early."""
    return '"fill"' in text


def read_frame(message: object) -> Frame:
    """Tell a socket message apart.

    Raises:
        WireError: it is no object, or its data is no list of objects.
    """
    row = as_row(message, "message")
    arg = row.get("arg")
    arg = arg if isinstance(arg, dict) else {}
    channel = str(arg.get("channel", ""))
    if "data" in row and "action" in row:
        ts = row.get("ts")
        ts_ms = int(ts) if isinstance(ts, (int, str)) and str(ts).isdecimal() else 0
        return Frame(FrameKind.DATA, arg, channel, as_rows(row["data"], "data"), row["action"] != "update", ts_ms)
    event, code = row.get("event"), row.get("code")
    kind = {"subscribe": FrameKind.SUBSCRIBED, "error": FrameKind.REFUSED}.get(str(event), FrameKind.OTHER)
    return Frame(
        kind, arg, channel, [], code=None if code is None else str(code), msg=str(row.get("msg") or "") or None
    )


def replaced_by_next(frame: Frame) -> object:
    """Return a key that messages share of which each makes the one before needless: whole books and tickers. None for
    all others, of which each counts."""
    whole = frame.channel == "ticker" or (frame.channel.startswith("books") and frame.channel != "books")
    arg = frame.arg
    is_one = whole and frame.kind is FrameKind.DATA
    return (str(arg.get("instType")), frame.channel, str(arg.get("instId"))) if is_one else None


def subscription(op: str, channels: Sequence[Channel]) -> dict[str, Any]:
    """A message that asks for channels (`op` "subscribe") or drops them ("unsubscribe")."""
    return {"op": op, "args": [channel.arg() for channel in channels]}


def login_refusal(answer: object) -> str | None:
    """None when the answer to a login lets us in, else why not. The code comes as 0 or "0" (Websocket Intro)."""
    row = answer if isinstance(answer, dict) else {}
    if row.get("event") == "login" and str(row.get("code")) == "0":
        return None
    return f"login refused: {row.get('code', 'no code')} {row.get('msg') or 'no answer before the socket closed'}"


def read_side(row: Row) -> Side:
    """Read a row's side.

    Raises:
        WireError: it is neither.
    """
    word = str(row.get("side", "")).lower()
    if word not in ("buy", "sell"):
        raise WireError("side", row.get("side"), "buy or sell")
    return Side(word)
