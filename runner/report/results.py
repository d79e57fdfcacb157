"""What it earned: the split, the days, markouts and slip."""

from __future__ import annotations

from collections.abc import Sequence

from runner.drawing.html import Cell, Markup, table
from runner.report import charts
from runner.report.parts import Told, heads, note, section
from runner.report.words import (
    figure,
    moment,
    say,
    signed,
)

COLUMNS = {
    "spread": say("spread", "スプレッド"),
    "hedge_slip": say("hedge slip", "ヘッジのスリッページ"),
    "unwind_slip": say("unwind slip", "アンワインドのスリッページ"),
    "realised": say("realised (price)", "実現（価格）"),
    "unrealised_change": say("unrealised, change", "評価損益の増減"),
    "funding": say("funding", "ファンディング"),
    "fees": say("fees", "手数料"),
    "net": say("net", "純損益"),
}


def earned(d: Told) -> Markup:
    """Return the split of the result, the days, markouts and slip."""
    told = d["earned"]
    title = say("What it earned", "損益")
    if not told["rows"] and not told["curves"]["tickets"]:
        return section("earned", title, note(say("No result in the log.", "ログに損益の記録がない。")))
    parts = f'<div class="two">{_split(d)}{_markouts(d["markouts"])}</div>'
    return section("earned", title, parts, _untold(told), f'<div class="two">{_slip(d["slip"])}{_days(d)}</div>')


def _split(d: Told) -> str:
    columns = d["earned"]["columns"] if d["earned"]["rows"] else {}
    values = {name: float(value) * (-1 if name == "fees" else 1) for name, value in columns.items()}
    most = max((abs(value) for value in values.values()), default=0.0)
    rows: list[Sequence[Cell]] = [heads(("column", "項目"), ("", ""), ("in quote coin", "決済通貨"))]
    rows += [
        (
            Markup(f"<b>{COLUMNS[name]}</b>") if name == "net" else COLUMNS[name],
            charts.either_way(value, most),
            signed(value),
        )
        for name, value in values.items()
    ]
    rows.append((say("tickets' edge, added up", "チケット損益の積み上げ"), "", signed(d["earned"]["tickets"])))
    result = d["statistics"]["result"] or {}
    coins = ", ".join(f"{coin} {figure(fee, 8)}" for coin, fee in (result.get("fees_by_coin") or {}).items())
    by_coin = (
        note(say(f"Fees of the newest row by coin: {coins}.", f"最新行の手数料（通貨別）：{coins}。")) if coins else ""
    )
    return f"<div>{table(rows, {1: 'barcell', 2: 'n'})}{by_coin}</div>"


def _untold(told: Told) -> str:
    count = told["untold_ends"]
    words = say(
        f"{count} run{'s' * (count != 1)} ended without a row: what came after the last one is in the sums only where "
        "a later row of that day tells it.",
        f"{count} 件のランが最後の行なしに終わった。最終行より後の分は、同じ日の後の行に含まれる場合だけ合計に入る。",
    )
    return note(words) if count else ""


def _markouts(told: Told) -> str:
    rows: list[Sequence[Cell]] = [
        heads(("markout after", "マークアウト"), ("", ""), ("bps", "bps"), ("fills", "約定数"))
    ]
    cells = {
        (side, seconds): it
        for side in ("bid", "ask")
        for seconds, it in sorted(told.get(side, {}).items(), key=lambda it: int(it[0]))
    }
    most = max((abs(float(it["bps"])) for it in cells.values()), default=0.0)
    names = {"bid": say("bid", "買い"), "ask": say("ask", "売り")}
    rows += [
        (
            Markup(f"{names[side]} {seconds} s"),
            charts.either_way(float(it["bps"]), most),
            signed(it["bps"], 2),
            figure(it["count"]),
        )
        for (side, seconds), it in cells.items()
    ]
    if len(rows) == 1:
        return f"<div>{note(say('No markouts in the log.', 'マークアウトの記録がない。'))}</div>"
    missed = (
        note(say(f"{told['missed']} came too late to tell.", f"{told['missed']} 件は遅すぎて測れず。"))
        if told["missed"]
        else ""
    )
    return f"<div>{table(rows, {1: 'barcell', 2: 'n', 3: 'n'})}{missed}</div>"


def _slip(told: Told) -> str:
    head = heads(
        ("slip, bps", "スリッページ bps"),
        ("fills", "約定数"),
        ("mean", "平均"),
        ("p50", "p50"),
        ("p5", "p5"),
        ("worst", "最悪"),
        ("in all", "合計"),
    )
    rows = [
        (
            COLUMNS[name],
            figure(it["fills"]),
            signed(it["mean_bps"], 2),
            signed(it["p50_bps"], 2),
            signed(it["p5_bps"], 2),
            signed(it["worst_bps"], 2),
            signed(it["value"], 4),
        )
        for name, it in told.items()
    ]
    words = note(say("Above zero in our favour; the mean is by notional.", "正が有利。平均は金額加重。"))
    kinds = dict.fromkeys(range(1, 7), "n") | {4: "n hide"}
    return f"<div>{table([head, *rows], kinds)}{words}</div>"


def _days(d: Told) -> str:
    days = d["statistics"]["net_by_day"][-31:]
    if not days:
        return ""
    most = max(abs(float(day["net"] or 0)) for day in days)
    rows: list[Sequence[Cell]] = [heads(("day (UTC)", "日（UTC）"), ("", ""), ("net", "純損益"))]
    rows += [
        (
            moment(day["since_ms"], "%Y-%m-%d"),
            charts.either_way(float(day["net"] or 0), most),
            signed(day["net"], 4),
        )
        for day in days
    ]
    return f"<div>{table(rows, {1: 'barcell', 2: 'n'})}</div>"
