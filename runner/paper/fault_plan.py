"""What strikes now: the decisions of one run's faults, and the pushes they hold back. Pure: the time is passed in.

The shell over sockets and a simulator under virtual time ask the same questions and get the same answers: `for_request`
for each request, `deliver` for what is to be pushed, `active` for what holds for a while, `strikes` for what happens
once, `offset_ms` for the clock, `pieces` and `ioc_share` for executions. Each rule draws from a generator of its own,
so one fault's draws do not move another's.
"""

import random
from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from typing import Any

import attrs

from runner.paper.fault_pushes import PushLane
from runner.paper.fault_rules import FaultRule, Window
from runner.paper.faults import AnswerFault, PushFault
from runner.paper.instruments import RULES
from runner.paper.values import Order, Push

_WORDS = {
    "request_lost": "lost_before",
    "answer_lost": "lost_after",
    "request_hangs": "hang_before",
    "answer_hangs": "hang_after",
    "request_late": "delay_before_ms",
    "answer_late": "delay_ms",
    "push_before_answer": "after_pushes",
    "too_many_requests": "429",
}
_STRIKES = ("stream_cut", "stream_half_open", "exchange_down", "position_mode_flipped", "clock_jumps")


@attrs.define(eq=False)
class Armed:
    """A rule at work: its generator, how often it struck, and the last window it was told of."""

    rule: FaultRule
    seed: str
    rng: random.Random
    struck: int = 0
    told: int = -1
    _known: dict[int, Window | None] = attrs.field(factory=dict)

    def window(self, at_ms: int) -> Window | None:
        """The window that is open, if any."""
        number = self.rule.number_at(at_ms)
        found = self._known[number] if number in self._known else self.numbered(number)
        return found if found is not None and found.holds(at_ms) else None

    def numbered(self, number: int) -> Window | None:
        """The window of that number, computed once."""
        if number not in self._known:
            if len(self._known) > 8:
                self._known.clear()
            self._known[number] = self.rule.window(number, self.seed)
        return self._known[number]

    def draw(self, at_ms: int) -> bool:
        """Whether the fault strikes the event that happens now."""
        if self.is_spent or self.window(at_ms) is None or self.rng.random() >= self.rule.probability:
            return False
        self.struck += 1
        return True

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.rule.times is not None and self.struck >= self.rule.times

    def is_over(self, at_ms: int) -> bool:
        """Whether it can never strike again."""
        rule = self.rule
        if self.is_spent and rule.kind.draws == "event":
            return True
        ends = [rule.to_ms]
        if rule.every_ms is None and rule.for_ms is not None:
            ends.append(rule.from_ms + rule.for_ms)
        return any(one is not None and at_ms >= one for one in ends)

    def edges(self, at_ms: int) -> list[int]:
        """Beginnings and ends of its windows that are still to come, as far as the next one."""
        number = self.rule.number_at(at_ms)
        found = [self.numbered(one) for one in (number, number + 1)]
        times = [time for one in found if one is not None for time in (one.start_ms, one.end_ms)]
        ahead = [time for time in times if time is not None and time > at_ms]
        if self.rule.every_ms is not None:
            ahead.append(self.rule.from_ms + (number + 1) * self.rule.every_ms)
        return ahead

    def ms(self) -> int:
        """A span drawn from the rule's range."""
        low, high = self.rule.parameters["ms"]
        return self.rng.randint(low, high)

    def share(self, name: str) -> bool:
        """Whether a draw falls within a share of the rule's."""
        return self.rng.random() < float(self.rule.parameters[name])


