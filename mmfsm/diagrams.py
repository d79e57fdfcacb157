"""Pictures and a page of the tables that run: `python -m mmfsm.diagrams [--out diagrams] [--check]`.

    mermaid(table)   one machine for Mermaid: transitions as arrows, STAY rows inside the state's box, clocks as notes
    dot(table)       the same for Graphviz, with the clocks inside the box too
    page(tables)     Markdown: every machine with its rules, picture, events, clocks and the complete table

Everything is read off the tables, so a picture cannot show what does not run. IGNORE and NEVER rows change nothing and
are on the page alone. `--check` writes nothing: it names the files that differ from the tables and exits with 1.
SVG files are drawn where Graphviz' `dot` is on the PATH. Their bytes depend on its version, so each carries the digest
of the text it was drawn from, and that is what `--check` compares.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import inspect
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from mmfsm import machines
from mmfsm.params import Params
from mmfsm.table import IGNORE, KINDS, NEVER, STAY, Row, Table, name_of

AnyTable = Table[Any, Any, Any]
AnyRow = Row[Any, Any, Any]

_MODULES: dict[str, Any] = {
    module.TABLE.name: module
    for module in vars(machines).values()
    if inspect.ismodule(module) and hasattr(module, "TABLE")
}
"""The module that declares each table, by the table's name: its docstring holds the rules."""

_WORDS = {STAY: "stays", IGNORE: "ignored", NEVER: "**never**"}


def file_stem(table: AnyTable) -> str:
    """Return the name of a machine's files, without the suffix.

    >>> from mmfsm.machines import ticket
    >>> file_stem(ticket.TABLE)
    'hedge_ticket'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", table.name).lower()


# --- what both pictures show ------------------------------------------------------------------------------------------


def label(table: AnyTable, state: str, row: AnyRow) -> str:
    """Write a row as `event [guard] / effects`; `else` stands for "none of the guards above it held"."""
    guard = row.guard_text or ("else" if len(table.rows_for(state, row.event)) > 1 else "")
    effects = ", ".join(map(name_of, row.effects))
    return row.event + (f" [{guard}]" if guard else "") + (f" / {effects}" if effects else "")


def edges(table: AnyTable) -> dict[tuple[str, str], list[str]]:
    """Return the labels of all arrows by (from, to), in the order of the states, then of the rows."""
    found: dict[tuple[str, str], list[str]] = {}
    for state, row in _rows(table):
        if row.dest not in KINDS:
            found.setdefault((state, row.dest), []).append(label(table, state, row))
    return found


def inside(table: AnyTable) -> dict[str, list[str]]:
    """Return the labels of the rows that keep a state and have effects, by state."""
    found: dict[str, list[str]] = {}
    for state, row in _rows(table):
        if row.dest == STAY and row.effects:
            found.setdefault(state, []).append(label(table, state, row))
    return found


def _rows(table: AnyTable) -> Iterator[tuple[str, AnyRow]]:
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


def dot(table: AnyTable) -> str:
    """Return the machine as a Graphviz digraph; a final state has a double border."""
    lines = [f"digraph {table.name} {{", f'    label="{table.name}";', _DOT_HEAD]
    staying = inside(table)
    for state in table.states:
        lines.append(f"    {state} [label=<{_dot_box(table, state, staying.get(state, []))}>];")
    lines.append(f"    start -> {table.initial};")
    for (source, dest), labels in edges(table).items():
        text = "".join(line + "\\l" for line in labels)
        lines.append(f'    {source} -> {dest} [label="{text}"];')
    return "\n".join([*lines, "}"]) + "\n"


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


def svg(table: AnyTable) -> str | None:
    """Return the machine drawn by Graphviz, with its digest in a comment; None where there is no `dot`."""
    import subprocess  # the one place of mmfsm that starts a program: only when pictures are asked for

    program = shutil.which("dot")
    if program is None:
        return None
    drawn = subprocess.run([program, "-Tsvg"], input=dot(table), capture_output=True, text=True, check=True).stdout
    return drawn.replace("<svg", f"<!-- {_DIGEST}{digest(table)} -->\n<svg", 1)


_DIGEST = "drawn from sha256:"


# --- the page ---------------------------------------------------------------------------------------------------------

_PAGE_HEAD = """\
# The machines

Written by `python -m mmfsm.diagrams` from the tables that run; a test fails when this page is older than they are.
Every change of state is one row below. Code around the tables translates: it turns what the exchange says into a
machine's events, and what a row asks for into orders, questions and records.

How to read a table

- The rows of one (state, event) pair are tried from top to bottom; the first whose guard holds is taken, no other.
  A guard `a & b` needs both; no guard means always. Guards only read. Effects run after the state has changed.
- *stays*: the effects run, the state is kept. *ignored*: nothing happens, for the reason given.
- **never**: the pair cannot happen, for the reason given. If it does, nothing is changed, both names go to the log, and
  the bot takes no new risk (HALTED) until a person resumes it.
- Every pair of a state and an event has rows: what is not written here cannot happen.

