"""The declared tables, printed: `python -m mmfsm.table [NAME]`. Every pair of every machine, and how it is decided.

Feed: 4 states × 8 events = 32 pairs: 22 move or act, 10 ignored with a reason, 0 impossible, 0 undecided; 44 rows
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmfsm import machines
from mmfsm.table import IGNORE, NEVER, AnyRow, AnyTable


def coverage(table: AnyTable) -> dict[str, int]:
    """Count a table's pairs by how they are decided: all that they can do, or that they cannot happen."""
    counts = {"states": len(table.states), "events": len(table.events), "pairs": 0, "act": 0, "ignore": 0, "never": 0}
    for state in table.states:
        for event in table.events:
            dests = [row.dest for row in table.rows_for(state, event)]
            kind = "never" if dests == [NEVER] else "ignore" if dests == [IGNORE] else "act"
            counts["pairs"] += 1
            counts[kind] += 1
    counts["undecided"] = counts["pairs"] - counts["act"] - counts["ignore"] - counts["never"]
    counts["rows"] = len(table.rows)
    return counts


def text(table: AnyTable) -> str:
    """Return a table as aligned lines under its coverage, one row a line, in the order they are tried."""
    found = coverage(table)
    head = (
        f"{table.name}: {found['states']} states × {found['events']} events = {found['pairs']} pairs: "
        f"{found['act']} move or act, {found['ignore']} ignored with a reason, {found['never']} impossible, "
        f"{found['undecided']} undecided; {found['rows']} rows"
    )
    lines = [head]
    for state in table.states:
        final = " (final)" if state in table.final else ""
        clock = f"    clock: {table.timeouts[state]}" if state in table.timeouts else ""
        lines.append(f"\n  {state}{final}{clock}")
        lines += [_line(row) for event in table.events for row in table.rows_for(state, event)]
    return "\n".join(lines) + "\n"


def _line(row: AnyRow) -> str:
    guard = f"[{row.guard_text}]" if row.guards else ""
    effects = ", ".join(effect.__name__ for effect in row.effects)
    why = f"  # {row.why}" if row.why else ""
    return f"    {row.event:18}{guard:34}{row.dest:12}{effects}{why}".rstrip()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 0."""
    names = [table.name for table in machines.ALL]
    parser = argparse.ArgumentParser(prog="python -m mmfsm.table", description="Print the declared tables.")
    parser.add_argument("name", nargs="*", choices=[*names, []], metavar="NAME", help=f"of {', '.join(names)}")
    wanted = parser.parse_args(argv).name or names
    sys.stdout.write("\n".join(text(table) for table in machines.ALL if table.name in wanted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
