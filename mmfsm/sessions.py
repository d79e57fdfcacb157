"""Start-up and shutdown around the Session machine: what an answer means for a check, and what a check asks for."""

from __future__ import annotations

from collections.abc import Callable

from mmfsm import feeding, fees, placing, probing, reconciling
from mmfsm.actions import (
    Exit,
    QueryAccount,
    QueryBalance,
    QueryConstraints,
    QueryFees,
    QueryOpenOrders,
    QueryOrder,
    QueryPosition,
    QueryServerTime,
    SetPositionMode,
    SetTifPolicy,
)
from mmfsm.events import (
    AccountRead,
    BalanceEvent,
    CheckFailed,
    ConstraintsRead,
    FeedName,
    FeesRead,
    FundingEvent,
    OpenOrdersRead,
    PosModeAnswered,
    ServerTimeRead,
)
from mmfsm.machines import session as machine
from mmfsm.machines.order import Order
from mmfsm.machines.session import SessionCommand, SessionInput, SessionOut
from mmfsm.rounding import tradable_qty
from mmfsm.state import Turn
from mmfsm.values import Constraints, InstType, Leg, OrderIntent, Outcome, PosMode, Side, Tif, plain

SKEW_BELIEVED_MS = 86_400_000
"""A clock that was set wrong is hours off; a time beyond a day of ours is a mistake of whoever told it."""


def tell(turn: Turn, event: str, **facts: object) -> None:
    """Tell the session machine, and do what it asks."""
    session = turn.s.session
    commands: SessionOut = []
    bound = turn.p.stop_bound_sec if session.state == machine.STOPPING else turn.p.check_bound_sec
    before = session.state
    what = SessionInput(turn.at_ms, bound * 1000, **facts)  # type: ignore[arg-type]
    turn.fire(machine.TABLE, session, event, what, commands)
    if before == machine.CHECKING and event not in ("timer", "start", "stop"):
        data = {"passed": bool(facts.get("fits", True)) and event != "check_failed", "detail": facts.get("detail", "")}
        turn.record("check", "session", event, data=data)
    for command in commands:
        _OBEY[command](turn)
    if session.state != before:
        data = {"from": before, "to": session.state}
        turn.record("session", "session", session.failure or session.stop_reason or event, data=data)


# --- what an answer means ---------------------------------------------------------------------------------------------


def on_time(turn: Turn, event: ServerTimeRead) -> None:
    skew = event.exch_ms - event.at_ms
    if abs(skew) <= SKEW_BELIEVED_MS:  # fills asked for from a time that is years away are none
        turn.s.skew_ms = skew - turn.s.clock_offset_ms  # to be added to the desk's own time
    fits = abs(skew) <= turn.p.clock_skew_max_ms
    tell(turn, "time_read", fits=fits, failure="clock_skew", detail=f"{skew} ms, at most {turn.p.clock_skew_max_ms} ms")


def on_account(turn: Turn, event: AccountRead) -> None:
    """Read the modes. Before READY a difference ends the run; afterwards it halts for a person."""
    p, s = turn.p, turn.s
    s.pos_mode, s.leverage = event.pos_mode, event.leverage
    mode_fits, margin_fits = event.pos_mode.value == p.target_pos_mode, event.margin_mode == p.margin_mode
    detail = (
        f"posMode {event.pos_mode}, wanted {p.target_pos_mode}; marginMode {event.margin_mode}, wanted {p.margin_mode}"
    )
    wanted = [p.target_pos_mode, p.margin_mode]
    data = {"posMode": event.pos_mode.value, "marginMode": event.margin_mode, "wanted": wanted}
    turn.record("account", "session", "pos_mode", data=data, dry_run=event.dry_run)
    if s.ready and not (mode_fits and margin_fits):
        turn.halt_soon("position_mode", latched=True, detail=detail)
    tell(
        turn,
        "account_read",
        fits=mode_fits and margin_fits,
        fixable=margin_fits and p.auto_set_pos_mode,
        failure="margin_mode" if mode_fits else "position_mode",
        detail=detail,
    )


def on_pos_mode(turn: Turn, event: PosModeAnswered) -> None:
    fits = event.result.outcome is Outcome.ACCEPTED
    detail = f"set {event.pos_mode}: {event.result.code} {event.result.msg}"
    tell(turn, "mode_set", fits=fits, failure="position_mode", detail=detail)


def on_constraints(turn: Turn, event: ConstraintsRead) -> None:
    """Both legs' rules, or nothing is ever sent."""
    if event.constraints is None:
        turn.record("order_skip", "risk", "constraints_missing", data={"why": event.why})
    else:
        changed = turn.s.constraints != event.constraints
        turn.s.constraints, turn.s.constraints_asked_ms = event.constraints, turn.at_ms
        if changed:
            _record_rules(turn, event.constraints)
            if turn.s.econ.fees is not None:
                settle_fees(turn)  # the list's may count
    is_there = event.constraints is not None
    tell(turn, "constraints_read", fits=is_there, failure="constraints_missing", detail=event.why or "")


