"""One seed from start to verdict: faults on, faults off, stop; and it must be flat, or have said why not.

Phase 1 lasts as asked, with the profile's faults. Then every fault ends, the market goes on, and within `CALM_S` every
halt that clears by itself must have cleared and every ticket be done. Then the run is asked to stop, and the account
is looked at as the exchange has it. A run that ended before (a failed start-up check) is held to the same account.
"""

from __future__ import annotations

import gc
import hashlib
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.values import ZERO
from runner.paper.options import PaperOptions
from runner.settings import Settings, load_settings
from runner.simulator.bot import SimulatedRunner, loopback_keys
from runner.simulator.checks import Broken, DeskRules, end_faults, money_faults
from runner.simulator.clock import VirtualLoop, virtual_time
from runner.simulator.market import SweptMarket
from runner.simulator.network import Line
from runner.simulator.swarm import Profile, draw
from runner.simulator.world import World

START_MS = 1_795_000_000_000
START_STEP_MS = 300_000
CALM_S = 120.0
LOOK_S = 5.0
STOP_S = 40.0
SETTINGS = {
    "BASE_HALF_SPREAD_BPS": "2",
    "EDGE_FLOOR": "0",
    "BASIS_FILTER": "none",
    "FUNDING_HYSTERESIS": "0",
    "FUNDING_COOLDOWN_SEC": "0",
    "SETTLEMENT_PAUSE_SEC": "0",
    "INVENTORY_SKEW_BPS": "0.5",
    "FUNDING_SKEW_BPS": "0.1",
    "REPLACE_THRESHOLD_BPS": "1.5",
    "QUOTE_SIZE": "0.02",
    "MAX_POSITION": "0.2",
    "COOLDOWN_MS": "300",
    "MIN_ABS_FUNDING": "0",
    "MAX_DAILY_LOSS": "0",
    "LOG_PATH": "/dev/null",
    "LOG_LEVEL": "ERROR",
}
"""For being filled often. The daily loss limit is off: what is tested here is not whether it earns."""


@attrs.frozen
class Plan:
    """What to run. `profile` None: drawn from the seed. `keeps`: keep every event. `start_ms`: when it begins, in Unix
    ms; None: by the seed."""

    seed: int
    minutes: float = 10.0
    profile: Profile | None = None
    digest: bool = False
    keeps: bool = True
    start_ms: int | None = None

    @property
    def faulty_s(self) -> float:
        return self.minutes * 60

    @property
    def begins_ms(self) -> int:
        return START_MS + self.seed % 97 * START_STEP_MS if self.start_ms is None else self.start_ms


@attrs.define
class Outcome:
    """What became of a seed. `kind`: clean, latched (halted for a person, with an alert that says so), refused (a
    start-up check failed) or broken. Times: virtual seconds since the start, and seconds of one core's work."""

    seed: int
    kind: str
    rule: str = ""
    found: str = ""
    at_s: float = 0.0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    exit_status: int | None = None
    exit_reason: str = ""
    latched: list[str] = attrs.field(factory=list)
    alerts: list[str] = attrs.field(factory=list)
    counts: dict[str, int] = attrs.field(factory=dict)
    profile: list[str] = attrs.field(factory=list)
    digest: str = ""
    events: list[ev.Event] = attrs.field(factory=list, repr=False)
    settings: Settings | None = attrs.field(default=None, repr=False)
    run: int = 0

    @property
    def ok(self) -> bool:
        return self.kind != "broken"

    def plain(self) -> dict[str, Any]:
        """As JSON values, without the events."""
        hidden = ("events", "settings")
        return {f.name: getattr(self, f.name) for f in attrs.fields(Outcome) if f.name not in hidden}


def settings_of(profile: Profile, options: PaperOptions) -> Settings:
    """The bot's settings: the simulator's own, the profile's, and the stand-in's keys."""
    texts = {**SETTINGS, **profile.settings, **loopback_keys(options.credentials)}
    return load_settings(texts, Path("/nonexistent/.env"))[0]


class Watch:
    """Looks at a run from outside: rules, oracle, counts and digest."""

    def __init__(self, plan: Plan, world: World, settings: Settings, *, jumps: bool = False) -> None:
        self._world, self._settings, self._jumps = world, settings, jumps
        self._hash = hashlib.sha256() if plan.digest else None
        self.rules: DeskRules | None = None
        self.before = world.truth
        self.start = self.before.spot["ETH"].total
        self.alerts: list[str] = []
        self.counts = dict.fromkeys(("events", "books", "ticks", "orders", "hedges", "unwinds", "fills"), 0)
        self.worst_delta = ZERO

    def look(self, event: ev.Event, actions: tuple[do.Action, ...]) -> None:
        """Check after an event.

        Raises:
            Broken: a rule does not hold.
        """
        if self._hash is not None:
            self._hash.update(f"{event!r}{actions!r}".encode())
        counts, kind = self.counts, type(event)
        counts["events"] += 1
        if kind is ev.BookEvent:
            counts["books"] += 1
        elif kind is ev.Tick:
            counts["ticks"] += 1
        elif kind is ev.FillEvent:
            self._oracle()
        if actions:
            self._count(actions)
        if self.rules is not None:
            self.rules.look(actions)

    def _count(self, actions: tuple[do.Action, ...]) -> None:
        for action in actions:
            if isinstance(action, do.PlaceOrder):
                self.counts["orders"] += 1
                self.counts["hedges"] += action.request.intent.value == "hedge"
                self.counts["unwinds"] += action.request.intent.value == "unwind"
            elif isinstance(action, do.Alert):
                self.alerts.append(action.reason)
            elif isinstance(action, do.Record) and action.reason == "clock_jump" and not self._jumps:
                raise Broken("a clock jumps only when it was set", str(action.data))

    def _oracle(self) -> None:
        # Two quotes may fill on top of each other before the first is told; never more, and never a hedge twice.
        self.counts["fills"] += 1
        exchange = self._world.venue.exchange
        coin = exchange.wallet.balances["ETH"]
        delta = abs(exchange.perp.net + coin.available + coin.frozen - self.start)
        self.worst_delta = max(self.worst_delta, delta)
        if delta > 2 * self._settings.quote_size + Decimal("0.01"):
            raise Broken("true exposure ≤ two quotes", f"{delta}")

    @property
    def digest(self) -> str:
        return "" if self._hash is None else self._hash.hexdigest()