class Faults:
    """All faults of one run. Without rules it lets everything pass."""

    def __init__(self, rules: Iterable[FaultRule] = (), seed: int = 0, start_ms: int = 0) -> None:
        self._start_ms = start_ms
        self._seed = seed
        self._injected = 0
        self._version = 0
        self._armed: list[Armed] = []
        self._named: dict[str, list[Armed]] = {}
        self._scoped: dict[str, list[Armed]] = {}
        # No window opens or closes between the two times; None for never again. What is open until then, by name.
        self._same: tuple[int, int | None] | None = None
        self._open: dict[str, list[Armed]] = {}
        self._set([self._arm(rule, f"fault {seed} {n}") for n, rule in enumerate(rules)])
        self._answers: list[AnswerFault] = []
        self._jumped_ms = 0
        self._lane = PushLane()

    # The hand of tests

    def inject(self, words: dict[str, Any], now_ms: int) -> FaultRule:
        """Arm a fault that begins now. What strikes events strikes once unless `times`, `for_s` or `to_s` say more.

        Raises:
            ValueError: The words mean no fault.
        """
        since_s = (now_ms - self._start_ms) / 1000
        bounds = {"from_s": since_s + float(words.get("from_s", 0))}
        if "to_s" in words:
            bounds["to_s"] = since_s + float(words["to_s"])
        rule = FaultRule.parse(words | bounds)
        if rule.kind.draws == "event" and rule.times is None and rule.for_ms is None and rule.to_ms is None:
            rule = attrs.evolve(rule, times=1)
        self._injected += 1
        self._set([*self._armed, self._arm(rule, f"fault {self._seed} hand {self._injected}")])
        return rule

    def arm_answer(self, fault: AnswerFault) -> None:
        """Add a fault for answers; faults on one path are used up in order, before those of the profile."""
        self._answers.append(fault)

    def arm_push(self, fault: PushFault) -> None:
        """Add a fault for private pushes."""
        self._lane.arm(fault)

    def clear(self) -> list[Push]:
        """Disarm everything, the profile included; return the pushes that were held back, oldest first.

        Where the clock has jumped to, it stays.
        """
        self._answers.clear()
        self._set([])
        return self._lane.clear()

    def release(self) -> list[Push]:
        """Return the pushes held by hand, oldest first."""
        return self._lane.release()

    # Requests

    def for_answer(self, path: str, now_ms: int, account: str | None = None) -> AnswerFault | None:
        """Take the fault the request to `path` meets, if any."""
        for fault in self._answers:
            if fault.path in path:
                fault.times -= 1
                if fault.times <= 0:
                    self._answers.remove(fault)
                return fault
        for one in self._of("request"):
            if one.rule.matches(path=path, account=account) and one.draw(now_ms - self._start_ms):
                return _answer_fault(one, path)
        return None

    # Pushes

    def deliver(self, pushes: list[Push], now_ms: int) -> list[Push]:
        """Return what leaves now, in order: of these pushes what the faults let pass, and late ones that are due."""
        if self._lane.is_idle and not (self._armed and pushes):
            return [self._lane.note(push) for push in pushes]
        rules = self._of("push")
        at_ms = now_ms - self._start_ms
        out = self._lane.due(now_ms)
        for push in pushes:
            if not self.swallows(push, now_ms):
                out += self._lane.apply(push, rules, at_ms, now_ms)
        return out

    @property
    def is_holding(self) -> bool:
        """Whether pushes are held back that will leave by themselves."""
        return bool(self._lane.times())

    def swallows(self, push: Push, now_ms: int) -> bool:
        """Whether nothing of the kind leaves now: a silent or frozen stream, the exchange down."""
        stream = "private" if push.is_private else "public"
        if push.is_private and self.active("private_silent", now_ms, account=push.account):
            return True
        return self.is_frozen(stream, now_ms, push.account or None) or self.is_down(now_ms)

    # What holds for a while

    def active(self, name: str, now_ms: int, **what: str | None) -> FaultRule | None:
        """Return the rule by which a fault holds now for this product, channel, stream or account."""
        if name not in self._named:
            return None
        self.next_edge_ms(now_ms)
        for one in self._open.get(name, ()):
            if one.rule.matches(**what):
                return one.rule
        return None

    def is_down(self, now_ms: int) -> bool:
        """Whether the exchange is down."""
        return "exchange_down" in self._named and self.active("exchange_down", now_ms) is not None

    def is_frozen(self, stream: str, now_ms: int, account: str | None = None) -> bool:
        """Whether a stream answers pings only."""
        if "stream_frozen" not in self._named:
            return False
        return self.active("stream_frozen", now_ms, stream=stream, account=account) is not None

    def strikes(self, now_ms: int) -> list[tuple[FaultRule, Window]]:
        """Return what has begun since the last time this was asked, each once, oldest first."""
        at_ms, found = now_ms - self._start_ms, []
        for one in self._armed:
            if one.rule.name not in _STRIKES:
                continue
            for number in range(one.told + 1, one.rule.number_at(at_ms) + 1):
                window = one.numbered(number)
                if window is None or window.start_ms <= at_ms:
                    one.told = number
                if window is not None and window.start_ms <= at_ms:
                    found.append((one.rule, window))
        for rule, _ in found:
            if rule.name == "clock_jumps":
                self._jumped_ms += rule.parameters["ms"][0]
        left = [one for one in self._armed if not (one.is_over(at_ms) and _was_told(one))]
        if len(left) < len(self._armed):
            self._set(left)
        return sorted(found, key=lambda one: one[1].start_ms)

    def offset_ms(self, now_ms: int) -> int:
        """How far the exchange's clock is off."""
        if "clock_skewed" not in self._named:
            return self._jumped_ms
        skewed = self.active("clock_skewed", now_ms)
        return self._jumped_ms + (skewed.parameters["ms"][0] if skewed is not None else 0)

    def draws(self, name: str, now_ms: int, **what: str | None) -> FaultRule | None:
        """Return the rule by which a fault strikes the event that happens now."""
        for one in self._named.get(name, ()):
            if one.rule.matches(**what) and one.draw(now_ms - self._start_ms):
                return one.rule
        return None

    # Executions

    def pieces(self, order: Order, qty: Decimal, now_ms: int) -> list[Decimal]:
        """Return the quantities one execution is reported in: `qty` itself, or so many pieces on the size grid."""
        rule = self.draws("fills_split", now_ms, product=order.product, account=order.account)
        if rule is None:
            return [qty]
        grid = Decimal(1).scaleb(-RULES[order.product].size_places)
        count = rule.parameters["pieces"]
        piece = (qty / count).quantize(grid, rounding=ROUND_DOWN)
        return [piece] * (count - 1) + [qty - piece * (count - 1)] if piece else [qty]

    def ioc_share(self, order: Order, now_ms: int) -> Decimal | None:
        """Return the share of its size after which an IOC order stops; None for no such stop."""
        rule = self.draws("ioc_stops", now_ms, product=order.product, account=order.account)
        return None if rule is None else Decimal(str(rule.parameters["share"]))

    # Time

    def next_due_ms(self, now_ms: int) -> int | None:
        """Return when something held back is due, or a window opens or closes; None when nothing will."""
        edge_ms, held = self.next_edge_ms(now_ms), self._lane.times()
        if not held:
            return edge_ms
        return min(held if edge_ms is None else [edge_ms, *held])

    def next_edge_ms(self, now_ms: int) -> int | None:
        """Return when the next window opens or closes; None for never."""
        if self._same is None or not self._same[0] <= now_ms < (self._same[1] or now_ms + 1):
            at_ms, self._open = now_ms - self._start_ms, {}
            edges = [edge + self._start_ms for one in self._armed for edge in one.edges(at_ms)]
            self._same = now_ms, min(edges, default=None)
            for one in self._armed:
                if one.window(at_ms):
                    self._open.setdefault(one.rule.name, []).append(one)
        return self._same[1]

    @property
    def version(self) -> int:
        """Changes whenever a rule is armed or disarmed."""
        return self._version

    def _set(self, armed: list[Armed]) -> None:
        self._armed, self._named, self._scoped, self._same = armed, {}, {}, None
        self._version += 1
        for one in armed:
            self._named.setdefault(one.rule.name, []).append(one)
            self._scoped.setdefault(one.rule.kind.scope, []).append(one)

    def _arm(self, rule: FaultRule, seed: str) -> Armed:
        return Armed(rule, seed, random.Random(f"{seed} {rule.name}"))

    @property
    def is_calm(self) -> bool:
        """Whether no rule is armed that can still strike."""
        return all(one.is_spent and one.rule.kind.draws == "event" for one in self._armed)

    def _of(self, scope: str) -> list[Armed]:
        return [one for one in self._scoped.get(scope, ()) if not one.is_spent]


def _was_told(one: Armed) -> bool:
    return one.rule.name not in _STRIKES or one.told >= 0


def _answer_fault(one: Armed, path: str) -> AnswerFault:
    parameters, name = one.rule.parameters, one.rule.name
    after = "_after" if "executed" in parameters and one.share("executed") else ""
    if name == "http_5xx":
        return AnswerFault(path, f"http500{after}", status=parameters["status"])
    if name in ("unknown_error", "refused"):
        return AnswerFault(path, parameters.get("code", "45001") + after)
    return AnswerFault(path, _WORDS[name], ms=one.ms() if "ms" in parameters else 0)
