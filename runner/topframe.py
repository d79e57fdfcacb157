"""One frame of `top`: a view as lines of a terminal. It follows from the view, the time and the size alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.page.words import reason_text, words_of

View = dict[str, Any]
Line = list[tuple[str, str]]
"""Pieces of text, each with a style of `STYLES` or none."""

STYLES = {"": "", "bold": "1", "quiet": "2", "good": "32", "bad": "1;31", "warn": "33", "head": "7"}
SIGNS = {"IDLE": "○", "QUOTING": "●", "HEDGING": "◆", "COOLDOWN": "◔", "HALTED": "■"}
MODE_STYLES = {"QUOTING": "good", "HALTED": "bad", "HEDGING": "warn"}
LIMITS = {"position": "position", "unhedged": "unhedged", "daily_loss": "lost today", "liquidation": "liquidation"}
TODAY = (("realised", "realised"), ("unrealised", "unrealised_change"), ("funding", "funding"), ("fees", "fees"))
TICKETS_SHOWN, RECORDS_LEAST = 6, 3


def frame(view: View, at_ms: int, size: tuple[int, int], gone_ms: int | None = None) -> list[Line]:
    """Return the lines of one frame, at most as many as there are rows, the newest records in what is left of them.

    Args:
        view: of `runner/page/view.py`.
        at_ms: now, by the clock of the view.
        size: columns and rows.
        gone_ms: since when nobody answers; None while somebody does.
    """
    rows = size[1]
    lines = [*_head(view, at_ms, gone_ms), *_money(view), *_feeds(view, at_ms), *_market(view)]
    room = rows - len(lines) - RECORDS_LEAST - 2
    lines += _tickets(view, at_ms, max(min(room, TICKETS_SHOWN), 0))
    lines += _records(view, rows - len(lines) - 1)
    return [*lines[: rows - 1], [("q quits", "quiet")]]


def text_of(line: Line, width: int, is_coloured: bool) -> str:
    """Return a line as the terminal takes it, cut to its width."""
    parts, left = [], width
    for text, style in line:
        # What the exchange says is shown, and never obeyed: no escape sequence of another's reaches the terminal.
        text = "".join(sign if sign.isprintable() else "?" for sign in text[:left])
        left -= len(text)
        code = STYLES[style] if is_coloured and text else ""
        parts.append(f"\x1b[{code}m{text}\x1b[0m" if code else text)
    return "".join(parts).rstrip()


def span(ms: float | None) -> str:
    """Return a length of time in a few signs.

    >>> span(400), span(12_000), span(187_000), span(8_109_000), span(None)
    ('0.4s', '12s', '3:07', '2:15:09', '-')
    """
    if ms is None:
        return "-"
    sec = max(ms, 0) / 1000
    if sec < 10:
        return f"{int(sec * 10) / 10}s"
    minutes, seconds = divmod(int(sec), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}" if minutes else f"{seconds}s"


def _short(text: str | None, digits: int = 4) -> str:
    return "-" if text is None else f"{round(float(text), digits):.10g}"


# --- the parts --------------------------------------------------------------------------------------------------------


def _head(view: View, at_ms: int, gone_ms: int | None) -> Iterator[Line]:
    run, mode, loop = view["run"], view["mode"], view["loop"]
    kind, state = words_of("en")["ui"][f"kind_{run['kind']}"], mode["state"]
    up = span(at_ms - run["started_ms"]) if run["started_ms"] else "-"
    right = f"   up {up}   loop {loop['last_ms']:.1f} ms, max {loop['max_ms']:.1f}"
    yield [(f" {run['symbol']} {kind} ", "head"), (f"  session {mode['session']}{right}", "quiet")]
    if gone_ms is not None:
        yield [(f"NOBODY ANSWERS since {span(at_ms - gone_ms)}: what is shown is old", "bad")]
    style = MODE_STYLES.get(state, "bold")
    yield [
        (f"{SIGNS.get(state, ' ')} {state}", style),
        (f" for {span(at_ms - mode['since_ms'])}  {words_of('en')['modes'].get(state, '')}", ""),
    ]
    for it in mode["halted_by"]:
        how = "waits for a person" if it["latched"] else "passes by itself"
        yield [(f"  {how}: ", "bad"), (f"{reason_text(it['reason'])} {it['detail']}", "")]
    if not mode["halted_by"] and mode["why"]:
        yield [("  quotes are off: ", "quiet"), (reason_text(mode["why"]), "")]


def _money(view: View) -> Iterator[Line]:
    e, run, day, latency = view["exposure"], view["run"], view["pnl"]["day"], view["latency"]
    held = [("spot change", "spot_change"), ("delta", "delta"), ("dust", "dust")]
    rest = [piece for name, key in held for piece in ((f"  {name} ", "quiet"), (e[key], ""))]
    yield [("perp ", "quiet"), (f"{e['perp']} {run['base_coin']}", "bold"), *rest]
    limits: Line = []
    for it in e["limits"]:
        if it["name"] in LIMITS:
            sign = "≥" if it["at_least"] else "/"
            bound = it["limit"] or "off"
            limits += [(f"{LIMITS[it['name']]} ", "quiet"), (f"{_short(it['value'], 2)}{sign}{bound}  ", _level(it))]
    yield limits
    parts = [f"{name} {_short(day[column])}" for name, column in TODAY]
    net = _short(day["net"])
    yield [(f"net today {net} {run['quote_coin']}", "bold"), (f"  {'  '.join(parts)}", "quiet")]
    told = f"p50 {latency['p50_ms']} p99 {latency['p99_ms']} max {latency['max_ms']} ms  last "
    last = " ".join(str(ms) for ms in latency["last_ms"])
    yield [(f"hedges {latency['hedged']}  ", "quiet"), (told + last if latency["hedged"] else "none yet", "")]


def _level(limit: View) -> str:
    if limit["value"] is None or limit["limit"] is None:
        return ""
    value, bound = float(limit["value"]), float(limit["limit"])
    part = value / bound if not limit["at_least"] else bound / value if value > 0 else 1.0
    return "bad" if part >= 1 else "warn" if part >= 0.8 else ""


def _feeds(view: View, at_ms: int) -> Iterator[Line]:
    line: Line = [("feeds ", "quiet")]
    for it in view["feeds"]:
        heard = span(at_ms - it["heard_ms"]) if it["heard_ms"] else "-"
        sign, style = ("●", "good") if it["fresh"] else ("▲", "bad")
        line += [(f" {it['name'].removesuffix('_book')} ", "quiet"), (f"{sign}{it['state']} {heard}", style)]
    yield line


def _market(view: View) -> Iterator[Line]:
    market = view["market"]
    for leg in ("perp", "spot"):
        book = market[leg]
        if book is None:
            yield [(f"{leg}  no book", "quiet")]
            continue
        (bid, bid_qty), (ask, ask_qty) = book["bids"][0], book["asks"][0]
        line: Line = [(f"{leg} ", "quiet"), (f"{bid} / {ask}", ""), (f"  {bid_qty} / {ask_qty}", "quiet")]
        if leg == "perp":
            ours = "  ".join(f"{it['side']} {_quote(it)}" for it in view["quotes"])
            line += [("   ours ", "quiet"), (ours, "bold")]
        else:
            funding = market["funding"]
            rate = "-" if funding is None else f"{float(funding['rate']) * 100:.4f} %"
            line += [
                ("   basis ", "quiet"),
                (f"{_short(market['basis_bps'], 2)} bps", ""),
                ("  funding ", "quiet"),
                (rate, ""),
            ]
        yield line


def _quote(it: View) -> str:
    return f"{it['left']}@{it['price']}" if it["price"] else it["state"].lower()


def _tickets(view: View, at_ms: int, room: int) -> Iterator[Line]:
    tickets = view["tickets"]
    yield [("tickets ", "quiet"), (f"{tickets['open']} open", "bold"), (f", {tickets['closed']} closed", "quiet")]
    for it in tickets["rows"][:room]:
        style = "bad" if it["state"] in ("CHASING", "UNWINDING") else ""
        clocks = f"chase {_left(it['chase_ms'], at_ms)}  unwind {_left(it['unwind_ms'], at_ms)}"
        age = span(at_ms - it["opened_ms"])
        what = f"{it['side']:<4} {it['remain']} of {it['want']}  age {age}  {clocks}  tries {it['tries']}"
        yield [(f"  {it['state']:<9} ", style), (what, "")]


def _left(due_ms: int | None, at_ms: int) -> str:
    return "-" if due_ms is None else f"in {span(due_ms - at_ms)}" if due_ms > at_ms else "past"


def _records(view: View, room: int) -> Iterator[Line]:
    shown = [it for it in view.get("records", ()) if it["event"] != "tick"]
    for it in shown[-room:] if room > 0 else ():
        seconds = it["at_ms"] // 1000 % 86_400
        when = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        style = "bad" if it["event"] in ("risk", "alert", "order_reject") else ""
        yield [(f"{when} ", "quiet"), (f"{it['event']:<13} ", style), (it["text"], "")]
