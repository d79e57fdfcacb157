"""What a log must show of every perp fill: hedged at once, followed to nothing left, and never twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from runner.log import FIELDS

Line = dict[str, Any]
PERP, SPOT = "USDT-FUTURES", "SPOT"


def of(lines: Iterable[Line], event: str, **fields: object) -> list[Line]:
    """Lines of an event with these fields."""
    return [it for it in lines if it["event"] == event and all(it[name] == value for name, value in fields.items())]


def assert_fields(lines: list[Line]) -> None:
    """Every line has every field of the log's contract: null where it does not apply, never missing."""
    for line in lines:
        assert tuple(line) == FIELDS, set(FIELDS) ^ set(line)
        assert isinstance(line["ts"], int) and line["event"]


def assert_chain(lines: list[Line]) -> dict[str, int]:
    """Follow every perp fill to its end, from the log alone. Returns how many there were of what.

    fill(USDT-FUTURES) → ticket → order_new(intent=hedge, leg=spot_ioc) → fill(SPOT), its own, real → ticket remain 0
    """
    assert_fields(lines)
    tickets = _tickets(lines)
    perp_fills = of(lines, "fill", inst_type=PERP)
    for fill in perp_fills:
        _assert_owned(lines, fill, tickets)
    for cycle, story in tickets.items():
        _assert_closed(lines, cycle, story)
    _assert_spot_fills(lines)
    _assert_nothing_twice(lines)
    return {
        "perp_fills": len(perp_fills),
        "tickets": len(tickets),
        "spot_fills": len(of(lines, "fill", inst_type=SPOT)),
    }


def _tickets(lines: list[Line]) -> dict[int, list[Line]]:
    found: dict[int, list[Line]] = {}
    for line in of(lines, "ticket"):
        found.setdefault(line["cycle_id"], []).append(line)
    return found


def _assert_owned(lines: list[Line], fill: Line, tickets: dict[int, list[Line]]) -> None:
    """The line after a perp fill is its ticket's, of the same millisecond; a fill that is dust says so."""
    after = lines[lines.index(fill) + 1]
    assert after["event"] == "ticket" and after["ts"] == fill["ts"], f"nobody took {fill['dedupe_key']}: {after}"
    if fill["intent"] == "unwind":
        return
    story = tickets[after["cycle_id"]]
    skipped = of(lines, "order_skip", intent="hedge", cycle_id=after["cycle_id"])
    netted = after["reason"] == "net"
    hedges = of(lines, "order_new", intent="hedge", leg="spot_ioc", cycle_id=after["cycle_id"])
    assert hedges or skipped or netted, f"no hedge for {fill['dedupe_key']}"
    if story[0] is after and hedges:
        assert hedges[0]["ts"] == fill["ts"], "the first hedge goes out in the fill's own turn"


def _assert_closed(lines: list[Line], cycle: int, story: list[Line]) -> None:
    """A ticket's arithmetic holds at every line, and its last line has nothing left but less than a minimum of dust."""
    for line in story:
        it = {name: Decimal(value) for name, value in line["data"].items() if name.endswith("_qty") or name == "remain"}
        rest = it["want_qty"] - it["filled_qty"] - it["unwound_qty"] - it["netted_qty"] - it["dust_qty"]
        assert rest == it["remain"], line["data"]
    last = story[-1]["data"]
    assert last["status"] == "DONE" and last["remain"] == "0", f"ticket {last['hedge_id']} is open: {last}"
    (rules,) = of(lines, "constraints_loaded")[-1:]
    step = Decimal(rules["data"][SPOT]["step"])
    smallest = max(Decimal(rules["data"][SPOT]["min_qty"]), step)
    price = next((Decimal(it["data"]["price"]) for it in of(lines, "fill")), Decimal(1))
    smallest = max(smallest, Decimal(rules["data"][SPOT]["min_notional"]) / price + step)
    assert abs(Decimal(last["dust_qty"])) < smallest, f"dust hides a missing hedge: {last}"


def _assert_spot_fills(lines: list[Line]) -> None:
    """Each spot fill is real, has its order's clientOid restored, and comes after that order was sent."""
    sent = {line["client_oid"]: line for line in of(lines, "order_new") if line["inst_type"] == SPOT}
    for fill in of(lines, "fill", inst_type=SPOT):
        assert not fill["simulated"] and fill["client_oid"] in sent, fill
        order = sent[fill["client_oid"]]
        assert lines.index(order) < lines.index(fill) and order["intent"] in ("hedge", "unwind")
    filled: Counter[str] = Counter()
    for fill in of(lines, "fill", inst_type=SPOT):
        filled[fill["client_oid"]] += Decimal(fill["data"]["qty"])  # type: ignore[assignment]
    for oid, qty in filled.items():
        assert qty <= Decimal(sent[oid]["data"]["request"]["size"]), f"{oid} filled more than was asked"


def _assert_nothing_twice(lines: list[Line]) -> None:
    """No trade is booked twice, no clientOid is used twice, and hedges add up to what was to be hedged."""
    keys = Counter(line["dedupe_key"] for line in of(lines, "fill"))
    oids = Counter(line["client_oid"] for line in of(lines, "order_new"))
    assert max(keys.values(), default=1) == 1, [key for key, count in keys.items() if count > 1]
    assert max(oids.values(), default=1) == 1, [oid for oid, count in oids.items() if count > 1]
    change = sum((Decimal(line["data"]["change"]) for line in of(lines, "fill")), Decimal(0))
    tick = of(lines, "tick")[-1]["data"]
    owned = of(lines, "fill")
    if not owned or lines.index(owned[-1]) < lines.index(of(lines, "tick")[-1]):
        assert change == Decimal(tick["delta"]), "what the fills say is not what the desk says"
