"""For each incident the defence that is taken away to see its test fail: a replacement in a copy of the tree."""

from __future__ import annotations

import attrs

Patch = tuple[str, str, str]
"""File, text that stands there exactly once, what it becomes."""


@attrs.frozen
class Break:
    """One row: its test file, what is taken away (in words), and how."""

    row: str
    test: str
    defence: str
    patches: tuple[Patch, ...]

    @property
    def word(self) -> str:
        """What the names of its tests contain, between underscores."""
        return self.row.lower()


MEMBERS, TAP, SOCKETS = "runner/bitget/members.py", "runner/bitget/tap.py", "runner/bitget/sockets.py"
WIRE, TASKS = "runner/bitget/wire_account.py", "runner/bitget/tasks.py"
APP, LOG, LOCK, GUARDIAN = "runner/app.py", "runner/log.py", "runner/lock.py", "runner/guardian.py"
BOOKING, LEDGER, ORDERS, PLACING = "mmfsm/booking.py", "mmfsm/ledger.py", "mmfsm/orders.py", "mmfsm/placing.py"
HEDGING, RECONCILING, ROUNDING = "mmfsm/hedging.py", "mmfsm/reconciling.py", "mmfsm/rounding.py"
GUARDS, MODES, SESSIONS, ROUTING = "mmfsm/guards.py", "mmfsm/modes.py", "mmfsm/sessions.py", "mmfsm/routing.py"
FLATTENING, RESTART, VALUES = "mmfsm/flattening.py", "mmfsm/restart.py", "mmfsm/values.py"
TABLE = "mmfsm/table/__init__.py"
ORDER, TICKET, SLOT = "mmfsm/machines/order.py", "mmfsm/machines/ticket_parts.py", "mmfsm/machines/slot.py"
FEED, SESSION, PAIR = "mmfsm/machines/feed.py", "mmfsm/machines/session.py", "mmfsm/machines/pair.py"
EDGE, VALUATION, PNL = "mmfsm/edge.py", "mmfsm/valuation.py", "mmfsm/pnl.py"

NO_TASK_REPORT = (TASKS, "self._on_failure(task.get_name(), task.exception())", "print(task.exception())")
NO_HANDLER_REPORT = (SOCKETS, 'self._on_failure("event-handler", error)', 'print("event-handler", error)')
WHOLE_POSITION = (
    TICKET,
    "    qty, reduce_only = perp_order(ticket, what.view)\n    _send_perp(ticket, what, out, qty, reduce_only)",
    "    qty, reduce_only = perp_order(ticket, what.view)\n"
    "    _send_perp(ticket, what, out, max(qty, abs(what.view.perp_pos)), reduce_only)",
)

