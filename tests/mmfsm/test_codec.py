"""Values to JSON and back: every event, and a whole desk in the middle of a hedge."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import attrs
import pytest
from cattrs.errors import ClassValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmfsm.codec import event_from_json, event_to_json
from mmfsm.desk import Desk
from mmfsm.events import BookEvent, Event, FillEvent, Tick
from mmfsm.ledger import SEEN_MAX
from mmfsm.params import Params
from mmfsm.state import SNAPSHOT_VERSION
from mmfsm.testing import ack, ended, fill_of, opening, placed
from mmfsm.values import InstType, Level, NormalizedFill, Side

D = Decimal
T0 = 1_800_000_000_000
KINDS = Event.__args__
PARAMS = Params(perp_tif="both", base_half_spread_bps=D(2))

decimals = st.decimals(D("-1e12"), D("1e12"), places=9)
st.register_type_strategy(Decimal, decimals)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_survives_the_journey_through_json(kind: type[Any]) -> None:
    """What is written as JSON text reads back as the same event, of the same type."""

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_type(kind))
    def there_and_back(event: Any) -> None:
        data = json.loads(json.dumps(event_to_json(event)))
        assert event_from_json(data) == event
        assert data["type"] == kind.__name__

    there_and_back()


def test_decimals_travel_as_text_without_exponent() -> None:
    """No float comes near a price; a side of a book is one text."""
    level = Level(D("2500.10"), D("1E-8"))
    data = event_to_json(BookEvent(1, InstType.PERP, (level,), (level,), 2))

    assert data["bids"] == "2500.1@0.00000001"
    assert data["inst"] == "USDT-FUTURES"


def test_levels_written_as_objects_still_read() -> None:
    """As journals and snapshots had them before a side became one text."""
    told = BookEvent(1, InstType.PERP, (Level(D("2500.1"), D(3)), Level(D(2500), D("0.5"))), (Level(D(2501), D(1)),), 2)
    data = event_to_json(told)
    data["bids"] = [{"price": "2500.1", "qty": "3"}, {"price": "2500", "qty": "0.5"}]

    assert event_from_json(data) == event_from_json(event_to_json(told)) == told


def test_a_snapshot_of_version_1_is_read() -> None:
    """Dedupe keys as it had them while both legs' keys were in one list: no fill that was booked is booked again."""
    desk, _ = hedge_half_done()
    data = json.loads(json.dumps(desk.snapshot()))
    data["version"] = 1
    data["ledger"]["seen"] = {key: whose for keys in data["ledger"]["seen"].values() for key, whose in keys.items()}

    restored = Desk.restore(PARAMS, data).state
    assert restored.ledger == desk.state.ledger and all(restored.ledger.seen.values())
    assert restored.version == SNAPSHOT_VERSION == 2  # what it writes is not of version 1

    data["ledger"]["seen"] = {f"SPOT:{number}": "9" for number in range(20_000)}  # version 1 kept so many
    kept = Desk.restore(PARAMS, data).state.ledger.seen[InstType.SPOT]
    assert list(kept) == [f"SPOT:{number}" for number in range(20_000 - SEEN_MAX, 20_000)]  # no fill waits for the rest


def test_an_unknown_type_is_refused() -> None:
    """A journal of another version is not read as something else."""
    with pytest.raises(KeyError):
        event_from_json({"type": "Rumour", "at_ms": 1})


def test_a_field_that_is_missing_takes_its_default() -> None:
    """A record written before a field existed still reads; a field without a default is needed."""
    told = FillEvent(1, NormalizedFill(InstType.SPOT, "o", Side.BUY, D(1), D(2), 3))
    data = event_to_json(told)
    del data["fill"]["forced"]

    assert event_from_json(data) == told
    del data["fill"]["price"]
    with pytest.raises(ClassValidationError, match="FillEvent"):
        event_from_json(data)


# --- a whole desk -----------------------------------------------------------------------------------------------------


