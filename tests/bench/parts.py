"""Where an event's time goes, module by module: `python -m tests.bench.parts "tick, idle"`, one of bench_desk's names.

A profile makes every call dearer (by some 0.1 µs here), small functions most: shares say more than times. `calls` is
how many Python functions one event runs through; a call that does nothing costs some 0.04 µs without a profile.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
from collections import defaultdict
from pathlib import Path
from typing import Any

from mmfsm import Desk
from mmfsm.actions import Action
from mmfsm.events import Event, FillEvent
from tests.bench.bench_desk import HEDGE, LIMITS_US, PARAMS, WHOLE_FILL, Scene
from tests.bench.live import ROOT

ROUNDS = 200


class ProfiledDesk(Desk):
    """Profiles the events that its scene takes the time of."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.profile = cProfile.Profile()
        self.name = self.wanted = ""

    def urgent(self, event: Event) -> tuple[Action, ...]:
        if self.name != self.wanted:
            return super().urgent(event)
        self.profile.enable()
        actions = super().urgent(event)
        if self.wanted == HEDGE:
            self.profile.disable()
        return actions

    def rest(self) -> tuple[Action, ...]:
        actions = super().rest()
        self.profile.disable()
        return actions


class ProfiledScene(Scene):
    """A scene that says which of its events counts."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.events = 0
        self.profiled = ProfiledDesk(PARAMS, run=1)
        super().__init__(ROUNDS, desk=self.profiled)

    def timed(self, name: str, event: Event, plain: Any) -> None:
        self._say(name)
        super().timed(name, event, plain)

    def timed_fill(self, event: FillEvent) -> None:
        self._say(self.wanted if self.wanted in (HEDGE, WHOLE_FILL) else HEDGE)
        super().timed_fill(event)

    def settle(self, actions: tuple[Any, ...]) -> None:
        self.profiled.name = "settling"
        super().settle(actions)

    def _say(self, name: str) -> None:
        self.profiled.name, self.profiled.wanted = name, self.wanted
        self.events += name == self.wanted


def parts(name: str) -> list[tuple[str, float, float]]:
    """Return (module, share of the time, calls an event), the largest share first."""
    gc.disable()
    try:
        scene = ProfiledScene(name)
    finally:
        gc.enable()
    own, calls = defaultdict[str, float](float), defaultdict[str, int](int)
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = pstats.Stats(scene.profiled.profile).stats  # type: ignore[attr-defined]
    for (file, _line, _function), (_primitive, count, seconds, _with_callees, _callers) in stats.items():
        path = Path(file)
        module = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT / "mmfsm") else "Python's own"
        own[module] += seconds
        calls[module] += count
    whole = sum(own.values())
    return sorted(
        ((module, own[module] / whole, calls[module] / scene.events) for module in own), key=lambda part: -part[1]
    )


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(LIMITS_US), help="which event")
    found = parts(parser.parse_args().name)
    for module, share, calls in found:
        print(f"{share:6.1%}  {calls:6.1f} calls  {module}")
    print(f"        {sum(calls for *_, calls in found):6.1f} calls an event")


if __name__ == "__main__":
    main()
