"""The figures for Prometheus: what they say of a real run is what its log says, and no label grows without bound."""

from __future__ import annotations

import doctest
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mmfsm.actions import PosSnapshot, Record
from runner.bitget.budget import Budget
from runner.metrics import Metrics, counting
from runner.metrics.counting import CODES_MAX, Counting
from runner.reasons import CATALOGUE
from tests.support.bot import Bot, trading
from tests.support.chain import assert_chain

Figures = dict[str, dict[tuple[str, ...], float]]
Line = dict[str, Any]


def read(body: bytes) -> Figures:
    """Every sample: its name → its labels' values, in order of their names → its value."""
    found: Figures = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = tuple(value for _name, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def one(figures: Figures, name: str, *labels: str) -> float:
    return figures[f"mmfsm_{name}"].get(labels, 0.0)


def counted(lines: list[Line], *keys: str) -> dict[tuple[str, ...], float]:
    """How many lines there are of each combination of these fields; one in `data` has a point before it."""
    found: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        found[tuple(str(line["data"][key[1:]] if key[0] == "." else line[key]) for key in keys)] += 1
    return {key: float(count) for key, count in found.items()}


async def traded(bot: Bot) -> None:
    """Fill each side once, hedge both, and quote again."""
    await bot.quoting()
    bot.fill_bid()
    await bot.hedged(1)
    await bot.quoting()
    bot.fill_ask()
    await bot.hedged(2)
    await bot.quoting()


async def test_the_figures_of_a_run_are_its_logs(tmp_path: Path) -> None:
    """Quotes, fills, tickets, latencies, round trips, records: counted from the log they are the same."""
    async with trading(tmp_path) as bot:
        metrics = Metrics(bot.runner, lambda: 0.25)
        await traded(bot)
        await bot.ticked(2)
        body, kind = metrics.render()
        figures, lines = read(body), [line for line in bot.read_log() if line["event"] not in ("run", "log")]

        assert kind.startswith("text/plain") and assert_chain(lines)["perp_fills"] == 2
        assert figures["mmfsm_records_total"] == counted(lines, "event")
        quotes = bot.find("order_new", intent="quote")
        assert figures["mmfsm_quotes_total"] == {
            (side,): count for (side,), count in Counter((it["data"]["request"]["side"],) for it in quotes).items()
        }
        assert one(figures, "fills_total", "perp", "buy") == one(figures, "fills_total", "perp", "sell") == 1
        qty = sum(Decimal(it["data"]["qty"]) for it in bot.find("fill", inst_type="SPOT"))
        assert sum(v for (leg, _), v in figures["mmfsm_filled_base_total"].items() if leg == "spot") == float(qty)
        _assert_latencies(bot, figures)
        _assert_state(bot, figures)


def _assert_latencies(bot: Bot, figures: Figures) -> None:
    done = bot.find("ticket", data_status="DONE")
    assert figures["mmfsm_tickets_total"] == counted(done, ".end")
    assert one(figures, "hedge_latency_seconds_count") == len(done) == 2
    waited = sum(line["data"]["hedge_latency_ms"] for line in done) / 1000
    assert one(figures, "hedge_latency_seconds_sum") == pytest.approx(waited)
    lasted = sum(line["ts"] - line["data"]["opened_ms"] for line in done) / 1000
    assert one(figures, "ticket_duration_seconds_sum") == pytest.approx(lasted)
    assert one(figures, "unhedged_seconds_total") == pytest.approx(lasted)
    sent = {line["client_oid"]: line["ts"] for line in bot.find("order_new")}
    answered = bot.find("order_ack", intent="hedge")
    trip = sum(line["ts"] - sent[line["client_oid"]] for line in answered) / 1000
    assert one(figures, "order_round_trip_seconds_count", "hedge") == len(answered) == 2
    assert one(figures, "order_round_trip_seconds_sum", "hedge") == pytest.approx(trip)
    assert one(figures, "hedge_sent_seconds_count") == 2
    assert 0 < one(figures, "hedge_sent_seconds_sum") < 0.2


def _assert_state(bot: Bot, figures: Figures) -> None:
    state = bot.runner.desk.state
    assert figures["mmfsm_mode"] == {
        (mode,): float(mode == "QUOTING") for mode in ("IDLE", "QUOTING", "HEDGING", "COOLDOWN", "HALTED")
    }
    assert one(figures, "position_base", "perp") == float(state.ledger.perp)
    assert one(figures, "exposure_base") == float(state.ledger.delta) and one(figures, "dust_base") == float(state.dust)
    assert one(figures, "unhedged_current_seconds") == one(figures, "open_tickets") == 0
    assert one(figures, "open_orders", "perp") == 2 and one(figures, "loop_lag_seconds") == 0.25
    assert set(figures["mmfsm_feed_fresh"].values()) == {1.0} and 0 <= one(figures, "feed_age_seconds", "private") < 60
    place = "/api/v2/mix/order/place-order"
    assert one(figures, "request_budget_limit", place) == 10 >= one(figures, "request_budget_left", place) >= 0
    assert one(figures, "pnl", "fees", "run") == pytest.approx(float(state.accounts.total.fees))
    assert one(figures, "disk_free_bytes", str(bot.runner.folder)) > 0
    (labels,) = figures["mmfsm_run_info"]
    assert bot.runner.run_id in labels and "live" in labels


async def test_a_halt_and_a_refusal_are_seen(tmp_path: Path) -> None:
    """Each reason of a halt has a gauge while it holds; a refused order is counted by its code."""
    async with trading(tmp_path) as bot:
        metrics = Metrics(bot.runner)
        bot.exchange.next_answer("mix/order/place-order", "40762")
        await bot.until(lambda: bot.find("order_reject"))
        await bot.quoting()
        bot.halt()
        await bot.ticked()
        halted = read(metrics.render()[0])
        bot.resume()
        await bot.quoting()
        resumed = read(metrics.render()[0])

    assert halted["mmfsm_rejects_total"] == {("40762",): 1.0} and one(halted, "mode", "HALTED") == 1
    assert halted["mmfsm_halt"] == {("1", "operator"): 1.0} and "mmfsm_halt" not in resumed
    assert one(resumed, "alerts_total", "operator") == 1 and "mmfsm_loop_lag_seconds" not in resumed


async def test_two_runs_have_registries_of_their_own(tmp_path: Path) -> None:
    """Nothing of one is counted in the other."""
    async with trading(tmp_path) as bot:
        first, second = Metrics(bot.runner), Metrics(bot.runner)
        await bot.quoting()

        assert first.registry is not second.registry
        assert one(read(first.render()[0]), "quotes_total", "buy") == one(
            read(second.render()[0]), "quotes_total", "buy"
        )


# --- counting ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def taken(registry: CollectorRegistry, *records: Record) -> Figures:
    """Count these records, and read the figures."""
    counts = Counting(registry)
    for record in records:
        counts.take(record)
    return read(generate_latest(registry))


def ticket(at_ms: int, hedge_id: str, status: str, notional: str, opened_ms: int = 0) -> Record:
    data = {"hedge_id": hedge_id, "status": status, "end": "hedged", "opened_ms": opened_ms, "hedge_latency_ms": 40}
    snapshot = PosSnapshot(Decimal(1), Decimal(0), Decimal(notional))
    return Record(at_ms, "ticket", "oms", "HEDGING", "opened", data=data, pos_snapshot=snapshot)


def test_time_unhedged_is_counted_once_however_many_tickets_are_open(registry: CollectorRegistry) -> None:
    """Two that overlap from 0 to 3 s: three seconds; notional 100 for 2 s, then 50 for 1 s: 250; dust is left out."""
    figures = taken(
        registry,
        ticket(0, "a", "PENDING", "100"),
        ticket(1_000, "b", "PENDING", "100"),
        ticket(2_000, "a", "DONE", "50"),
        ticket(3_000, "b", "DONE", "2", opened_ms=1_000),
        Record(9_000, "tick", "strategy", "QUOTING", pos_snapshot=PosSnapshot(Decimal(1), Decimal(0), Decimal(7))),
    )

    assert one(figures, "unhedged_seconds_total") == 3 and one(figures, "unhedged_notional_seconds_total") == 250
    assert one(figures, "ticket_duration_seconds_sum") == 4 and one(figures, "tickets_total", "hedged") == 2


def test_how_long_something_is_unhedged_now(registry: CollectorRegistry) -> None:
    """From the first of the tickets that are open; nothing without one."""
    counts = Counting(registry)
    assert counts.open_seconds(5_000) == 0
    counts.take(ticket(1_000, "a", "PENDING", "100"))
    counts.take(ticket(2_000, "b", "PENDING", "100"))
    assert counts.open_seconds(5_000) == 4

    counts.take(ticket(3_000, "a", "DONE", "100"))
    counts.take(ticket(4_000, "b", "DONE", "100"))
    assert counts.open_seconds(5_000) == 0


def test_a_clock_that_was_set_back_loses_no_count(registry: CollectorRegistry) -> None:
    """In the middle of a ticket, by an hour: it has ended, and no sum gets less."""
    hour_ms = 3_600_000
    figures = taken(
        registry,
        ticket(hour_ms, "a", "PENDING", "100", opened_ms=hour_ms),
        ticket(5, "a", "DONE", "0", opened_ms=hour_ms),
    )

    assert one(figures, "tickets_total", "hedged") == 1 and one(figures, "hedge_latency_seconds_count") == 1
    assert one(figures, "unhedged_seconds_total") == one(figures, "ticket_duration_seconds_sum") == 0


def test_no_label_grows_without_bound(registry: CollectorRegistry) -> None:
    """A thousand codes, orders and reasons with ids: so many series for codes, one for a catalogue's pattern."""
    figures = taken(
        registry,
        *(
            Record(n, "order_reject", "oms", "QUOTING", "refused", "quote", client_oid=f"o{n}", res={"code": str(n)})
            for n in range(1_000)
        ),
        *(Record(n, "risk", "risk", "HALTED", f"unknown_order:mm-{n}") for n in range(1_000)),
        *(Record(n, "risk", "risk", "HALTED", f"no-such-reason-{n}") for n in range(1_000)),
        *(Record(n, "order_new", "oms", "QUOTING", "x", "quote", client_oid=f"o{n}") for n in range(3_000)),
    )

    assert len(figures["mmfsm_rejects_total"]) == CODES_MAX + 1
    assert one(figures, "rejects_total", "other") == 1_000 - CODES_MAX
    assert figures["mmfsm_risk_records_total"] == {("unknown_order:{client_oid}",): 1_000, ("other",): 1_000}
    assert {"drift", "feed_down:{feed}"} <= {row.name for row in CATALOGUE}


def test_names_are_as_prometheus_has_them(registry: CollectorRegistry) -> None:
    """Counters end in _total, times in seconds; each has help."""
    Counting(registry)
    text = generate_latest(registry).decode()
    families = list(text_string_to_metric_families(text))

    assert len(families) > 10 and "_created" not in text
    for family in families:
        assert family.name.startswith("mmfsm_") and family.documentation
        assert family.type in ("counter", "histogram", "gauge")
        assert "latency" not in family.name or family.name.endswith("seconds")


async def test_the_budget_tells_what_is_left_of_what_was_used() -> None:
    """Endpoints that were asked, each with what it takes now and a second; a hedge's way out is measured in order."""
    now = [10.0]
    told: list[float] = []
    budget = Budget(lambda: now[0])
    budget.on_hedge_sent = told.append
    assert budget.all_left() == {}
    await budget.take("/api/v2/spot/trade/place-order")
    assert budget.take_quote("/api/v2/mix/order/place-order")
    assert budget.all_left() == {
        "/api/v2/spot/trade/place-order": (9, 10),
        "/api/v2/mix/order/place-order": (9, 10),
    }
    budget.hedge_coming(10.0)
    budget.hedge_coming(10.5)
    now[0] = 11.0
    budget.hedge_started()
    budget.hedge_started()

    assert told == [1.0, 0.5]


def test_the_examples_run() -> None:
    """What a docstring shows is what happens."""
    assert doctest.testmod(counting).failed == 0