BREAKS: tuple[Break, ...] = (
    Break(
        "I01", "test_i01_i02_fill_fields.py", "wire_account.read_fill: quantity from `baseVolume`",
        ((WIRE, 'qty=positive(row, "baseVolume" if perp else "size")', 'qty=positive(row, "size")'),),
    ),
    Break(
        "I02", "test_i01_i02_fill_fields.py", "wire_account.read_fill: price from `priceAvg`",
        ((WIRE, 'price=positive(row, "price" if perp else "priceAvg")', 'price=positive(row, "price")'),),
    ),
    Break(
        "I03", "test_i03_base_coin_fee.py", "ledger.signed_change: a base-coin fee is taken off",
        ((LEDGER, "        change -= fill.fee\n", "        pass\n"),),
    ),
    Break(
        "I04", "test_i04_perp_tick.py", "rounding.passive_price: bid down, ask up",
        ((
            ROUNDING,
            "return floor_to(price, rules.price_tick) if side is Side.BUY else ceil_to(price, rules.price_tick)\n\n\n"
            "def taking",
            "return (price / rules.price_tick).to_integral_value() * rules.price_tick\n\n\ndef taking",
        ),),
    ),
    Break(
        "I05", "test_i05_i06_plain_decimals.py", "values.plain: decimals, never an exponent",
        ((VALUES, 'text = f"{value:f}"', "text = repr(float(value))"),),
    ),
    Break(
        "I06", "test_i05_i06_plain_decimals.py", "rounding.tradable_qty: floored to the step",
        ((ROUNDING, "    floored = floor_to(qty, rules.qty_step)\n", "    floored = qty\n"),),
    ),
    Break(
        "I07", "test_i07_marketable_rounding.py", "rounding.taking_price: rounded toward being filled",
        ((
            ROUNDING,
            "    return ceil_to(price, rules.price_tick) if side is Side.BUY else floor_to(price, rules.price_tick)",
            "    return floor_to(price, rules.price_tick)",
        ),),
    ),
    Break(
        "I08", "test_i08_empty_answers.py", "members.as_rows: null is an empty list",
        ((MEMBERS, "    if value is None:\n        return []\n    if not isinstance(value, list)",
          "    if not isinstance(value, list)"),),
    ),
    Break(
        "I09", "test_i09_i10_positions_are_a_witness.py", "reconciling.on_position: compares, never books",
        ((
            RECONCILING,
            "    turn.s.liquidation_price = event.liquidation_price if event.qty else None\n",
            "    turn.s.ledger.perp = event.qty\n",
        ),),
    ),
    Break(
        "I10", "test_i09_i10_positions_are_a_witness.py", "tap.take: an empty list of positions is told",
        ((TAP, 'if channel == "positions":', 'if channel == "positions" and frame.rows:'),),
    ),
    Break(
        "I11", "test_i11_flat_is_an_answer.py", "placing._count_refusal: 22002 is read back and not counted",
        ((
            PLACING,
            "        turn.do(QueryPosition())  # an answer, no proof: the position is read again\n        return\n",
            "        pass\n",
        ),),
    ),
    Break(
        "I12", "test_i12_silent_private_stream.py", "booking._judge_stream: REST knew first, the stream is dead",
        ((
            BOOKING,
            '        feeding.tell(turn, FeedName.PRIVATE, "missed")\n    else:\n',
            "        pass\n    else:\n",
        ),),
    ),
    Break(
        "I13", "test_i13_i14_late_positions.py", "reconciling._compare: older than the last fill says nothing",
        ((RECONCILING, "if not quiet or exch_ms < s.ledger.last_fill_ms.get(inst, 0):", "if not quiet:"),),
    ),
    Break(
        "I14", "test_i13_i14_late_positions.py", "reconciling._compare: only after a quiet time",
        ((
            RECONCILING,
            "    quiet = quiet and turn.at_ms - s.quiet_since_ms >= turn.p.drift_quiet_ms\n",
            "",
        ),),
    ),
    Break(
        "I15", "test_i15_found_at_start.py", "sessions.on_position: what nobody explains stops the start",
        ((SESSIONS, "explained = event.qty == s.before_open or turn.p.adopt_position", "explained = True"),),
    ),
    Break(
        "I16", "test_i16_i17_one_order_at_a_time.py", "ticket guards: nothing is sent while a child is out",
        (
            (TICKET, "ticket.unhedged_until_ms and ticket.child is None and tried", "ticket.unhedged_until_ms"),
            (
                TICKET,
                '''not refused and can trade what remains."""
    free = ticket.child is None and what.at_ms''',
                '''not refused and can trade what remains."""
    free = what.at_ms''',
            ),
        ),
    ),
    Break(
        "I17", "test_i16_i17_one_order_at_a_time.py", "order.adds_up: an end counts when its fills are booked",
        ((
            ORDER,
            "    return order.booked >= max(what.filled, order.shown, order.claimed or ZERO)\n",
            "    return True\n",
        ),),
    ),
    Break(
        "I18", "test_i18_i54_unwind_size.py", "ticket.perp_order: never more than remains",
        ((
            TICKET,
            "tradable_qty(min(wanted, reducible), price, rules)",
            "tradable_qty(reducible, price, rules)",
        ),),
    ),
    Break(
        "I19", "test_i19_first_hedge_is_ioc.py", "hedging._send: immediate or cancel",
        ((HEDGING, "        tif=Tif.IOC,\n", "        tif=Tif.POST_ONLY,\n"),),
    ),
    Break(
        "I20", "test_i20_no_balance_is_final.py", "hedging.child_settled: no balance is final for the leg",
        ((HEDGING, "elif order.refusal in (Outcome.REFUSED_LEG, Outcome.FATAL):",
          "elif order.refusal is Outcome.FATAL:"),),
    ),
    Break(
        "I21", "test_i21_i22_hedgeable_size.py", "guards.side_limit: a bid needs spot coin",
        ((GUARDS, 'hedgeable, short = spot_coin, "no_spot_coin"', 'hedgeable, short = wanted, "no_spot_coin"'),),
    ),
    Break(
        "I22", "test_i21_i22_hedgeable_size.py", "guards.side_limit: shrinks before it is dropped",
        ((GUARDS, "    if qty >= smallest:\n", "    if qty >= wanted:\n"),),
    ),
    Break(
        "I23", "test_i23_i57_dust.py", "rounding.tradable_qty: the exchange's own minimum",
        ((
            ROUNDING,
            "if floored <= 0 or floored < rules.qty_min or floored * price < rules.notional_min:",
            "if floored <= 0:",
        ),),
    ),
    Break(
        "I24", "test_i24_ends_have_names.py", "flattening.flatten_step: waits for open tickets",
        ((FLATTENING, "        or s.tickets\n", ""),),
    ),
    Break(
        "I25", "test_i25_nothing_forgotten.py", "ticket.over: done only when nothing tradable remains",
        ((
            TICKET,
            "    return ticket.child is None and is_dust(ticket, what.view)",
            "    return ticket.child is None and (ticket.tries > 0 or is_dust(ticket, what.view))",
        ),),
    ),
    Break(
        "I26", "test_i26_unknown_error.py", "order table: SENT × unknown is a state, and is asked for",
        ((
            ORDER,
            'Row(SENT,       "unknown",       None,                       UNKNOWN,    (enter, ask)),',
            'Row(SENT,       "unknown",       None,                       SETTLED,    (end_not_found,)),',
        ),),
    ),
    Break(
        "I27", "test_i27_cancel_of_a_gone_order.py", "order table: CANCELLING × cancel_gone asks for the true end",
        ((
            ORDER,
            'Row(CANCELLING, "cancel_gone",   None,                       STAY,       (ask,), '
            'why="filled or gone: its true end is fetched"),',
            'Row(CANCELLING, "cancel_gone",   None,                       SETTLED,    (end_filled,)),',
        ),),
    ),
    Break(
        "I28", "test_i28_position_mode_refusal.py", "routing._on_place_answered: 40774 has the modes read",
        ((ROUTING, 'if event.result.code == "40774":', 'if event.result.code == "-":'),),
    ),
    Break(
        "I29", "test_i29_place_timeout.py", "placing.on_place_answered: an unknown outcome is a state",
        ((
            PLACING,
            '        tell(turn, order, "unknown")\n',
            '        tell(turn, order, "refused", outcome=Outcome.REFUSED, reason="timeout")\n',
        ),),
    ),
    Break(
        "I30", "test_i30_replace_threshold.py", "slot.moved: the replace threshold",
        ((
            SLOT,
            "drift = abs(what.price - slot.price) > slot.price * what.replace_threshold_bps * BPS",
            "drift = what.price != slot.price",
        ),),
    ),
    Break(
        "I31", "test_i31_cap_before_quoting.py", "guards.side_limit: room up to the position cap",
        ((GUARDS, "room = params.max_position - held", "room = params.max_position"),),
    ),
    Break(
        "I32", "test_i32_exposure_while_idle.py", "hedging.tick: open tickets are watched in every mode",
        ((
            HEDGING,
            "    for ticket in list(turn.s.tickets.values()):\n        if ticket.child is not None and turn.at_ms",
            '    for ticket in list(turn.s.tickets.values()) if turn.s.mode.state == "QUOTING" else []:\n'
            "        if ticket.child is not None and turn.at_ms",
        ),),
    ),
    Break(
        "I33", "test_i33_after_a_flatten.py", "flattening.flatten_step: ends when nothing is left",
        ((
            FLATTENING,
            "s.flattening, s.flattened, s.closing_tries = False, not s.econ.exiting, 0",
            "s.flattened, s.closing_tries = not s.econ.exiting, 0",
        ),),
    ),
    Break(
        "I34", "test_i34_signals_and_leftovers.py", "app._take_signals: SIGINT and SIGTERM stop the desk",
        ((APP, "            loop.add_signal_handler(number, self._signalled, number)\n", "            print(loop)\n"),),
    ),
    Break(
        "I35", "test_i35_i36_stopping.py", "session.read_back: clean is what was read after it was asked",
        ((
            SESSION,
            "    return what.quiet and what.clean and session.readback_ms >= session.readback_asked_ms > 0\n",
            "    return session.readback_asked_ms > 0\n",
        ),),
    ),
    Break(
        "I36", "test_i35_i36_stopping.py", "routing._on_stop: a stop is told to the session, and is no halt",
        ((
            ROUTING,
            '    sessions.tell(turn, "stop", detail=event.why)\n',
            '    sessions.tell(turn, "stop", detail=event.why)\n    turn.halt_soon("stopped", latched=True)\n',
        ),),
    ),
    Break(
        "I37", "test_i37_one_instance.py", "lock.Lock.take: an exclusive lock",
        ((
            LOCK,
            "            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
            "            fcntl.flock(file, fcntl.LOCK_SH)\n",
        ),),
    ),
    Break(
        "I38", "test_i38_log_size.py", "log.Log.open: rotation by size",
        ((LOG, "                    rotation=settings.log_rotate_mb * 1_000_000,\n", ""),),
    ),
    Break(
        "I39", "test_i39_first_record.py", "log.Log.open: the first record",
        ((LOG, "        self._write_first()\n", ""),),
    ),
    Break(
        "I40", "test_i40_i55_supervision.py", "tasks.Tasks: a task that ends or raises is reported",
        (NO_TASK_REPORT,),
    ),
    Break(
        "I41", "test_i41_i42_edge_of_each_side.py", "edge.with_floor: no side closer than its edge allows",
        ((EDGE, "    if sign * (price - padded) <= 0:\n", "    if True:\n"),),
    ),
    Break(
        "I42", "test_i41_i42_edge_of_each_side.py", "valuation.cost_bps: both fees are in the edge",
        ((VALUATION, "    return fees.round_bps + slip_bps", "    return slip_bps"),),
    ),
    Break(
        "I43", "test_i43_columns_that_add_up.py", "pnl.row: a sum takes what a level changed by, never the level",
        ((PNL, "None if unrealised is None else unrealised - span.unrealised", "unrealised"),),
    ),
    Break(
        "I44", "test_i44_way_out.py", "pair.wants_out: no exit begins in the grace",
        ((PAIR, "    return bool(what.reason) and not what.in_grace\n", "    return bool(what.reason)\n"),),
    ),
    Break(
        "I45", "test_i45_other_symbols.py", "booking._book: the base coin is the rules'",
        ((BOOKING, "base = s.constraints.perp.base_coin", 'base = "ETH"'),),
    ),
    Break(
        "I46", "test_i46_fill_races_cancel.py", "orders.Orders.find: settled orders are known too",
        ((ORDERS, "self.open.get(oid) or self.settled.get(oid)\n\n    def of_report",
          "self.open.get(oid)\n\n    def of_report"),),
    ),
    Break(
        "I47", "test_i47_no_second_hedge.py", "placing.on_place_answered: an unknown hedge is not sent again",
        ((
            PLACING,
            '        tell(turn, order, "unknown")\n',
            '        tell(turn, order, "refused", outcome=Outcome.REFUSED, reason="timeout")\n',
        ),),
    ),
    Break(
        "I48", "test_i48_unknown_past_its_bound.py", "order.beyond_bound alarms; never_arrived: not with an id",
        (
            (ORDER, "and order.booked == 0 and order.order_id is None", "and order.booked == 0"),
            (ORDER, "    return not order.alarmed and ", "    return False and not order.alarmed and "),
        ),
    ),
    Break(
        "I49", "test_i49_total_tables.py", "table.lint: every pair is decided",
        ((TABLE, '        return [f"{pair} is undecided: no row"]\n', "        return []\n"),),
    ),
    Break(
        "I50", "test_i50_i51_booked_once.py", "ledger.Ledger.is_seen: a trade is known by its id",
        ((
            LEDGER,
            "        if seen.get(fill.dedupe_key) == fill.order_id or _own_key(fill) in seen:\n",
            "        if fill.qty < 0:\n",
        ),),
    ),
    Break(
        "I51", "test_i50_i51_booked_once.py", "restart.restarted: the ledger and its keys are kept",
        ((RESTART, '"cycle", "constraints", "ledger", "books_open"', '"cycle", "constraints", "books_open"'),),
    ),
    Break(
        "I52", "test_i52_acknowledged_is_not_fresh.py", "feed table: acknowledged is not fresh",
        ((
            FEED,
            'Row(SUBSCRIBING, "acked",   None,                          STAY,        (note_ack,)),',
            'Row(SUBSCRIBING, "acked",   None,                          FRESH,       (mark, note_ack, note_data)),',
        ),),
    ),
    Break(
        "I53", "test_i53_kill_9.py", "restart.restarted: open tickets are kept",
        ((RESTART, '"dust", "orders", "tickets", "balances"', '"dust", "orders", "balances"'),),
    ),
    Break(
        "I54", "test_i18_i54_unwind_size.py", "ticket.send_unwind: what remains, not the position",
        (WHOLE_POSITION,),
    ),
    Break(
        "I55", "test_i40_i55_supervision.py", "sockets._tell: a handler that raises is a breach",
        (NO_HANDLER_REPORT,),
    ),
    Break(
        "I56", "test_i56_words_for_stopping.py", "modes.why_not_quote: flattened stays out until resumed",
        ((MODES, "    if s.flattening or s.flattened:\n", "    if s.flattening:\n"),),
    ),
    Break(
        "I57", "test_i23_i57_dust.py", "hedging._open: dust is one signed number",
        ((HEDGING, "want = qty + side.sign * turn.s.dust", "want = qty + abs(turn.s.dust)"),),
    ),
    Break(
        "I58", "test_i58_guardian.py", "guardian.Guardian: cancels after a death",
        ((GUARDIAN, "                    await self._clear(cleared, lambda: True)\n", "                    pass\n"),),
    ),
)  # fmt: skip
