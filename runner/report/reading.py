"""Time in each state, the runs, every kind of record, and how the log was read."""

from __future__ import annotations

from collections.abc import Sequence

from mmfsm.reasons import Kind
from runner.drawing.html import Cell, Markup, safe, table
from runner.report import charts
from runner.report.parts import LISTED, Told, heads, kinds_table, rest, scrolled, section
from runner.report.words import (
    NOTHING,
    code,
    exact,
    figure,
    meaning,
    moment,
    prose,
    say,
    share,
    span,
)

KINDS_LISTED = 400


def time_in_state(d: Told) -> Markup:
    """Return how long each mode and each state of tickets lasted, and what kept quotes away."""
    stays = d["modes"]["stays"]
    ran = sum(stay["ms"] for stay in stays.values())
    most = max((stay["ms"] for stay in stays.values()), default=0)
    modes: list[Sequence[Cell]] = [
        heads(("mode", "モード"), ("", ""), ("time", "時間"), ("share", "割合"), ("times", "回数"), ("longest", "最長"))
    ]
    modes += [
        (
            mode,
            charts.part_of(stay["ms"], most, mode if mode in charts.MODES else "other"),
            span(stay["ms"]),
            share(stay["ms"], ran),
            figure(stay["entries"]),
            span(stay["longest_ms"]),
        )
        for mode, stay in sorted(stays.items(), key=lambda it: (-it[1]["ms"], it[0]))
    ]
    return section(
        "states",
        say("Time in state", "状態ごとの時間"),
        scrolled(table(modes, {1: "barcell", 2: "n", 3: "n", 4: "n", 5: "n"})),
        _held_back(d),
    )


def _held_back(d: Told) -> str:
    held = sorted(d["ticks_without_quotes"].items(), key=lambda it: (-it[1], it[0]))[:LISTED]
    if not held:
        return ""
    head = heads(
        ("why no quote was wanted", "クオートしなかった理由"),
        ("", ""),
        ("ticks", "tick 数"),
        ("share", "割合"),
        ("meaning", "意味"),
    )
    body = [
        (
            code(why),
            charts.part_of(count, held[0][1], "IDLE"),
            figure(count),
            share(count, d["ticks"]),
            meaning(why, Kind.IDLE),
        )
        for why, count in held
    ]
    return scrolled(table([head, *body], {1: "barcell", 2: "n", 3: "n", 4: "text"}, labelled=True))


def details(title: Markup, body: str) -> str:
    return f"<details><summary>{title}</summary>{body}</details>"


def reading(d: Told) -> Markup:
    """Return the runs, every kind of record, and how the log was read."""
    return section("reading", say("Runs and reading", "ランと読み取り"), _runs(d), _records(d["kinds"]), _log(d["log"]))


def _runs(d: Told) -> str:
    rows: list[Sequence[Cell]] = [
        heads(
            ("run", "ラン"),
            ("from", "開始"),
            ("for", "期間"),
            ("ended by", "終了の理由"),
            ("version", "版"),
            ("host", "ホスト"),
        )
    ]
    for run in reversed(d["runs"]):
        end = code(run["end"]) if run["end"] else say("no end in the log", "ログに終了記録なし")
        lasted = span(run["until_ms"] - run["from_ms"])
        rows.append(
            (run["run_id"] or NOTHING, moment(run["from_ms"]), lasted, end, run["version"] or "", run["host"] or "")
        )
    shown = len(rows) - 1
    return scrolled(table(rows)) + rest(d["run_count"] - shown)


def _records(kinds: Told) -> str:
    every = kinds["all"]
    shown = kinds_table(every[:KINDS_LISTED], ("last", "最後"), lambda _why, seen: exact(seen["last_ms"]))
    title = say(f"Every kind of event and how often ({len(every)})", f"すべての種類と回数（{len(every)}）")
    return details(title, f"{shown}{rest(len(every) - KINDS_LISTED)}")


def _log(log: Told) -> str:
    files = ", ".join(log["files"][:LISTED]) + (" …" if len(log["files"]) > LISTED else "")
    lines, count, mb = figure(log["lines"]), len(log["files"]), figure(log["bytes"] / 1e6, 1)
    read = say(
        f"Read {lines} lines of {count} file{'s' * (count != 1)}, {mb} MB as stored.",
        f"{count} ファイル、{mb} MB（保存サイズ）、{lines} 行を読んだ。",
    )
    faults = [
        (log["broken"], say("lines cut off or not JSON", "途切れた行・JSON でない行")),
        (log["strange"], say("records of another form", "形の違う記録")),
        (
            log["backward"],
            say(
                "times more than a minute back: logs of more than one bot?",
                "回、時刻が 1 分以上戻る：複数のボットのログ？",
            ),
        ),
    ]
    told = "".join(f" <b>{figure(count)} {words}.</b>" for count, words in faults if count)
    unread = "".join(f"<p class=note><b>{prose(text)}</b></p>" for text in log["unread"])
    return f'<p class="note">{read}{told} <span class="quiet">{safe(files)}</span></p>{unread}'
