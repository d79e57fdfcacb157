"""What one event costs the desk: `python -m tests.bench.bench_desk`, with `--json` for one line of JSON.

    fill → hedge        a quote's fill with no ticket open, up to the action that sends its hedge
    fill, whole turn    the same, until everything it asks for is there: accounts, mode, the other quote, its records
    book, quotes stay   a book of the perp that moves no quote
    book, quotes move   one that cancels both
    tick, quoting       a tick with both quotes resting and nothing due
    tick, idle          a tick of a desk that may not quote

Beside each stands the same decision written by hand: `PlainBot`, a few functions of if and else that know nothing of
modes, clocks, refusals, lost answers or restarts, and log nothing. It is no bot to trade with; it is the floor, taken
in the same run, so that the ratio holds on any machine. Both must name the same orders, or the run fails.

Figures are medians of single calls, in microseconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs

from mmfsm import Desk, Params
from mmfsm.actions import CancelOrder, PlaceOrder
from mmfsm.events import BookEvent, CancelAnswered, Event, FillEvent, FundingEvent, OrderEvent, PlaceAnswered, Tick
from mmfsm.testing import fill_of, opening
from mmfsm.values import (
    BPS,
    ZERO,
    Funding,
    InstType,
    Level,
    OrderReport,
    OrderRequest,
    OrderResult,
    OrderStatus,
    Outcome,
    Side,
)
from tests.bench.figures import Bench, How, Row, Taken, all_of, below, within

T0 = 1_800_000_000_000
PARAMS = Params(
    perp_tif="both",
    base_half_spread_bps=Decimal(2),
    quote_size=Decimal("0.02"),
    cooldown_ms=0,
    replace_threshold_bps=Decimal("1.5"),
    edge_floor=False,
    max_daily_loss=Decimal(100_000),  # ten thousand pairs in a row are all fees
)
TICK, STEP = Decimal("0.01"), Decimal("0.0001")
TWO, ONE, EPS = Decimal(2), Decimal(1), Decimal("1e-9")
HEDGE, WHOLE_FILL = "fill → hedge", "fill, whole turn"
Sent = tuple[str, Side, Decimal, Decimal]


class PlainBot:
    """The same decisions by hand. `resting`: side → (price, size); positions in base coin."""

    def __init__(self, coin: Decimal, cash: Decimal, funding: Decimal) -> None:
        self.perp, self.coin, self.cash, self.funding = ZERO, coin, cash, funding
        self.books: dict[InstType, BookEvent] = {}
        self.resting: dict[Side, tuple[Decimal, Decimal]] = {}
        self.seen: set[str] = set()
        self.heard_ms = 0

    def on_fill(self, event: FillEvent) -> list[Sent]:
        """Hedge a fill of ours."""
        fill = event.fill
        if fill.dedupe_key in self.seen:
            return []
        self.seen.add(fill.dedupe_key)
        self.perp += fill.side.sign * fill.qty
        self.cash -= fill.side.sign * fill.price * fill.qty + fill.fee
        self.resting.pop(fill.side, None)
        spot, slip = self.books[InstType.SPOT], PARAMS.hedge_slip_bps * BPS
        if fill.side is Side.BUY:
            side, price = Side.SELL, down(spot.bids[0].price * (ONE - slip), TICK)
        else:
            side, price = Side.BUY, up(spot.asks[0].price * (ONE + slip), TICK)
        return [("hedge", side, down(fill.qty, STEP), price)]

    def after_fill(self) -> list[Sent]:
        """Take the other quote out."""
        return [("cancel", other, *self.resting[other]) for other in self.resting]

    def on_book(self, event: BookEvent) -> list[Sent]:
        """Keep the book, and cancel what rests too far from where it would be quoted now."""
        self.books[event.inst], self.heard_ms = event, event.at_ms
        perp, spot = self.books[InstType.PERP], self.books[InstType.SPOT]
        bid, ask = perp.bids[0].price, perp.asks[0].price
        bids = sum([level.qty for level in perp.bids[: PARAMS.obi_levels]], ZERO)
        asks = sum([level.qty for level in perp.asks[: PARAMS.obi_levels]], ZERO)
        r = (bid + ask) / TWO * (ONE + PARAMS.k_obi * (bids - asks) / (bids + asks + EPS))
        skew = max(min(self.perp / PARAMS.max_position, ONE), -ONE) * PARAMS.inventory_skew_bps
        skew += PARAMS.funding_skew_bps if self.funding > 0 else -PARAMS.funding_skew_bps
        sent: list[Sent] = []
        for side, (price, qty) in self.resting.items():
            if side is Side.BUY:
                half = max(PARAMS.base_half_spread_bps + skew, ZERO) * BPS
                wanted = min(down(r * (ONE - half), TICK), ask - TICK)
                size = min(PARAMS.quote_size, PARAMS.max_position - self.perp, self.coin)
            else:
                half = max(PARAMS.base_half_spread_bps - skew, ZERO) * BPS
                wanted = max(up(r * (ONE + half), TICK), bid + TICK)
                size = min(PARAMS.quote_size, PARAMS.max_position + self.perp, self.cash / spot.asks[0].price)
            if abs(wanted - price) > price * PARAMS.replace_threshold_bps * BPS or down(size, TICK) < qty:
                sent.append(("cancel", side, price, qty))
        return sent

    def on_tick(self, event: Tick) -> list[Sent]:
        """Nothing, unless the books have fallen silent."""
        if event.at_ms - self.heard_ms > PARAMS.book_stale_ms:
            return [("cancel", side, *self.resting[side]) for side in self.resting]
        return []


def down(value: Decimal, step: Decimal) -> Decimal:
    """Floor to the step; for what is above zero."""
    return value - value % step


def up(value: Decimal, step: Decimal) -> Decimal:
    """Round up to the step; for what is above zero."""
    over = value % step
    return value - over + step if over else value


@attrs.define
class Samples:
    """Times of single calls, in ns."""

    desk: list[int] = attrs.field(factory=list)
    plain: list[int] = attrs.field(factory=list)


class Scene:
    """A desk and the plain bot, led side by side through the same trading."""

    def __init__(self, rounds: int, fills: int = 0, desk: Desk | None = None) -> None:
        self.now_ms, self.number, self.mid = T0, 0, 250_000
        self.desk = desk or Desk(PARAMS, run=1)
        self.plain = PlainBot(Decimal("0.5"), Decimal(5000), Decimal("0.0001"))
        self.resting: dict[Side, tuple[OrderRequest, str]] = {}
        self.samples: dict[str, Samples] = {}
        for event in opening(T0, PARAMS):
            self.settle(self.desk.handle(event))
        for count in range(rounds):
            self.quotes_stay()
            self.quotes_move()
            self.fill((Side.BUY, Side.SELL)[count % 2])
        for count in range(fills):
            self.fill((Side.BUY, Side.SELL)[count % 2])
        self._quote_again()
        self.ticks(rounds, "tick, quoting", "QUOTING")
        self.tell(FundingEvent(self.now_ms, Funding(ZERO)))
        self.ticks(rounds, "tick, idle", "IDLE")

    def timed(self, name: str, event: Event, plain: Callable[[Any], list[Sent]]) -> None:
        """Give both the event, take their times, and compare their orders; then play the exchange."""
        clock = time.perf_counter_ns
        t0 = clock()
        actions = self.desk.handle(event)
        t1 = clock()
        sent = plain(event)
        t2 = clock()
        self._took(name, t1 - t0, t2 - t1)
        self._compare(name, actions, sent)

    def timed_fill(self, event: FillEvent) -> None:
        """The same of a fill, up to its hedge and up to the end of the turn."""
        clock = time.perf_counter_ns
        t0 = clock()
        hedges = self.desk.urgent(event)
        t1 = clock()
        actions = hedges + self.desk.rest()
        t2 = clock()
        sent = self.plain.on_fill(event)
        t3 = clock()
        sent += self.plain.after_fill()
        t4 = clock()
        assert len(hedges) == 1, hedges
        self._took(HEDGE, t1 - t0, t3 - t2)
        self._took(WHOLE_FILL, t2 - t0, t4 - t2)
        self._compare(HEDGE, actions, sent)

    def _took(self, name: str, desk_ns: int, plain_ns: int) -> None:
        samples = self.samples.setdefault(name, Samples())
        samples.desk.append(desk_ns)
        samples.plain.append(plain_ns)

    def _compare(self, name: str, actions: tuple[Any, ...], sent: list[Sent]) -> None:
        asked = {self._plain(action) for action in actions if isinstance(action, PlaceOrder | CancelOrder)}
        assert asked == set(sent), f"{name}: the desk sends {asked}, the plain bot {sent}"
        self.settle(actions)

    def _plain(self, action: PlaceOrder | CancelOrder) -> Sent:
        if isinstance(action, PlaceOrder):
            request = action.request
            return request.intent.value, request.side, request.qty, request.price
        request = self.desk.state.orders.open[action.client_oid].request
        return "cancel", request.side, request.price, request.qty

    def tell(self, event: Event) -> None:
        """Give the desk an event, and play the exchange to what it asks for."""
        self.settle(self.desk.handle(event))

    def settle(self, actions: tuple[Any, ...]) -> None:
        """Acknowledge orders, end cancelled ones, fill hedges."""
        for action in actions:
            if isinstance(action, PlaceOrder):
                self._placed(action.request)
            elif isinstance(action, CancelOrder):
                result = OrderResult(Outcome.ACCEPTED, action.order_id)
                self.plain.resting.pop(self.desk.state.orders.open[action.client_oid].request.side, None)
                self.tell(CancelAnswered(self.now_ms, action.client_oid, result))
                report = OrderReport(InstType.PERP, str(action.order_id), OrderStatus.CANCELED, ZERO, action.client_oid)
                self.tell(OrderEvent(self.now_ms, report))

    def _placed(self, request: OrderRequest) -> None:
        self.number += 1
        order_id = f"order-{self.number}"
        self.tell(PlaceAnswered(self.now_ms, request.client_oid, OrderResult(Outcome.ACCEPTED, order_id)))
        if request.inst is InstType.SPOT:
            self.tell(fill_of(request, order_id, f"trade-{self.number}", self.now_ms))
        else:
            self.resting[request.side] = request, order_id
            self.plain.resting[request.side] = request.price, request.qty

    def _book(self, inst: InstType, mid: int, size: int) -> BookEvent:
        bids = tuple(Level(Decimal(mid - n).scaleb(-2), Decimal(size + 7 * n)) for n in range(5))
        asks = tuple(Level(Decimal(mid + 1 + n).scaleb(-2), Decimal(size + 5 * n)) for n in range(5))
        return BookEvent(self.now_ms, inst, bids, asks, self.now_ms)

    def _quote_again(self) -> None:
        """Let the pace of quoting pass, and bring both quotes back."""
        self.tell(FundingEvent(self.now_ms, Funding(Decimal("0.0001"))))
        for _ in range(3):
            self.now_ms += PARAMS.requote_min_ms + 1
            for inst in (InstType.SPOT, InstType.PERP):
                book = self._book(inst, self.mid, 50)
                self.plain.books[inst], self.plain.heard_ms = book, self.now_ms
                self.tell(book)
        assert len(self.plain.resting) == 2, self.desk.state.why_not

    def quotes_stay(self) -> None:
        """A book a tick away."""
        self._quote_again()
        self.now_ms += 100
        self.timed("book, quotes stay", self._book(InstType.PERP, self.mid + 1, 52), self.plain.on_book)

    def quotes_move(self) -> None:
        """A book four basis points away, back and forth."""
        self._quote_again()
        self.mid = 250_100 if self.mid == 250_000 else 250_000
        self.now_ms += PARAMS.requote_min_ms + 1
        self.timed("book, quotes move", self._book(InstType.PERP, self.mid, 52), self.plain.on_book)

    def fill(self, side: Side) -> None:
        """A fill of a whole quote."""
        self._quote_again()
        request, order_id = self.resting[side]
        self.number += 1
        self.timed_fill(fill_of(request, order_id, f"trade-{self.number}", self.now_ms))
        self.plain.coin, self.plain.cash = self.desk.state.ledger.spot, Decimal(5000)

    def ticks(self, rounds: int, name: str, mode: str) -> None:
        """Ticks between two that are logged."""
        self.tell(Tick(self.now_ms))
        for _ in range(rounds):
            self.timed(name, Tick(self.now_ms), self.plain.on_tick)
        assert self.desk.state.mode.state == mode, self.desk.state.why_not


def figures(samples: dict[str, Samples]) -> dict[str, dict[str, float]]:
    """Medians in µs, and their ratio."""
    found = {}
    for name, taken in samples.items():
        desk, plain = statistics.median(taken.desk) / 1000, statistics.median(taken.plain) / 1000
        found[name] = {"desk_us": round(desk, 1), "plain_us": round(plain, 1), "ratio": round(desk / plain, 1)}
    return found


LIMITS_US = {
    HEDGE: 60,
    WHOLE_FILL: 120,
    "book, quotes stay": 60,
    "book, quotes move": 60,
    "tick, quoting": 60,
    "tick, idle": 10,
}
RATIO_MAX = 5.0
ROUNDS, ROUNDS_QUICK = 400, 50


def take(how: How) -> Taken:
    """One run for the table of every bench."""
    gc.disable()
    try:
        found = figures(Scene(ROUNDS_QUICK if how.quick else ROUNDS).samples)
    finally:
        gc.enable()
    return {name: (row["desk_us"], row["plain_us"]) for name, row in found.items()}


ROWS = tuple(Row(name, "µs", "by hand", all_of(below(most), within(RATIO_MAX))) for name, most in LIMITS_US.items())
BENCH = Bench("desk", ROWS, take)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400, metavar="N", help="calls of each kind (default 400)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    args = parser.parse_args()
    gc.disable()
    found = figures(Scene(args.rounds).samples)
    if args.json:
        print(json.dumps(found))
        return
    print(f"{'':<20}{'desk µs':>10}{'by hand µs':>12}{'ratio':>8}")
    for name, row in found.items():
        print(f"{name:<20}{row['desk_us']:>10}{row['plain_us']:>12}{row['ratio']:>8}")


if __name__ == "__main__":
    main()
