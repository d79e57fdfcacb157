"""Every order of events, up to a bound: `python -m mmfsm.explore [--model NAME] [--tickets N] [--faults N] [--json]`.

    --model tickets               tickets and their orders, on their tables: every order of what a venue can do to them
    --model quotes                the real desk, quoting: quotes × orders × feeds, with the tickets its fills open
    --model session               the real desk from its start: checks, stop, kill and restart
    --coarse --tickets 3 --faults 2 --bound 0        all of a coarser world: see what the report says it leaves out

Explores named sub-configurations of the real tables and the real desk, and prints what was seen: states, transitions,
rows fired and never fired, pairs nobody answers, and the shortest way to anything that is wrong. Exit status 1 if so.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from mmfsm.proof.desk_model import model_of_quotes, model_of_session
from mmfsm.proof.model import Model
from mmfsm.proof.search import Counterexample, Report, Step, explore, replay, row_key
from mmfsm.proof.ticket_model import model_of_tickets

__all__ = ["MODELS", "Counterexample", "Report", "Step", "explore", "main", "replay"]

BOUND = 50_000
"""States a model is explored to unless told otherwise: some ten seconds each. A report says if it was cut."""

MODELS: dict[str, Callable[[argparse.Namespace], Model[Any]]] = {
    "tickets": lambda o: model_of_tickets(
        o.tickets, o.faults, (0,) if o.coarse else (0, -4, 4), prompt=not o.slow, coarse=o.coarse
    ),
    "quotes": lambda o: model_of_quotes(
        o.tickets, o.faults, o.words, sides=o.sides, denials=o.denials, closing=o.flatten
    ),
    "session": lambda o: model_of_session(o.tickets, o.faults, o.words, sides=o.sides),
}


def never_fired(model: Model[Any], report: Report) -> list[tuple[str, str, str, str]]:
    """Return the rows of a model's tables that no path has taken, but for those that say "never"."""
    rows = [(table.name, row) for table in model.tables for row in table.rows if row.dest != "(never)"]
    return [key for name, row in rows if (key := row_key(name, row)) not in report.fired_rows]


def as_json(model: Model[Any], report: Report) -> dict[str, Any]:
    """Return a report as plain JSON: its counterexample is a list of choices that `replay` takes."""
    found = report.counterexample
    return {
        "model": model.name,
        "states": report.states,
        "transitions": report.transitions,
        "complete": report.complete,
        "rows_fired": {" ".join(key).strip(): count for key, count in sorted(report.fired_rows.items())},
        "rows_never_fired": [" ".join(key).strip() for key in never_fired(model, report)],
        "unanswered": [" ".join(pair) for pair in report.unanswered],
        "never_reached": report.never,
        "stuck": report.stuck,
        "worst_to_goal": report.worst_to_goal,
        "leaves_out": list(model.leaves_out),
        "counterexample": None
        if found is None
        else {
            "broken": found.broken,
            "detail": found.detail,
            "start": found.start,
            "choices": [list(choice) for choice in found.choices],
        },
    }


def as_text(model: Model[Any], report: Report, *, rows: bool = False) -> str:
    """Return a report as lines to read; `rows` names the rows that no path has taken."""
    quiet = never_fired(model, report)
    whole = "every order of choices" if report.complete else "bounded: not every order of choices"
    lines = [
        f"{model.name}: {report.states} states, {report.transitions} transitions ({whole})",
        f"  rows fired {len(report.fired_rows)}, never fired {len(quiet)}, unanswered pairs {len(report.unanswered)}",
        f"  home from everywhere: {report.stuck} states stuck, the longest benign way {report.worst_to_goal} choices"
        if report.complete
        else "  home from everywhere: not asked, for not every state was seen",
    ]
    lines += [f"  never fired: {' '.join(key).strip()}" for key in quiet if rows]
    lines += [f"  unanswered: {' '.join(pair)}" for pair in report.unanswered]
    lines += [f"  never reached: {name}" for name in report.never]
    lines += [f"  left out: {what}" for what in model.leaves_out]
    if report.counterexample is not None:
        lines.append(str(report.counterexample))
    return "\n".join(lines)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mmfsm.explore", description="Visit every order of events.")
    parser.add_argument("--model", choices=tuple(MODELS), help="one model alone (default: all)")
    parser.add_argument("--tickets", type=int, default=1, help="fills that open, grow or net tickets, a path")
    parser.add_argument("--faults", type=int, default=0, help="faults a path")
    parser.add_argument("--words", type=int, default=1, help="an operator's words a path: halt, resume; stop, kill")
    parser.add_argument("--sides", type=int, choices=(1, 2), default=1, help="how many sides are quoted")
    parser.add_argument("--denials", action="store_true", help="quotes: a refused order may trade, as a fault")
    parser.add_argument("--flatten", action="store_true", help="quotes: an operator may say flatten, too")
    parser.add_argument("--slow", action="store_true", help="tickets: messages may be late without bound")
    parser.add_argument("--coarse", action="store_true", help="tickets: orders fill whole or not, news comes at once")
    parser.add_argument(
        "--bound", type=int, default=BOUND, help="stop a model after so many states, 0: never (default %(default)s)"
    )
    parser.add_argument("--rows", action="store_true", help="name the rows that no path has taken")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a model")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 1 if anything is wrong or never reached."""
    options = _options(argv)
    status = 0
    for name in [options.model] if options.model else list(MODELS):
        model = MODELS[name](options)
        report = model.explore(options.bound or None, progress=_tell if sys.stderr.isatty() else None)
        if report.complete is False:
            report.never = []  # what lies beyond the bound was not looked for
        status = status if report.sound else 1
        text = json.dumps(as_json(model, report)) if options.json else as_text(model, report, rows=options.rows)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    return status


def _tell(depth: int, states: int, transitions: int) -> None:
    sys.stderr.write(f"\rdepth {depth}, {states} states, {transitions} transitions \r")
    sys.stderr.flush()


if __name__ == "__main__":
    gc.set_threshold(100_000)  # worlds hold no circles: looking for some takes a sixth of the time
    sys.exit(main())
