"""Diagrams: what is checked in is what the tables say, and every row is in it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from mmfsm import machines
from mmfsm.diagrams import file_stem, main, page, stale, texts, write
from mmfsm.machines import slot
from mmfsm.pictures import digest, dot, label, mermaid
from mmfsm.table import IGNORE, KINDS, NEVER, STAY, Row, Table

ROOT = Path(__file__).parents[2]
TEXTS = texts(machines.ALL)
PAGE = TEXTS["README.md"]
AnyTable = Table[Any, Any, Any]
each_table = pytest.mark.parametrize("table", machines.ALL, ids=lambda table: table.name)

ARROW = re.compile(r"    (\[\*\]|\w+) --> (\[\*\]|\w+)(: (?P<text>[^;:]+))?")
INSIDE = re.compile(r"    (?P<state>\w+): (?P<text>[^;:]+)")
NOTE = re.compile(r"    note right of (?P<state>\w+): (?P<text>[^;:]+)")
RESERVED = {"default", "note", "state", "class", "end", "as", "direction", "fork", "join", "choice"}


def all_rows(table: AnyTable) -> Iterator[tuple[str, Row[Any, Any, Any]]]:
    """Every row once for each of its source states."""
    return ((state, row) for row in table.rows for state in row.sources)


def changed(table: AnyTable) -> AnyTable:
    """The same machine with a row of its first state ignored: what a change of a table looks like."""
    first = table.rows[0]
    rows = [attrs.evolve(first, dest=IGNORE, effects=(), why="changed"), *table.rows[1:]]
    state = Row(first.source, "moved", None, table.states[1])
    return Table(
        table.name, states=table.states, final=table.final, events={**table.events, "moved": "x"}, timeouts={},
        rows=[*rows, state, *(Row(name, "moved", None, IGNORE, why="x") for name in table.states[1:])],
    )  # fmt: skip


# --- freshness --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_a_checked_in_file_is_what_the_tables_say(name: str) -> None:
    """Byte for byte; if not, run `python -m mmfsm.diagrams`."""
    assert (ROOT / "diagrams" / name).read_text(encoding="utf-8") == TEXTS[name]


@each_table
def test_a_checked_in_picture_was_drawn_from_this_table(table: AnyTable) -> None:
    """An SVG differs with Graphviz' version, so it carries the digest of what it was drawn from."""
    drawn = (ROOT / "diagrams" / f"{file_stem(table)}.svg").read_text(encoding="utf-8")

    assert f"<!-- drawn from sha256:{digest(table)} -->" in drawn


def test_nothing_else_is_checked_in() -> None:
    """No file of a machine that is gone; beside the machines there is the picture of the operator's page."""
    pictures = {f"{file_stem(table)}.svg" for table in machines.ALL} | {"page.png"}

    assert {path.name for path in (ROOT / "diagrams").iterdir()} == TEXTS.keys() | pictures


def test_the_files_have_the_machines_names() -> None:
    """One Mermaid file a machine, and one page."""
    names = ["mode.mmd", "hedge_ticket.mmd", "order.mmd", "quote_slot.mmd", "pair.mmd"]
    names += ["feed.mmd", "session.mmd", "README.md"]

    assert list(TEXTS) == names


def test_check_is_silent_when_everything_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 and not a word."""
    assert main(["--check", "--out", str(ROOT / "diagrams")]) == 0
    assert capsys.readouterr().out == ""


def test_check_names_what_is_stale_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed page, a missing picture file and a drawing of an older table are named; status 1."""
    monkeypatch.setenv("PATH", str(tmp_path))
    write(machines.ALL, tmp_path)
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "feed.mmd").unlink()
    (tmp_path / "order.svg").write_text("<!-- drawn from sha256:0 --><svg/>")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert main(["--check", "--out", str(tmp_path)]) == 1
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        str(tmp_path / name) for name in ("feed.mmd", "README.md", "order.svg")
    ]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@each_table
