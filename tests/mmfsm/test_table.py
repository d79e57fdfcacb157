"""Tables: every broken rule is refused by name, every pair is decided, and `transitions`' stock classes do the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from mmfsm import machines
from mmfsm.errors import TableError
from mmfsm.events import FeedName
from mmfsm.machines import feed, mode, order, pair, session, slot, ticket
from mmfsm.table import IGNORE, KINDS, NEVER, STAY, Row, Table
from mmfsm.testing import constraints
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, Outcome, Side, Tif
from tests.support.stock import stock_fire

d = Decimal
TABLES = {table.name: table for table in machines.ALL}
PAIRS = [(table.name, state, event) for table in machines.ALL for state in table.states for event in table.events]

# --- the linter -------------------------------------------------------------------------------------------------------


@attrs.define
class Light:
    """A lamp with a button: the smallest subject."""

    state: str = "OFF"


Out = list[str]


def bright(_light: Light, what: int) -> bool:
    return what > 0


def dim(_light: Light, what: int) -> bool:
    return what < 0


def click(_light: Light, _what: int, out: Out) -> None:
    out.append("click")


def one_argument(_light: Light) -> bool:
    return True


def says_int(_light: Light, what: int) -> int:
    return what


def says_nothing(_light: Light, _what: int):  # type: ignore[no-untyped-def]
    return True


def two_arguments(_light: Light, _out: Out) -> None: ...


def effect_that_answers(_light: Light, _what: int, _out: Out) -> bool:
    return True


STATES, EVENTS = ("OFF", "ON", "BROKEN"), {"press": "a finger", "drop": "gravity"}

GOOD: tuple[Row[Any, Any, Any], ...] = (
    Row("OFF", "press", bright, "ON", (click,)),
    Row("OFF", "press", None, STAY, (click,)),
    Row(("OFF", "ON"), "drop", None, "BROKEN"),
    Row("ON", "press", None, "OFF"),
    Row("BROKEN", "press", None, NEVER, why="nobody presses a broken lamp"),
    Row("BROKEN", "drop", None, IGNORE, why="it is broken"),
)


def lamp(*rows: Row[Any, Any, Any], **changes: Any) -> Table[Any, Any, Any]:
    return Table("Lamp", **{"states": STATES, "final": ("BROKEN",), "events": EVENTS, "rows": rows or GOOD, **changes})


def without(index: int, *instead: Row[Any, Any, Any]) -> tuple[Row[Any, Any, Any], ...]:
    return (*GOOD[:index], *instead, *GOOD[index + 1 :])


BROKEN: dict[str, tuple[tuple[Row[Any, Any, Any], ...], str]] = {
    "unknown source": ((*GOOD, Row("LOST", "press", None, "ON")), "unknown source LOST"),
    "unknown destination": (without(0, Row("OFF", "press", bright, "ONN")), "unknown destination"),
    "unknown event": ((*GOOD, Row("OFF", "pres", None, STAY)), "(OFF, pres, always, (stay)): unknown event"),
    "same guard twice": (
        (Row("OFF", "press", bright, STAY), *GOOD),
        "(OFF, press) has two rows with the same guard",
    ),
    "same guards in another order": (
        (Row("OFF", "press", (bright, dim), STAY), Row("OFF", "press", (dim, bright), "ON"), *GOOD),
        "(OFF, press) has two rows with the same guard",
    ),
    "shadowed row": (
        (Row("OFF", "press", None, STAY), *without(1, Row("OFF", "press", None, IGNORE, why="dark"))),
        "(OFF, press) has rows behind one without a guard",
    ),
    "exit from a final state": (without(5, Row("BROKEN", "drop", None, "OFF")), "leaves a final state"),
    "unreachable state": (
        without(0, Row("OFF", "press", bright, "BROKEN")),
        "state ON cannot be reached",
    ),
    "every row guarded": (without(1, Row("OFF", "press", dim, STAY)), "(OFF, press) is undecided: every row has"),
    "no row": (without(3), "(ON, press) is undecided: no row"),
    "lambda": (without(0, Row("OFF", "press", lambda _s, _w: True, "ON")), "guard <lambda> is no predicate"),
    "guard of one argument": (
        without(0, Row("OFF", "press", one_argument, "ON")),
        "one_argument is no predicate",
    ),
    "guard that says int": (without(0, Row("OFF", "press", says_int, "ON")), "guard says_int is no predicate"),
    "guard that says nothing": (without(0, Row("OFF", "press", says_nothing, "ON")), "says_nothing is no predicate"),
    "guard that is no function": (without(0, Row("OFF", "press", bool, "ON")), "guard bool is no predicate"),
    "effect of two arguments": (without(3, Row("ON", "press", None, "OFF", (two_arguments,))), "two_arguments is no"),
    "effect that answers": (
        without(3, Row("ON", "press", None, "OFF", (effect_that_answers,))),
        "is no effect",
    ),
    "lambda effect": (without(3, Row("ON", "press", None, "OFF", (lambda _s, _w, _o: None,))), "<lambda> is no effect"),
    "IGNORE without why": (without(5, Row("BROKEN", "drop", None, IGNORE)), "gives no reason"),
    "NEVER without why": (without(4, Row("BROKEN", "press", None, NEVER)), "gives no reason"),
    "IGNORE with effects": (
        without(5, Row("BROKEN", "drop", None, IGNORE, (click,), why="x")),
        "has effects; say STAY",
    ),
    "NEVER with effects": (without(4, Row("BROKEN", "press", None, NEVER, (click,), why="x")), "has effects"),
    "destination is the source": (without(3, Row("ON", "press", None, "ON")), "goes where it stands; say STAY"),
}


def test_a_sound_table_is_built() -> None:
    """The table that every broken one below is a single row away from has no fault."""
    assert lamp().initial == "OFF"


@pytest.mark.parametrize("rule", BROKEN)
def test_the_linter_refuses_and_names(rule: str) -> None:
    """A table with one broken rule is refused when it is built, and the message names table and fault."""
    rows, message = BROKEN[rule]

    with pytest.raises(TableError) as refused:
        lamp(*rows)

    assert "table Lamp:" in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"final": ("BROKEN", "GONE")}, "final names the unknown state GONE"),
        ({"timeouts": {"WARM": "a minute"}}, "timeouts names the unknown state WARM"),
        ({"events": {**EVENTS, "shine": "a light"}}, "(OFF, shine) is undecided: no row"),
        ({"states": (*STATES, "WARM")}, "state WARM cannot be reached"),
    ],
)
def test_the_linter_checks_what_stands_around_the_rows(changes: dict[str, Any], message: str) -> None:
    """Final states, timeouts, events and states are held against the rows."""
    with pytest.raises(TableError, match=message.replace("(", r"\(").replace(")", r"\)")):
        lamp(**changes)


def test_the_linter_names_every_fault_at_once() -> None:
    """A table with several faults is described whole, a line each."""
    with pytest.raises(TableError) as refused:
        lamp(*without(3), Row("OFF", "pres", None, "ONN"))

    text = str(refused.value)
    assert [part in text for part in ("no row", "unknown event", "unknown destination")] == [True] * 3


# --- the seven tables ---------------------------------------------------------------------------------------------


def test_there_are_seven_machines() -> None:
    """All machines are listed, once."""
    assert list(TABLES) == ["Mode", "HedgeTicket", "Order", "QuoteSlot", "Pair", "Feed", "Session"]


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_every_pair_is_decided(name: str, state: str, event: str) -> None:
    """Every (state, event) pair of every machine ends in a row without a guard, and in that row alone."""
    rows = TABLES[name].rows_for(state, event)

    assert [bool(row.guards) for row in rows] == [True] * (len(rows) - 1) + [False]


@pytest.mark.parametrize("table", machines.ALL, ids=lambda table: table.name)
def test_every_row_that_changes_nothing_says_why(table: Table[Any, Any, Any]) -> None:
    """A row that neither moves nor has effects carries a reason."""
    assert [row for row in table.rows if row.dest in KINDS and not row.effects and not row.why] == []


# --- both executors ---------------------------------------------------------------------------------------------------

PERP_RULES = constraints()
LIMITS = order.OrderLimits(6_000, 800, 1_500, 700, 5_000, 30_000)
HEDGE_LIMITS = ticket.HedgeLimits(1_500, 5_000, 200, 300, d("5"), d("10"), d("100"), d("50"))
Pick = random.Random


def of(pick: Pick, *values: Any) -> Any:
    return pick.choice(values)


def mode_case(pick: Pick, state: str) -> tuple[Any, Any]:
    reasons = of(pick, {}, {"a": False}, {"a": True}, {"a": False, "b": False}, {"a": True, "b": False})
    subject = mode.ModeState(state, dict(reasons), of(pick, 0, 900))
    return subject, mode.ModeInput(
        of(pick, 500, 1000), of(pick, "", "x"), of(pick, True, False), 7, "a", of(pick, True, False)
    )


def ticket_case(pick: Pick, state: str) -> tuple[Any, Any]:
    side = of(pick, Side.BUY, Side.SELL)
    child = of(pick, None, None, ticket.Child(InstType.SPOT, side.opposite, d("0.01")))
    subject = ticket.HedgeTicket(
        "h", 1, side, 0, of(pick, 1_500, 20_000), of(pick, 5_000, 50_000),
        of(pick, d("0"), d("0.00003"), d("0.005"), d("0.01"), d("0.0173")), filled=of(pick, d("0"), d("0.003")),
        chases=of(pick, 0, 1), state=state, child=child, next_try_ms=of(pick, 0, 90_000),
        spot_refused=of(pick, True, False), perp_refused=of(pick, True, False),
    )  # fmt: skip
    view = ticket.HedgeView(
        PERP_RULES, HEDGE_LIMITS, of(pick, None, d("2500")), of(pick, None, d("2501")),
        of(pick, None, d("2500")), of(pick, None, d("2501")), of(pick, d("-0.05"), d("0"), d("0.05"), d("0.005")),
    )  # fmt: skip
    return subject, ticket.TicketInput(of(pick, 1_000, 10_000), view, d("0.004"))


def order_case(pick: Pick, state: str) -> tuple[Any, Any]:
    tif = of(pick, Tif.IOC, Tif.POST_ONLY)
    request = OrderRequest(
        "mm-Qpb-1-1-1", InstType.PERP, Side.BUY, d("0.03"), d("2500"), tif, OrderIntent.QUOTE, Leg.PERP_BID, 1
    )
    subject = order.Order(
        request, "bid", of(pick, 0, 99_000), state, of(pick, None, "7"), of(pick, d("0"), d("0.01"), d("0.02")),
        of(pick, None, d("0.02"), d("0.03")), shown=of(pick, d("0"), d("0.02")), shown_ms=of(pick, 0, 99_900),
        cancel_wanted=of(pick, True, False), since_ms=of(pick, 0, 99_500), doubt_ms=of(pick, 0, 99_500),
        asked_ms=of(pick, 0, 99_900), not_found=of(pick, 0, 1), alarmed=of(pick, True, False),
    )  # fmt: skip
    what = order.OrderInput(
        100_000, LIMITS, order_id=of(pick, None, "7"), qty=of(pick, d("0.005"), d("0.01")),
        filled=of(pick, d("0"), d("0.02")), reason="why", outcome=Outcome.REFUSED, asked=of(pick, True, False),
    )  # fmt: skip
    return subject, what


def slot_case(pick: Pick, state: str) -> tuple[Any, Any]:
    subject = slot.QuoteSlot(Side.BUY, state, "oid", d("2500"), d("0.02"), of(pick, 0, 900))
    price, qty = of(pick, d("2500.01"), d("2600")), of(pick, d("0.01"), d("0.02"), d("0.03"))
    return subject, slot.SlotInput(1_000, 500, d("2"), price, qty, of(pick, None, d("2490"), d("2700")))


def pair_case(pick: Pick, state: str) -> tuple[Any, Any]:
    reasons = "", pair.TAKE_PROFIT, pair.LOSS_CUT
    subject = pair.Pair(state, of(pick, 0, 900), of(pick, 100, 900), of(pick, *reasons[1:]), of(pick, -1, 0, 1))
    flags = [of(pick, True, False) for _ in range(3)]
    return subject, pair.PairInput(
        1_000, of(pick, *reasons), flags[0], flags[1], 500, flags[2], now_sign=of(pick, -1, 1)
    )


def feed_case(pick: Pick, state: str) -> tuple[Any, Any]:
    channel = of(pick, feed.BOOKS5, feed.BOOKS)
    heard, since, acked = of(pick, 0, 9_000), of(pick, -30_000, 0, 9_000), of(pick, True, False)
    subject = feed.Feed(FeedName.PERP_BOOK, channel, state, heard, since, acked)
    return subject, feed.FeedInput(10_000, 3_000, 5_000, of(pick, True, False))


def session_case(pick: Pick, state: str) -> tuple[Any, Any]:
    def flag() -> Any:
        return of(pick, True, False)

    subject = session.Session(
        state, of(pick, "probe", "ask_time", "ask_account", "ask_constraints", "ask_fees"), of(pick, 0, 9_500),
        unanswered=flag(), since_ms=of(pick, 0, 9_000),
        mode_set=flag(), probing=flag(), readback_asked_ms=of(pick, 0, 5_000, 9_999), readback_ms=of(pick, 0, 10_001),
    )  # fmt: skip
    what = session.SessionInput(
        10_000, 5_000, fits=flag(), fixable=flag(), final=flag(), fresh=flag(), probe_needed=flag(), quiet=flag(),
        clean=flag(), failure="f", detail="d",
    )  # fmt: skip
    return subject, what


CASES: dict[str, Callable[[Pick, str], tuple[Any, Any]]] = {
    "Mode": mode_case,
    "HedgeTicket": ticket_case,
    "Order": order_case,
    "QuoteSlot": slot_case,
    "Pair": pair_case,
    "Feed": feed_case,
    "Session": session_case,
}
AT_LEAST, AT_MOST = 15, 2_000


def run_both(table: Table[Any, Any, Any], pick: Pick, state: str, event: str) -> tuple[Row[Any, Any, Any], str, bool]:
    """Run one generated case on our classes and on the stock ones; return the row, the state and what was changed."""
    where = pick.getstate()
    runs = []
    for fire in (Table.fire, stock_fire):
        pick.setstate(where)
        subject, what = CASES[table.name](pick, state)
        before, out = repr(subject), list[Any]()
        row = fire(table, subject, event, what, out)
        runs.append((row, subject, out, before))
    (ours, subject, out, before), (stock, subject_2, out_2, _) = runs

    assert ours is stock
    assert subject == subject_2
    assert out == out_2
    return ours, subject.state, repr(subject) != before or bool(out)


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_our_classes_decide_as_the_stock_ones_of_transitions(name: str, state: str, event: str) -> None:
    """`fire` and a stock machine take the same row, leave the same subject and say the same, at every row."""
    table, pick = TABLES[name], random.Random(f"{name} {state} {event}")
    rows, taken = table.rows_for(state, event), list[int]()

    for count in range(AT_MOST):
        if count >= AT_LEAST and len(set(taken)) == len(rows):
            break
        row, after, changed = run_both(table, pick, state, event)
        taken.append(rows.index(row))
        assert after == (row.dest if row.dest in table.states else state)
        assert row.impossible == (row.dest == NEVER)
        if row.dest in (IGNORE, NEVER):
            assert not changed

    assert sorted(set(taken)) == list(range(len(rows))), "some row was never the first whose guards held"


def test_the_first_row_whose_guard_holds_is_taken() -> None:
    """Rows are tried in the order they stand, as the stock classes do."""
    table = lamp(Row("OFF", "press", (bright, dim), "BROKEN"), *GOOD)

    for fire in (Table.fire, stock_fire):
        light, out = Light(), list[str]()
        assert fire(table, light, "press", 1, out).dest == "ON"
        assert (light.state, out) == ("ON", ["click"])


def test_an_effect_runs_after_the_state_has_changed() -> None:
    """An effect sees the new state, as with the stock classes."""
    table = lamp(*without(0, Row("OFF", "press", bright, "ON", (tell_state,))))

    for fire in (Table.fire, stock_fire):
        out = list[str]()
        fire(table, Light(), "press", 1, out)
        assert out == ["ON"]


def tell_state(light: Light, _what: int, out: Out) -> None:
    out.append(light.state)


def test_an_impossible_pair_is_reported_and_changes_nothing() -> None:
    """A NEVER row says so in what `fire` returns; subject and output stay as they were."""
    for fire in (Table.fire, stock_fire):
        light, out = Light("BROKEN"), list[str]()
        row = fire(lamp(), light, "press", 1, out)
        assert (row.impossible, row.why) == (True, "nobody presses a broken lamp")
        assert (light, out) == (Light("BROKEN"), [])


def test_a_table_holds_no_subject() -> None:
    """Two subjects run on one table without knowing of each other, and the table keeps neither."""
    table, one, two = lamp(), Light(), Light()
    table.fire(one, "press", 1, [])

    assert (one.state, two.state, table._machine.models) == ("ON", "OFF", [])