def run_seed(plan: Plan) -> Outcome:
    """Run one seed. Never raises for what the run does: that is in the outcome."""
    profile = plan.profile or draw(plan.seed, plan.faulty_s)
    began_s = time.process_time()
    with virtual_time(plan.begins_ms) as loop:
        gc.disable()
        try:
            outcome = loop.run_until_complete(_live(plan, profile, loop))
        finally:
            gc.enable()
        outcome.virtual_s = round(loop.now_s, 3)
    outcome.cpu_s = round(time.process_time() - began_s, 3)
    outcome.profile = profile.words()
    return outcome


async def _live(plan: Plan, profile: Profile, loop: VirtualLoop) -> Outcome:
    mode = profile.settings.get("TARGET_POS_MODE", "one_way_mode")
    rules = profile.rules(plan.faulty_s)
    asked: dict[str, Any] = {"seed": plan.seed, "market": "scripted", "faults": rules, "position_mode": mode}
    options = PaperOptions(**(asked | profile.venue))
    settings = settings_of(profile, options)
    market = SweptMarket(plan.seed, profile.weather).events()
    line = Line(str(plan.seed), profile.floor_ms, profile.mean_ms)
    world = World(loop, options, market, line, direct=not profile.needs_wire)
    watch = Watch(plan, world, settings, jumps=bool(profile.our_jumps))
    bot = SimulatedRunner(settings, world, plan.seed, watch.look, keeps=plan.keeps)
    watch.rules = DeskRules(bot.desk)
    for at_s, by_ms in profile.our_jumps:
        loop.call_at(at_s, _jump, loop, by_ms)
    run = bot.desk.state.run
    world.start()
    await bot.open()
    await bot.over_within(plan.faulty_s - loop.now_s)
    world.calm()
    late = await _recover(bot)
    if not bot.is_over:
        bot.stop("time_is_up")
        if not await bot.over_within(STOP_S):
            late = late or f"no end within {STOP_S:g} s of the stop"
    await bot.close()
    return _judge(plan, world, watch, bot, late, run, loop.now_s)


def _jump(loop: VirtualLoop, by_ms: int) -> None:
    loop.offset_ms += by_ms


async def _recover(bot: SimulatedRunner) -> str:
    """Wait until two looks in a row find no halt and no open ticket. Returns what is wrong after the bound, or ""."""
    good = 0
    for _ in range(int(CALM_S / LOOK_S)):
        mode = bot.desk.state.mode
        if await bot.over_within(LOOK_S) or mode.latched:
            return ""
        good = 0 if mode.state == "HALTED" or bot.desk.state.tickets else good + 1
        if good == 2:
            return ""
    why = sorted(mode.reasons) or list(bot.desk.state.tickets)
    return f"{mode.state} {CALM_S:g} s after the last fault: {why}"


def _judge(plan: Plan, world: World, watch: Watch, bot: SimulatedRunner, late: str, run: int, at_s: float) -> Outcome:
    state = bot.desk.state
    latched = sorted(reason for reason, is_latched in state.mode.reasons.items() if is_latched)
    outcome = Outcome(
        plan.seed, "clean", at_s=round(at_s, 3), exit_status=bot.exit_status, exit_reason=bot.exit_reason,
        latched=latched, alerts=watch.alerts, counts=watch.counts, digest=watch.digest, events=bot.notes.events,
        settings=bot.settings, run=run,
    )  # fmt: skip
    exchange = world.venue.exchange
    mark, spot_price = exchange.perp.mark, exchange.matchers["spot"].mid or ZERO
    wrong = list(end_faults(bot.desk, world.truth, watch.start))
    watch.counts["settlements"] = len(exchange.store.bills)
    odd = list(money_faults(bot.desk, world.truth, watch.before, mark, spot_price))
    unsaid = [reason for reason in latched if reason not in watch.alerts]
    if bot.failure is not None:
        rule = bot.failure.rule if isinstance(bot.failure, Broken) else type(bot.failure).__name__
        outcome.kind, outcome.rule, outcome.found = "broken", rule, str(bot.failure)
    elif unsaid:
        outcome.kind, outcome.rule, outcome.found = "broken", "halted without a word", str(unsaid)
    elif latched:
        outcome.kind, outcome.found = "latched", "; ".join(wrong)
    elif late:
        outcome.kind, outcome.rule, outcome.found = "broken", "recovers within the bound", late
    elif odd:
        outcome.kind, outcome.rule, outcome.found = "broken", "the columns add up", "; ".join(odd)
    elif wrong:
        outcome.kind, outcome.rule, outcome.found = "broken", "flat at the end", "; ".join(wrong)
    elif bot.exit_status == 2:
        outcome.kind = "refused"
    elif bot.exit_status != 0:
        outcome.kind, outcome.rule, outcome.found = "broken", "ends clean", bot.exit_reason
    return outcome