def test_a_changed_table_makes_its_files_stale(
    table: AnyTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mermaid file, page and drawing each notice."""
    monkeypatch.setenv("PATH", str(tmp_path))
    write([table], tmp_path)
    (tmp_path / f"{file_stem(table)}.svg").write_text(f"<!-- drawn from sha256:{digest(table)} --><svg/>")

    assert stale([table], tmp_path) == []
    assert stale([changed(table)], tmp_path) == [f"{file_stem(table)}.mmd", "README.md", f"{file_stem(table)}.svg"]


def test_a_stale_drawing_is_not_left_beside_fresh_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Graphviz a drawing of an older table is removed, and one that is still true is kept."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "order.svg").write_text("<!-- drawn from sha256:0 --><svg/>")
    (tmp_path / "quote_slot.svg").write_text(f"<!-- drawn from sha256:{digest(slot.TABLE)} --><svg/>")

    assert main(["--out", str(tmp_path)]) == 0
    assert not (tmp_path / "order.svg").exists()
    assert (tmp_path / "quote_slot.svg").exists()
    assert stale(machines.ALL, tmp_path) == []


def test_the_command_runs() -> None:
    """`python -m mmfsm.diagrams --check` in a fresh interpreter finds the checked-in files fresh."""
    command = [sys.executable, "-m", "mmfsm.diagrams", "--check"]

    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).returncode == 0


# --- Mermaid ----------------------------------------------------------------------------------------------------------


@each_table
def test_every_line_is_one_that_mermaid_reads(table: AnyTable) -> None:
    """Arrows, lines inside a box and notes; no reserved id, and no semicolon or second colon: they cut labels short."""
    head, *lines = mermaid(table).split("stateDiagram-v2\n")[1].splitlines()

    assert mermaid(table).startswith(f"---\ntitle: {table.name}\n---\n")
    assert head == f"    [*] --> {table.initial}"
    assert [line for line in lines if not any(form.fullmatch(line) for form in (ARROW, INSIDE, NOTE))] == []
    assert not RESERVED & {state.lower() for state in table.states}
    assert all(re.fullmatch(r"\w+", state) for state in table.states)


@each_table
def test_every_transition_is_an_arrow(table: AnyTable) -> None:
    """Each row that changes the state is written on the arrow between its two states, and no other arrow is drawn."""
    drawn = {
        (match[1], match[2]): match["text"].split("<br/>")
        for match in map(ARROW.fullmatch, mermaid(table).splitlines())
        if match and match["text"]
    }
    declared: dict[tuple[str, str], list[str]] = {}
    for state, row in all_rows(table):
        if row.dest not in KINDS:
            declared.setdefault((state, row.dest), []).append(label(table, state, row))

    assert {pair: sorted(labels) for pair, labels in drawn.items()} == {
        pair: sorted(labels) for pair, labels in declared.items()
    }


@each_table
def test_every_row_that_stays_and_acts_is_inside_its_box(table: AnyTable) -> None:
    """Under the state's own name; ignored and impossible rows are in no picture."""
    lines = [match for match in map(INSIDE.fullmatch, mermaid(table).splitlines()) if match]
    for state in table.states:
        declared = [label(table, state, row) for name, row in all_rows(table) if name == state]
        staying = [label(table, name, row) for name, row in all_rows(table) if name == state and _acts(row)]
        inside = [match["text"] for match in lines if match["state"] == state]

        assert sorted(inside) == sorted([state, *staying] if staying else [])
        assert set(inside) <= {state, *declared}


def _acts(row: Row[Any, Any, Any]) -> bool:
    return row.dest == STAY and bool(row.effects)


@each_table
def test_final_states_end_and_clocks_are_notes(table: AnyTable) -> None:
    """Each final state leads to the end, and each timeout stands beside its state."""
    lines = mermaid(table).splitlines()
    ends = [line for line in lines if line.endswith("--> [*]")]
    notes = {match["state"]: match["text"] for match in map(NOTE.fullmatch, lines) if match}

    assert ends == [f"    {state} --> [*]" for state in table.final]
    assert notes == {state: text.replace(";", ",") for state, text in table.timeouts.items()}


@pytest.mark.parametrize(
    ("state", "event", "labels"),
    [
        ("EMPTY", "want", ["want [paced] / place", "want [else]"]),
        ("WORKING", "unwant", ["unwant / cancel"]),
        ("REPLACING", "unwant", ["unwant"]),
    ],
)
def test_a_label_is_event_guard_and_effects(state: str, event: str, labels: list[str]) -> None:
    """`else` stands for the row that is left when no guard held; nothing is written for what is not there."""
    rows = slot.TABLE.rows_for(state, event)

    assert [label(slot.TABLE, state, row) for row in rows] == labels


# --- Graphviz ---------------------------------------------------------------------------------------------------------


@each_table
def test_the_drawing_shows_the_same(table: AnyTable) -> None:
    """Every state has a box with its clock and the rows that stay; every arrow has its labels."""
    text = dot(table).replace("&amp;", "&").replace("&gt;", ">").replace("&lt;", "<")

    assert all(f"    {state} [label=<" in text for state in table.states)
    assert all(clock in text for clock in table.timeouts.values())
    assert all(label(table, state, row) in text for state, row in all_rows(table) if row.dest in table.states)
    assert all(label(table, state, row) in text for state, row in all_rows(table) if _acts(row))


# --- the page ---------------------------------------------------------------------------------------------------------


def _section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any depth."""
    return re.split(r"^#+ ", text.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]


@each_table
def test_the_page_has_every_row(table: AnyTable) -> None:
    """State by state: event, guard, destination, effects and reason of each row, in the order they are tried."""
    words = {STAY: "stays", IGNORE: "ignored", NEVER: "**never**"}
    for state in table.states:
        kind = " (initial)" if state == table.initial else " (final)" if state in table.final else ""
        rows = [
            line.replace("`", "")[2:-2].split(" | ")
            for line in _section(PAGE, f"#### {table.name} {state}{kind}").splitlines()
            if line.startswith("| ")
        ]
        declared = [
            [
                row.event,
                row.guard_text,
                words.get(row.dest, row.dest),
                ", ".join(effect.__name__ for effect in row.effects),
                row.why,
            ]
            for event in table.events
            for row in table.rows_for(state, event)
        ]

        assert rows[1:] == declared


@each_table
def test_the_page_has_rules_picture_events_clocks_and_code(table: AnyTable) -> None:
    """What a stranger needs beside the rows: the rules, each event's meaning, each clock, each guard's code."""
    section = PAGE.split(f"\n## {table.name}\n")[1].split("\n## ")[0]

    assert "Rules\n\n1. " in section
    assert f"```mermaid\n{mermaid(table)}```" in section
    assert all(f"| `{event}` | {meaning} |" in section for event, meaning in table.events.items())
    assert all(f"| {state} | {clock} |" in section for state, clock in table.timeouts.items())
    named = {function.__name__ for row in table.rows for function in (*row.guards, *row.effects)}
    assert all(f"\ndef {name}(" in section for name in named)


def test_the_page_gives_the_parameters_that_clocks_name() -> None:
    """With their defaults and what they mean."""
    assert "| `HEDGE_DEADLINE_MS` | 1500 ms | from the fill to CHASING |" in PAGE


def test_a_table_from_elsewhere_can_be_drawn() -> None:
    """The writers need a table and nothing of ours: another bot's machine has a page too, without rules."""
    lamp: AnyTable = Table(
        "Lamp",
        states=("OFF", "ON"),
        final=("ON",),
        events={"press": "a finger | a toe"},
        timeouts={"OFF": "a minute: then; dark"},
        rows=[Row("OFF", "press", None, "ON"), Row("ON", "press", None, IGNORE, why="it is on")],
    )

    assert mermaid(lamp).splitlines()[3:] == [
        "stateDiagram-v2",
        "    [*] --> OFF",
        "    OFF --> ON: press",
        "    note right of OFF: a minute  then, dark",
        "    ON --> [*]",
    ]
    assert r"| `press` | a finger \| a toe |" in page([lamp])
    assert "Rules" not in page([lamp])
