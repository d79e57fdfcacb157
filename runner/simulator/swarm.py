"""Which faults a seed has: about a third of the catalogue each time, some light, some heavy, drawn from the seed.

Faults that are all off or all heavy hide each other; a swarm of profiles meets their combinations. Faults that end a
run at once (the account switched to another position mode, a clock beyond every bound) are drawn seldom.
"""

from __future__ import annotations

import random
from typing import Any

import attrs

from runner.paper.fault_rules import FaultRule
from runner.paper.faults import CATALOGUE, Kind
from runner.simulator.market import Weather

ON_SHARE = 0.3
SELDOM = {"position_mode_flipped": 0.03, "clock_jumps": 0.04, "clock_skewed": 0.06, "halted": 0.12, "refused": 0.2}
CODES = ("43012", "40762", "45110", "40808", "22002", "40757", "40815", "43111", "40010", "45034", "429", "41114")
PATHS = ("", "", "place-order", "spot/trade/place-order", "mix/order/place-order", "cancel-order", "fills", "detail")
CHANNELS = ("private", "private", "fill", "orders", "positions", "account")
OUR_JUMPS_MS = (-20_000, -3_000, -400, 900, 25_000)
"""Within what the exchange takes of a signature's time (30 s): beyond it no request is answered until a person acts."""

QUIET_S = 8
"""Faults begin after this, in most seeds: a run that never gets ready shows little."""


@attrs.frozen
class Profile:
    """All that a seed decides beside the market's path. Times in milliseconds unless said.

    `our_jumps`: (seconds after the start, milliseconds): our own clock is set by that much. `venue`: options of the
    exchange by name.
    """

    faults: tuple[dict[str, Any], ...]
    floor_ms: float = 8.0
    mean_ms: float = 6.0
    weather: Weather = attrs.field(factory=Weather)
    settings: dict[str, str] = attrs.field(factory=dict)
    our_jumps: tuple[tuple[float, int], ...] = ()
    venue: dict[str, Any] = attrs.field(factory=dict)

    @property
    def needs_wire(self) -> bool:
        """Books have to go through the venue's own feed."""
        names = {one["name"] for one in self.faults}
        return any(CATALOGUE[name].scope == "book" for name in names)

    def rules(self, until_s: float) -> tuple[FaultRule, ...]:
        """The exchange's rules, each ended at `until_s` at the latest."""
        ends = [{**one, "to_s": min(float(one.get("to_s", until_s)), until_s)} for one in self.faults]
        return tuple(FaultRule.parse(one) for one in ends)

    def words(self) -> list[str]:
        """One line a fault, as `exchange --fault` takes them."""
        return [" ".join([one["name"], *(f"{k}={v}" for k, v in one.items() if k != "name")]) for one in self.faults]


CALM = Profile(())


def draw(seed: int, faulty_s: float) -> Profile:
    """Return the profile of a seed, for a run whose faults end after `faulty_s` seconds."""
    rng = random.Random(f"swarm {seed}")
    heavy = rng.choice((0.02, 0.05, 0.1, 0.25))
    from_s = 0 if rng.random() < 0.1 else QUIET_S
    names = [name for name in CATALOGUE if rng.random() < SELDOM.get(name, ON_SHARE)]
    if rng.random() < 0.5:  # half the seeds leave the books alone, and go faster
        names = [name for name in names if CATALOGUE[name].scope != "book"]
    faults = tuple(_fault(rng, CATALOGUE[name], heavy, from_s) for name in names)
    jumps: tuple[tuple[float, int], ...] = ()
    if rng.random() < 0.08:
        jumps = ((round(rng.uniform(from_s, faulty_s), 1), rng.choice(OUR_JUMPS_MS)),)
    return Profile(
        faults,
        floor_ms=rng.choice((2.0, 8.0, 40.0)),
        mean_ms=rng.choice((2.0, 6.0, 60.0)),
        weather=Weather(sd_bps=rng.choice((0.3, 0.5, 1.0)), sweeps_per_s=rng.choice((0.2, 0.4, 1.0))),
        settings=_settings(rng),
        our_jumps=jumps,
    )


def _settings(rng: random.Random) -> dict[str, str]:
    return {
        "PERP_TIF": rng.choice(("auto", "both")),
        "TARGET_POS_MODE": rng.choice(("one_way_mode", "one_way_mode", "hedge_mode")),
        "QUOTE_SIZE": rng.choice(("0.01", "0.02", "0.05")),
        "MAX_POSITION": rng.choice(("0.06", "0.2")),
    }


def _fault(rng: random.Random, kind: Kind, heavy: float, from_s: int) -> dict[str, Any]:
    words: dict[str, Any] = {"name": kind.name, "from_s": from_s}
    if kind.draws == "window":
        length = rng.choice((1, 3, 8, 20))
        words |= {"every_s": rng.choice((40, 90, 200)), "for_s": length, "probability": 0.7}
    else:
        words["probability"] = heavy if kind.scope != "trade" else rng.choice((0.1, 0.3, 0.6))
        if rng.random() < 0.3:
            words |= {"every_s": 60, "for_s": 15, "probability": min(words["probability"] * 4, 0.9)}
    drawn: dict[str, Any] = {
        "path": rng.choice(PATHS),
        "channel": rng.choice(CHANNELS),
        "stream": rng.choice(("private", "public", "any")),
        "product": rng.choice(("any", "perp", "spot")),
        "side": rng.choice(("bid", "ask")),
        "code": rng.choice(CODES),
        "clean": rng.random() < 0.5,
        "pieces": rng.randint(2, 5),
        "share": rng.choice((0.0, 0.01, 0.3, 0.7)),
        "executed": rng.choice((0.0, 0.5, 1.0)),
        "status": rng.choice((500, 502, 503)),
    }
    if kind.scope == "book":
        drawn["channel"] = rng.choice(("books5", "books5", "books"))
    if "ms" in kind.parameters:
        low = rng.choice((5, 50, 400))
        words["ms"] = _span(rng, kind, low)
    if kind.name == "refused":
        drawn["executed"] = 0.0  # a refusal by code is the exchange's word that nothing happened
    return words | {name: drawn[name] for name in kind.parameters if name in drawn}


def _span(rng: random.Random, kind: Kind, low: int) -> Any:
    if kind.scope == "clock":
        return rng.choice((-4_000, -1_500, 1_000, 1_900, 6_000))
    return [low, low * rng.choice((1, 4, 12))]
