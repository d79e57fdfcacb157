"""Pictures of a table, read off its rows; plain, or with how often each row has fired.

mermaid(table)   transitions as arrows, STAY rows inside the state's box, clocks as notes
dot(table)       the same for Graphviz, with the clocks inside the box too
svg(table)       drawn by Graphviz where there is one
"""

from __future__ import annotations

import hashlib
import html
import shutil
from collections.abc import Iterable, Iterator, Sequence

from mmfsm import coverage
from mmfsm.coverage import Counts
from mmfsm.table import KINDS, STAY, AnyRow, AnyTable, name_of

# --- what both pictures show ------------------------------------------------------------------------------------------


def label(table: AnyTable, state: str, row: AnyRow, counts: Counts | None = None) -> str:
    """Write a row as `event [guard] / effects`; `else` stands for "none of the guards above it held". With counts,
    how often it has fired comes behind it."""
    guard = row.guard_text or ("else" if len(table.rows_for(state, row.event)) > 1 else "")
    effects = ", ".join(map(name_of, row.effects))
    fired = "" if counts is None else f" ×{counts[coverage.key(table.name, state, row)]}"
    return row.event + (f" [{guard}]" if guard else "") + (f" / {effects}" if effects else "") + fired


def edges(table: AnyTable, counts: Counts | None = None) -> dict[tuple[str, str], list[str]]:
    """Return the labels of all arrows by (from, to), in the order of the states, then of the rows."""
    found: dict[tuple[str, str], list[str]] = {}
    for state, row in rows(table):
        if row.dest not in KINDS:
            found.setdefault((state, row.dest), []).append(label(table, state, row, counts))
    return found


def inside(table: AnyTable, counts: Counts | None = None) -> dict[str, list[str]]:
    """Return the labels of the rows that keep a state and have effects, by state."""
    found: dict[str, list[str]] = {}
    for state, row in rows(table):
        if row.dest == STAY and row.effects:
            found.setdefault(state, []).append(label(table, state, row, counts))
    return found


def weights(table: AnyTable, counts: Counts) -> dict[tuple[str, str], int]:
    """Return how often each arrow has been taken, by (from, to)."""
    found: dict[tuple[str, str], int] = {}
    for state, row in rows(table):
        if row.dest not in KINDS:
            times = counts[coverage.key(table.name, state, row)]
            found[state, row.dest] = found.get((state, row.dest), 0) + times
    return found


def rows(table: AnyTable) -> Iterator[tuple[str, AnyRow]]:
    for state in table.states:
        for event in table.events:
            for row in table.rows_for(state, event):
                yield state, row


# --- Mermaid ----------------------------------------------------------------------------------------------------------


def mermaid(table: AnyTable) -> str:
    """Return a `stateDiagram-v2`. Rows between the same two states share an arrow; rows that stay are lines in the box.

    Drawn as arrows from a state to itself, ten such rows hide everything around them.
    """
    lines = ["---", f"title: {table.name}", "---", "stateDiagram-v2", f"    [*] --> {table.initial}"]
    staying = inside(table)
    for state in table.states:
        for (source, dest), labels in edges(table).items():
            if source == state:
                lines.append(f"    {source} --> {dest}: {_mermaid_text(labels)}")
        if state in staying:  # the first description is the box's title, the others are its lines
            lines += [f"    {state}: {_mermaid_text([text])}" for text in (state, *staying[state])]
        if state in table.final:
            lines.append(f"    {state} --> [*]")
        if state in table.timeouts:
            lines.append(f"    note right of {state}: {_mermaid_text([table.timeouts[state]])}")
    return "\n".join(lines) + "\n"


def _mermaid_text(labels: Iterable[str]) -> str:
    """A semicolon cuts a Mermaid label short without a word, and a colon may: neither is let through."""
    return "<br/>".join(labels).replace(";", ",").replace(":", " ")


# --- Graphviz ---------------------------------------------------------------------------------------------------------

_DOT_HEAD = """\
    rankdir=LR; nodesep=0.4; ranksep=0.7; labelloc=t; fontsize=20; fontname="Helvetica,Arial,sans-serif";
    node [shape=plain, fontname="Helvetica,Arial,sans-serif", fontsize=12];
    edge [fontname="Helvetica,Arial,sans-serif", fontsize=10, color="#555555"];
    start [shape=circle, style=filled, fillcolor=black, width=0.2, label=""];"""


def dot(table: AnyTable, counts: Counts | None = None) -> str:
    """Return the machine as a Graphviz digraph; a final state has a double border. With counts, an arrow is the thicker
    the more often it was taken, and one that never was is dashed."""
    lines = [f"digraph {table.name} {{", f'    label="{table.name}";', _DOT_HEAD]
    staying, taken = inside(table, counts), {} if counts is None else weights(table, counts)
    for state in table.states:
        lines.append(f"    {state} [label=<{_dot_box(table, state, staying.get(state, []))}>];")
    lines.append(f"    start -> {table.initial};")
    for (source, dest), labels in edges(table, counts).items():
        text = "".join(line + "\\l" for line in labels)
        weight = _dot_weight(taken[source, dest]) if taken else ""
        lines.append(f'    {source} -> {dest} [label="{text}"{weight}];')
    return "\n".join([*lines, "}"]) + "\n"


def _dot_weight(times: int) -> str:
    return f', color="#1a5fb4", penwidth={len(str(times))}' if times else ', color="#b0b0b0", style=dashed'


def _dot_box(table: AnyTable, state: str, staying: Sequence[str]) -> str:
    """A state's box: its name, then the rows that keep it, then its clock."""
    final = state in table.final
    cells = [f'<tr><td cellpadding="6"><b><font point-size="14">{state}</font></b></td></tr>']
    if staying:
        text = "".join(f'{html.escape(line)}<br align="left"/>' for line in staying)
        cells.append(
            f'<tr><td border="1" sides="T" balign="left" align="left"><font point-size="10">{text}</font></td></tr>'
        )
    if state in table.timeouts:
        text = html.escape(table.timeouts[state])
        cells.append(
            f'<tr><td border="1" sides="T" align="left"><i><font point-size="10">clock: {text}</font></i></td></tr>'
        )
    frame = 'border="1" cellborder="0" cellspacing="0" cellpadding="4" bgcolor="#f4f7fb"'
    box = f'<table {frame} style="rounded">{"".join(cells)}</table>'
    return (
        f'<table border="1" cellspacing="2" style="rounded"><tr><td border="0">{box}</td></tr></table>'
        if final
        else box
    )


def digest(table: AnyTable) -> str:
    """Return what an SVG says it was drawn from."""
    return hashlib.sha256(dot(table).encode()).hexdigest()


def svg(table: AnyTable, counts: Counts | None = None) -> str | None:
    """Return the machine drawn by Graphviz, with its digest in a comment; None where there is no `dot`."""
    import subprocess  # the one place of mmfsm that starts a program: only when pictures are asked for

    program = shutil.which("dot")
    if program is None:
        return None
    drawn = subprocess.run(
        [program, "-Tsvg"], input=dot(table, counts), capture_output=True, text=True, check=True
    ).stdout
    return drawn.replace("<svg", f"<!-- {DIGEST_MARK}{digest(table)} -->\n<svg", 1)


DIGEST_MARK = "drawn from sha256:"
