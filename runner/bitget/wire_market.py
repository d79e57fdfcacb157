"""Bitget's public messages and account settings read into mmfsm's values: rules, books, trades, funding, position mode.

The rows of reference endpoints are attrs classes that cattrs fills, so that a missing or strange member is an error
which names it. Books are read by hand: they come ten times a second.
Pages of Bitget's V2 documents: Get Contract Config, Get Symbol Info, Order Book Channel, Public Trade Channel, Tickers
Channel, Get Current Funding Rate, Get Single Account, Get Trade Rate.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import attrs
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_structure_fn, override

from mmfsm.events import AccountRead, FundingEvent
from mmfsm.values import BPS, FeeRate, Funding, InstrumentRules, InstType, Level, PosMode, Side
from runner.bitget.members import (
    Row,
    WireError,
    as_rows,
    decimal_of,
    millis,
    number,
    optional_number,
    positive,
    text,
)
from runner.bitget.wire import read_side

T = TypeVar("T", bound=attrs.AttrsInstance)


def _named(member: str, default: Any = attrs.NOTHING) -> Any:
    return attrs.field(default=default, metadata={"member": member})


@attrs.frozen
class ContractRow:
    """A row of Get Contract Config, as far as it is needed."""

    symbol: str
    base_coin: str = _named("baseCoin")
    quote_coin: str = _named("quoteCoin")
    price_place: int = _named("pricePlace")
    price_end_step: Decimal = _named("priceEndStep")
    size_multiplier: Decimal = _named("sizeMultiplier")
    min_trade_num: Decimal = _named("minTradeNum")
    min_trade_usdt: Decimal = _named("minTradeUSDT")
    buy_limit_price_ratio: Decimal = _named("buyLimitPriceRatio")
    sell_limit_price_ratio: Decimal = _named("sellLimitPriceRatio")
    maker_fee_rate: Decimal = _named("makerFeeRate")
    taker_fee_rate: Decimal = _named("takerFeeRate")
    status: str = _named("symbolStatus")
    max_order_qty: Decimal | None = _named("maxOrderQty", None)


@attrs.frozen
class SymbolRow:
    """A row of Get Symbol Info (spot), as far as it is needed."""

    symbol: str
    status: str
    base_coin: str = _named("baseCoin")
    quote_coin: str = _named("quoteCoin")
    price_precision: int = _named("pricePrecision")
    quantity_precision: int = _named("quantityPrecision")
    min_trade_usdt: Decimal = _named("minTradeUSDT")
    buy_limit_price_ratio: Decimal = _named("buyLimitPriceRatio")
    sell_limit_price_ratio: Decimal = _named("sellLimitPriceRatio")
    maker_fee_rate: Decimal = _named("makerFeeRate")
    taker_fee_rate: Decimal = _named("takerFeeRate")


@attrs.frozen
class AccountRow:
    """The answer of Get Single Account, as far as it is needed. Leverage comes as a number, documented as a string."""

    pos_mode: PosMode = _named("posMode")
    margin_mode: str = _named("marginMode")
    crossed_leverage: Decimal | None = _named("crossedMarginLeverage", None)
    isolated_leverage: Decimal | None = _named("isolatedLongLever", None)


def _to_decimal(value: object, _type: object) -> Decimal:
    return decimal_of(value, "it")


def _to_optional(value: object, _type: object) -> Decimal | None:
    return None if value is None or value == "" else decimal_of(value, "it")


def _to_text(value: object, _type: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r}: expected a text that is not empty")
    return value


def _to_places(value: object, _type: object) -> int:
    places = decimal_of(value, "it")
    if places != int(places) or not 0 <= places <= 18:
        raise ValueError(f"{value!r}: expected a number of decimal places")
    return int(places)


def _build_converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(Decimal, _to_decimal)
    converter.register_structure_hook(str, _to_text)
    converter.register_structure_hook(int, _to_places)
    converter.register_structure_hook(PosMode, lambda value, _type: PosMode(value))  # a StrEnum is a str to cattrs
    converter.register_structure_hook_func(lambda kind: kind == Decimal | None, _to_optional)
    for cls in (ContractRow, SymbolRow, AccountRow):
        names = {f.name: override(rename=f.metadata.get("member", f.name)) for f in attrs.fields(cls)}
        converter.register_structure_hook(cls, make_dict_structure_fn(cls, converter, **names))  # type: ignore[arg-type]
    return converter


_CONVERTER = _build_converter()


def _structure(row: object, cls: type[T], what: str) -> T:
    try:
        return _CONVERTER.structure(row, cls)
    except (BaseValidationError, ValueError, TypeError, AttributeError) as error:
        why = "; ".join(transform_error(error)) if isinstance(error, BaseValidationError) else str(error)
        for field in attrs.fields(cls):
            why = why.replace(f"$.{field.name}", field.metadata.get("member", field.name))
        raise WireError(what, row, f"usable members ({why})") from None


def _only_row(data: object, symbol: str, what: str) -> Row:
    rows = [row for row in as_rows(data, what) if str(row.get("symbol", "")).upper() == symbol]
    if len(rows) != 1:
        raise WireError(what, [row.get("symbol") for row in as_rows(data, what)], f"one row of {symbol}")
    return rows[0]


# --- rules ------------------------------------------------------------------------------------------------------------


def read_perp_rules(data: object, symbol: str) -> InstrumentRules:
    """Read Get Contract Config. Tick = priceEndStep · 10^−pricePlace; the size step is sizeMultiplier.

    Raises:
        WireError: no row, a member missing or unusable, or the contract is not open for trading.
    """
    row = _structure(_only_row(data, symbol, "contracts"), ContractRow, "contracts")
    if row.status != "normal":
        raise WireError("symbolStatus", row.status, "normal: the contract is not open for trading")
    return _checked(
        InstrumentRules(
            inst=InstType.PERP,
            symbol=symbol,
            base_coin=row.base_coin.upper(),
            quote_coin=row.quote_coin.upper(),
            price_tick=row.price_end_step.scaleb(-row.price_place),
            qty_step=row.size_multiplier,
            qty_min=row.min_trade_num,
            notional_min=row.min_trade_usdt,
            buy_band_ratio=row.buy_limit_price_ratio,
            sell_band_ratio=row.sell_limit_price_ratio,
            maker_fee=row.maker_fee_rate,
            taker_fee=row.taker_fee_rate,
            qty_max=row.max_order_qty,
        )
    )


def read_spot_rules(data: object, symbol: str) -> InstrumentRules:
    """Read Get Symbol Info. `minTradeAmount` is obsolete (Bitget says so): the minimum is one step and minTradeUSDT.

    Raises:
        WireError: as `read_perp_rules`.
    """
    row = _structure(_only_row(data, symbol, "symbols"), SymbolRow, "symbols")
    if row.status not in ("online", "gray"):
        raise WireError("status", row.status, "online: the pair is not open for trading")
    step = Decimal(1).scaleb(-row.quantity_precision)
    return _checked(
        InstrumentRules(
            inst=InstType.SPOT,
            symbol=symbol,
            base_coin=row.base_coin.upper(),
            quote_coin=row.quote_coin.upper(),
            price_tick=Decimal(1).scaleb(-row.price_precision),
            qty_step=step,
            qty_min=step,
            notional_min=row.min_trade_usdt,
            buy_band_ratio=row.buy_limit_price_ratio,
            sell_band_ratio=row.sell_limit_price_ratio,
            maker_fee=row.maker_fee_rate,
            taker_fee=row.taker_fee_rate,
        )
    )


def _checked(rules: InstrumentRules) -> InstrumentRules:
    for name in ("price_tick", "qty_step", "qty_min", "buy_band_ratio", "sell_band_ratio"):
        if getattr(rules, name) <= 0:
            raise WireError(f"{rules.inst}: {name}", getattr(rules, name), "a number above zero")
    if rules.notional_min < 0:
        raise WireError(f"{rules.inst}: minTradeUSDT", rules.notional_min, "zero or above")
    if rules.qty_max is not None and rules.qty_max <= 0:
        return attrs.evolve(rules, qty_max=None)
    return rules


def read_trade_rate(data: object) -> FeeRate:
    """Read what the account is charged on one leg (Get Trade Rate); its members have two spellings.

    Raises:
        WireError: neither spelling is there.
    """
    row = data if isinstance(data, dict) else {}
    maker = "makerFeeRate" if "makerFeeRate" in row else "makerRate"
    taker = "takerFeeRate" if "takerFeeRate" in row else "takerRate"
    return FeeRate(number(row, maker) / BPS, number(row, taker) / BPS)


# --- account ----------------------------------------------------------------------------------------------------------


def read_account(data: object, at_ms: int) -> AccountRead:
    """Read position mode, margin mode and the leverage of that margin mode (Get Single Account).

    Raises:
        WireError: a member is missing or unknown.
    """
    row = _structure(data, AccountRow, "account")
    leverage = row.crossed_leverage if row.margin_mode == "crossed" else row.isolated_leverage
    return AccountRead(at_ms, row.pos_mode, row.margin_mode, leverage)


# --- funding ----------------------------------------------------------------------------------------------------------


def read_funding(data: object, symbol: str) -> Funding:
    """Read Get Current Funding Rate; all members but the rate came later than the endpoint and may be absent.

    Raises:
        WireError: no row of the symbol, or its rate is unusable.
    """
    row = _only_row(data, symbol, "current-fund-rate")
    return Funding(
        rate=number(row, "fundingRate"),
        next_ms=millis(row, "nextUpdate") if row.get("nextUpdate") else None,
        interval_h=optional_number(row, "fundingRateInterval"),
        rate_min=optional_number(row, "minFundingRate"),
        rate_max=optional_number(row, "maxFundingRate"),
    )


def read_ticker_funding(row: Row, at_ms: int) -> FundingEvent | None:
    """Read the funding out of a futures ticker push; None when it tells none."""
    rate = optional_number(row, "fundingRate")
    if rate is None:
        return None
    next_ms = millis(row, "nextFundingTime") if row.get("nextFundingTime") else None
    return FundingEvent(at_ms, Funding(rate, next_ms), "ticker")


# --- books ------------------------------------------------------------------------------------------------------------


def read_levels(row: Row, side: str) -> list[Level]:
    """Read one side of a book push, in the order it came; a quantity of zero means the level is gone.

    Raises:
        WireError: it is no list of [price, size].
    """
    levels = row.get(side)
    if not isinstance(levels, list):
        raise WireError(side, levels, "a list of [price, size]")
    try:
        return [Level(Decimal(level[0]), Decimal(level[1])) for level in levels]
    except (ArithmeticError, LookupError, TypeError, ValueError):
        raise WireError(side, levels, "a list of [price, size]") from None


def book_numbers(row: Row) -> tuple[int | None, int | None]:
    """Return seq and pseq, numbers or text; None where absent, as before 2026.

    Raises:
        WireError: one is no number.
    """
    seq, pseq = optional_number(row, "seq"), optional_number(row, "pseq")
    return None if seq is None else int(seq), None if pseq is None else int(pseq)


def book_ms(row: Row, ts_ms: int) -> int:
    """Return the book's own time; that of its message where it tells none."""
    return millis(row, "ts") if row.get("ts") else ts_ms


# --- trades -----------------------------------------------------------------------------------------------------------


def read_trade(row: Row) -> tuple[str, Side, Decimal]:
    """Read a public trade: its id, the taker's side, and its size in base coin.

    Raises:
        WireError: a member is missing or unusable.
    """
    return text(row, "tradeId"), read_side(row), positive(row, "size")
