"""The report's parts, each from a handful of records: time cut into cells, results put together, what is new."""

from __future__ import annotations

import doctest
import random
from decimal import Decimal
from typing import Any

from runner.drawing import fluid, html
from runner.report import kinds, words
from runner.report.earned import COLUMNS, Earned, Markouts
from runner.report.kinds import Kinds
from runner.report.modes import Halts, Modes
from runner.report.spans import CELLS_MAX, Cells
from runner.report.tickets import FIGURES, LISTED, Tickets

T0 = 1_795_000_000_000
HOUR = 3_600_000


def test_the_examples_run() -> None:
    """What the docstrings show is what happens."""
    found = [doctest.testmod(module) for module in (fluid, html, kinds, words)]
    assert sum(it.attempted for it in found) == 5 and not any(it.failed for it in found)


# --- cells ------------------------------------------------------------------------------------------------------------


def test_cells_are_the_same_in_whatever_order_values_come() -> None:
    """From a second to a year, in order or not: as wide as the span takes, never too many, nothing lost."""
    rng = random.Random(1)
    for span_ms in (1_000, HOUR, 8_760 * HOUR):
        values = [(T0 + rng.randrange(span_ms), rng.random()) for _ in range(3_000)] + [(T0, 2.0), (T0 + span_ms, 3.0)]
        told = []
        for _ in range(2):
            cells: Cells[float] = Cells(max)
            for at, value in values:
                cells.put(at, value)
            told.append((cells.width_ms, cells.told()))
            rng.shuffle(values)
        (width, found), other = told

        assert (width, found) == other and max(value for _at, value in found) == 3.0
        assert (found[-1][0] - found[0][0]) // width < CELLS_MAX
        assert width == 8 or (span_ms // width) * 2 >= CELLS_MAX - 2, "no wider than it takes"


def test_a_long_stay_after_short_ones_costs_no_more_than_the_cells() -> None:
    """A second in 8 ms cells, then a month in one mode: a thousand cells at most, every ms in one of them."""
    modes, month = Modes(), 720 * HOUR
    modes.begin(T0)
    modes.first("IDLE")
    modes.change(T0 + 1_000, "IDLE", "QUOTING")
    modes.end(T0 + 1_000 + month)
    told = modes.as_dict()

    assert len(told["cells"]) <= CELLS_MAX
    assert sum(shares.get("QUOTING", 0) for _at, shares in told["cells"]) == month
    assert told["stays"]["IDLE"]["ms"] == 1_000


# --- results ----------------------------------------------------------------------------------------------------------


def row(net: str, since_ms: int = 0) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS, net) | {"since_ms": since_ms, "fees_by_coin": {}}


def test_rows_of_a_day_replace_each_other_and_days_add_up() -> None:
    """1, then 3 of one day; 4 when it ends; 2 of the next: 6, and the run's own row says 7 at its end."""
    earned = Earned()
    earned.begin_run()
    for at, reason, data in (
        (1, "day_so_far", row("1", T0)),
        (2, "day_so_far", row("3", T0)),
        (3, "day", row("4", T0)),
        (4, "day_so_far", row("2", T0 + 3 * HOUR)),
    ):
        earned.row(T0 + at * HOUR, reason, data)
    assert earned.level["net"] == 6
    earned.row(T0 + 5 * HOUR, "run", row("7", T0))

    assert earned.level["net"] == 7
    assert [value for _at, value in earned.curve.told()][-1] == 7
    assert (earned.untold_ends, earned.as_dict()["columns"]["fees"]) == (0, "7")


def test_a_run_that_goes_on_with_a_day_counts_nothing_twice() -> None:
    """5 in the first run; the next, on the same day, tells the whole day's 8, and 3 of its own at the end."""
    earned = Earned()
    earned.begin_run()
    earned.row(T0, "day_so_far", row("4", T0))
    earned.row(T0 + HOUR, "run", row("5", T0))
    earned.begin_run()
    earned.row(T0 + 2 * HOUR, "day_so_far", row("8", T0))
    earned.row(T0 + 3 * HOUR, "run", row("3", T0 + HOUR))

    assert earned.level["net"] == 8


def test_a_day_that_went_on_after_other_runs_is_counted_once() -> None:
    """Two runs too short for a row of the day earn 5 and 3, one of another state (a dry run) nothing; the next goes on
    with the day, whose row says 9. After another dry run it says 11, and 12 when it ends."""
    earned = Earned()
    rows = [
        [("run", row("5", T0))],
        [("run", row("3", T0 + HOUR))],
        [("day_so_far", row("0", T0 + 2 * HOUR)), ("run", row("0", T0 + 2 * HOUR))],
        [("day_so_far", row("9", T0)), ("run", row("2", T0 + 3 * HOUR))],
        [("day_so_far", row("0", T0 + 4 * HOUR)), ("run", row("0", T0 + 4 * HOUR))],
        [("day_so_far", row("11", T0)), ("day", row("12", T0)), ("day_so_far", row("1", T0 + 9 * HOUR))],
    ]
    levels = []
    for at, run in enumerate(rows, start=1):
        earned.begin_run()
        for reason, data in run:
            earned.row(T0 + (9 if reason == "day" else at) * HOUR, reason, data)
            levels.append(int(earned.level["net"]))
    assert levels == [5, 8, 8, 8, 9, 10, 10, 10, 11, 12, 13]


