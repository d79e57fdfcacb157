"""The exchange as a set of choices: what may become of each order, and in which order it is told. In lots, no prices.

An order's slip is the truth of it: its stage, what it filled, and what of that is still to be told. Pushes and answers
wait in its inbox and arrive in any order, or never. A fault is a choice that costs one of the path's faults.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache

import attrs

from mmfsm.proof.search import Choice

WIRE, OPEN, ENDED, REFUSED, LOST = "WIRE", "OPEN", "ENDED", "REFUSED", "LOST"
Message = tuple[str, int, str]
"""What is told of an order: its kind, a number of lots (or of a fill), and a word."""


@attrs.frozen(cache_hash=True)
class Slip:
    """One order as the exchange has it. `unit` is its leg's step; `asked` is a question of ours under way;
    `waited`: what was under way has seen the clock pass once. `late`: a fault keeps it back while the clock passes.
    `lied`: it was denied, and traded."""

    oid: str
    inst: str
    qty: int
    unit: int
    rests: bool = False
    stage: str = WIRE
    fills: tuple[int, ...] = ()
    untold: tuple[int, ...] = ()
    inbox: tuple[str, ...] = ()
    answered: bool = False
    asked: str = ""
    cancel: bool = False
    lied: bool = False
    sent: int = 0
    waited: bool = False
    late: bool = False

    @property
    def pending(self) -> bool:
        """Something of it is under way, from us or to us."""
        return bool(self.inbox or self.asked or self.cancel or self.stage == WIRE)

    @property
    def filled(self) -> int:
        return sum(self.fills)

    @property
    def spent(self) -> bool:
        """It can trade no more, and all it traded was told."""
        return self.stage in (ENDED, REFUSED, LOST) and not self.untold


def sizes(slip: Slip) -> tuple[int, ...]:
    """What it may fill at once: all, nothing, or the least."""
    left = slip.qty - slip.filled
    return tuple(dict.fromkeys(size for size in (left, 0, slip.unit) if size <= left))


def benign(slips: Iterable[Slip]) -> Choice | None:
    """What a venue without malice does next: tell, answer, cancel, execute in full. None: it has nothing to do."""
    slips = tuple(slips)
    for slip in slips:
        if slip.inbox:
            return "venue", "tells", slip.oid, slip.inbox[0]
    for slip in slips:
        if slip.asked:
            return "venue", "answers", slip.oid
        if slip.cancel:
            return "venue", "cancels", slip.oid
        if slip.stage == WIRE:
            return ("venue", "rests", slip.oid) if slip.rests else ("venue", "takes", slip.oid, slip.qty)
        if slip.stage == OPEN and not slip.rests:
            return "venue", "takes", slip.oid, slip.qty - slip.filled
        if slip.untold:
            return "venue", "rereads", slip.oid
    return None


def coarse(slip: Slip, *, may_fail: bool) -> list[Choice]:
    """What may become of an order where it fills whole or not at all, and all that waits is told, or lost, at once."""
    oid = slip.oid
    choices: list[Choice] = [("venue", "tells_all", oid)] if slip.inbox else []
    choices += [(who, what, *rest) for who, what, *rest in honest(slip) if what in ("answers", "drops", "rereads")]
    if slip.stage in (WIRE, OPEN):
        choices += [("venue", "takes", oid, size) for size in (slip.qty - slip.filled, 0)]
    if may_fail:
        fine = ("loses", "repeats", "answers_late")
        choices += [(who, what, *rest) for who, what, *rest in faults(slip) if what not in fine]
        choices += [("fault", "loses_all", oid)] if slip.inbox else []
        choices += [("fault", "delays", oid)] if slip.pending and not slip.late else []
    return choices


def honest(slip: Slip) -> list[Choice]:
    """Everything a venue may do with an order without a fault."""
    oid = slip.oid
    choices: list[Choice] = [("venue", "tells", oid, message) for message in dict.fromkeys(slip.inbox)]
    if slip.asked:
        choices.append(("venue", "answers", oid))
    if slip.cancel:
        choices.append(("venue", "cancels", oid))
    if slip.stage == WIRE and slip.rests:
        choices.append(("venue", "rests", oid))
    if slip.stage in (WIRE, OPEN) and not slip.rests:
        choices += [("venue", "takes", oid, size) for size in sizes(slip)]
        if slip.qty > slip.unit and not slip.fills:
            choices.append(("venue", "takes_in_two", oid))
    if slip.stage == WIRE and slip.answered:
        choices.append(("venue", "drops", oid))
    if slip.untold and not any(message.startswith("fill") for message in slip.inbox):
        choices.append(("venue", "rereads", oid))
    return choices


def faults(slip: Slip, *, repeats: bool = False, denials: bool = True) -> list[Choice]:
    """Everything that may go wrong with an order next; `denials`: it may be refused and trade all the same."""
    oid = slip.oid
    choices: list[Choice] = []
    if slip.stage == WIRE and not slip.answered:
        words = ("leg", "busy", "flat") if slip.inst == "perp" and not slip.rests else ("leg", "busy")
        choices += [("fault", "refuses", oid, word) for word in words]
        choices.append(("fault", "times_out", oid))
        if denials:
            choices.append(("fault", "lies", oid))
        if not slip.rests:
            choices.append(("fault", "accepts", oid))
    if slip.stage == LOST and not slip.rests:
        choices.append(("fault", "arrives_late", oid))
    for message in dict.fromkeys(slip.inbox):
        choices.append(("fault", "loses", oid, message))
        if repeats or not message.startswith("fill"):
            choices.append(("fault", "repeats", oid, message))
    if slip.asked:
        choices += [("fault", "answers_late", oid), ("fault", "no_answer", oid)]
    if slip.cancel:
        choices += [("fault", "loses_cancel", oid)]
    return choices


def act(slip: Slip, choice: Choice) -> tuple[Slip, list[Message]]:
    """Carry out a choice about an order: the slip after it, and what the desk is told in this moment."""
    what = str(choice[1])
    if what in ("tells", "repeats"):
        return _tell(slip, str(choice[3]), keep=what == "repeats")
    if what == "tells_all":
        told = [_parse(message) for message in slip.inbox]
        heard = {number for kind, number, _word in told if kind == "fill"}
        left = tuple(number for number in slip.untold if number not in heard)
        return attrs.evolve(slip, inbox=(), untold=left), told
    if what == "answers":
        messages = [_truth(slip)]
        if slip.asked == "fills":
            messages = [("fill", number, "") for number in slip.untold] + messages
            slip = attrs.evolve(slip, untold=(), inbox=_without_fills(slip))
        return attrs.evolve(slip, asked=""), messages
    if what == "rereads":
        messages = [("fill", number, "") for number in slip.untold]
        return attrs.evolve(slip, untold=(), inbox=_without_fills(slip)), messages
    return _happen(slip, what, choice), []


def _tell(slip: Slip, message: str, *, keep: bool) -> tuple[Slip, list[Message]]:
    kind, number, word = _parse(message)
    inbox = list(slip.inbox)
    if not keep:
        inbox.remove(message)
    untold = tuple(each for each in slip.untold if (kind, number) != ("fill", each))
    return attrs.evolve(slip, inbox=tuple(inbox), untold=untold), [(kind, number, word)]


def _happen(slip: Slip, what: str, choice: Choice) -> Slip:
    """What happens at the exchange, or on the way there and back, and is told later or never."""
    inbox = slip.inbox
    ack = () if slip.answered or slip.stage == OPEN else ("ack:0:",)
    if what == "takes":
        return execute(slip, (int(choice[3]),))
    if what == "takes_in_two":
        return execute(slip, (slip.unit, slip.qty - slip.unit))
    if what in ("rests", "accepts"):
        return attrs.evolve(slip, stage=OPEN, answered=True, inbox=inbox + ack)
    if what == "drops":
        return attrs.evolve(slip, stage=LOST)
    if what == "arrives_late":
        return attrs.evolve(execute(slip, (slip.qty,)), lied=True)
    if what == "refuses":
        return attrs.evolve(slip, stage=REFUSED, answered=True, inbox=(*inbox, f"refused:0:{choice[3]}"))
    if what == "times_out":
        return attrs.evolve(slip, answered=True, inbox=(*inbox, "unknown:0:"))
    if what == "lies":
        done = execute(attrs.evolve(slip, answered=True), (slip.qty,))
        return attrs.evolve(done, inbox=("refused:0:leg", *done.inbox), lied=True)
    if what == "loses_all":
        return attrs.evolve(slip, inbox=())
    if what == "delays":
        return attrs.evolve(slip, late=True)
    if what == "loses":
        kept_messages = list(inbox)
        kept_messages.remove(str(choice[3]))
        return attrs.evolve(slip, inbox=tuple(kept_messages))
    if what == "cancels":
        return _cancel(slip)
    if what == "loses_cancel":
        return attrs.evolve(slip, cancel=False, inbox=(*inbox, "cancel_failed:0:"))
    if what == "answers_late":
        kind, number, word = _truth(slip)
        return attrs.evolve(slip, asked="", inbox=(*inbox, f"{kind}:{number}:{word}"))
    assert what == "no_answer", f"nobody knows what {choice} is"
    return attrs.evolve(slip, asked="")


def execute(slip: Slip, parts: tuple[int, ...], *, ends: bool = True) -> Slip:
    """Trade some lots of an order; an order that does not rest ends with it."""
    parts = tuple(part for part in parts if part)
    first = len(slip.fills)
    numbers = tuple(range(first, first + len(parts)))
    answer = () if slip.answered or slip.stage == OPEN else ("ack:0:",)
    filled = slip.filled + sum(parts)
    over = ends or filled >= slip.qty
    end = (f"end:{filled}:",) if over else ()
    return attrs.evolve(
        slip,
        stage=ENDED if over else OPEN,
        answered=True,
        fills=slip.fills + parts,
        untold=slip.untold + numbers,
        inbox=slip.inbox + answer + tuple(f"fill:{number}:" for number in numbers) + end,
    )


def _cancel(slip: Slip) -> Slip:
    if slip.stage != OPEN:
        return attrs.evolve(slip, cancel=False, inbox=(*slip.inbox, "cancel_gone:0:"))
    told = (*slip.inbox, "cancel_ok:0:", f"end:{slip.filled}:")
    return attrs.evolve(slip, cancel=False, stage=ENDED, inbox=told)


def _truth(slip: Slip) -> Message:
    if slip.stage == ENDED:
        return "end", slip.filled, ""
    return ("live", slip.filled, "") if slip.stage == OPEN else ("not_found", 0, "")


def _without_fills(slip: Slip) -> tuple[str, ...]:
    return tuple(message for message in slip.inbox if not message.startswith("fill"))


def _parse(message: str) -> Message:
    kind, number, word = message.split(":")
    return kind, int(number), word


def expired(slips: Mapping[str, Slip], now: int, bound: int) -> dict[str, Slip]:
    """Let the clock pass: a request that has been on the wire for too long is not executed any more."""
    passed = {}
    for oid, slip in slips.items():
        late = slip.stage == WIRE and now - slip.sent >= bound
        waited = slip.pending and not late
        if late or waited != slip.waited:
            slip = attrs.evolve(slip, stage=LOST if late else slip.stage, waited=waited)
        passed[oid] = slip
    return passed


def may_wait(slips: Iterable[Slip]) -> bool:
    """The clock may pass: nothing under way has waited for a whole step of it. A venue that is prompt but no more."""
    return not any(slip.waited and slip.pending for slip in slips)


def swept(slips: Mapping[str, Slip], settled: Iterable[str]) -> dict[str, Slip]:
    """Forget the slips of settled orders that have nothing untold and can trade no more: what is still said of them
    is no news to any table (a settled order ignores it, or keeps its id)."""
    over = frozenset(settled)
    return {oid: slip for oid, slip in slips.items() if not (oid in over and slip.spent)}


@lru_cache(maxsize=100_000)
def slip_key(slip: Slip, now: int, bound: int) -> Hashable:
    """All of a slip that decides anything later, without its name: fills by their lots, messages as a bag."""
    inbox = sorted(
        f"fill:{slip.fills[int(message.split(':')[1])]}" if message.startswith("fill") else message
        for message in slip.inbox
    )
    return (
        slip.inst,
        slip.qty,
        slip.stage,
        slip.filled,
        tuple(slip.fills[number] for number in slip.untold),
        tuple(inbox),
        slip.answered,
        slip.asked,
        slip.cancel,
        slip.waited and slip.pending,
        slip.late,
        min(now - slip.sent, bound) if slip.stage == WIRE else 0,
    )
