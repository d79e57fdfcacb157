"""One cell: a fault at a moment, and the verdict, which is the exchange's and never the bot's.

Verdicts
    .   ended flat within dust, no order left, stopped clean
    h   the same, and HALTED for a person on the way
    u   flat, no order left, but the stop could not be confirmed (exit status 1)
    H   not flat, or an order left: HALTED, and an alert names it
    N   naked or forgotten: exposure at the end, and no alert that names it
    O   an order is left in the market, and no alert names it
    D   doubled: hedges traded more than the fill they were for
    S   safe in the end, too late
    C   the run crashed, or did not end
    ?   the moment was not reached
"""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from runner.paper import PaperExchange, PaperOptions
from tests.matrix.faults import Fault
from tests.matrix.moments import Moment
from tests.matrix.scene import Scene
from tests.matrix.subjects import Line, Ours, OursAsProcess, Subject
from tests.matrix.truth import DUST, Watch
from tests.support.bot import touch

GOOD = ".huH"
STALL_LOOK_S = 0.02
LATENCY_MS = 10
CALM_S = 0.5
LATE_FILL_S = 5.0
RECOVERY_S = 9.0
"""How long after healing the account may take to be safe, before the end is judged: unknown orders have 3 s."""

SAFE_S = 6.0
"""Longer than the fault and this together, from fault or fill to safe, is too late."""


@attrs.frozen
class Result:
    """One cell's outcome. Times in ms, notional-seconds in USDT s."""

    fault: str
    moment: str
    verdict: str
    why: str = ""
    safe_ms: int = 0
    notional_s: float = 0.0
    delta: str = "0"
    over: str = "0"
    fills: int = 0
    status: int | None = None
    alerts: tuple[str, ...] = ()
    seconds: float = 0.0
    stall_ms: int = 0

    @property
    def is_good(self) -> bool:
        return self.verdict in GOOD


Maker = Callable[[PaperExchange, Path], Subject]


def ours(fault: Fault) -> Maker:
    """What makes this project's bot for a fault: a process of its own where the process is what is disturbed."""
    return OursAsProcess if fault.process else Ours


async def run_cell(
    fault: Fault, moment: Moment, folder: Path, make: Maker | None = None, carry: bool = False
) -> Result:
    """Run one cell from an empty exchange to the verdict. Never raises: what goes wrong with it is its verdict.

    Args:
        fault: the row.
        moment: the column.
        folder: where the bot's log and state go.
        make: the bot; this project's if not given.
        carry: begin with a pair held, short perp and long spot, which the cell's fill reduces.
    """
    options = PaperOptions(market="scripted", queue_ahead=Decimal(0), latency_ms=LATENCY_MS)
    began = asyncio.get_running_loop().time()
    async with PaperExchange(options) as exchange, Stalls() as stalls:
        touch(exchange)
        watch = Watch(exchange)
        subject = (make or ours(fault))(exchange, folder)
        try:
            scene = Scene(exchange, subject)
            if carry:
                await scene.hold_pair()
            result = await _play(fault, moment, scene, watch)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1].name
            result = Result(
                fault.name, moment.name, "?", f"{type(error).__name__} in {last}: {error}".splitlines()[0][:200]
            )
        finally:
            await subject.close()
            await watch.close()
    spent_s = asyncio.get_running_loop().time() - began
    return attrs.evolve(result, seconds=round(spent_s, 1), stall_ms=stalls.worst_ms)


class Stalls:
    """The longest the loop was kept from turning: a fault of the machine's that no table declares."""

    def __init__(self) -> None:
        self.worst_ms = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Stalls:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(STALL_LOOK_S)
            self.worst_ms = max(self.worst_ms, round((loop.time() - before - STALL_LOOK_S) * 1000))


async def _play(fault: Fault, moment: Moment, scene: Scene, watch: Watch) -> Result:
    loop, struck_at = asyncio.get_running_loop(), None

    def strike() -> None:
        nonlocal struck_at
        struck_at = loop.time()
        for words in fault.strikes:
            scene.exchange.fault(**words)
        if fault.process:
            scene.subject.disturb(fault.process)

    await moment.reach(scene, strike)
    assert struck_at is not None, "a moment strikes"
    await asyncio.sleep(max(struck_at + fault.hold_s - loop.time(), 0.0))
    scene.exchange.clear_faults()
    await scene.subject.heal()
    if fault.process == "kill":
        scene.stopping = None  # what was asked of the dead process is asked of the next
    scene.restore()
    if not watch.bid_fills:
        await _fill_late(scene)
    await _until_calm(watch, scene)
    # What is open is told now: a stop that settles it would hide that nobody else would have.
    told = _alerts(scene.subject.lines)
    scene.ask_to_stop()
    assert scene.stopping is not None
    status = await scene.stopping
    lines = scene.subject.lines
    return _judged(fault, moment, watch, struck_at, status, lines, told)


async def _fill_late(scene: Scene) -> None:
    """The fault has kept the bid away from its fill: it is filled after recovery, if the bot quotes again."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LATE_FILL_S
    while scene.stopping is None and not scene.subject.has_ended and loop.time() < end:
        if scene.fill_bid():
            return
        await asyncio.sleep(0.05)


async def _until_calm(watch: Watch, scene: Scene) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + RECOVERY_S
    while loop.time() < end and watch.safe_for_s() < CALM_S:  # noqa: ASYNC110 - calm is the passing of time
        await asyncio.sleep(0.05)


def _judged(
    fault: Fault, moment: Moment, watch: Watch, struck_at: float, status: int | None, lines: list[Line], told: list[str]
) -> Result:
    truth, over = watch.truth, watch.over_hedged()
    safe_s = watch.time_to_safe_s(struck_at)
    alerts = _alerts(lines)
    left = [order.client_oid for order in truth.open_orders]
    verdict, why = ".", ""
    if over > DUST:
        verdict, why = "D", f"{over} too much"
    elif not watch.is_safe:
        named = any(_names(text, abs(watch.delta)) for text in alerts)
        verdict, why = ("H" if named else "N"), f"{watch.delta} open"
    elif left:
        verdict, why = ("H" if any(oid in text for oid in left for text in alerts) else "O"), f"left: {left}"
    elif status not in (0, 1):
        verdict, why = "C", f"exit status {status}"
    elif safe_s > fault.hold_s + SAFE_S:
        verdict, why = "S", f"safe after {safe_s:.1f} s"
    elif status == 1:
        verdict = "u"
    elif told:
        verdict = "h"
    return Result(
        fault.name,
        moment.name,
        verdict,
        why,
        round(safe_s * 1000),
        round(watch.notional_seconds(), 1),
        str(watch.delta),
        str(over),
        len(watch.bid_fills),
        status,
        tuple(dict.fromkeys(alerts)),
    )


def _alerts(lines: list[Line]) -> list[str]:
    return [f"{line['reason']}: {line['data']['text']}" for line in lines if line["event"] == "alert"]


def _names(text: str, exposure: Decimal) -> bool:
    """Whether a text holds the figure, to within dust."""
    figures: list[Any] = re.findall(r"\d+(?:\.\d+)?", text)
    return any(abs(Decimal(figure) - exposure) <= DUST for figure in figures)
