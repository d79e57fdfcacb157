"""Matching: queues, trades, crossing books, and what may not rest. Pure: no socket, no clock."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from runner.paper.matching import Match, Matcher
from runner.paper.values import Order, OrderRequest, Side

D = Decimal
BIDS = [(D("100.0"), D(3)), (D("99.8"), D(2)), (D("99.7"), D(1))]
ASKS = [(D("100.1"), D(3)), (D("100.3"), D(2)), (D("100.4"), D(1))]


class Book:
    """A matcher with an owner that books every match."""

    def __init__(self, queue_ahead: str = "1") -> None:
        self.matcher = Matcher(lambda order, _price: order.left, D(queue_ahead))
        self.count = 0
        self.run(self.matcher.on_book(BIDS, ASKS))

    def run(self, matches: Iterable[Match]) -> list[tuple[str, Decimal, Decimal]]:
        """Book matches; returns (orderId, price, quantity) of each."""
        done = []
        for match in matches:
            match.order.filled += match.qty
            if not match.order.left:
                match.order.status = "filled"
                self.matcher.remove(match.order)
            done.append((match.order.order_id, match.price, match.qty))
        return done

    def order(self, side: Side, price: str | None, size: str) -> Order:
        """A new order, not yet known to the matcher."""
        self.count += 1
        kind: str = "limit" if price else "market"
        request = OrderRequest("perp", side, kind, D(size), D(price) if price else None)  # type: ignore[arg-type]
        return Order(str(self.count), f"c{self.count}", request, side, "", "net", D(size), 0, 0)

    def rest(self, side: Side, price: str, size: str) -> Order:
        """A new order that rests."""
        order = self.order(side, price, size)
        self.matcher.rest(order)
        return order

    def trade(self, price: str, qty: str, taker: Side) -> list[tuple[str, Decimal, Decimal]]:
        """A market trade."""
        return self.run(self.matcher.on_trade(D(price), D(qty), taker))


def test_the_queue_ahead_is_filled_first() -> None:
    """3 are ahead: a trade of 2 fills nothing, the next of 2 fills 1."""
    book = Book()
    book.rest("buy", "100.0", "5")

    assert book.trade("100.0", "2", "sell") == []
    assert book.trade("100.0", "2", "sell") == [("1", D("100.0"), D(1))]


def test_a_trade_of_the_same_side_does_not_touch_the_queue() -> None:
    """Takers that buy meet the asks."""
    book = Book()
    book.rest("buy", "100.0", "5")

    assert book.trade("100.0", "50", "buy") == []


def test_a_trade_through_the_price_fills_completely() -> None:
    """Whatever its size: everything at the better price had to go first."""
    book = Book()
    book.rest("buy", "100.0", "5")

    assert book.trade("99.9", "0.01", "sell") == [("1", D("100.0"), D(5))]


def test_a_fill_is_never_larger_than_the_trade() -> None:
    """Inside the spread nobody is ahead: the trade's size is the limit, the rest rests on."""
    book = Book()
    order = book.rest("buy", "100.05", "5")

    assert book.trade("100.05", "2", "sell") == [("1", D("100.05"), D(2))]
    assert order.left == 3 and book.matcher.best("buy") == D("100.05")


def test_two_orders_share_one_trade() -> None:
    """The older of two at a price is first; together they get the trade's size and no more."""
    book = Book()
    book.rest("buy", "100.05", "1")
    book.rest("buy", "100.05", "1")

    assert book.trade("100.05", "1.5", "sell") == [("1", D("100.05"), D(1)), ("2", D("100.05"), D("0.5"))]


def test_a_book_that_shows_less_shortens_the_queue() -> None:
    """Only 1 is displayed now: 1 is ahead. Showing more again does not push the order back."""
    book = Book()
    book.rest("buy", "100.0", "5")
    book.run(book.matcher.on_book([(D("100.0"), D(1)), *BIDS[1:]], ASKS))
    book.run(book.matcher.on_book(BIDS, ASKS))

    assert book.trade("100.0", "2", "sell") == [("1", D("100.0"), D(1))]


