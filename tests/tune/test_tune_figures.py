"""Statistics over seeds: pooled ratios, intervals, differences, bounds; and the account they come from, by hand."""

import doctest
import importlib
import itertools
import pkgutil
from decimal import Decimal

import attrs
import pytest

import runner.tuning
from runner.paper.engine import Exchange
from runner.paper.options import PaperOptions
from runner.paper.values import BookEvent, OrderRequest, Product, TradeEvent
from runner.tuning.figures import Figures, difference, interval, net_bps, per_hour, quantile, quotes_per_fill
from runner.tuning.goal import NOTHING_BPS, REFUSED, Goal
from runner.tuning.meter import Meter

D = Decimal
MODULES = sorted(one.name for one in pkgutil.iter_modules(runner.tuning.__path__, "runner.tuning."))
HOUR_MS = 3_600_000


def fig(seed: int, net: float, turnover: float = 10_000.0, **more: float) -> Figures:
    """One run of an hour."""
    return Figures(seed=seed, hours=1.0, net=net, turnover=turnover, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name: str) -> None:
    """What a docstring shows is what happens."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_bps_are_the_sums_ratio_not_the_mean_of_ratios() -> None:
    """A run that traded ten times as much weighs ten times as much."""
    assert net_bps([fig(1, 10.0, 10_000.0), fig(2, 0.0, 90_000.0)]) == pytest.approx(1.0)
    assert net_bps([fig(1, 0.0, 0.0)]) is None and net_bps([]) is None


def test_the_interval_is_the_one_a_hand_finds() -> None:
    """Three runs of 0, 3 and 6 bps: of the 27 equally likely resamples one has mean 0 and one mean 6, 3.7 % each.

    So the 2.5 % and 97.5 % quantiles are the ends, 0 and 6; with 0, 0 and 3 bps eight of 27 have mean 0 and one has 3.
    """
    runs = [fig(1, 0.0), fig(2, 3.0), fig(3, 6.0)]
    means = sorted(sum(one) / 3 for one in itertools.product((0.0, 3.0, 6.0), repeat=3))
    by_hand = (means[0], means[-1])

    found = interval(net_bps, runs)
    assert found.value == pytest.approx(3.0)
    assert (found.low, found.high) == (pytest.approx(by_hand[0]), pytest.approx(by_hand[1])) == (0.0, 6.0)
    assert interval(net_bps, runs) == found and interval(net_bps, runs, seed=2).value == found.value


def test_an_interval_of_many_runs_has_the_width_theory_gives() -> None:
    """100 runs of 0 or 2 bps: the mean is 1, its standard error 0.1, so the interval is about 1 ± 0.196."""
    found = interval(net_bps, [fig(n, 2.0 * (n % 2)) for n in range(100)])

    assert found.low == pytest.approx(0.804, abs=0.03) and found.high == pytest.approx(1.196, abs=0.03)


def test_one_run_has_no_interval() -> None:
    """Nothing varies, so nothing is said."""
    found = interval(net_bps, [fig(1, 5.0)])

    assert (found.value, found.low, found.high) == (5.0, None, None)


def test_a_difference_is_taken_seed_by_seed() -> None:
    """Runs that differ by 1 bps on every seed differ by exactly that, however much the seeds differ."""
    theirs = [fig(n, float(n * n)) for n in range(8)]
    ours = [fig(n, float(n * n) + 1.0) for n in range(8)]
    found = difference(net_bps, ours, theirs)

    assert (found.value, found.low, found.high) == (pytest.approx(1.0), pytest.approx(1.0), pytest.approx(1.0))
    with pytest.raises(ValueError, match="same seeds"):
        difference(net_bps, ours, theirs[1:])


def test_quantiles_lie_between_the_sample() -> None:
    """Linear between neighbours, ends at the ends."""
    assert [quantile([1.0, 2.0, 3.0, 4.0, 5.0], share) for share in (0.0, 0.1, 0.5, 1.0)] == [1.0, 1.4, 3.0, 5.0]


def test_rates_are_per_hour_of_all_runs_together() -> None:
    """Two runs of half an hour make one hour; quotes are counted for each that filled."""
    runs = [attrs.evolve(fig(n, 0.0), hours=0.5, trips=3, quotes=20, quotes_filled=2) for n in (1, 2)]

    assert per_hour("trips")(runs) == 6.0 and quotes_per_fill(runs) == 10.0
    assert quotes_per_fill([fig(1, 0.0)]) is None


def test_bounds_are_missed_by_a_share_of_them() -> None:
    """Zero at the bound, above zero beyond it; parameters that cannot run, or a run that failed, miss everything."""
    goal = Goal(unhedged_max=100.0, drawdown_max=10.0, turnover_min=1000.0)
    runs = [fig(1, -1.0, 500.0, unhedged_notional_s=150.0, drawdown=10.0)]

    assert goal.misses(runs) == {"unhedged": pytest.approx(0.5), "drawdown": 0.0, "turnover": pytest.approx(0.5)}
    assert set(goal.misses([]).values()) == {REFUSED}
    assert set(goal.misses([attrs.evolve(runs[0], failure="broken")]).values()) == {REFUSED}
    assert goal.value(runs) == pytest.approx(-20.0) and goal.value([fig(1, 0.0, 0.0)]) == NOTHING_BPS


class Scene:
    """An account at a market set by hand, and its meter."""

    def __init__(self) -> None:
        self.exchange = Exchange(PaperOptions(market="scripted", funding_rate=D("0.0001")), 0)
        self.book("perp", "2000.00", "2000.01")
        self.book("spot", "2001.00", "2001.01")
        self.meter = Meter(self.exchange, 0)

    def book(self, product: Product, bid: str, ask: str, at_ms: int = 0) -> None:
        self.exchange.on_market(BookEvent(0, product, ((D(bid), D(5)),), ((D(ask), D(5)),)), at_ms)

    def buy_perp(self, at_ms: int) -> None:
        """A quote below the touch that somebody sells through."""
        request = OrderRequest("perp", "buy", "limit", D("0.01"), D("1999.99"), "post_only", margin_mode="isolated")
        self.exchange.place(request, at_ms)
        self.exchange.on_market(TradeEvent(0, "perp", D("1999.98"), D(1), "sell"), at_ms)
        self.meter.look(at_ms)

    def sell_spot(self, at_ms: int) -> None:
        self.exchange.place(OrderRequest("spot", "sell", "limit", D("0.01"), D("2001"), "ioc"), at_ms)
        self.meter.look(at_ms)


def test_a_trip_is_worth_what_a_hand_finds() -> None:
    """Bought 0.01 at 1999.99 on the perp, sold 0.01 at 2001 on spot two seconds later.

    Fees 1999.99 × 0.01 × 2 bps + 20.01 × 10 bps. The perp is worth 0.00015 more at its mid 2000.005; the coin that went
    is missing at the spot mid 2001.005. For two seconds 0.01 coin of 2001.005 was unhedged.
    """
    scene = Scene()
    scene.buy_perp(1_000)
    scene.sell_spot(3_000)
    scene.meter.sample(3_000)
    meter = scene.meter

    fees = D("0.003999980") + D("0.02001")
    assert meter.fees == fees and meter.turnover == D("19.9999") + D("20.01") and meter.fills == 2
    assert meter.net == D("0.00015") + D("20.01") - D("20.01005") - fees + meter.accrued
    assert meter.accrued == pytest.approx(D("-0.01") * D("2000.005") * D("0.0001") * 2 / 28_800)
    assert meter.unhedged_notional_s == pytest.approx(40.0201) and len(meter.filled_quotes) == 1
    assert meter.drawdown == pytest.approx(float(-meter.net))


def test_what_the_market_does_to_the_coin_held_from_the_start_is_no_result() -> None:
    """Without a trade the price may double: nothing was earned, nothing was lost."""
    scene = Scene()
    scene.book("spot", "4002.00", "4002.01", 1_000)
    scene.book("perp", "4000.00", "4000.01", 1_000)
    scene.meter.sample(1_000)

    assert scene.meter.net == 0 and scene.meter.drawdown == 0.0


def test_funding_is_counted_by_the_time_held_and_once() -> None:
    """Long 0.01 at mark 2000.005, rate 1 bps per 8 h: 0.0002500 USDT are paid an hour, settlement or not."""
    scene = Scene()
    scene.buy_perp(7 * HOUR_MS)
    scene.sell_spot(7 * HOUR_MS)
    scene.meter.sample(7 * HOUR_MS)
    before = scene.meter.net
    scene.exchange.advance(8 * HOUR_MS)
    scene.meter.sample(8 * HOUR_MS)

    paid = D("0.01") * D("2000.005") * D("0.0001")
    assert abs(scene.meter.settled + paid) < D("1e-8") and scene.meter.accrued == -paid / 8
    assert scene.meter.net - before == scene.meter.accrued