def _record_rules(turn: Turn, constraints: Constraints) -> None:
    rules = {
        leg.inst.value: {
            "tick": plain(leg.price_tick),
            "step": plain(leg.qty_step),
            "min_qty": plain(leg.qty_min),
            "min_notional": plain(leg.notional_min),
            "band": plain(leg.buy_band_ratio),
        }
        for leg in (constraints.perp, constraints.spot)
    }
    turn.record("constraints_loaded", "session", data=rules)


def on_fees(turn: Turn, event: FeesRead) -> None:
    """Keep what the account is charged; what could not be read stays as it was told last."""
    econ = turn.s.econ
    econ.told_perp, econ.told_spot = event.perp or econ.told_perp, event.spot or econ.told_spot
    econ.fees_asked_ms = turn.at_ms
    settle_fees(turn, event.why)
    if turn.s.constraints is not None and econ.fees is not None:
        words = fees.in_words(econ.fees, econ.slip.expected_bps(turn.p.expected_slip_bps), turn.p)
        tell(turn, "fees_read", detail=words)


def settle_fees(turn: Turn, why: str | None = None) -> None:
    """Bring the fees that count up to date, and log them with their sources when they are new or were asked for."""
    econ, rules = turn.s.econ, turn.s.constraints
    if rules is None:
        return
    before, econ.fees = econ.fees, fees.resolve(turn.p, rules, econ.told_perp, econ.told_spot)
    if econ.fees != before:
        econ.fees_differ = {}
    if econ.fees != before or why:
        data = fees.as_data(econ.fees, econ.slip.expected_bps(turn.p.expected_slip_bps), turn.p)
        turn.record("fees", "session", data={**data, "why": why})


def on_open_orders(turn: Turn, event: OpenOrdersRead) -> None:
    if event.inst not in turn.s.orders_read:
        turn.s.orders_read.append(event.inst)
    orders_clear(turn)


def orders_clear(turn: Turn) -> None:
    """Both legs are read, and what an earlier run left is gone; hedges under way may go on."""
    s = turn.s
    left = any(order.owner in placing.OURS for order in s.orders.open.values())
    if len(s.orders_read) < len(InstType) or left:
        return
    if s.session.state == machine.CHECKING and s.session.asking == "ask_orders":
        tell(turn, "orders_clear")
    elif s.session.state == machine.STOPPING:
        tell(turn, "read_back")


def on_balance(turn: Turn, event: BalanceEvent) -> None:
    """The last of the balances closes the check: coin above the baseline is the working stock, and the books open."""
    s = turn.s
    rules = None if s.constraints is None else s.constraints.spot
    if rules and event.source == "rest" and (event.account, event.coin) == (InstType.SPOT, rules.base_coin):
        s.told_coin = (event.total - turn.p.spot_baseline, turn.at_ms)
    waiting = s.session.state == machine.CHECKING and s.session.asking == "ask_balances"
    if not waiting or event.account is not InstType.PERP or event.source != "rest":
        return
    assert s.constraints is not None
    base = s.balances.get(s.constraints.spot.base_coin)
    fits = s.books_open or s.read_with == s.before_open
    if fits and not s.books_open:
        s.ledger.spot = (base.total if base else s.ledger.spot) - turn.p.spot_baseline
        # An adopted position's other half is in the spot coin; what strays filled since the start has none.
        s.ledger.start = s.ledger.spot + s.ledger.perp - s.before_open
        s.books_open = True
        turn.exposed.append(s.before_open)
    detail = f"spot {plain(s.ledger.spot)} beyond the baseline, perp {plain(s.ledger.perp)}"
    tell(turn, "balances_read", fits=fits, detail=detail if fits else "a fill came after the position was read")


def on_funding(turn: Turn, _event: FundingEvent) -> None:
    if turn.s.session.asking == "ask_funding":
        tell(turn, "funding_read")


def on_check_failed(turn: Turn, event: CheckFailed) -> None:
    final = event.result.outcome in (Outcome.FATAL, Outcome.REFUSED, Outcome.REFUSED_LEG)
    failure = f"{event.what}:{event.result.code or event.result.outcome}"
    tell(turn, "check_failed", final=final, failure=failure, detail=event.result.msg or "")


# --- the time-in-force proof ------------------------------------------------------------------------------------------


def probe_acked(turn: Turn, order: Order) -> None:
    """The proof's order is accepted: read back what the exchange made of it, then take it out."""
    turn.s.probe_asked_ms = turn.at_ms
    turn.do(QueryOrder(order.request.inst, order.request.client_oid, order.order_id))


def probe_read(turn: Turn, order: Order) -> None:
    placing.cancel(turn, order.request.client_oid)


def probe_settled(turn: Turn, order: Order) -> None:
    """Judge the proof: was `timeInForceValue` alone enough, or must `force` be sent too."""
    told = turn.s.probe_tif
    proof = probing.judge(told) if told is not None else None
    why = proof.why if proof else f"no reading of it: {order.end}"
    if proof:
        turn.do(SetTifPolicy(proof.policy))
    data = {
        "sent": "timeInForceValue=post_only",
        "read_force": told,
        "honoured": bool(proof and proof.honoured),
        "policy": proof.policy if proof else "both",
        "why": why,
    }
    turn.record_order("tif_probe", "session", proof.policy if proof else "no_answer", order.request, data=data)
    tell(turn, "probe_done", fits=proof is not None, failure="tif_probe", detail=why)


