"""What a person asks for first: eight figures, and what happened along time."""

from __future__ import annotations

from runner.drawing import fluid
from runner.drawing.html import Cell, Markup, safe
from runner.report import charts
from runner.report.parts import Told, note, section
from runner.report.words import (
    figure,
    say,
    share,
    signed,
    span,
)


def lead(d: Told) -> Markup:
    """Return the figures a person asks for first."""
    said, tickets, earned, halts = d["statistics"], d["tickets"], d["earned"], d["halts"]
    latency, stays = said["hedge_latency_ms"], d["modes"]["stays"]
    ran = sum(stay["ms"] for stay in stays.values())
    quoting = stays.get("QUOTING", {}).get("ms", 0)
    has_rows = bool(earned["rows"])
    net = earned["columns"]["net"] if has_rows else earned["tickets"]
    streaks = said["reject_streaks"]
    unwound = say(f"{tickets['unwound']} with an unwind", f"うちアンワインド {tickets['unwound']}")
    figures: list[tuple[Markup, str, Cell]] = [
        (say("net", "純損益") if has_rows else say("tickets' edge", "チケットの損益"), signed(net, 4), _quote_coin(d)),
        (say("tickets done", "完了チケット"), figure(tickets["done"]), unwound),
        (say("fill to hedge, p50", "約定からヘッジまで p50"), span(latency["p50"]), f"p99 {span(latency['p99'])}"),
        (
            say("largest unhedged", "最大未ヘッジ額"),
            figure(said["unhedged_notional_max"], 2),
            _quote_coin(d),
        ),
        (
            say("quotes for each filled one", "約定1件あたりのクオート"),
            figure(d["quotes_per_fill"], 1),
            say(f"{figure(said['quotes_placed'])} placed", f"提示 {figure(said['quotes_placed'])}"),
        ),
        (say("time quoting", "提示時間"), share(quoting, ran), span(quoting)),
        (say("halts", "停止"), figure(halts["count"]), span(halts["ms"]) if halts["count"] else ""),
        (say("longest reject streak", "最長の連続拒否"), figure(streaks["longest"]), _times(streaks["count"])),
    ]
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{safe(it)} <small>{safe(rest)}</small></dd></div>" for name, it, rest in figures
    )
    return Markup(f'<dl class="figures">{shown}</dl>')


def _times(count: int) -> Markup:
    return say(f"{figure(count)} streak{'s' * (count != 1)}", f"{figure(count)} 回")


def _quote_coin(d: Told) -> str:
    symbols = {run["config"]["SYMBOL"] or "" for run in d["runs"]}
    found = {coin for symbol in symbols for coin in ("USDT", "USDC") if symbol.endswith(coin)}
    return found.pop() if len(found) == 1 else ""


def timeline(d: Told) -> Markup:
    """Return modes, halts, results and exposure along one axis of time."""
    time = (d["from_ms"], max(d["until_ms"], d["from_ms"] + 1))
    curve, high, low = charts.curves([(kind, d["earned"]["curves"][kind]) for kind in ("tickets", "net")], time)
    exposed, most = charts.exposure(d["exposure"], time)
    lanes = [
        charts.lane(say("mode", "モード"), charts.mode_strip(d["modes"], time)),
        charts.lane(say("halts ▏alerts", "停止 ▏通知"), charts.halt_marks(d["modes"], d["halts"], time)),
        charts.lane(say("result", "損益"), curve, high, low),
        charts.lane(say("unhedged", "未ヘッジ額"), exposed, most, "0"),
    ]
    axis = charts.lane(Markup(), fluid.words_below(fluid.time_words(*time)))
    width = span(d["modes"]["width_ms"])
    return section(
        "timeline",
        say("What happened, along time (UTC)", "時間軸（UTC）"),
        f'<figure class="lanes">{"".join(lanes)}{axis}</figure>',
        charts.MODE_KEY,
        charts.CURVE_KEY,
        note(
            say(
                f"One column is {width}, cut by the time spent in each mode; exposure is the largest of each column.",
                f"1 列は {width}。モードは滞在時間の割合、未ヘッジ額は列内の最大。",
            )
        ),
    )