In the pictures an arrow, and a line inside a box for a row that stays, reads `event [guard] / effects`; `else` means
that no guard above it held. Rows that are ignored or impossible are left out there. Beside this page each machine is
a `.mmd` file for Mermaid and an `.svg`.
"""


def page(tables: Iterable[AnyTable]) -> str:
    """Return the review page: an index, then for each machine its rules, picture, events, clocks, table and code."""
    tables = tuple(tables)
    parts = [_PAGE_HEAD, _grid(("machine", "states", "rows"), [_summary(table) for table in tables])]
    for table in tables:
        parts += [f"## {table.name}\n", *_rules(table), f"```mermaid\n{mermaid(table)}```\n"]
        parts += ["### Events\n", _grid(("event", "meaning"), [(f"`{k}`", v) for k, v in table.events.items()])]
        parts += [*_clocks(table), "### Table\n"]
        parts += [_state_table(table, state) for state in table.states]
        parts += _code(table)
    return "\n".join(parts)


def _summary(table: AnyTable) -> tuple[str, str, str]:
    states = " ".join(f"{state} (final)" if state in table.final else state for state in table.states)
    return f"[{table.name}](#{table.name.lower()})", states, str(sum(1 for _ in _rows(table)))


def _rules(table: AnyTable) -> list[str]:
    """The docstring of the module that declares the table; its first line names the machine already."""
    module = _MODULES.get(table.name)
    if module is None or module.TABLE is not table:
        return []
    return [re.sub(r"\n +(?=\S)", "\n   ", inspect.getdoc(module) or "") + "\n", f"Declared in `{module.__name__}`.\n"]


def _clocks(table: AnyTable) -> list[str]:
    """The states that time moves, and what each parameter they name is by default."""
    if not table.timeouts:
        return []
    named = " ".join(table.timeouts.values())
    rows = [
        (f"`{field.name.upper()}`", f"{field.default} {field.metadata['unit']}", field.metadata["help"])
        for field in attrs.fields(Params)
        if re.search(rf"\b{field.name}\b", named)
    ]
    clocks = _grid(("state", "clock"), list(table.timeouts.items()))
    return ["### Clocks\n", clocks, _grid(("parameter", "default", "meaning"), rows)]


def _state_table(table: AnyTable, state: str) -> str:
    """All rows of one state, in the order they are tried."""
    rows = [
        (
            f"`{row.event}`",
            f"`{row.guard_text}`" if row.guards else "",
            _WORDS.get(row.dest, row.dest),
            ", ".join(f"`{name_of(effect)}`" for effect in row.effects),
            row.why,
        )
        for event in table.events
        for row in table.rows_for(state, event)
    ]
    kind = " (initial)" if state == table.initial else " (final)" if state in table.final else ""
    return f"#### {table.name} {state}{kind}\n\n" + _grid(("event", "guard", "goes to", "effects", "why"), rows)


def _code(table: AnyTable) -> list[str]:
    """The guards and effects themselves, and what they call in their own module, as they run."""
    todo = [function for _, row in _rows(table) for function in (*row.guards, *row.effects)]
    used: dict[Any, None] = dict.fromkeys(todo)
    while todo:
        for function in _called_by(todo.pop()):
            if function not in used:
                used[function] = None
                todo.append(function)
    ordered = sorted(used, key=lambda function: (function.__module__, function.__code__.co_firstlineno))
    source = "\n\n".join(inspect.getsource(function) for function in ordered)
    return [
        "<details><summary>Guards and effects, as they run</summary>\n",
        f"```python\n{source}```\n",
        "</details>\n",
    ]


def _called_by(function: Any) -> list[Any]:
    named = [function.__globals__.get(name) for name in function.__code__.co_names]
    return [value for value in named if inspect.isfunction(value) and value.__module__ == function.__module__]


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell would end it."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]) + "\n"


# --- the command ------------------------------------------------------------------------------------------------------


def texts(tables: Iterable[AnyTable]) -> dict[str, str]:
    """Return the files whose every byte follows from the tables: name → content."""
    tables = tuple(tables)
    return {**{f"{file_stem(table)}.mmd": mermaid(table) for table in tables}, "README.md": page(tables)}


def stale(tables: Iterable[AnyTable], out: Path) -> list[str]:
    """Return the names of the files in `out` that are missing or differ, and of pictures drawn from another table."""
    tables = tuple(tables)
    old = [name for name, text in texts(tables).items() if _read(out / name) != text]
    pictures = [(f"{file_stem(table)}.svg", f"{_DIGEST}{digest(table)} ") for table in tables]
    return old + [name for name, mark in pictures if (out / name).exists() and mark not in _read(out / name)]


def write(tables: Iterable[AnyTable], out: Path) -> list[str]:
    """Write every file into `out` and return their names; a stale picture that cannot be drawn again is removed."""
    tables = tuple(tables)
    out.mkdir(parents=True, exist_ok=True)
    written = texts(tables)
    drawn = {f"{file_stem(table)}.svg": svg(table) for table in tables}
    for name in stale(tables, out):
        if name in drawn:
            (out / name).unlink()
    written |= {name: picture for name, picture in drawn.items() if picture is not None}
    for name, text in written.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    return list(written)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8") if path.exists() else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 1 if `--check` found a stale file."""
    parser = argparse.ArgumentParser(prog="python -m mmfsm.diagrams", description="Draw the declared machines.")
    parser.add_argument("--out", type=Path, default=Path("diagrams"), help="the directory (default: diagrams)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the files that are stale")
    options = parser.parse_args(argv)
    if options.check:
        old = stale(machines.ALL, options.out)
        for name in old:
            print(f"{options.out / name} is not what the tables say: run python -m mmfsm.diagrams")
        return 1 if old else 0
    for name in write(machines.ALL, options.out):
        print(options.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
