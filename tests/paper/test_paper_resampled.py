"""The endless market made of blocks of a tape: joint, continuous, seeded, fast enough for long runs."""

import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from runner.paper import BookEvent, PaperOptions, ResampledMarket, TapeMarket, TradeEvent, Venue
from runner.paper.values import MarketEvent
from tests.support.tape import small_tape

D = Decimal
TICK = D("0.01")


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of both legs."""
    return small_tape(tmp_path_factory.mktemp("tape"))


def until(directory: Path, seconds: int, seed: int = 1, **options: object) -> list[MarketEvent]:
    """The events of so many seconds."""
    events = ResampledMarket(directory, seed, **options).events()  # type: ignore[arg-type]
    return list(itertools.takewhile(lambda event: event.at_ms < seconds * 1000, events))


@pytest.fixture(scope="module")
def long_run(tape: Path) -> list[MarketEvent]:
    """Half an hour of blocks."""
    return until(tape, 1800)


def mids(events: list[MarketEvent], product: str) -> list[Decimal]:
    """The mids of one leg."""
    books = (event for event in events if isinstance(event, BookEvent) and event.product == product)
    return [(book.bids[0][0] + book.asks[0][0]) / 2 for book in books]


def test_the_path_is_continuous_over_many_blocks(tape: Path, long_run: list[MarketEvent]) -> None:
    """No mid moves further than in the recording, but for half a tick and the spot's basis at a seam."""
    recorded = list(TapeMarket(tape, loop=False).events())

    for product, slack in (("perp", TICK / 2), ("spot", 8 * TICK)):
        largest = max(abs(b - a) for a, b in itertools.pairwise(mids(recorded, product)))
        assert max(abs(b - a) for a, b in itertools.pairwise(mids(long_run, product))) <= largest + slack
    assert all(one.at_ms <= other.at_ms for one, other in itertools.pairwise(long_run))


def test_prices_stay_on_the_grid_and_books_uncrossed(tape: Path) -> None:
    """Mirrored or not: levels sorted, five a side, ticks whole; trades at a price of the book."""
    for event in until(tape, 300):
        if isinstance(event, BookEvent):
            prices = [price for price, _ in reversed(event.bids)] + [price for price, _ in event.asks]
            assert len(prices) == 10 and all(low < high for low, high in itertools.pairwise(prices))
            assert all(price % TICK == 0 for price in prices)


def test_a_mirrored_trade_takes_the_other_side(tape: Path) -> None:
    """A buy at the ask stays a take of the displayed touch, whichever way the block runs."""
    touch: dict[str, BookEvent] = {}
    for event in until(tape, 300):
        if isinstance(event, BookEvent):
            touch[event.product] = event
        elif isinstance(event, TradeEvent):
            book = touch[event.product]
            assert event.price == (book.asks if event.taker_side == "buy" else book.bids)[0][0]


def test_the_recordings_drift_is_not_repeated(tape: Path, long_run: list[MarketEvent]) -> None:
    """The tape rises by more than two dollars in two minutes; half an hour does not rise by fifteen times that."""
    recorded, path = mids(list(TapeMarket(tape, loop=False).events()), "perp"), mids(long_run, "perp")

    rise = (recorded[-1] - recorded[0]) * 15
    assert rise > 20 and abs(path[-1] - path[0]) < rise / 3


def test_the_legs_stay_together(long_run: list[MarketEvent]) -> None:
    """The basis at the end is within what the recording had: both legs are shifted by the same ticks."""
    perp, spot = mids(long_run, "perp"), mids(long_run, "spot")

    assert D("0.6") < spot[-1] - perp[-1] < D("1.8")


def test_the_seed_decides(tape: Path) -> None:
    """The same events twice, other ones for another seed."""
    assert until(tape, 60) == until(tape, 60) != until(tape, 60, seed=2)


def test_sizes_are_thinned_by_the_stated_factor(tape: Path) -> None:
    """A tenth of every size, on the grid; what rounds to zero is not there."""
    tapes = (TapeMarket(tape, loop=False, thin=D(share)).events() for share in ("1", "0.1"))
    full, thin = ([event for event in events if isinstance(event, BookEvent)][:50] for events in tapes)

    for one, other in zip(full, thin, strict=True):
        grid = D("0.01") if one.product == "perp" else D("0.0001")
        cut = ((price, (qty * D("0.1")).quantize(grid)) for price, qty in one.bids)
        assert list(other.bids) == [(price, qty) for price, qty in cut if qty]


def test_blocks_must_fit_the_tape(tape: Path) -> None:
    """Longer than the tape, or none at all, is a mistake."""
    for wrong in ((10, 500), (30, 10), (0, 10)):
        with pytest.raises(ValueError, match="block_s"):
            ResampledMarket(tape, 1, wrong)


def test_a_venue_runs_it_under_virtual_time(tape: Path) -> None:
    """Ten virtual minutes, five times the tape, in a moment."""
    venue, now_ms = Venue(PaperOptions(market="resampled", tape_dir=tape), 0), 0
    while now_ms < 600_000:
        venue.run(now_ms, {("perp", "books5")})
        venue.deliver(now_ms)
        due_ms = venue.next_due_ms(now_ms, {("perp", "books5")})
        assert due_ms is not None
        now_ms = max(now_ms + 1, due_ms)

    assert venue.exchange.matchers["spot"].mid is not None
