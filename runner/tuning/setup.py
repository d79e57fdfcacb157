"""Under which conditions a run is made: market, funding, fees, line. All of it is printed in every report."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from runner.paper.options import PaperOptions
from runner.paper.values import FundingEvent
from runner.tuning import coarse
from runner.tuning.coarse import Step
from runner.tuning.funding import INTERVAL_H, INTERVAL_MS, MEAN_BPS, recorded_rates, synthetic_rates

MOVE_BPS_MAX = 10
MINUTES_MAX = 7 * 24 * 60
FEE_BPS_MAX = 100
_BPS = Decimal("0.0001")


def _within(low: float, high: float) -> Any:
    def check(_setup: object, attribute: attrs.Attribute[float], value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"{attribute.name}: expected {low:g} to {high:g}, got {value}")

    return check


def _above_zero(_setup: object, attribute: attrs.Attribute[Decimal], value: Decimal) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{attribute.name}: expected above 0 and at most 1, got {value}")


@attrs.frozen(kw_only=True)
class Setup:
    """Conditions of a simulated run. Fees in bps of notional, times in milliseconds unless named otherwise.

    Attributes:
        minutes: virtual length of one run.
        tape: folder of a recording; None for the drawn market.
        block_s: shortest and longest block of the recording, whole seconds.
        thin: share of the recorded sizes that is there, above 0 and at most 1.
        move_bps: a leg's book is told when its mid has moved by so much, or after two seconds; 0: every one.
        funding: file of recorded rates; None for the stated distribution.
        latency_ms, jitter_ms: of a message one way: a floor, and the mean of what is drawn on top of it.
    """

    minutes: float = attrs.field(default=15.0, validator=_within(0.1, MINUTES_MAX))
    tape: Path | None = None
    block_s: tuple[int, int] = (10, 30)
    thin: Decimal = attrs.field(default=Decimal(1), validator=_above_zero)
    move_bps: float = attrs.field(default=0.5, validator=_within(0, MOVE_BPS_MAX))
    funding: Path | None = None
    perp_maker_bps: Decimal = attrs.field(default=Decimal(2), validator=_within(-FEE_BPS_MAX, FEE_BPS_MAX))
    perp_taker_bps: Decimal = attrs.field(default=Decimal(6), validator=_within(-FEE_BPS_MAX, FEE_BPS_MAX))
    spot_maker_bps: Decimal = attrs.field(default=Decimal(10), validator=_within(-FEE_BPS_MAX, FEE_BPS_MAX))
    spot_taker_bps: Decimal = attrs.field(default=Decimal(10), validator=_within(-FEE_BPS_MAX, FEE_BPS_MAX))
    latency_ms: int = attrs.field(default=8, validator=_within(0, 10_000))
    jitter_ms: int = attrs.field(default=6, validator=_within(0, 10_000))

    def steps(self, seed: int) -> Iterator[Step]:
        """Return a seed's market.

        Raises:
            FileNotFoundError: the tape is not there.
            ValueError: the tape is too short for its blocks.
        """
        if self.tape is None:
            return coarse.walk(seed, self.move_bps)
        return coarse.steps_of_tape(self.tape, seed, self.move_bps, self.block_s, self.thin)

    def rates(self, seed: int) -> list[Decimal]:
        """Return a seed's funding: the rate at the start, then one for each settlement that may fall into the run.

        Raises:
            FundingError: the file cannot be used.
        """
        count = 2 + int(self.minutes * 60_000) // INTERVAL_MS
        return synthetic_rates(seed, count) if self.funding is None else recorded_rates(self.funding, seed, count)

    def options(self, seed: int, rate: Decimal) -> PaperOptions:
        """Return the exchange's options."""
        return PaperOptions(
            seed=seed, market="scripted", funding_rate=rate, funding_interval_h=INTERVAL_H,
            perp_maker_fee=self.perp_maker_bps * _BPS, perp_taker_fee=self.perp_taker_bps * _BPS,
            spot_maker_fee=self.spot_maker_bps * _BPS, spot_taker_fee=self.spot_taker_bps * _BPS,
        )  # fmt: skip

    def words(self) -> list[tuple[str, str]]:
        """Return the conditions as (name, what) for a reader."""
        return [
            ("market", self._market()),
            ("coarser than real", self._coarse()),
            ("funding", self._funding()),
            ("fees", self._fees()),
            ("line", f"{self.latency_ms} ms one way and {self.jitter_ms} ms more on average, books too"),
            ("queue", "quotes rest behind all that is displayed at their price"),
        ]

    def _market(self) -> str:
        if self.tape is None:
            return "drawn: random walk of 1.2 bps a second, basis -4.4 bps; no ground for a claim about profit"
        low, high = self.block_s
        thin = "" if self.thin == 1 else f", sizes × {self.thin}"
        return (
            f"recording {self.tape.name} in blocks of {low}-{high} s, both legs together, drawn by seed, half of them "
            f"mirrored{thin}; nothing that lasts longer than a block survives, nothing unrecorded happens"
        )

    def _coarse(self) -> str:
        return (
            f"{self.told}, straight to the bot; trades of {coarse.STEP_MS} ms arrive together; no public ticker; no "
            "faults; orders, answers and private pushes keep their wire"
        )

    @property
    def told(self) -> str:
        """When a book is told, for a reader."""
        if not self.move_bps:
            return f"a book of each leg every {coarse.STEP_MS} ms"
        return f"a book of a leg when its mid has moved by {self.move_bps:g} bps, or after {coarse.AGE_MS} ms"

    def _funding(self) -> str:
        counted = "counted by the time a position is held, not by settlements"
        if self.funding is not None:
            return f"{self.funding.name}, a stretch drawn by seed; {counted}"
        return f"drawn: mean {MEAN_BPS} bps per {INTERVAL_H} h, negative 28 % of the time; {counted}"

    def _fees(self) -> str:
        return (
            f"maker/taker {self.perp_maker_bps}/{self.perp_taker_bps} bps on the perp, "
            f"{self.spot_maker_bps}/{self.spot_taker_bps} bps on spot"
        )


def funding_events(rates: list[Decimal], first_ms: int) -> Iterator[FundingEvent]:
    """Yield the rates after the first, each from its settlement on; `first_ms` is the first one's, after the start."""
    for number, rate in enumerate(rates[1:]):
        yield FundingEvent(first_ms + number * INTERVAL_MS, rate)