def _probe(turn: Turn) -> None:
    s = turn.s
    assert s.constraints is not None
    s.probe_tif = None  # an earlier run's may have been read
    price, qty = probing.probe_order(s.books[InstType.PERP].bids[0].price, s.constraints.perp)
    placing.place(
        turn,
        owner=placing.PROBE,
        inst=InstType.PERP,
        side=Side.BUY,
        qty=qty,
        price=price,
        tif=Tif.POST_ONLY,
        intent=OrderIntent.QUOTE,
        leg=Leg.PERP_PROBE,
        cycle=turn.next_cycle(),
        attempt=1,
        reason="tif_probe",
    )


# --- what a check asks for --------------------------------------------------------------------------------------------


def _ask_fees(turn: Turn) -> None:
    turn.s.econ.fees_asked_ms = turn.at_ms
    turn.do(QueryFees())


def _ask_orders(turn: Turn) -> None:
    turn.s.orders_read = []
    turn.s.recon.asked_ms = turn.at_ms
    for inst in InstType:
        turn.do(QueryOpenOrders(inst))


def _ready(turn: Turn) -> None:
    turn.s.recover_since_ms = None
    reconciling.begin(turn)  # fills of strays that were told before the books opened


def _exit(turn: Turn, status: int, reason: str) -> None:
    failure = turn.s.session.failure
    turn.do(Exit(2, failure) if failure else Exit(status, reason))


def _say_failed(turn: Turn) -> None:
    session = turn.s.session
    reason = session.failure or "check_failed"
    turn.record("risk", "session", reason, data={"detail": session.detail})
    turn.alert(reason, f"start-up check failed: {session.detail or reason}", "See `python -m runner check`.")


def _failed(turn: Turn) -> None:
    _say_failed(turn)
    _exit(turn, 2, turn.s.session.failure or "check_failed")


def _ask_readback(turn: Turn) -> None:
    _ask_orders(turn)
    turn.do(QueryPosition())
    turn.do(QueryBalance())


_OBEY: dict[SessionCommand, Callable[[Turn], None]] = {
    "ask_time": lambda turn: turn.do(QueryServerTime()),
    "ask_account": lambda turn: turn.do(QueryAccount()),
    "set_mode": lambda turn: turn.do(SetPositionMode(PosMode(turn.p.target_pos_mode))),
    "ask_constraints": lambda turn: turn.do(QueryConstraints()),
    "ask_fees": _ask_fees,
    "ask_orders": _ask_orders,
    "ask_position": lambda turn: turn.do(QueryPosition()),
    "ask_balances": lambda turn: turn.do(QueryBalance()),
    "ask_funding": lambda turn: feeding.tell(turn, FeedName.FUNDING, "up"),
    "probe": _probe,
    "ready": _ready,
    "say_failed": _say_failed,
    "failed": _failed,
    "ask_readback": _ask_readback,
    "exit_clean": lambda turn: _exit(turn, 0, turn.s.session.stop_reason or "stopped"),
    "exit_unclean": lambda turn: _exit(turn, 1, "stop_bound"),
}


def _coin_agrees(turn: Turn) -> bool:
    """The spot coin, as read after it was asked, is what the books say, but for what spot would not trade."""
    s, (told, told_ms), price = turn.s, turn.s.told_coin, turn.mid(InstType.SPOT)
    if not s.books_open or s.pretend or s.constraints is None:
        return True  # nothing was booked, or pretend hedges were, which move no balance
    differs = abs(told - s.ledger.spot)
    small = differs == 0 or (price is not None and tradable_qty(differs, price, s.constraints.spot) == 0)
    return small and told_ms >= s.session.readback_asked_ms


def tend_probe(turn: Turn) -> None:
    """Read the proof's order again while its reading is lost; take it out when the run is stopping."""
    probe_due = turn.at_ms - turn.s.probe_asked_ms >= turn.p.query_period_ms
    for order in [order for order in turn.s.orders.open.values() if order.owner == placing.PROBE]:
        if turn.s.session.state == machine.STOPPING and not order.cancel_wanted:
            placing.cancel(turn, order.request.client_oid)
        elif turn.s.probe_tif is None and order.order_id is not None and probe_due:
            probe_acked(turn, order)


def tick(turn: Turn, *, is_tick: bool = True) -> None:
    """Let the session's clock decide. READY has none: its row reads nothing, and is not taken at every book."""
    tend_probe(turn)
    s = turn.s
    if s.ready:
        if is_tick:
            tell(turn, "timer")
        return
    quiet = not (s.tickets or s.orders.open or s.orders.early or s.flattening)
    told, told_ms = s.told_perp
    agrees = told == s.ledger.perp and told_ms >= s.session.readback_asked_ms and _coin_agrees(turn)
    tell(
        turn,
        "timer",
        fresh=feeding.all_fresh(turn),
        probe_needed=turn.p.perp_tif == "auto",
        quiet=quiet,
        clean=quiet and agrees,
    )
