"""Mode's surroundings: why quoting is not allowed, which halts hold by themselves, and what a change of mode does."""

from __future__ import annotations

from mmfsm import exits, feeding, quoting
from mmfsm.events import FeedName
from mmfsm.funding import why_off
from mmfsm.guards import liquidation_distance_bps
from mmfsm.machines import feed as feeds
from mmfsm.machines import mode as machine
from mmfsm.machines.mode import ModeInput, ModeOut
from mmfsm.state import Turn
from mmfsm.values import InstType, plain

DAY_MS = 86_400_000
SOCKET_FEEDS = (FeedName.PERP_BOOK, FeedName.SPOT_BOOK, FeedName.PRIVATE)


def why_not_quote(turn: Turn) -> str:
    """Return the first reason against quoting, or nothing. The order is the order in which they matter."""
    s = turn.s
    if not s.ready:
        return s.session.state.lower()
    if s.constraints is None:
        return "constraints_missing"
    for name, feed in s.feeds.items():
        if feed.state != feeds.FRESH:
            return f"{name}_{feed.state.lower()}"
    if s.flattening or s.flattened:
        return "flattening" if s.flattening else "flattened"
    if turn.at_ms < s.backoff_until_ms:
        return "rate_limited"
    if s.tickets:
        return "hedging"
    if s.orders.early:
        return "fill_without_order"
    if s.unparsable:
        return "fill_unparsable"
    states = [order.state for order in s.orders.open.values()]
    if "UNKNOWN" in states:
        return "order_unknown"
    if "UNSETTLED" in states:
        return "fill_awaited"  # an order has ended with more filled than was told: a ticket is about to open
    if exits.is_leaving(turn):
        return ""  # the closing side alone is quoted, whatever funding and basis are
    if s.econ.basis.is_far and turn.p.basis_filter == "off_quotes":
        return "basis_far"
    return why_off(s.econ.gate, turn.at_ms)


def watch_day(turn: Turn) -> None:
    """Watch what the UTC day has cost, both legs at their mids, funding included: past the limit a person decides.

    One leg's price of now beside an old one of the other would be a loss that is none: nothing is judged meanwhile.
    """
    s = turn.s
    perp, spot = turn.mid(InstType.PERP), turn.mid(InstType.SPOT)
    if not s.books_open or perp is None or spot is None or not feeding.books_fresh(turn):
        return
    value, day = s.ledger.value(perp, spot) + s.accounts.funding, turn.told_ms // DAY_MS
    if day != s.day or s.day_start_value is None:
        s.day, s.day_start_value = day, value
    lost = s.day_start_value - value
    if turn.p.max_daily_loss and lost > turn.p.max_daily_loss and not s.mode.reasons.get("daily_loss"):
        detail = f"{plain(round(lost, 2))} lost since 00:00 UTC, limit {plain(turn.p.max_daily_loss)}"
        turn.halt_soon("daily_loss", latched=True, detail=detail)


def standing_halts(turn: Turn) -> dict[str, str]:
    """Return the halts that hold by themselves now: reason → detail. They clear by themselves too."""
    s = turn.s
    if not s.ready:
        return {}
    halts = {}
    for name in SOCKET_FEEDS:
        feed = s.feeds[name]
        if feed.state != feeds.FRESH:
            word = "feed_down" if feed.state in (feeds.DOWN, feeds.SUBSCRIBING) else "feed_stale"
            if name is not FeedName.PRIVATE and feed.state == feeds.STALE:
                word = "book_stale"
            halts[f"{word}:{name}"] = f"{name} is {feed.state}"
    if s.liquidation_price is not None:
        near_bps = liquidation_distance_bps(s.liquidation_price, turn.mid(InstType.PERP))
        if near_bps is not None and near_bps < turn.p.min_liquidation_bps:
            halts["liquidation_near"] = f"{plain(round(near_bps, 1))} bps to {s.liquidation_price}"
    if s.recover_since_ms is not None:
        halts["recovering"] = "until books and funding are fresh and everything is read back"
    return halts


def tell(turn: Turn, event: str, *, reason: str = "", latched: bool = False, detail: str = "") -> None:
    """Tell the mode machine, record what changed, and do what it asks."""
    state = turn.s
    commands: ModeOut = []
    cooldown = turn.p.cooldown_unwind_ms if state.cooldown_unwind else turn.p.cooldown_ms
    what = ModeInput(turn.at_ms, state.why_not, bool(state.tickets), cooldown, reason, latched)
    before = state.mode.state
    turn.fire(machine.TABLE, state.mode, event, what, commands)
    if "halted" in commands:
        data = {"latched": latched, "detail": detail, "reasons": sorted(state.mode.reasons)}
        turn.record("risk", "risk", reason, data=data)
        if latched:
            turn.alert(reason, detail or reason, "Read the record, look at the account, then resume.")
    if (after := state.mode.state) != before:
        why = reason or (state.why_not if event == "review" else event)
        turn.record("state", "risk", why or "may_quote", data={"from": before, "to": after})
    if "pull_quotes" in commands:
        quoting.pull(turn)


def review(turn: Turn) -> None:
    """Take the halts asked for this turn, bring the standing ones up to date, then ask whether quoting is allowed."""
    while turn.halts:
        reason, latched, detail = turn.halts.pop(0)
        tell(turn, "halt", reason=reason, latched=latched, detail=detail)
    standing, reasons = standing_halts(turn), turn.s.mode.reasons
    if standing or reasons:
        for reason, detail in standing.items():
            if reason not in reasons:
                tell(turn, "halt", reason=reason, detail=detail)
        for reason in [r for r, latched in reasons.items() if not latched and r not in standing]:
            tell(turn, "clear", reason=reason)
    turn.s.why_not = why_not_quote(turn)
    tell(turn, "review")
