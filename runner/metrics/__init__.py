"""A run's figures for Prometheus. Every name begins with `mmfsm_`, times are in seconds, sizes in bytes.

    metrics = Metrics(runner)
    body, content_type = metrics.render()

Records are counted when the requests of their turn are under way; the rest is read when somebody asks. Each run has a
registry of its own, and every label has a bounded number of values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Info, generate_latest
from prometheus_client.process_collector import ProcessCollector

from mmfsm.actions import Record
from runner.log import version_of_mmfsm
from runner.metrics.counting import Counting
from runner.metrics.gauges import Gauges
from runner.state_folder import kind_of

if TYPE_CHECKING:
    from runner.app import Runner

__all__ = ["Metrics"]


class Metrics:
    """The figures of one run, from now on.

    Args:
        runner: what is looked at; its records from now on are counted.
        lag_s: tells how late the event loop is, in seconds; None: not measured.
    """

    def __init__(self, runner: Runner, lag_s: Callable[[], float] | None = None) -> None:
        self.registry = CollectorRegistry()
        self._counting = Counting(self.registry)
        self._gauges = Gauges(runner, self.registry, lag_s)
        ProcessCollector(registry=self.registry)
        info = Info("run", "Which run this is", namespace="mmfsm", registry=self.registry)
        settings = runner.settings
        told = {"run_id": runner.run_id, "symbol": settings.symbol, "kind": kind_of(settings)}
        info.info(told | {"version": version_of_mmfsm()})
        runner.observers.append(self._take)
        runner.gateway.budget.on_hedge_sent = self._counting.hedge_sent.observe

    def _take(self, record: Record) -> None:
        try:
            self._counting.take(record)
        except Exception as error:  # the log's other readers go on
            logger.opt(exception=error).error("metrics failed on {}", record.event)

    def render(self) -> tuple[bytes, str]:
        """Return the body of `/metrics`, and its content type."""
        self._gauges.read(self._counting.open_seconds)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
