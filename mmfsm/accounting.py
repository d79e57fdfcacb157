"""What a desk has earned, in columns that add up.

    net = realised + unrealised + funding − fees            quote coin

    realised     price results of what was closed, each leg at its average cost
    unrealised   what is held, at the prices of now, beyond its cost: a level; rows of it are never summed
    funding      what the exchange says it settled; until it says so, an estimate, kept apart
    fees         in quote coin: a fee in the base coin at the price of its own fill; by coin beside it

Realised + unrealised − fees is the cash of all fills plus what is held at its price, exactly: costs are cut to a grid
when a part is closed, so no digit is lost between the columns. The working stock's own price is no part of it.

Spread and slips say where the price results came from, and are no further columns of the sum: each is quantity times
the distance of a fill from a mid price, above zero in our favour.
"""

from __future__ import annotations

from decimal import Context, Decimal

import attrs

from mmfsm.ledger import paid_in, signed_change
from mmfsm.markouts import Markouts
from mmfsm.values import ZERO, InstType, NormalizedFill, Side

GRID = Decimal("1e-12")
"""Costs of closed parts are whole multiples of it, in quote coin."""

WIDE = Context(prec=60)
"""Room for any cost on that grid: whatever a fill says, booking it does not raise."""

SEEN_MAX = 256
EXPECTED_MAX = 16


def fee_value(fill: NormalizedFill, base_coin: str, quote_coin: str) -> Decimal:
    """Return what a fill's fee costs in quote coin; zero for a coin that is neither (it is counted by coin alone).

    >>> from mmfsm.values import Side
    >>> fill = NormalizedFill(InstType.SPOT, "1", Side.BUY, Decimal("0.4167"), Decimal(144), 0, "t",
    ...                       fee=Decimal("0.144"), fee_coin="WLD")
    >>> fee_value(fill, "WLD", "USDT")
    Decimal('0.0600048')
    """
    taken = fill.side.sign * fill.qty - signed_change(fill, base_coin)
    return paid_in(fill, quote_coin) + taken * fill.price


@attrs.define
class Holding:
    """One leg: signed quantity in base coin, and what it cost in quote coin (below zero when short)."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO

    def take(self, change: Decimal, price: Decimal) -> Decimal:
        """Move by a signed quantity at a price and return the result of what that closed.

        >>> held = Holding()
        >>> from mmfsm.values import plain
        >>> plain(held.take(Decimal("-0.03"), Decimal(2500))), plain(held.take(Decimal("0.02"), Decimal(2490)))
        ('0', '0.2')
        >>> plain(held.qty), plain(held.cost)
        ('-0.01', '-25')
        """
        if self.qty * change >= 0:
            self.qty, self.cost = self.qty + change, self.cost + change * price
            return ZERO
        closed = -change if abs(change) <= abs(self.qty) else self.qty
        cost = self.cost if closed == self.qty else (self.cost * closed / self.qty).quantize(GRID, context=WIDE)
        self.qty, self.cost = self.qty - closed, self.cost - cost
        opened = change + closed
        self.qty, self.cost = self.qty + opened, self.cost + opened * price
        return closed * price - cost

    def beyond_cost(self, price: Decimal) -> Decimal:
        """Return what is held at a price, less what it cost."""
        return self.qty * price - self.cost


@attrs.define
class Result:
    """The columns that add up over fills: of one fill, a ticket, a day or a run. Money in quote coin, `_qty` in base.

    `hedged`, `unwound`, `netted` and `dust` are what became of tickets' quantities; dust joins the next ticket's again.
    """

    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    spread: Decimal = ZERO
    hedge_slip: Decimal = ZERO
    unwind_slip: Decimal = ZERO
    perp_qty: Decimal = ZERO
    hedged: Decimal = ZERO
    unwound: Decimal = ZERO
    netted: Decimal = ZERO
    dust: Decimal = ZERO
    perp_fills: int = 0
    spot_fills: int = 0
    quotes: int = 0
    quotes_filled: int = 0
    fee_coins: dict[str, Decimal] = attrs.field(factory=dict)

    def add(self, other: Result) -> None:
        """Add every column of another."""
        for name in NUMBERS:
            more = getattr(other, name)
            if more:
                setattr(self, name, getattr(self, name) + more)
        for coin, fee in other.fee_coins.items():
            self.fee_coins[coin] = self.fee_coins.get(coin, ZERO) + fee

    def since(self, start: Result) -> Result:
        """Return what has come since `start`, an earlier copy of this."""
        coins = {coin: fee - start.fee_coins.get(coin, ZERO) for coin, fee in self.fee_coins.items()}
        numbers = {name: getattr(self, name) - getattr(start, name) for name in NUMBERS}
        return Result(**numbers, fee_coins={coin: fee for coin, fee in coins.items() if fee})

    def copy(self) -> Result:
        """Return the same figures in a value of its own."""
        return attrs.evolve(self, fee_coins=dict(self.fee_coins))


NUMBERS = tuple(field.name for field in attrs.fields(Result) if field.name != "fee_coins")


@attrs.define
class TicketAccount:
    """A ticket's result so far, and both mids when its perp fill was told: what its own fills are measured by."""

    perp_mid: Decimal | None
    spot_mid: Decimal | None
    result: Result = attrs.field(factory=Result)


