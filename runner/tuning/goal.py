"""What a search is after: net bps per turnover, within bounds on risk, and at least so much trading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from runner.tuning.figures import Figures, net_bps, per_hour, worst_drawdown

NOTHING_BPS = -1_000.0
"""The value of a trial without one: it traded nothing, or its parameters do not go together."""

REFUSED = 1_000.0
"""By how much such parameters miss every bound: more than anything that runs."""


@attrs.frozen(kw_only=True)
class Goal:
    """The bounds, over a trial's runs together.

    Attributes:
        unhedged_max: USDT × seconds of open exposure per hour.
        drawdown_max: USDT the net earnings may fall from their height, in any one run.
        turnover_min: USDT traded per hour, both legs: bps of next to nothing are luck, and not trading is no strategy.
    """

    unhedged_max: float = attrs.field(default=20_000.0, validator=attrs.validators.gt(0))
    drawdown_max: float = attrs.field(default=50.0, validator=attrs.validators.gt(0))
    turnover_min: float = attrs.field(default=500.0, validator=attrs.validators.gt(0))

    def value(self, runs: Sequence[Figures]) -> float:
        """Return the objective, in bps; larger is better."""
        found = net_bps(runs)
        return NOTHING_BPS if found is None or any(one.failure for one in runs) else found

    def misses(self, runs: Sequence[Figures]) -> dict[str, float]:
        """Return by how much each bound is missed, as a share of it; zero or less where it holds."""
        if not runs or any(one.failure for one in runs):
            return dict.fromkeys(("unhedged", "drawdown", "turnover"), REFUSED)
        unhedged, turnover = per_hour("unhedged_notional_s")(runs) or 0.0, per_hour("turnover")(runs) or 0.0
        return {
            "unhedged": unhedged / self.unhedged_max - 1,
            "drawdown": (worst_drawdown(runs) or 0.0) / self.drawdown_max - 1,
            "turnover": 1 - turnover / self.turnover_min,
        }

    def words(self) -> list[tuple[str, str]]:
        """For a reader, as (name, what)."""
        return [
            ("objective", "net bps per turnover of both legs, as large as possible"),
            (
                "bounds",
                f"unhedged ≤ {self.unhedged_max:g} USDT·s per hour, drawdown ≤ {self.drawdown_max:g} USDT in any run, "
                f"turnover ≥ {self.turnover_min:g} USDT per hour",
            ),
            (
                "how bounds count",
                "as Optuna constraints: a trial within all of them beats any that is not; among the others the "
                "smaller sum of misses (shares of the bounds) is better, whatever it earned",
            ),
        ]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return attrs.asdict(self)
