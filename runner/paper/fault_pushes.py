"""What becomes of pushes under faults: lost, doubled, late, out of order, stale, empty. Pure: time is passed in."""

import heapq
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from runner.paper.faults import PushFault
from runner.paper.values import OPEN_STATUSES, Push

if TYPE_CHECKING:
    from runner.paper.fault_plan import Armed


class PushLane:
    """Pushes on their way out: those held back, and what the hand of tests told the next ones to meet."""

    def __init__(self) -> None:
        self._armed: list[PushFault] = []
        self._held: list[Push] = []
        self._late: list[tuple[int, int, Push]] = []
        self._count = itertools.count()
        # Pushes of `orders` that wait for the fill they belong to: product, account, until when, the push.
        self._behind: list[tuple[str, str, int, Push]] = []
        self._positions: dict[str, Push] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is armed or held back."""
        return not (self._armed or self._held or self._late or self._behind)

    def arm(self, fault: PushFault) -> None:
        """Add a fault for private pushes."""
        self._armed.append(fault)

    def release(self) -> list[Push]:
        """Return the pushes held by hand, oldest first."""
        held, self._held = self._held, []
        return held

    def clear(self) -> list[Push]:
        """Disarm what was armed by hand; return everything held back, oldest first."""
        self._armed.clear()
        late = [push for _, _, push in sorted(self._late, key=lambda one: one[:2])]
        behind = [push for _, _, _, push in self._behind]
        self._late.clear()
        self._behind.clear()
        return sorted([*self.release(), *late, *behind], key=lambda push: push.at_ms)

    def times(self) -> list[int]:
        """When something held back is due."""
        if not (self._late or self._behind):
            return []
        return [one[0] for one in self._late[:1]] + [until_ms for _, _, until_ms, _ in self._behind]

    def due(self, now_ms: int) -> list[Push]:
        """Return the late pushes whose time has come."""
        out: list[Push] = []
        if not (self._late or self._behind):
            return out
        while self._late and self._late[0][0] <= now_ms:
            out.append(heapq.heappop(self._late)[2])
        out += [push for _, _, until_ms, push in self._behind if until_ms <= now_ms]
        self._behind = [one for one in self._behind if one[2] > now_ms]
        return out

    def apply(self, push: Push, rules: Iterable["Armed"], at_ms: int, now_ms: int) -> list[Push]:
        """Return what leaves now because of a push: nothing, itself, itself twice, or others with it.

        Args:
            push: What the exchange would send.
            rules: The faults of pushes that are armed.
            at_ms: The time since the exchange's start, by which rules go.
            now_ms: The time.
        """
        if push.is_private:
            by_hand = self._by_hand(push)
            if by_hand is not None:
                return by_hand
        struck = next((one for one in rules if _is_meant(one, push) and one.draw(at_ms)), None)
        out = [push] if struck is None else self._struck(struck, push, now_ms)
        if struck is None:
            self.note(push)
        return out + self._overtaken(push) if push.channel == "fill" else out

    def note(self, push: Push) -> Push:
        """Remember what a stale positions push would repeat; return the push."""
        if push.channel == "positions":
            self._positions[push.account] = push
        return push

    def _by_hand(self, push: Push) -> list[Push] | None:
        for fault in self._armed:
            if fault.channel in (None, push.channel):
                fault.times -= 1
                if fault.times <= 0:
                    self._armed.remove(fault)
                if fault.kind == "hold":
                    self._held.append(push)
                return [push, push] if fault.kind == "double" else []
        return None

    def _struck(self, one: "Armed", push: Push, now_ms: int) -> list[Push]:
        name = one.rule.name
        if name == "push_doubled":
            return [push, push]
        if name == "push_late":
            heapq.heappush(self._late, (now_ms + one.ms(), next(self._count), push))
        elif name == "fill_before_order":
            self._behind.append((push.product, push.account, now_ms + one.ms(), push))
        elif name == "positions_empty":
            return [_with_rows(push, [])]
        elif name == "positions_stale":
            before = self._positions.get(push.account)
            return [_with_rows(push, [] if before is None else before.data)]
        return []

    def _overtaken(self, fill: Push) -> list[Push]:
        mine = [one for one in self._behind if one[:2] == (fill.product, fill.account)]
        self._behind = [one for one in self._behind if one not in mine]
        return [push for _, _, _, push in mine]


def _is_meant(one: "Armed", push: Push) -> bool:
    rule, row = one.rule, push.data[0] if push.data else {}
    if rule.account is not None and not rule.matches(account=push.account):
        return False
    if rule.name == "fill_before_order":
        return push.channel == "orders" and "tradeId" in row
    if rule.name == "terminal_push_alone":
        return push.channel == "orders" and row.get("status") in OPEN_STATUSES
    if rule.name in ("positions_stale", "positions_empty"):
        return push.channel == "positions"
    wanted = rule.parameters["channel"]
    return push.is_private if wanted == "private" else push.channel == wanted


def _with_rows(push: Push, rows: list[dict[str, object]]) -> Push:
    return attrs.evolve(push, data=rows, texts={})