def test_an_optimistic_queue_counts_a_fraction() -> None:
    """queue_ahead 0 is the front of the queue, 0.5 the middle."""
    assert [Book(share).rest("buy", "100.0", "5") is not None for share in ("0", "0.5")]
    for share, filled in (("0", D(2)), ("0.5", D("0.5"))):
        book = Book(share)
        book.rest("buy", "100.0", "5")
        assert book.trade("100.0", "2", "sell") == [("1", D("100.0"), filled)]


def test_a_price_beyond_the_depth_gets_its_queue_when_it_is_displayed() -> None:
    """Nothing is known of 99.0 until a book shows it: then all of what it shows is ahead."""
    book = Book()
    book.rest("buy", "99.0", "5")
    book.run(book.matcher.on_book([(D("99.0"), D(4))], ASKS))

    assert book.trade("99.0", "4", "sell") == []
    assert book.trade("99.0", "1", "sell") == [("1", D("99.0"), D(1))]


def test_a_crossing_book_fills_at_our_price() -> None:
    """The market's ask falls to 99.9 with 2 displayed: our bid at 100 buys 2 at 100, and they are gone."""
    book = Book()
    order = book.rest("buy", "100.0", "5")

    fills = book.run(book.matcher.on_book([(D("99.8"), D(2))], [(D("99.9"), D(2)), (D("100.2"), D(1))]))

    assert fills == [("1", D("100.0"), D(2))] and order.left == 3
    assert book.matcher.levels("sell") == [(D("100.2"), D(1))]


def test_a_taker_walks_the_levels_to_its_limit() -> None:
    """3 at 100.1, then 1 of 2 at 100.3; 100.4 is beyond the limit."""
    book = Book()
    order = book.order("buy", "100.3", "4")

    assert book.run(book.matcher.take(order)) == [("1", D("100.1"), D(3)), ("1", D("100.3"), D(1))]


def test_what_was_taken_stays_taken_until_the_next_book() -> None:
    """A second taker finds what the first left; the market's next book shows its own again."""
    book = Book()
    book.run(book.matcher.take(book.order("sell", None, "4")))

    assert book.matcher.levels("buy") == [(D("99.8"), D(1)), (D("99.7"), D(1))]
    assert book.run(book.matcher.take(book.order("sell", "99.8", "5"))) == [("2", D("99.8"), D(1))]
    book.run(book.matcher.on_book(BIDS, ASKS))
    assert book.matcher.best("buy") == D("100.0")


def test_a_market_order_ends_with_the_displayed_depth() -> None:
    """6 are displayed in all: the rest is not filled."""
    book = Book()
    order = book.order("buy", None, "10")

    assert sum(qty for _, _, qty in book.run(book.matcher.take(order))) == 6 and order.left == 4


def test_our_own_resting_order_is_met_like_anybodys() -> None:
    """It stands inside the spread, so it is taken first, as maker at its own price."""
    book = Book()
    book.rest("sell", "100.05", "1")

    fills = book.run(book.matcher.take(book.order("buy", "100.1", "2")))

    assert fills == [("1", D("100.05"), D(1)), ("2", D("100.05"), D(1)), ("2", D("100.1"), D(1))]


def test_takeable_counts_to_the_limit() -> None:
    """What fill-or-kill may count on."""
    book = Book()

    assert book.matcher.takeable(book.order("buy", "100.3", "9")) == 5
    assert book.matcher.takeable(book.order("sell", None, "9")) == 6


@pytest.mark.parametrize(("side", "price", "crosses"), [("buy", "100.1", True), ("buy", "100.09", False)])
def test_crossing_is_at_or_through_the_other_side(side: Side, price: str, crosses: bool) -> None:
    """A bid at the ask would trade; one tick below it would not."""
    book = Book()

    assert book.matcher.crosses(book.order(side, price, "1")) is crosses


def test_a_removed_order_is_out_of_the_book() -> None:
    """No fill after the cancel, and the shown book is the market's again."""
    book = Book()
    order = book.rest("buy", "100.05", "1")
    assert book.matcher.shown("buy")[0] == (D("100.05"), D(1))

    book.matcher.remove(order)

    assert book.trade("99.0", "9", "sell") == [] and book.matcher.shown("buy") == BIDS
