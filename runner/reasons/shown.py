"""`python -m runner reasons [NAME] [--lang ja] [--markdown]`: what a reason means, and what to do."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator, Sequence

from mmfsm.reasons import Kind, Reason
from runner.reasons import CATALOGUE, find

NAMES_JA = {
    Kind.HALT: "停止(自動復帰)",
    Kind.LATCHED: "停止(要 resume)",
    Kind.START: "起動失敗",
    Kind.ALERT: "通知",
    Kind.IDLE: "気配なし",
    Kind.SKIP: "見送り",
    Kind.RISK: "リスク記録",
    Kind.GUARDIAN: "ガーディアン",
}
HEADS = {"en": ("reason", "kind", "what it means", "what to do"), "ja": ("理由", "種類", "意味", "対処")}


def main(argv: Sequence[str]) -> int:
    """Print the catalogue, or the rows of one name. Returns 1 when no row fits."""
    parser = argparse.ArgumentParser(prog="python -m runner reasons", description=__doc__)
    parser.add_argument("name", nargs="?", help="a reason as the log shows it, or a part of one; all, when left out")
    parser.add_argument("--lang", choices=("en", "ja"), default="en", help="the language of the words (default en)")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    args = parser.parse_args(argv)
    rows = CATALOGUE if args.name is None else rows_of(args.name)
    if not rows:
        near = difflib.get_close_matches(args.name, [row.name for row in CATALOGUE], n=3)
        print(f"no reason is named {args.name!r}" + (f"; near it: {', '.join(near)}" if near else ""))
        return 1
    print(markdown(rows, args.lang) if args.markdown else "\n\n".join(_plain(row, args.lang) for row in rows))
    return 0


def rows_of(name: str) -> Sequence[Reason]:
    """Return the rows of a name as the log shows it, of every kind; else those whose name has it as a part."""
    found = [find(name, kind) for kind in Kind]
    whole = [row for row in CATALOGUE if row in found]
    return whole or [row for row in CATALOGUE if name in row.name]


def markdown(rows: Sequence[Reason], lang: str = "en") -> str:
    """Return the rows as a Markdown table, in the order of the catalogue."""
    return "\n".join(_lines(rows, lang))


def _lines(rows: Sequence[Reason], lang: str) -> Iterator[str]:
    yield f"| {' | '.join(HEADS[lang])} |"
    yield "|---|---|---|---|"
    for row in rows:
        means, do = row.words(lang)
        yield f"| `{row.name}` | {_kinds(row, lang)} | {means} | {do} |"


def _plain(row: Reason, lang: str) -> str:
    means, do = row.words(lang)
    return f"{row.name}  ({_kinds(row, lang)})\n    {means}\n    → {do}"


def _kinds(row: Reason, lang: str) -> str:
    return ", ".join(NAMES_JA[kind] if lang == "ja" else kind.value for kind in row.kinds)
