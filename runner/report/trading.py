"""What was traded: how hedges went, the tickets to look at, quotes and refusals."""

from __future__ import annotations

from collections.abc import Sequence

from runner.drawing.html import Cell, Markup, table
from runner.report import charts
from runner.report.parts import Told, heads, note, scrolled, section
from runner.report.words import (
    code,
    exact,
    figure,
    say,
    share,
    signed,
    span,
)


def tickets(d: Told) -> Markup:
    """Return how tickets ended, how long hedges took, and the tickets to look at."""
    told = d["tickets"]
    if not told["done"] and not told["open"]:
        return section("tickets", say("Tickets", "チケット"), note(say("None.", "なし。")))
    return section(
        "tickets",
        say("Tickets", "チケット"),
        f'<div class="two">{_latency(d)}{_ends(told)}</div>',
        _worst(told),
    )


def _latency(d: Told) -> str:
    latency = d["statistics"]["hedge_latency_ms"]
    if latency["p50"] is None:
        return ""
    words = " · ".join(f"{name} {span(ms)}" for name, ms in latency.items())
    title = say("From fill to hedge", "約定からヘッジまで")
    drawn = charts.latency_histogram(d["latency_counts"], {name: latency[name] for name in ("p50", "p99")})
    return f'<figure><figcaption>{title} <span class="quiet">{words}</span></figcaption>{drawn}</figure>'


def _ends(told: Told) -> str:
    head = heads(("how they ended", "終わり方"), ("tickets", "件数"), ("share", "割合"))
    rows = [(code(end), figure(count), share(count, told["done"])) for end, count in told["ends"].items()]
    if told["open"]:
        rows.append((say("still open", "未完了"), figure(told["open"]), ""))
    states: list[Sequence[Cell]] = [
        heads(("state", "状態"), ("tickets", "件数"), ("time", "時間"), ("longest", "最長"))
    ]
    states += [
        (
            Markup(f'<i class="{state if state in charts.STATES else "other"}"></i>{state}'),
            figure(time["entries"]),
            span(time["ms"]),
            span(time["longest_ms"]),
        )
        for state, time in told["time_in_state"].items()
    ]
    return f"<div>{table([head, *rows], {1: 'n', 2: 'n'})}{table(states, {1: 'n', 2: 'n', 3: 'n'})}</div>"


def _worst(told: Told) -> str:
    worst = told["worst"]
    longest = max(ticket["ms"] for ticket in worst)
    rows: list[Sequence[Cell]] = [
        heads(
            ("opened", "開始"),
            ("fill", "約定"),
            ("states, from 1 ms on a logarithmic axis", "状態（1 ms からの対数軸）"),
            ("lasted", "期間"),
            ("first hedge", "最初のヘッジ"),
            ("tries", "発注"),
            ("end", "終わり方"),
            ("edge", "損益"),
        )
    ]
    for ticket in worst:
        side = say(*{"buy": ("buy", "買い"), "sell": ("sell", "売り")}.get(str(ticket["side"]), ("?", "?")))
        rows.append(
            (
                exact(ticket["opened_ms"]),
                Markup(f"{side} {figure(ticket['want_qty'], 8)}"),
                charts.ticket_bar(ticket, longest),
                span(ticket["ms"]),
                span(ticket["hedge_latency_ms"]),
                figure(ticket["tries"]),
                code(str(ticket["end"])) if ticket["end"] else say("open", "未完了"),
                signed(ticket["edge"], 4),
            )
        )
    shown = len(worst)
    title = say(
        f"The {shown} to look at: open, chased or unwound first, then the slowest",
        f"見るべき {shown} 件：未完了・追いかけ・アンワインド、次に遅い順",
    )
    kinds = {2: "barcell long", 3: "n", 4: "n", 5: "n hide", 7: "n"}
    return f"<h3>{title}</h3>{charts.STATE_KEY}{scrolled(table(rows, kinds))}"


def quotes(d: Told) -> Markup:
    """Return how many quotes it took, what was left out, and what was refused."""
    said = d["statistics"]
    placed = said["quotes_placed"]
    rows: list[Sequence[Cell]] = [
        heads(("", ""), ("quotes", "件数"), ("share", "割合")),
        (say("placed", "提示"), figure(placed), ""),
        (
            say("replaced for a better price", "価格を変えて差し替え"),
            figure(said["quote_replace_count"]),
            share(said["quote_replace_count"], placed),
        ),
        (say("filled", "約定"), figure(d["quotes_filled"]), share(d["quotes_filled"], placed)),
        (say("for each filled one", "約定 1 件あたり"), figure(d["quotes_per_fill"], 1), ""),
    ]
    counts = dict.fromkeys((1, 2), "n")
    return section(
        "quotes",
        say("Quotes and refusals", "クオートと拒否"),
        f'<div class="two"><div>{table(rows, counts)}</div>{_refusals(said)}</div>',
        _skips(d),
    )


def _refusals(said: Told) -> str:
    streaks = said["reject_streaks"]
    rows: list[Sequence[Cell]] = [heads(("refused with", "拒否コード"), ("times", "回数"))]
    rows += [
        (code(name), figure(count))
        for name, count in sorted(said["refusals_by_code"].items(), key=lambda it: -it[1])[:12]
    ]
    lengths: list[Sequence[Cell]] = [heads(("in a row", "連続数"), ("streaks", "回数"))]
    lengths += [(length, figure(count)) for length, count in list(streaks["by_length"].items())[:12]]
    first = table(rows, {1: "n"}) if len(rows) > 1 else note(say("No refusals.", "拒否なし。"))
    return f"<div>{first}{table(lengths, {1: 'n'}) if len(lengths) > 1 else ''}</div>"


def _skips(d: Told) -> str:
    skips = [
        (why, seen["count"])
        for group, name, why, seen in d["kinds"]["all"]
        if (group, name) == ("record", "order_skip")
    ]
    if not skips:
        return ""
    head = heads(("left out because", "見送りの理由"), ("times", "回数"))
    rows = [(code(why), figure(count)) for why, count in sorted(skips, key=lambda it: (-it[1], it[0]))[:12]]
    return scrolled(table([head, *rows], {1: "n"}))