@attrs.define
class Span:
    """Where a day or a run began: the totals then, and the levels. `number`: of the day since 1970, UTC."""

    number: int = 0
    since_ms: int = 0
    start: Result = attrs.field(factory=Result)
    unrealised: Decimal = ZERO
    estimated: Decimal = ZERO


@attrs.define
class Expected:
    """A settlement that fell due at `due_ms` (exchange time), and what it should come to: zero while flat."""

    due_ms: int
    estimate: Decimal


@attrs.define
class Settlements:
    """Funding as the exchange settles it: the next one known, those not read back yet, and the bills that were.

    Exchange time, but for `asked_ms`. `since_ms`: bills before it are none of ours; `newest_ms`: of the bills read.
    """

    since_ms: int = 0
    due_ms: int = 0
    rate: Decimal = ZERO
    newest_ms: int = 0
    asked_ms: int = 0
    failed: bool = False
    expected: list[Expected] = attrs.field(factory=list)
    seen: dict[str, None] = attrs.field(factory=dict)

    @property
    def estimate(self) -> Decimal:
        """What has fallen due and is not read back."""
        return sum((one.estimate for one in self.expected), ZERO)


@attrs.define
class Accounts:
    """Everything booked since the books opened. `loose`: fills that no ticket has taken up yet.

    `taken_over` is what quantities were worth that no fill explains (a position adopted at start) when they came in;
    `last_unrealised` the level when it was last looked at.
    """

    perp: Holding = attrs.field(factory=Holding)
    spot: Holding = attrs.field(factory=Holding)
    total: Result = attrs.field(factory=Result)
    taken_over: Decimal = ZERO
    last_unrealised: Decimal = ZERO
    day: Span = attrs.field(factory=Span)
    run: Span = attrs.field(factory=Span)
    loose: Result = attrs.field(factory=Result)
    tickets: dict[str, TicketAccount] = attrs.field(factory=dict)
    settlements: Settlements = attrs.field(factory=Settlements)
    markouts: Markouts = attrs.field(factory=Markouts)
    row_ms: int = 0
    is_told: bool = False

    def take(self, fill: NormalizedFill, base_coin: str, quote_coin: str) -> Result:
        """Move a fill's leg and return the fill's own columns, for `add`."""
        perp = fill.inst is InstType.PERP
        fee_coins = {fill.fee_coin: fill.fee} if fill.fee_coin and fill.fee else {}
        for paid in fill.more_fees:
            fee_coins[paid.coin] = fee_coins.get(paid.coin, ZERO) + paid.fee
        return Result(
            realised=(self.perp if perp else self.spot).take(signed_change(fill, base_coin), fill.price),
            fees=fee_value(fill, base_coin, quote_coin),
            perp_qty=fill.qty if perp else ZERO,
            perp_fills=int(perp),
            spot_fills=int(not perp),
            fee_coins=fee_coins,
        )

    def add(self, part: Result, account: TicketAccount | None = None) -> None:
        """Add columns to the total, and to a ticket's; without a ticket to those that the next one takes up."""
        self.total.add(part)
        (self.loose if account is None else account.result).add(part)

    def take_over(self, holding: Holding, qty: Decimal, price: Decimal) -> None:
        """Take up a quantity that no fill explains, at the price of now: nothing is earned by it."""
        holding.qty, holding.cost = holding.qty + qty, holding.cost + qty * price
        self.taken_over += qty * price

    def unrealised(self, perp_price: Decimal, spot_price: Decimal) -> Decimal:
        """Return what is held, at these prices, beyond its cost."""
        return self.perp.beyond_cost(perp_price) + self.spot.beyond_cost(spot_price)

    @property
    def funding(self) -> Decimal:
        """All funding since the books opened, what is only expected included."""
        return self.total.funding + self.settlements.estimate

    def begin_run(self) -> None:
        """Begin a new run where the last one ended."""
        self.run = Span(0, 0, self.total.copy(), self.last_unrealised, self.settlements.estimate)
        self.is_told = False


def gain(side: Side, price: Decimal, qty: Decimal, mid: Decimal) -> Decimal:
    """Return what a trade is worth against a mid price: above zero when bought below it or sold above.

    >>> gain(Side.BUY, Decimal("2499.50"), Decimal("0.02"), Decimal("2500.00"))
    Decimal('0.0100')
    """
    return side.sign * (mid - price) * qty
