"""What is read off the run when somebody asks: mode, exposure, feeds, budget, results, disk."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge

from mmfsm.clock import now_ms
from mmfsm.machines.feed import FRESH
from mmfsm.pnl import row
from mmfsm.values import InstType, Mode
from runner.metrics.counting import reason_name

if TYPE_CHECKING:
    from runner.app import Runner

PNL_COLUMNS = (
    "realised", "unrealised", "unrealised_change", "funding", "funding_estimated", "fees", "net", "spread",
    "hedge_slip", "unwind_slip",
)  # fmt: skip


class Gauges:
    """The gauges of one run. `lag_s` tells how late the loop is; None: not measured."""

    def __init__(self, runner: Runner, registry: CollectorRegistry, lag_s: Callable[[], float] | None) -> None:
        self._runner = runner
        self._lag_s = lag_s

        def gauge(name: str, help_: str, *labels: str) -> Gauge:
            return Gauge(name, help_, labels, namespace="mmfsm", registry=registry)

        self.mode = gauge("mode", "1 for the mode the run is in", "mode")
        self.halts = gauge("halt", "1 for each reason of HALTED, by the catalogue's name", "reason", "latched")
        self.position = gauge("position_base", "What is held: the perp's position, spot's change", "leg")
        self.exposure = gauge("exposure_base", "Delta: perp and spot together, in base coin")
        self.notional = gauge("exposure_notional", "The same without its sign, in quote coin")
        self.dust = gauge("dust_base", "What neither leg can trade, in base coin")
        self.unhedged = gauge("unhedged_current_seconds", "How long a ticket has been open without a break")
        self.open_tickets = gauge("open_tickets", "Tickets that are open")
        self.open_orders = gauge("open_orders", "Orders of ours that are not settled", "leg")
        self.feed_age = gauge("feed_age_seconds", "Since a feed was heard last", "feed")
        self.feed_fresh = gauge("feed_fresh", "1 while a feed is trusted", "feed")
        self.reject_streak = gauge("reject_streak", "Refusals in a row")
        self.budget = gauge("request_budget_left", "Requests an endpoint takes now", "endpoint")
        self.limit = gauge("request_budget_limit", "Requests an endpoint takes a second", "endpoint")
        self.pnl = gauge("pnl", "Results in quote coin, by column", "span", "column")
        self.free = gauge("disk_free_bytes", "What may still be written, where log and journal lie", "folder")
        self.log = gauge("log_bytes", "What the log's files take together")
        self.journal = gauge("journal_bytes", "What the journal's files take together")
        self.lag = (
            gauge("loop_lag_seconds", "How late the event loop was at worst, in the last minute")
            if lag_s is not None
            else None
        )

    def read(self, open_s: Callable[[int], float]) -> None:
        """Take every figure anew. `open_s` tells, for a time in ms, how long a ticket has been open."""
        at_ms, state = now_ms(), self._runner.desk.state
        for mode in Mode:
            self.mode.labels(mode.value).set(state.mode.state == mode.value)
        self.halts.clear()
        for reason, latched in state.mode.reasons.items():
            self.halts.labels(reason_name(reason), "1" if latched else "0").set(1)
        for name, feed in state.feeds.items():
            self.feed_fresh.labels(name.value).set(feed.state == FRESH)
            if feed.heard_ms:
                self.feed_age.labels(name.value).set(max(at_ms - feed.heard_ms, 0) / 1000)
        self.unhedged.set(open_s(at_ms))
        self.open_tickets.set(len(state.tickets))
        self.reject_streak.set(state.reject_streak)
        self._read_positions()
        self._read_results()
        self._read_process()

    def _read_positions(self) -> None:
        state = self._runner.desk.state
        ledger, book = state.ledger, state.books.get(InstType.PERP)
        self.position.labels("perp").set(float(ledger.perp))
        self.position.labels("spot").set(float(ledger.spot_change))
        self.exposure.set(float(ledger.delta))
        self.dust.set(float(state.dust))
        if book is not None:
            self.notional.set(float(abs(ledger.delta) * (book.bids[0].price + book.asks[0].price) / 2))
        for inst, leg in ((InstType.PERP, "perp"), (InstType.SPOT, "spot")):
            self.open_orders.labels(leg).set(len(list(state.orders.open_on(inst))))

    def _read_results(self) -> None:
        state = self._runner.desk.state
        for span, part in (("day", state.accounts.day), ("run", state.accounts.run)):
            told = row(state, part)
            for column in PNL_COLUMNS:
                if told[column] is not None:
                    self.pnl.labels(span, column).set(float(Decimal(str(told[column]))))

    def _read_process(self) -> None:
        for endpoint, (left, limit) in self._runner.gateway.budget.all_left().items():
            self.budget.labels(endpoint).set(left)
            self.limit.labels(endpoint).set(limit)
        disk = self._runner.disk
        if disk is not None:
            for folder, free in disk.free_bytes.items():
                self.free.labels(folder).set(free)
            self.log.set(disk.log_bytes)
            self.journal.set(disk.journal_bytes)
        if self.lag is not None and self._lag_s is not None:
            self.lag.set(self._lag_s())