def hedge_half_done() -> tuple[Desk, list[Event]]:
    """A desk whose bid was hit for 0.01 and whose hedge has filled in part; and what happens next."""
    desk = Desk(PARAMS, run=1)
    quotes = [request for event in opening(T0, PARAMS) for request in placed(desk.handle(event))]
    for number, request in enumerate(quotes):
        ack(desk, request, T0 + 10, f"q{number}")
    bid = next(request for request in quotes if request.side is Side.BUY)
    hedge = placed(desk.handle(fill_of(bid, f"q{quotes.index(bid)}", "t1", T0 + 20)))[0]
    ack(desk, hedge, T0 + 30, "h0")
    desk.handle(fill_of(hedge, "h0", "t2", T0 + 40, "0.004"))
    rest: list[Event] = [
        ended(bid, f"q{quotes.index(bid)}", T0 + 45, "0.01"),
        ended(hedge, "h0", T0 + 50, "0.004"),
        *(Tick(T0 + ms) for ms in range(300, 9_000, 300)),
    ]
    return desk, rest


def through_json(desk: Desk) -> Desk:
    return Desk.restore(PARAMS, json.loads(json.dumps(desk.snapshot())))


def test_a_desk_restored_mid_ticket_is_the_same_desk() -> None:
    """One ticket is open with a child order out; the restored state equals the one that was written."""
    desk, _ = hedge_half_done()
    (ticket,) = desk.state.tickets.values()

    assert (ticket.state, ticket.filled, ticket.child is None) == ("PARTIAL", D("0.004"), False)
    assert through_json(desk).state == desk.state
    assert through_json(desk).next_due_ms == desk.next_due_ms


def test_a_restored_desk_goes_on_as_the_first_would_have() -> None:
    """Whatever happens next, both ask for the same, at every step restored anew."""
    desk, rest = hedge_half_done()
    twin = through_json(desk)
    for event in rest:
        assert twin.handle(event) == desk.handle(event)
        twin = through_json(twin)

    assert twin.state == desk.state


def test_every_step_of_a_start_up_can_be_restored() -> None:
    """There is no event after which a snapshot would not read back."""
    desk = Desk(PARAMS, run=1)
    for event in opening(T0, PARAMS):
        desk.handle(event)
        assert through_json(desk).state == desk.state


def test_a_restored_desk_shares_nothing_with_the_first() -> None:
    """What happens to one leaves the other alone."""
    desk, rest = hedge_half_done()
    twin, before = through_json(desk), json.dumps(desk.snapshot())
    for event in rest:
        twin.handle(event)

    assert json.dumps(desk.snapshot()) == before


def test_a_snapshot_of_another_version_is_refused() -> None:
    """An older or newer state is not guessed at."""
    desk = Desk(PARAMS, run=1)

    for version in (0, 99, None):
        with pytest.raises(ValueError, match="snapshot version"):
            Desk.restore(PARAMS, {**desk.snapshot(), "version": version})


def test_every_event_type_is_in_the_codec() -> None:
    """The union, the codec and the list of names are one and the same."""
    assert len({kind.__name__ for kind in KINDS}) == len(KINDS)
    assert all(attrs.has(kind) and "at_ms" in attrs.fields_dict(kind) for kind in KINDS)


WRITERS = """
import builtins
from mmfsm import Desk, Params, codec
from mmfsm.testing import fill_of, opening, placed

desk = Desk(Params(perp_tif="both"), run=1)
quote = placed([action for event in opening(1_800_000_000_000, Params()) for action in desk.handle(event)])[0]
fill, compiled, really = fill_of(quote, "1", "2", 1_800_000_000_001), [], compile
builtins.compile = lambda *told, **more: compiled.append(told[1]) or really(*told, **more)
if {prepared}:
    codec.prepare()
compiled.clear()
codec.event_to_json(fill)
print(len(compiled))
"""


@pytest.mark.parametrize(("prepared", "made"), [(True, False), (False, True)])
def test_a_prepared_writer_is_not_made_by_the_first_fill(prepared: bool, made: bool) -> None:
    """In a fresh interpreter nothing is compiled any more when it comes: neither its own writer nor its part's."""
    code = WRITERS.format(prepared=prepared)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stderr == ""
    assert (int(done.stdout) > 0) is made
