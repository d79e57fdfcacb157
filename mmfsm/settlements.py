"""Funding as a fact of the account: noted when it falls due, read back by its bill, and then booked.

    estimate = −position × mid × rate        at the settlement; longs pay shorts when the rate is above zero

The estimate stands, marked as such, until the exchange's bill says what was booked. A whole reading that shows no bill
an hour after a settlement says that nothing was settled: the position had gone a moment before. While flat, bills are
asked for as well, for a minute.
"""

from __future__ import annotations

from mmfsm.accounting import EXPECTED_MAX, SEEN_MAX, Expected, Settlements
from mmfsm.actions import QuerySettlements
from mmfsm.events import SettlementsRead
from mmfsm.forgetting import forget_oldest
from mmfsm.state import Turn
from mmfsm.values import ZERO, InstType, Outcome, Settlement, plain

FIRST_ASK_MS = 3_000
ASK_SOON_MS, SOON_MS = 10_000, 60_000
ASK_LATER_MS = 60_000
ASK_ANYWAY_MS = NOT_SETTLED_MS = OVERLAP_MS = 3_600_000
CLOCK_SLACK_MS = 60_000
"""How far before its settlement a bill may be dated."""

LOOK_BACK_MS = 7 * 86_400_000


def tick(turn: Turn) -> None:
    """Note a settlement that has fallen due, remember the next one, and ask for bills when it is time."""
    s, st = turn.s, turn.s.accounts.settlements
    now_ms, settled_ms = turn.at_ms + s.skew_ms, s.econ.gate.settled_ms
    if not st.since_ms:
        st.since_ms, st.asked_ms = now_ms, turn.at_ms
    if st.due_ms and (now_ms >= st.due_ms or settled_ms >= st.due_ms):
        _expect(turn, st)  # by our clock, or because the exchange, whose clock is ahead, has named the next one
    if s.funding is not None and s.funding.next_ms is not None and s.funding.next_ms > max(now_ms, settled_ms):
        st.due_ms, st.rate = s.funding.next_ms, s.funding.rate
    if s.ready and _may_ask(turn, st, now_ms):
        st.asked_ms = turn.at_ms
        since_ms = max(st.since_ms, st.newest_ms - OVERLAP_MS, now_ms - LOOK_BACK_MS)
        turn.do(QuerySettlements(since_ms))


def _expect(turn: Turn, st: Settlements) -> None:
    mid = turn.mid(InstType.PERP)
    estimate = ZERO if mid is None else -turn.s.ledger.perp * mid * st.rate
    st.expected.append(Expected(st.due_ms, estimate))  # flat as well: a fill told late may have been before it
    del st.expected[:-EXPECTED_MAX]
    st.due_ms = 0


def _may_ask(turn: Turn, st: Settlements, now_ms: int) -> bool:
    waited_ms = turn.at_ms - st.asked_ms
    if not st.expected:
        return waited_ms >= ASK_ANYWAY_MS  # what was not expected is told as well
    late_ms = now_ms - st.expected[-1].due_ms
    return late_ms >= FIRST_ASK_MS and waited_ms >= (ASK_SOON_MS if late_ms < SOON_MS else ASK_LATER_MS)


def on_read(turn: Turn, event: SettlementsRead) -> None:
    """Book the bills that are new; each is booked once, whoever asked for it."""
    st, result = turn.s.accounts.settlements, event.result
    if result.outcome is not Outcome.ACCEPTED:
        if not st.failed:
            turn.record("risk", "accounts", "funding_unread", data={"code": result.code, "msg": result.msg})
        st.failed = True
        return
    st.failed = False
    for bill in sorted(event.settlements, key=lambda it: (it.exch_ms, it.bill_id)):
        if bill.exch_ms >= st.since_ms and bill.bill_id not in st.seen:
            _book(turn, st, bill)
    _give_up(turn, st)


def _give_up(turn: Turn, st: Settlements) -> None:
    """Expect no longer what a whole reading has not shown in time."""
    now_ms = turn.at_ms + turn.s.skew_ms
    for one in list(st.expected):
        if now_ms - one.due_ms < (NOT_SETTLED_MS if one.estimate else SOON_MS):
            continue
        st.expected.remove(one)
        if one.estimate:
            data = {"due_ms": one.due_ms, "estimate": plain(one.estimate)}
            turn.record("funding_paid", "accounts", "not_settled", data=data)


def _book(turn: Turn, st: Settlements, bill: Settlement) -> None:
    st.seen[bill.bill_id] = None
    forget_oldest(st.seen, SEEN_MAX)
    st.newest_ms = max(st.newest_ms, bill.exch_ms)
    turn.s.accounts.total.funding += bill.amount
    met = [one for one in st.expected if one.due_ms <= bill.exch_ms + CLOCK_SLACK_MS]
    if met:
        st.expected.remove(met[-1])
    data = {
        "amount": plain(bill.amount),
        "estimate": plain(met[-1].estimate) if met else None,
        "bill_id": bill.bill_id,
        "exch_ms": bill.exch_ms,
    }
    turn.record("funding_paid", "accounts", "settled", data=data)
