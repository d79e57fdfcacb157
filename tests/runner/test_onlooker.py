"""What a run remembers for those who look on, and the view made of it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import mmfsm
from mmfsm.actions import Record
from mmfsm.machines import ALL, mode
from mmfsm.machines.mode import ModeInput, ModeState
from mmfsm.pictures import edges
from mmfsm.table import AnyTable
from runner.log import encode
from runner.looplag import WINDOW_S, LoopLag
from runner.onlooker import RECORDS_MAX, Onlooker
from runner.page.diagrams import picture
from runner.page.records import DATA_MAX, rows_of
from runner.page.view import LISTED_MAX, view_of
from runner.page.words import LANGUAGES, words_of
from tests.support.bot import trading


def record(number: int, event: str = "tick", **fields: object) -> Record:
    """A record told at a millisecond of its own."""
    return Record(number, event, "test", "IDLE", **fields)  # type: ignore[arg-type]


def test_records_are_numbered_and_bounded() -> None:
    """Whoever has seen number N gets what came after it, as far as it is still kept."""
    onlooker = Onlooker(0)
    for number in range(1, RECORDS_MAX + 11):
        onlooker.take(record(number))

    assert onlooker.told == RECORDS_MAX + 10 and len(onlooker.records) == RECORDS_MAX
    assert [it.at_ms for it in onlooker.since(RECORDS_MAX + 8)] == [RECORDS_MAX + 9, RECORDS_MAX + 10]
    assert len(onlooker.since(0)) == RECORDS_MAX and onlooker.since(RECORDS_MAX + 10) == []
    assert [row["n"] for row in rows_of(onlooker, RECORDS_MAX + 8, 9, ())] == [RECORDS_MAX + 9, RECORDS_MAX + 10]


def test_rows_hide_secrets_and_are_cut() -> None:
    onlooker = Onlooker(0)
    onlooker.take(record(1, data={"side": "my-secret", "long": "x" * 5_000}))
    (row,) = rows_of(onlooker, 0, 9, ("my-secret",))

    assert "my-secret" not in encode(row) and "***" in row["text"] and "***" in row["detail"]
    assert len(row["detail"]) < DATA_MAX + 10


def test_latencies_are_of_tickets_that_were_hedged() -> None:
    onlooker = Onlooker(0)
    for at, (status, ms) in enumerate([("DONE", 5), ("PARTIAL", 7), ("DONE", None), ("DONE", 9), ("DONE", 40)]):
        onlooker.take(record(at, "ticket", data={"status": status, "hedge_latency_ms": ms}))

    assert (onlooker.hedged, onlooker.latency_max_ms) == (3, 40)
    assert (onlooker.percentile_ms(0.5), onlooker.percentile_ms(0.99)) == (9, 40)


def test_edges_are_counted_only_while_somebody_looks() -> None:
    """A change of state counts its arrow; a row that stays counts none; afterwards the table is as it was."""
    onlooker, before = Onlooker(0), vars(mode.TABLE).get("fire")
    state = ModeState()

    def fire(event: str, **what: object) -> None:
        mode.TABLE.fire(state, event, ModeInput(1, **what), [])  # type: ignore[arg-type]

    fire("review")
    onlooker.count_edges()
    fire("review")
    fire("halt", reason="operator", latched=True)
    fire("halt", reason="operator", latched=True)
    onlooker.close()
    fire("resume")

    assert onlooker.edges["Mode"] == {("QUOTING", "HALTED"): 1} and vars(mode.TABLE).get("fire") is before


def test_loop_lag_forgets_after_a_minute() -> None:
    lag = LoopLag()
    lag.take(30.0, 100.0)
    lag.take(2.0, 100.5)
    lag.take(-1.0, 130.0)
    assert (lag.last_ms, lag.max_ms) == (0.0, 30.0)
    lag.take(1.0, 100.0 + WINDOW_S)
    assert lag.max_ms == 1.0


async def test_loop_lag_sees_a_loop_that_is_held_up() -> None:
    """The timer comes late by what held the loop up, and runs on."""
    lag, seen = LoopLag(), asyncio.Event()
    lag.start()
    loop = asyncio.get_running_loop()
    end_s = loop.time() + 0.1
    while loop.time() < end_s:  # the loop is held up on purpose
        pass
    loop.call_later(0.001, seen.set)
    await seen.wait()
    lag.stop()

    assert lag.max_ms >= 40


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_a_picture_shows_every_state_and_arrow_of_its_table(table: AnyTable) -> None:
    """By name, each once; counts and titles have their places, none over another."""
    root = ElementTree.fromstring(picture(table))
    named = [it.attrib for it in root.iter() if "data-state" in it.attrib or "data-edge" in it.attrib]
    labels = [it for it in root.iter() if it.attrib.get("class") == "count"]
    places = {(it.attrib["x"], it.attrib["y"]) for it in labels}

    assert [it["data-state"] for it in named if "data-state" in it] == list(table.states)
    assert {it["data-edge"] for it in named if "data-edge" in it} == {">".join(pair) for pair in edges(table)}
    assert len(places) == len(labels) == len(edges(table))
    assert "style=" not in picture(table), "the page's policy lets no inline style through"


async def test_the_view_is_plain_json_and_changes_nothing(tmp_path: Path) -> None:
    async with trading(tmp_path, BOOK_STALE_MS="60000") as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        before = encode(bot.runner.desk.snapshot())
        view = view_of(bot.runner, 10)

        assert encode(bot.runner.desk.snapshot()) == before
        assert json.loads(json.dumps(view)) == view, "no Decimal, no enum of ours"
        assert view["exposure"]["perp"] == "0.02" and view["latency"]["hedged"] == 1 and len(view["records"]) == 10
        assert view["pnl"]["run"]["perp_fills"] == 1 and view["run"]["kind"] == "paper"
        assert len(view["tickets"]["rows"]) <= LISTED_MAX and not [s for s in bot.settings.secrets if s in str(view)]


def test_both_languages_say_the_same() -> None:
    """The same keys and the same places for figures; English answers are the run's own."""
    english, japanese = (words_of(lang) for lang in LANGUAGES)

    assert english.keys() == japanese.keys()
    for part in ("ui", "modes", "acts", "reasons"):
        assert english[part].keys() == japanese[part].keys(), part
    for key, text in english["ui"].items():
        assert set(_places(text)) == set(_places(japanese["ui"][key])), key


def test_every_reason_of_a_halt_has_words() -> None:
    """Each name that code halts by, up to its first colon: an operator never reads a bare code first."""
    source = "".join(path.read_text(encoding="utf-8") for path in Path(mmfsm.__path__[0]).glob("*.py"))
    named = set(re.findall(r'halt_soon\(\s*f?"(\w+)', source)) | set(re.findall(r'halts\["(\w+)"\]', source))

    assert len(named) >= 12 and named - words_of("en")["reasons"].keys() == set()


def _places(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]
