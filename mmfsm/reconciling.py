"""The second witness: REST. Everything is read back on a period, after every cut, and when something is missing.

Fills read here are booked if the stream never told them. Open orders that we believe live and the exchange does not
show are asked for. Position and balances are compared with the ledger when nothing is in flight, twice.
"""

from __future__ import annotations

from decimal import Decimal

from mmfsm import feeding, placing
from mmfsm.actions import (
    QueryBalance,
    QueryConstraints,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPosition,
    QueryServerTime,
)
from mmfsm.events import (
    BalanceEvent,
    CheckFailed,
    FillsRead,
    OpenOrdersRead,
    PositionEvent,
)
from mmfsm.machines.order import CANCELLING, LIVE
from mmfsm.orders import is_ours
from mmfsm.rounding import tradable_qty
from mmfsm.state import Balance, Turn
from mmfsm.values import InstType, Outcome, plain

FILLS_OVERLAP_MS = 60_000
"""How far before the last whole reading a reading of fills begins: what is told again is deduplicated."""

RETRY_MS = 1_000
DOUBT_MS = 3_000
"""How long after a reading the next, while a difference waits to be confirmed or taken back."""


def begin(turn: Turn) -> None:
    """Ask for everything: fills and open orders of both legs, position, balances."""
    s = turn.s
    s.recon.asked_ms, s.recon.failed = turn.at_ms, False
    s.recon.outstanding = ["position", "balance"]
    # From the last whole reading on: a fill lost since then is still ahead, however many were told meanwhile.
    since = (s.recon.whole_ms or s.started_ms) - FILLS_OVERLAP_MS
    for inst in InstType:
        s.recon.outstanding += [f"fills:{inst}", f"orders:{inst}"]
        turn.do(QueryFills(inst, None, turn.exch_ms(since)))
        turn.do(QueryOpenOrders(inst))
    turn.do(QueryPosition())
    turn.do(QueryBalance())
    if s.recover_since_ms is not None:
        turn.do(QueryServerTime())  # the clock may be what was cut: fills are read by the exchange's time


def tick(turn: Turn) -> None:
    """Begin a reading when one is due: on the period, and at once after a cut when all feeds are back."""
    s = turn.s
    if not (s.ready or s.session.state == "STOPPING" or (s.books_open and s.session.state == "CHECKING")):
        return
    if turn.at_ms - s.constraints_asked_ms >= turn.p.constraints_poll_sec * 1000:
        s.constraints_asked_ms = turn.at_ms
        turn.do(QueryConstraints())
    if turn.at_ms - s.econ.fees_asked_ms >= turn.p.fees_poll_sec * 1000:
        s.econ.fees_asked_ms = turn.at_ms
        turn.do(QueryFees())
    _recover(turn)
    age = turn.at_ms - s.recon.asked_ms
    after_cut = s.recover_since_ms is not None and s.recon.asked_ms < s.recover_since_ms and feeding.all_fresh(turn)
    retry = bool(s.recon.failed or s.recon.outstanding) and age >= max(RETRY_MS, turn.p.answer_bound_ms)
    if after_cut:
        feeding.ask_funding(turn)
    if after_cut or retry or age >= (DOUBT_MS if _doubts(turn) else turn.p.reconcile_sec * 1000):
        begin(turn)


def _doubts(turn: Turn) -> bool:
    """A witness has told another figure, long enough ago that a reading now may confirm it."""
    quiet_ms = turn.p.drift_quiet_ms
    return any(one.disagreed and turn.at_ms - one.last_ms >= quiet_ms for one in turn.s.witnesses.values())


def _done(turn: Turn, what: str) -> None:
    s = turn.s
    if what not in s.recon.outstanding:
        return
    s.recon.outstanding.remove(what)
    if s.recon.outstanding or s.recon.failed:
        return
    s.recon.done_ms, s.recon.whole_ms = turn.at_ms, s.recon.asked_ms
    _recover(turn)


def _recover(turn: Turn) -> None:
    """End the wait after a cut once everything has been read since, in whatever order the answers came."""
    s, cut = turn.s, turn.s.recover_since_ms
    if cut is not None and s.recon.whole_ms >= cut and s.funding_ms >= cut and feeding.all_fresh(turn):
        s.recover_since_ms = None
        turn.record("recovered", "oms", data={"down_ms": turn.at_ms - cut})


def on_fills_read(turn: Turn, event: FillsRead) -> None:
    """The fills themselves came before this, as fill events."""
    if event.result.outcome is not Outcome.ACCEPTED:
        turn.s.recon.failed = turn.s.recon.failed or event.order_id is None
        return
    turn.s.unparsable.pop(f"{event.inst}:{event.order_id or '?'}", None)
    if event.order_id is None:
        _done(turn, f"fills:{event.inst}")


