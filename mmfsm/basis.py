"""The basis, perp mid − spot mid in bps of the spot mid, against its own recent past.

    mean ← mean + w · (b − mean)        var ← (1 − w) · (var + w · (b − mean)²)        w = 2 / (window + 1)

once a second, so that a window of n samples is about n seconds; two numbers are kept, not a list. (The update is West's
for exponential weights.) Nothing is judged before a minute of samples: a mean of nothing is no mean.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mmfsm.values import BPS, ZERO

BASIS_MAX_BPS = Decimal(10_000)
"""A sample beyond this is a wrong price: it counts for no more."""

SAMPLE_MS = 1_000
SAMPLES_MIN = 60
BACK_SHARE = Decimal("0.8")
"""Quotes that a far basis turned off come back within this share of the limit, so that they do not flicker."""

PLACES = Decimal("1e-9")


def basis_bps(perp_mid: Decimal, spot_mid: Decimal) -> Decimal:
    """Return how far the perp is above spot.

    >>> basis_bps(Decimal(2501), Decimal(2500))
    Decimal('4')
    """
    return (perp_mid - spot_mid) / spot_mid / BPS


@attrs.define
class Basis:
    """The running mean (bps), variance (bps²) and its root, the samples they hold, and whether the basis is far now."""

    mean_bps: Decimal = ZERO
    var: Decimal = ZERO
    sd_bps: Decimal = ZERO
    samples: int = 0
    sampled_ms: int = 0
    is_far: bool = False

    def take(self, now_bps: Decimal, window_sec: int, at_ms: int) -> None:
        """Take one sample. The first is the mean.

        >>> basis = Basis()
        >>> for at_ms, seen in enumerate((4, 4, 7)): basis.take(Decimal(seen), 2, at_ms)
        >>> basis.mean_bps, basis.var
        (Decimal('6.000000000'), Decimal('2.000000000'))
        """
        self.sampled_ms = at_ms
        self.samples += 1
        now_bps = max(min(now_bps, BASIS_MAX_BPS), -BASIS_MAX_BPS)
        if self.samples == 1:
            self.mean_bps = now_bps
            return
        weight = Decimal(2) / (window_sec + 1)
        off = now_bps - self.mean_bps
        self.mean_bps = (self.mean_bps + weight * off).quantize(PLACES)
        self.var = ((1 - weight) * (self.var + weight * off * off)).quantize(PLACES)
        self.sd_bps = self.var.sqrt()

    def z(self, now_bps: Decimal, sd_min_bps: Decimal) -> Decimal | None:
        """Return how many standard deviations the basis is from its mean; None before there are enough samples.

        >>> Basis(Decimal(4), Decimal(9), Decimal(3), samples=60).z(Decimal(10), Decimal(1))
        Decimal('2')
        """
        if self.samples < SAMPLES_MIN:
            return None
        return (now_bps - self.mean_bps) / max(self.sd_bps, sd_min_bps)

    def judge(self, z: Decimal | None, z_max: Decimal) -> None:
        """Say whether the basis is far: past the limit; near again only well within it."""
        limit = z_max * BACK_SHARE if self.is_far else z_max
        self.is_far = z is not None and abs(z) > limit
