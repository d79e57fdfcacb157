"""Coarse markets and funding: what is kept of a recording, what is drawn, and what a mistake is answered with."""

import gzip
import itertools
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from runner.paper.resampled import read_tape
from runner.paper.values import BookEvent, TradeEvent
from runner.tuning.coarse import AGE_MS, STEP_MS, Step, Thinner, conflated, walk
from runner.tuning.funding import RATE_MAX, FundingError, recorded_rates, synthetic_rates
from runner.tuning.setup import Setup
from tests.support.tape import small_tape

D = Decimal


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of both legs."""
    return small_tape(tmp_path_factory.mktemp("tape"))


def taken(steps: object, seconds: float) -> list[Step]:
    """The steps of so many seconds."""
    return list(itertools.takewhile(lambda step: step.at_ms < seconds * 1000, steps))  # type: ignore[call-overload]


def test_every_perp_trade_of_a_recording_is_kept(tape: Path) -> None:
    """By price and side the same quantities; of books some, and none that was not recorded."""
    recorded = list(read_tape(tape, D(1)))
    coarse = list(conflated(recorded, 0.1))
    sums: list[Counter[object]] = [Counter(), Counter()]
    for events, found in ((recorded, sums[0]), (coarse, sums[1])):
        for event in events:
            if isinstance(event, TradeEvent) and event.product == "perp":
                found[event.price, event.taker_side] += event.qty  # type: ignore[assignment]

    assert sums[0] == sums[1] and len(sums[0]) > 10
    assert all(event.at_ms % STEP_MS == 0 for event in coarse)
    sides = {(event.bids, event.asks) for event in recorded if isinstance(event, BookEvent)}
    books = [event for event in coarse if isinstance(event, BookEvent)]
    assert 240 < len(books) < 1000 and all((event.bids, event.asks) in sides for event in books)


def test_a_book_is_told_when_it_has_moved_or_when_the_last_is_old() -> None:
    """From the last one told, not from the last one seen; each leg by itself; with no threshold every one is told."""
    thinner, every = Thinner(0.5), Thinner(0.0)
    path = [(0, 10_000.0), (150, 10_000.3), (300, 10_000.6), (450, 10_000.7), (2_150, 10_000.7), (2_300, 10_000.7)]

    assert [thinner.tells("perp", mid, at_ms) for at_ms, mid in path] == [True, False, True, False, False, True]
    assert thinner.tells("spot", 10_000.7, 2_300)
    assert all(every.tells("perp", mid, at_ms) for at_ms, mid in path)


def test_a_step_is_one_moment(tape: Path) -> None:
    """Ten minutes of blocks: times rise, both legs are told, and neither for longer than two seconds is not."""
    steps = taken(Setup(tape=tape).steps(1), 600)

    assert all(one.at_ms < other.at_ms for one, other in itertools.pairwise(steps))
    for leg in ("perp", "spot"):
        times = [step.at_ms for step in steps if any(book.product == leg for book in step.books)]
        assert 300 < len(times) < 2000
        assert max(after - before for before, after in itertools.pairwise(times)) <= AGE_MS + STEP_MS


def test_the_drawn_market_has_the_figures_it_says() -> None:
    """The mid moves 1.2 bps a second, in bursts; the basis is −4.4 bps; trades reach beyond both ends of a step."""
    steps = taken(walk(1, 0.0), 3000)
    perp, spot = ([step.books[n].bids[0][0] for step in steps] for n in (0, 1))
    moves = [float(b / a - 1) * 1e4 for a, b in itertools.pairwise(perp)]
    basis = [float(a / b - 1) * 1e4 for a, b in zip(perp, spot, strict=True)]
    squares = [move * move for move in moves]

    assert (sum(squares) / 3000) ** 0.5 == pytest.approx(1.2, rel=0.1)
    assert sum(sorted(squares)[-len(squares) // 10 :]) > 0.6 * sum(squares)
    assert sum(basis) / len(basis) == pytest.approx(-4.4, abs=0.15)
    for before, step in itertools.pairwise(steps):
        low, high = (trade.price for trade in step.trades)
        ends = [one.books[0].bids[0][0] for one in (before, step)]
        assert low <= min(ends) and high > max(ends)


def test_the_seed_decides_the_market(tape: Path) -> None:
    """The same steps twice, other ones for another seed; drawn and recorded."""
    for setup in (Setup(), Setup(tape=tape)):
        told = [[(step.at_ms, step.trades, step.books) for step in taken(setup.steps(seed), 60)] for seed in (1, 1, 2)]
        assert told[0] == told[1] != told[2]


def test_drawn_funding_is_what_is_stated() -> None:
    """Mean 0.21 bps per 8 h, negative 28 % of the time."""
    rates = [float(rate) * 1e4 for rate in synthetic_rates(1, 20_000)]

    assert sum(rates) / len(rates) == pytest.approx(0.21, abs=0.01)
    assert sum(rate < 0 for rate in rates) / len(rates) == pytest.approx(0.28, abs=0.01)


HEAD = "venue,settlement_ms,rate,mark_price\n"


def history(path: Path, text: str) -> Path:
    """A funding file, gzipped as its name says."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_recorded_funding_is_a_stretch_of_one_venue(tmp_path: Path) -> None:
    """Consecutive settlements in order of time, never across venues; a rate beyond the cap is cut."""
    rows = [f"{venue},{n},{base + n}e-6,\n" for venue, base in (("a", 100), ("b", 500)) for n in range(40)]
    path = history(tmp_path / "f.csv.gz", HEAD + "".join(reversed(rows)) + "c,1,0.5,\n")
    stretches = [recorded_rates(path, seed, 3) for seed in range(60)]

    assert all(b - a == c - b == D("1e-6") for a, b, c in stretches)
    assert len({stretch[0] for stretch in stretches}) > 20
    assert {stretch[0] < D("0.0003") for stretch in stretches} == {True, False}
    assert recorded_rates(path, 1, 3) == recorded_rates(path, 1, 3)
    assert max(rate for seed in range(300) for rate in recorded_rates(path, seed, 1)) == RATE_MAX


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,rate\n1,2\n", "expected the columns venue, settlement_ms, rate; venue, settlement_ms missing"),
        (HEAD + "a,1,0.1,\na,2,much,\n", "line 3: expected a time in ms and a rate"),
        (HEAD + "a,1,0.1,\n", "expected a venue with 3 settlements in a row, the longest has 1"),
    ],
)
def test_a_funding_file_that_cannot_be_used_is_told(text: str, says: str, tmp_path: Path) -> None:
    """File, line and what was expected."""
    with pytest.raises(FundingError) as told:
        recorded_rates(history(tmp_path / "f.csv", text), 1, 3)
    assert "f.csv" in str(told.value) and says in str(told.value)


def test_a_funding_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """No traceback."""
    with pytest.raises(FundingError, match=r"none\.csv: cannot be read"):
        recorded_rates(tmp_path / "none.csv", 1, 1)


def test_conditions_out_of_bounds_are_refused() -> None:
    """Each says which, what was expected and what came."""
    for wrong in ({"move_bps": 11.0}, {"minutes": 0.01}, {"thin": D(0)}, {"perp_maker_bps": D(101)}):
        with pytest.raises(ValueError, match=next(iter(wrong)) + ": expected"):
            Setup(**wrong)  # type: ignore[arg-type]


def test_the_conditions_say_what_is_coarser_and_what_it_costs(tape: Path) -> None:
    """Source and length of blocks, what is coarser, funding, fees and line are in every report."""
    words = " ".join(what for _, what in Setup(tape=tape, thin=D("0.2"), block_s=(5, 9)).words())

    for part in (tape.name, "5-9 s", "× 0.2", "moved by 0.5 bps", "28 %", "2/6 bps", "10/10 bps", "8 ms"):
        assert part in words