def on_open_orders(turn: Turn, event: OpenOrdersRead) -> None:
    """Compare what is open there with what we believe: strays of ours are cancelled, missing ones asked for."""
    s = turn.s
    shown, known, foreign = set(), s.foreign.get(event.inst, []), []
    for report in event.orders:
        order = s.orders.of_report(report)
        if order is not None and not placing.is_alive_after_all(order, report):
            shown.add(order.request.client_oid)
            placing.on_report(turn, order, report, asked=True)
        elif placing.adopt_stray(turn, report):
            turn.record("risk", "oms", "stray_order", client_oid=report.client_oid, exch_order_id=report.order_id)
        elif not is_ours(report.client_oid, turn.p.client_oid_prefix):
            foreign.append(report.order_id)
            if report.order_id not in known:
                data = {"client_oid": report.client_oid, "inst": event.inst.value}
                turn.record("risk", "oms", "foreign_order", exch_order_id=report.order_id, data=data)
    if foreign != known:
        s.foreign[event.inst] = foreign
    for order in s.orders.open_on(event.inst):
        told_before = order.state in (LIVE, CANCELLING) and order.since_ms < s.recon.asked_ms
        if told_before and order.request.client_oid not in shown:
            placing.tell(turn, order, "missing")
    _done(turn, f"orders:{event.inst}")


def on_check_failed(turn: Turn, event: CheckFailed) -> None:
    """A reading that did not come back is asked for again; a refusal for good halts."""
    turn.s.recon.failed = True
    if event.result.outcome is Outcome.FATAL:
        turn.halt_soon(f"refused_for_good:{event.result.code}", latched=True, detail=event.result.msg or event.what)


def on_position(turn: Turn, event: PositionEvent) -> None:
    """Compare, never book. An empty report says flat."""
    if event.source == "rest":
        _done(turn, "position")
    turn.s.liquidation_price = event.liquidation_price if event.qty else None
    if turn.s.books_open:
        _compare(turn, InstType.PERP, turn.s.ledger.perp, event.qty, event.exch_ms, event.source)


def on_balance(turn: Turn, event: BalanceEvent) -> None:
    """Keep what may be spent; compare the spot coin, the only balance that fills alone explain."""
    s = turn.s
    if event.account is InstType.SPOT:
        known = s.balances.get(event.coin)
        if known is None or event.exch_ms >= known.exch_ms or event.source == "rest":
            s.balances[event.coin] = Balance(event.available, event.total, event.exch_ms)
    else:
        s.margin_free = event.available
        if event.source == "rest":
            _done(turn, "balance")
        return
    if s.books_open and s.constraints is not None and event.coin == s.constraints.spot.base_coin:
        held = event.total - turn.p.spot_baseline
        _compare(turn, InstType.SPOT, s.ledger.spot, held, event.exch_ms, event.source)


def _compare(turn: Turn, inst: InstType, ledger: Decimal, told: Decimal, exch_ms: int, source: str) -> None:
    """Drift is a difference a leg could trade, seen twice, with nothing in flight and nothing just filled.

    The second time in an answer to our own question: a push that is wrong repeats itself.
    """
    s, witness = turn.s, turn.s.witnesses[inst]
    quiet = not (s.orders.in_flight or s.tickets or s.unparsable) and s.recover_since_ms is None
    quiet = quiet and not (s.pretend and inst is InstType.SPOT)  # a pretend hedge moves no balance
    quiet = quiet and turn.at_ms - s.quiet_since_ms >= turn.p.drift_quiet_ms
    if not quiet or exch_ms < s.ledger.last_fill_ms.get(inst, 0):
        return
    price = turn.mid(inst)
    assert s.constraints is not None
    differs = ledger != told
    if differs and inst is InstType.SPOT and price is not None:
        differs = tradable_qty(abs(ledger - told), price, s.constraints.spot) > 0
    if not differs:
        witness.disagreed = 0
        return
    if witness.disagreed and turn.at_ms - witness.last_ms < turn.p.drift_quiet_ms:
        return
    if told == witness.told and witness.disagreed and source == "ws":
        return
    if told != witness.told:
        witness.disagreed = 0  # another figure: something moved, and the next reading is the first again
    witness.disagreed, witness.last_ms, witness.told = witness.disagreed + 1, turn.at_ms, told
    data = {"inst": inst.value, "ledger": plain(ledger), "exchange": plain(told), "via": source}
    turn.record("risk", "risk", "drift_seen", data={**data, "times": witness.disagreed})
    if witness.disagreed >= 2:
        turn.halt_soon(
            "drift", latched=True, detail=f"{inst}: ledger {plain(ledger)}, exchange {plain(told)} ({source})"
        )
    else:
        begin(turn)
