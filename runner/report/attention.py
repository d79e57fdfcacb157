"""What to look at: halts and alerts with what to do, and what the newest run did for the first time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmfsm.reasons import Kind
from runner.drawing.html import Cell, Markup, safe, table
from runner.report.parts import Told, heads, kinds_table, note, of, rest, scrolled, section
from runner.report.words import (
    code,
    exact,
    figure,
    meaning,
    moment,
    say,
    span,
    what_to_do,
)

NEWEST = 10
NEW_LISTED = 60


def attention(d: Told) -> Markup:
    """Return halts by reason and one by one, and alerts, with what to do."""
    halts = d["halts"]
    nothing = "" if halts["count"] or halts["alert_count"] else note(say("None.", "なし。"))
    return section(
        "attention", say("Halts and alerts", "停止と通知"), nothing, _causes(halts), _halts(halts), _alerts(halts)
    )


def _causes(halts: Told) -> str:
    if not halts["by_reason"]:
        return ""
    rows: list[Sequence[Cell]] = [
        heads(
            ("reason", "理由"),
            ("times", "回数"),
            ("lasted", "合計"),
            ("longest", "最長"),
            ("last", "最後"),
            ("what it means, what to do", "意味と対処"),
        )
    ]
    for reason, cause in sorted(halts["by_reason"].items(), key=lambda it: (-it[1]["ms"], it[0])):
        latched = Markup(f' <b class="tag">{say("latched", "手動解除")}</b>') if cause["latched"] else ""
        words = Markup(f"{meaning(reason, Kind.LATCHED, Kind.HALT)} {what_to_do(reason, cause['latched'])}")
        detail = Markup(f'<br><span class="quiet">{safe(cause["detail"])}</span>') if cause["detail"] else ""
        rows.append(
            (
                Markup(code(reason) + latched),
                figure(cause["count"]),
                span(cause["ms"]),
                span(cause["longest_ms"]),
                moment(cause["last_ms"]),
                Markup(words + detail),
            )
        )
    return scrolled(table(rows, {1: "n", 2: "n", 3: "n", 5: "text"}, labelled=True))


def _halts(halts: Told) -> str:
    if not halts["newest"]:
        return ""
    rows: list[Sequence[Cell]] = [heads(("halted at", "停止時刻"), ("for", "期間"), ("reasons", "理由"))]
    for halt in list(reversed(halts["newest"]))[:NEWEST]:
        lasts = say(" until the log's end", " ログの終わりまで") if halt["until_ms"] is None else Markup()
        rows.append((exact(halt["at_ms"]), Markup(span(halt["ms"]) + lasts), _codes(halt["reasons"])))
    title = say("One by one, newest first", "個別（新しい順）")
    return f"<h3>{title}{of(len(rows) - 1, halts['count'])}</h3>{scrolled(table(rows))}"


def _alerts(halts: Told) -> str:
    if not halts["alerts"]:
        return ""
    rows: list[Sequence[Cell]] = [
        heads(
            ("alert at", "通知時刻"), ("halted for", "停止期間"), ("reason", "理由"), ("text, what to do", "内容と対処")
        )
    ]
    for one in list(reversed(halts["alerts"]))[:NEWEST]:
        is_told = one["reason"] in halts["by_reason"]  # above, with what to do
        do = Markup() if is_told else Markup(f" {what_to_do(one['reason'], latched=True)}")
        text = Markup(f'<span class="quiet">{safe(one["text"])}</span>{do}')
        rows.append((exact(one["at_ms"]), span(one["ms"]), code(one["reason"]), text))
    title = say("Alerts, newest first", "通知（新しい順）")
    return f"<h3>{title}{of(len(rows) - 1, halts['alert_count'])}</h3>{scrolled(table(rows, {1: 'n', 3: 'text'}))}"


def _codes(names: Iterable[str]) -> Markup:
    return Markup(" ".join(code(name) for name in names))


def novelty(d: Told) -> Markup:
    """Return what the newest run did that no earlier one had done."""
    new, rows = d["kinds"]["new"], d["rows"]
    title = say("New in the newest run", "最新ランで初めて起きたこと")
    parts: list[str] = []
    if new is None:
        parts.append(
            note(
                say(
                    "The log holds one run, so there is nothing to compare it with. Name earlier logs too.",
                    "ログにランが一つしかなく、比べる相手がない。以前のログも指定する。",
                )
            )
        )
    elif not new:
        parts.append(
            note(say("Nothing: every kind of event had happened before.", "なし。どの種類の出来事も以前に起きている。"))
        )
    else:
        shown = kinds_table(new[:NEW_LISTED], ("meaning", "意味"), lambda why, _seen: meaning(why))
        parts += [shown, rest(len(new) - NEW_LISTED)]
    if rows is not None:
        parts.append(_rows(rows))
    return section("new", title, *parts)


def _rows(rows: Told) -> str:
    told = say(
        f"Of {rows['rows']} rows of the tables {rows['fired']} have fired in what was given.",
        f"遷移表の {rows['rows']} 行のうち、与えられた記録で {rows['fired']} 行が使われた。",
    )
    title = f"<h3>{say('Rows of the tables', '遷移表の行')}</h3>"
    if not rows["earlier"]:
        none = say("No earlier journal was given to compare with.", "比べる以前のジャーナルがない。")
        return title + note(Markup(f"{told} {none}"))
    if not rows["new"]:
        none = say("None for the first time.", "初めて使われた行はない。")
        return title + note(Markup(f"{told} {none}"))
    head = heads(("machine", "機械"), ("state", "状態"), ("event", "事象"), ("guard", "条件"), ("times", "回数"))
    body = [
        (machine, code(state), code(event), code(guard) if guard else "", figure(times))
        for machine, state, event, guard, times in rows["new"][:NEW_LISTED]
    ]
    return title + note(told) + scrolled(table([head, *body], {4: "n"})) + rest(len(rows["new"]) - NEW_LISTED)