def test_a_killed_run_loses_only_what_no_row_told() -> None:
    """4 told, killed; the day's next row says 6. Its end tells of itself alone and is not added to what is unknown."""
    earned = Earned()
    earned.begin_run()
    earned.row(T0, "day_so_far", row("4", T0))
    earned.begin_run()
    assert (earned.level["net"], earned.untold_ends) == (4, 1)
    earned.row(T0 + 2 * HOUR, "day_so_far", row("6", T0))
    earned.row(T0 + 3 * HOUR, "run", row("1", T0 + HOUR))

    assert earned.level["net"] == 6


def test_markouts_of_rows_are_put_together_by_notional() -> None:
    """1 bps of 100 and 4 bps of 300 are 3.25 bps of 400."""
    markouts = Markouts()
    for bps, notional in ((1, 100), (4, 300)):
        one = {"count": 2, "value": str(Decimal(bps * notional) / 10_000), "notional": str(notional), "bps": str(bps)}
        sides = {str(s): one for s in (1, 3, 5, 30)}
        markouts.take({"missed": 1, "bid": sides, "ask": sides})
    told = markouts.as_dict()

    assert told["missed"] == 2
    assert told["bid"]["30"] == {"count": 4, "bps": "3.25", "value": "0.13", "notional": "400"}


# --- what happened ----------------------------------------------------------------------------------------------------


def test_only_what_no_earlier_run_did_is_new() -> None:
    """Three runs: what the first or the second did is not new in the third, whatever order's name stands in it."""
    seen = Kinds()
    for names in (["unwind_overdue:mm-Hsi-1-a0-1", "x"], ["y"], ["y", "unwind_overdue:mm-Hsi-2-b0-1", "z", "z"]):
        seen.begin_run()
        for name in names:
            seen.take("record", "risk", seen.general(name), T0)
    told = seen.as_dict()

    assert [(why, one["count"]) for _group, _name, why, one in told["new"]] == [("z", 2)]
    assert [(why, one["count"]) for _group, _name, why, one in told["all"]] == [
        ("unwind_overdue:*", 2), ("x", 1), ("y", 2), ("z", 2)
    ]  # fmt: skip


def test_a_halt_has_the_reasons_told_just_before_it_and_while_it_lasts() -> None:
    """Two reasons, one after a while; a reason of long ago is none of it. A halt the log ends in lasts to its end."""
    halts = Halts()
    halts.risk(T0 - HOUR, "old", {"latched": False, "reasons": []})
    halts.risk(T0, "feed_down:private", {"latched": False, "reasons": []})
    halts.begin(T0)
    halts.risk(T0 + 10, "drift", {"latched": True, "reasons": [], "detail": "by 1"})
    halts.end(T0 + 1_000, left=True)
    halts.begin(T0 + 2_000)
    halts.end(T0 + 5_000, left=False)
    told = halts.as_dict()

    assert [halt["reasons"] for halt in told["newest"]] == [{"feed_down:private": False, "drift": True}, {}]
    assert (told["count"], told["ms"], told["newest"][1]["until_ms"]) == (2, 4_000, None)
    assert told["by_reason"]["drift"] == {
        "count": 1, "ms": 1_000, "longest_ms": 1_000, "first_ms": T0, "last_ms": T0, "latched": True, "detail": "by 1"
    }  # fmt: skip


def test_the_tickets_to_look_at_are_the_open_the_unwound_and_the_slowest() -> None:
    """Of a hundred, one open, one unwound in 5 ms, the rest hedged in 10 to 107 ms: those two lead, then 107, 106 …"""
    tickets = Tickets()

    def tell(number: int, at: int, status: str, why: str, unwound: str = "0") -> None:
        data = dict.fromkeys(FIGURES) | {"hedge_id": f"h{number}", "status": status, "opened_ms": T0, "end": None}
        data["unwound_qty"] = unwound
        tickets.take({"ts": T0 + at, "event": "ticket", "reason": why, "data": data}, lambda _change, _why: None)

    for number in range(98):
        tell(number, 0, "PENDING", "opened")
        tell(number, 10 + number, "DONE", "hedge_filled")
    tell(98, 0, "PENDING", "opened")
    tell(98, 3, "UNWINDING", "spot_refused")
    tell(98, 5, "DONE", "unwind_filled", "0.01")
    tell(99, 0, "PENDING", "opened")
    tell(0, 999, "DONE", "late_fill")
    told = tickets.as_dict()

    assert (told["done"], told["unwound"], told["open"]) == (99, 1, 1)
    assert [ticket["hedge_id"] for ticket in told["worst"]][:4] == ["h99", "h98", "h97", "h96"]
    assert len(told["worst"]) == LISTED and told["worst"][1]["spans"] == [["PENDING", 3], ["UNWINDING", 2]]
    assert told["time_in_state"]["UNWINDING"] == {"entries": 1, "ms": 2, "longest_ms": 2}
