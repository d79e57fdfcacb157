"""Checks an order must pass before it is accepted, each with the code Bitget answers (REST error code pages)."""

import re
from decimal import Decimal

from runner.paper.instruments import RULES, Rules
from runner.paper.numbers import places, plain
from runner.paper.values import OrderRequest, Refusal

FORCES = ("gtc", "ioc", "fok", "post_only")
_CLIENT_OID = re.compile(r"[0-9A-Za-z_:#\-+\s]{1,64}")


def check_order(request: OrderRequest, reference: Decimal | None, open_count: int) -> None:
    """Refuse an order that breaks a rule of its product.

    Args:
        request: The order.
        reference: Price the band is measured from and market orders are valued at; None before any market data.
        open_count: Orders of the product already open.

    Raises:
        Refusal: With the code for the first rule it breaks.
    """
    rules = RULES[request.product]
    if request.force not in FORCES:
        raise Refusal("40020", "Parameter force error")
    if request.client_oid is not None and not _CLIENT_OID.fullmatch(request.client_oid):
        raise Refusal("40305", "client_oid length is not greater than 64, and cannot be Martian characters")
    if request.order_type == "limit":
        _check_price(request, rules)
    _check_size(request, rules, reference)
    if request.order_type == "limit" and reference is not None:
        _check_band(request, rules, reference)
    if open_count >= rules.orders_max:
        code = "43005" if request.product == "spot" else "40761"
        raise Refusal(code, "Exceed the maximum number of orders")


def _check_price(request: OrderRequest, rules: Rules) -> None:
    price = request.price
    if price is None:
        raise Refusal("40019", "Parameter price cannot be empty")
    if price <= 0:
        raise Refusal("40020", "Parameter price error")
    if price % rules.tick:
        # Live logs: the perp names the step (45115), spot the scale (41103).
        if request.product == "perp":
            raise Refusal("45115", f"The price you enter should be a multiple of {plain(rules.tick)}")
        raise Refusal("41103", "param price scale error error")


def _check_size(request: OrderRequest, rules: Rules, reference: Decimal | None) -> None:
    size = request.size
    by_value = request.product == "spot" and request.order_type == "market" and request.side == "buy"
    scale = 6 if by_value else rules.size_places
    if places(size) > scale:
        text = f"Parameter verification exception size checkBDScale error value={plain(size)} checkScale={scale}"
        raise Refusal("40808", text)
    if size <= 0:
        raise Refusal("45111", "less than the minimum order quantity")
    if not by_value and size < rules.size_min:
        raise Refusal("45111", "less than the minimum order quantity")
    price = Decimal(1) if by_value else request.price or reference
    if price is not None and size * price < rules.notional_min:
        raise Refusal("45110", f"less than the minimum amount {plain(rules.notional_min)} USDT")
    size_max = rules.market_size_max if request.order_type == "market" else rules.size_max
    if size > size_max:
        raise Refusal("45112", "more than the maximum order quantity")


def _check_band(request: OrderRequest, rules: Rules, reference: Decimal) -> None:
    assert request.price is not None
    highest, lowest = reference * (1 + rules.band), reference * (1 - rules.band)
    is_spot = request.product == "spot"
    if request.price > highest:
        text = "current order price exceeds the limit" if is_spot else "order price is higher than the highest bid"
        raise Refusal("43009" if is_spot else "40815", f"{text} {plain(highest.quantize(rules.tick))}")
    if request.price < lowest:
        text = "current order price cannot be less than" if is_spot else "order price is lower than the lowest ask"
        raise Refusal("43008" if is_spot else "40816", f"{text} {plain(lowest.quantize(rules.tick))}")
