"""Which rows have fired: counted live and from a journal, added up, written down, and drawn."""

from __future__ import annotations

import gzip
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm import coverage, machines
from mmfsm.coverage import counting, every_row, from_json, never, of_segment, to_json
from mmfsm.diagrams import main
from mmfsm.journal import event_line, head_line, parse
from mmfsm.machines import slot
from mmfsm.params import Params
from mmfsm.pictures import dot, weights
from mmfsm.table import NEVER
from mmfsm.testing import book, ready_desk
from mmfsm.values import InstType

T0 = 1_800_000_001_000
PULLED = ("QuoteSlot", "WORKING", "want", "moved")
PARAMS = Params(perp_tif="both", base_half_spread_bps=Decimal(2), edge_floor=False)
EVENTS = [book(InstType.PERP, T0 + n * 1_000, f"{2500 + 5 * n}.00", f"{2500 + 5 * n}.01") for n in range(3)]


def segment() -> bytes:
    """A journal in which both quotes are asked to move, once."""
    lines = [head_line(ready_desk(PARAMS), "1.0"), *map(event_line, EVENTS)]
    return "\n".join(lines).encode() + b"\n"


def test_what_fires_is_counted_live_and_from_the_journal_alike() -> None:
    """Each firing by table, state, event and guard; the tables are as they were afterwards."""
    desk, was = ready_desk(PARAMS), dict(vars(slot.TABLE))
    with counting() as counts:
        for event in EVENTS:
            desk.handle(event)

    assert counts[PULLED] == 2
    assert of_segment(parse(segment(), "j")) == counts
    assert vars(slot.TABLE) == was


def test_every_row_is_counted_in_each_of_its_states() -> None:
    """Rows that cannot happen are not asked for; the others are named once a state."""
    rows = every_row()

    assert len(rows) == len(set(rows)) == sum(
        len([row for row in table.rows_for(state, event) if row.dest != NEVER])
        for table in machines.ALL
        for state in table.states
        for event in table.events
    )  # fmt: skip
    assert never(Counter(rows)) == [] and never(Counter()) == rows


def test_counts_are_written_and_read() -> None:
    """The same counts give the same text, and anything else is refused by name."""
    counts = Counter({PULLED: 3, ("Feed", "FRESH", "data", ""): 7})

    assert from_json(to_json(counts), "c") == counts and to_json(counts) == to_json(from_json(to_json(counts), "c"))
    with pytest.raises(ValueError, match="c: expected counts of rows, version 1"):
        from_json("[]", "c")


def test_an_arrow_weighs_what_was_taken_and_one_never_taken_is_dashed() -> None:
    """The picture tells what has happened live from what is only possible."""
    counts = Counter({PULLED: 12})
    drawn = dot(slot.TABLE, counts)

    assert weights(slot.TABLE, counts)["WORKING", "REPLACING"] == 12
    assert 'want [below_floor] / replace ×0\\lwant [moved] / replace ×12\\l", color="#1a5fb4", penwidth=2];' in drawn
    assert 'EMPTY -> WORKING [label="want [paced] / place ×0\\l", color="#b0b0b0", style=dashed];' in drawn
    assert "×" not in dot(slot.TABLE)


def test_the_command_adds_up_journals_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of segments, compressed or not, and counts of rows; written are a page and a picture a machine."""
    journal, out, counts = tmp_path / "journal", tmp_path / "out", tmp_path / "tests.json"
    journal.mkdir()
    (journal / "1.jsonl").write_bytes(segment())
    (journal / "0.jsonl.gz").write_bytes(gzip.compress(segment()))
    counts.write_text(to_json(Counter({PULLED: 5})))

    assert main(["--coverage", str(journal), str(counts), "--out", str(out)]) == 0
    said = capsys.readouterr().out

    assert "| WORKING | `want` | `moved` | 9 |" in (out / "README.md").read_text()
    assert "×9" in (out / "quote_slot.dot").read_text()
    assert f"of {len(every_row())} rows have fired" in said


def test_the_command_names_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, a file that is no journal, one that is not there: status 2, one line each."""
    (tmp_path / "x.jsonl").write_text("nothing\n")
    (tmp_path / "empty").mkdir()
    for path, words in (("x.jsonl", "no journal's"), ("empty", "found none"), ("gone.jsonl", "gone.jsonl")):
        assert main(["--coverage", str(tmp_path / path), "--out", str(tmp_path / "out")]) == 2
        assert words in capsys.readouterr().err


def test_the_page_counts_each_machine() -> None:
    """How many of its rows have fired, and **never** where one has not."""
    page = coverage.page(Counter({PULLED: 1}))

    assert "## QuoteSlot: 1 of" in page and "## Feed: 0 of" in page
    assert "| EMPTY | `want` | `paced` | **never** |" in page
