"""Pictures and a page of the tables that run: `python -m mmfsm.diagrams [--out diagrams] [--check]`.

    --coverage JOURNAL…   how often each row has fired, by a journal (a segment, a folder of them) or counts of rows

    page(tables)     Markdown: every machine with its rules, picture, events, clocks and the complete table

Everything is read off the tables, so a picture cannot show what does not run. IGNORE and NEVER rows change nothing and
are on the page alone. `--check` writes nothing: it names the files that differ from the tables and exits with 1.
SVG files are drawn where Graphviz' `dot` is on the PATH. Their bytes depend on its version, so each carries the digest
of the text it was drawn from, and that is what `--check` compares.
"""

from __future__ import annotations

import argparse
import gzip
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from mmfsm import coverage, machines
from mmfsm.coverage import Counts
from mmfsm.journal import parse
from mmfsm.params import Params
from mmfsm.pictures import DIGEST_MARK, digest, dot, mermaid, rows, svg
from mmfsm.table import IGNORE, NEVER, STAY, AnyTable, name_of

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
    return f"[{table.name}](#{table.name.lower()})", states, str(sum(1 for _ in rows(table)))


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
    todo = [function for _, row in rows(table) for function in (*row.guards, *row.effects)]
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
    pictures = [(f"{file_stem(table)}.svg", f"{DIGEST_MARK}{digest(table)} ") for table in tables]
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


def read_counts(paths: Iterable[Path]) -> Counts:
    """Return how often each row has fired by these journals (segments or folders, compressed or not) and counts.

    Raises:
        ValueError: a file is neither, or of a version that is not read here; names the file and what was expected.
        OSError: a file cannot be read.
    """
    counts: Counts = Counter()
    for path in paths:
        names = [*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")] if path.is_dir() else [path]
        if not names:
            raise ValueError(f"{path}: expected a folder of journal segments (*.jsonl, *.jsonl.gz), found none")
        for name in sorted(names):
            text = name.read_bytes()
            text = gzip.decompress(text) if name.suffix == ".gz" else text
            is_counts = name.suffix == ".json"
            counts += (
                coverage.from_json(text.decode(), str(name))
                if is_counts
                else coverage.of_segment(parse(text, str(name)))
            )
    return counts


def write_coverage(counts: Counts, out: Path) -> list[str]:
    """Write a page of every row with its count, and each machine as a picture with weights; return their names."""
    out.mkdir(parents=True, exist_ok=True)
    written = {"README.md": coverage.page(counts)}
    for table in machines.ALL:
        written[f"{file_stem(table)}.dot"] = dot(table, counts)
        written |= {} if (drawn := svg(table, counts)) is None else {f"{file_stem(table)}.svg": drawn}
    for name, text in written.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    return list(written)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8") if path.exists() else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 1 if `--check` found a stale file."""
    parser = argparse.ArgumentParser(prog="python -m mmfsm.diagrams", description="Draw the declared machines.")
    parser.add_argument("--out", type=Path, help="the directory (default: diagrams; with --coverage: logs/coverage)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the files that are stale")
    parser.add_argument("--coverage", type=Path, nargs="+", metavar="JOURNAL", help="draw how often each row has fired")
    options = parser.parse_args(argv)
    if options.coverage:
        return _cover(options.coverage, options.out or Path("logs") / "coverage")
    out = options.out or Path("diagrams")
    if options.check:
        old = stale(machines.ALL, out)
        for name in old:
            print(f"{out / name} is not what the tables say: run python -m mmfsm.diagrams")
        return 1 if old else 0
    for name in write(machines.ALL, out):
        print(out / name)
    return 0


def _cover(paths: Sequence[Path], out: Path) -> int:
    try:
        counts = read_counts(paths)
    except (ValueError, OSError, EOFError) as error:
        print(error, file=sys.stderr)
        return 2
    for name in write_coverage(counts, out):
        print(out / name)
    every, quiet = coverage.every_row(), coverage.never(counts)
    print(f"{len(every) - len(quiet)} of {len(every)} rows have fired, {sum(counts.values())} firings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
