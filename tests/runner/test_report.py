"""The report of real runs: its figures are those of `statistics` and of the account, however the log's files lie."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runner.__main__ import main
from runner.logfiles import files_of
from runner.report.cli import figures_of
from runner.report.story import Story
from tests.support.bot import Bot, bot_on, exchange_with, touch
from tests.support.html import Page

Told = dict[str, Any]


class Ran:
    """Two runs on one exchange, told in one log: a hedge; then a hedge, a replacement and a halt by a person."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "mm.jsonl"
        self.journal = folder
        self.gained = Decimal(0)
        asyncio.run(self._trade(folder))
        self.lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        self.told = figures_of([self.log])

    async def _trade(self, folder: Path) -> None:
        async with exchange_with() as exchange:
            before, mid = exchange.account_view(), Decimal("3500.05")
            for second in (False, True):
                async with bot_on(exchange, folder, LOG_PATH=str(self.log)) as bot:
                    await self._hedge(bot)
                    if second:
                        await self._replace_and_halt(bot)
            truth = exchange.account_view()
            self.journal = bot.runner.folder / "journal"
            self.gained = truth.perp_equity - before.perp_equity
            self.gained += truth.spot["USDT"].total - before.spot["USDT"].total
            self.gained += (truth.spot["ETH"].total - before.spot["ETH"].total) * mid

    @staticmethod
    async def _hedge(bot: Bot) -> None:
        await bot.quoting()
        bot.fill_ask()
        await bot.hedged()
        await bot.quoting()

    @staticmethod
    async def _replace_and_halt(bot: Bot) -> None:
        touch(bot.exchange, "3500.70", "3500.70")
        await bot.until(lambda: len(bot.find("order_cancel", data_why="replace")) == 2)
        await bot.quoting()
        bot.halt()
        await bot.until(lambda: not bot.open_orders)
        await bot.ticked(2)
        bot.resume()
        touch(bot.exchange)
        await bot.quoting()

    def find(self, event: str) -> list[Told]:
        return [line for line in map(json.loads, self.lines) if line["event"] == event]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(tmp_path_factory.mktemp("report"))


def told_by(capsys: pytest.CaptureFixture[str], *words: object) -> Told:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    told: Told = json.loads(capsys.readouterr().out)
    return told


def same(one: Told, other: Told) -> bool:
    """All but the files' own names and sizes."""
    return {**one, "log": None} == {**other, "log": None}


# --- figures ----------------------------------------------------------------------------------------------------------


def test_it_has_the_figures_of_statistics(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    """To the last member, from the command line as from the function."""
    told = told_by(capsys, "report", ran.log, "--json")

    assert told == ran.told
    assert told["statistics"] == told_by(capsys, "statistics", ran.log)
    assert (told["statistics"]["hedges"], told["statistics"]["quote_replace_count"]) == (2, 2)


def test_what_the_runs_earned_is_what_the_account_gained(ran: Ran) -> None:
    """Two runs, each with its row: together they are the account's gain, and the columns add up to the net."""
    columns = {name: Decimal(value) for name, value in ran.told["earned"]["columns"].items()}

    assert columns["net"] == ran.gained != 0
    parts = columns["realised"] + columns["unrealised_change"] + columns["funding"] - columns["fees"]
    assert columns["net"] == parts
    assert ran.told["earned"]["tickets"] == str(sum(Decimal(it["data"]["edge"]) for it in _of(ran, "pnl", "ticket")))


def _of(ran: Ran, event: str, reason: str) -> list[Told]:
    return [line for line in ran.find(event) if line["reason"] == reason]


def test_slip_is_that_of_the_fills(ran: Ran) -> None:
    """Two hedges: value and bps by their records; none was unwound."""
    fills = [line["data"] for line in ran.find("fill") if line["inst_type"] == "SPOT"]
    value = sum(Decimal(it["hedge_slip"]) for it in fills)
    notional = sum(Decimal(it["price"]) * Decimal(it["qty"]) for it in fills)
    told = ran.told["slip"]["hedge_slip"]

    assert (told["fills"], Decimal(told["value"])) == (2, value)
    assert Decimal(told["mean_bps"]) == round(value / notional * 10_000, 3)
    assert ran.told["slip"]["unwind_slip"]["fills"] == 0


def test_every_moment_of_a_run_is_in_one_mode(ran: Ran) -> None:
    """Times add up to the runs'; each mode's are those between the records of its changes; cells hold them all."""
    modes, runs = ran.told["modes"], ran.told["runs"]
    lasted = sum(run["until_ms"] - run["from_ms"] for run in runs)
    whole = {mode: stay["ms"] for mode, stay in modes["stays"].items()}
    cells: dict[str, int] = {}
    for _at, shares in modes["cells"]:
        for mode, ms in shares.items():
            cells[mode] = cells.get(mode, 0) + ms

    assert len(runs) == 2 and sum(whole.values()) == lasted
    assert cells == {mode: ms for mode, ms in whole.items() if ms}
    changes = [(line["data"]["from"], line["data"]["to"], line["ts"]) for line in ran.find("state")]
    halted = sum(at * (1 if before == "HALTED" else -1) for before, after, at in changes if "HALTED" in (before, after))
    assert whole["HALTED"] == halted > 0


def test_a_halt_is_told_with_its_reason_and_how_long_it_was(ran: Ran) -> None:
    """A person's halt: once, latched, as long as the mode; the alert that told of it lasted as long."""
    halts = ran.told["halts"]
    (halt,) = halts["newest"]

    assert (halts["count"], halts["by_reason"]["operator"]["count"]) == (1, 1)
    assert halt["reasons"] == {"operator": True} and halt["until_ms"] - halt["at_ms"] == halt["ms"] == halts["ms"]
    assert halts["ms"] == ran.told["modes"]["stays"]["HALTED"]["ms"]
    assert [alert["reason"] for alert in halts["alerts"]] == [line["reason"] for line in ran.find("alert")]


def test_tickets_are_told_with_their_states(ran: Ran) -> None:
    """Two done by hedging; the time in their states is their length, by their records."""
    told, done = ran.told["tickets"], [line for line in ran.find("ticket") if line["data"]["status"] == "DONE"]
    lengths = [line["ts"] - line["data"]["opened_ms"] for line in done]

    assert (told["done"], told["unwound"], told["open"], told["ends"]) == (2, 0, 0, {"hedged": 2})
    assert sorted(ticket["ms"] for ticket in told["worst"]) == sorted(lengths)
    assert sum(time["ms"] for time in told["time_in_state"].values()) == sum(lengths)
    assert {ticket["edge"] for ticket in told["worst"]} == {it["data"]["edge"] for it in _of(ran, "pnl", "ticket")}


def test_what_the_newest_run_did_first_is_told(ran: Ran) -> None:
    """The second run alone halted and replaced; both started, quoted and hedged."""
    new = {(group, name, why) for group, name, why, _seen in ran.told["kinds"]["new"]}

    assert ("mode", "QUOTING → HALTED", "operator") in new and ("record", "alert", "operator") in new
    assert [it for it in new if it[1] in ("run", "fill", "order_new")] == []
    assert not any(group == "ticket" for group, _name, _why in new)


def test_rows_of_the_tables_are_compared_run_by_run(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    """By the journal of both runs: HALTED's rows are the second run's; a segment alone has nothing before it."""
    rows = told_by(capsys, "report", ran.log, "--json", "--rows", ran.journal)["rows"]
    fired = {(machine, state, event) for machine, state, event, _guard, _times in rows["new"]}

    assert len(rows["earlier"]) == 1 and ("Mode", "HALTED", "resume") in fired
    assert not any(event == "ticket_opened" for _machine, _state, event in fired)
    assert 0 < rows["fired"] < rows["rows"]
    first = sorted(ran.journal.iterdir())[0]
    assert told_by(capsys, "report", ran.log, "--json", "--rows", first)["rows"]["earlier"] == []


# --- files ------------------------------------------------------------------------------------------------------------


def test_rotated_and_compressed_files_tell_what_one_file_tells(ran: Ran, tmp_path: Path) -> None:
    """The log cut into four, two compressed, a name's order against time's, found by the log's name: the same story."""
    cut = [len(ran.lines) * n // 4 for n in range(5)]
    parts = ["".join(ran.lines[a:b]).encode() for a, b in pairwise(cut)]
    for n, day in enumerate(("20", "22", "21")):
        path = tmp_path / f"mm.2026-11-{day}_10-00-00_000001.jsonl"
        if n:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(parts[n]))
        else:
            path.write_bytes(parts[n])
    log = tmp_path / "mm.jsonl"
    log.write_bytes(parts[3])

    assert main(["report", str(log), "--json", "--out", str(tmp_path / "page.html")]) == 0
    assert main(["report", str(ran.log), "--out", str(tmp_path / "whole.html")]) == 0
    pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("page.html", "whole.html")]
    one, other = (re.sub(r"<p class=\"note\"><span lang=\"en\">Read .*", "", page) for page in pages)
    assert one == other


def test_lines_that_were_cut_off_are_counted_and_nothing_else_changes(ran: Ran, tmp_path: Path) -> None:
    """Half of a line within, half of one at the end, zeros: three broken, told on the page, the same figures."""
    log, lines = tmp_path / "mm.jsonl", ran.lines
    log.write_text("".join([*lines[:9], lines[9][:70], *lines[9:], "\0\0\0\n", lines[-1][:70]]), encoding="utf-8")
    told = figures_of([log])

    assert told["log"]["broken"] == 3 and same(told, ran.told)
    assert main(["report", str(log)]) == 0
    assert "3 " in (tmp_path / "mm.report.html").read_text(encoding="utf-8").split("lines cut off")[0][-40:]


def test_a_file_that_breaks_off_is_told_and_the_others_are_read(ran: Ran, tmp_path: Path) -> None:
    """A compressed file without its end: its lines count, and the page names it."""
    packed, log = tmp_path / "mm.2026-11-20_10-00-00_000001.jsonl.gz", tmp_path / "mm.jsonl"
    packed.write_bytes(gzip.compress("".join(ran.lines[:50]).encode())[:-5])
    log.write_text("".join(ran.lines[50:]), encoding="utf-8")
    told = figures_of([packed, log])

    assert same(told, ran.told) and packed.name in told["log"]["unread"][0]


def test_records_of_another_form_are_counted(ran: Ran) -> None:
    """Members missing, of another type, without a time: strange, and no end of the report."""
    strange = [
        {"ts": 5, "event": "tick"},
        {"ts": True, "event": "fill", "data": None},
        {"event": "run"},
        json.loads(ran.lines[1]) | {"event": "ticket", "data": {"hedge_id": 5}},
        json.loads(ran.lines[1]) | {"event": "pnl", "reason": "run", "data": {"net": "no number"}},
        json.loads(ran.lines[1]) | {"pos_snapshot": "flat"},
        json.loads(ran.lines[1]) | {"event": "state", "data": []},
    ]
    story = Story()
    for line in strange:
        story.take(line)
    assert story.strange == len(strange)
    json.dumps(story.as_dict())


def test_a_log_of_two_bots_is_told(ran: Ran, tmp_path: Path) -> None:
    """A story told twice goes back in time: said, so that nobody takes it for one."""
    log, copy = ran.log, [json.loads(line) for line in ran.lines]
    later = tmp_path / "other.jsonl"
    later.write_text("".join(json.dumps(it | {"ts": it["ts"] + 120_000}) + "\n" for it in copy), encoding="utf-8")

    assert ran.told["log"]["backward"] == 0
    assert figures_of([later, log])["log"]["backward"] == 1
    assert figures_of(files_of([later, log]))["log"]["backward"] == 0, "by time, whatever order they are named in"


# --- the page ---------------------------------------------------------------------------------------------------------


def loads(page: Page) -> list[str]:
    """What a page would load. Words along an axis have their places: those load nothing."""
    return [it for it in page.loads if not re.fullmatch(r"span style=left:[\d.]+%", it)]


HOSTILE = '<script>alert(1)</script><img src="https://evil.example/x">" onload="x"\'&amp;`</style></svg>'


def test_the_page_is_one_file_that_loads_and_runs_nothing(ran: Ran, tmp_path: Path) -> None:
    """No script, link or picture, no address of any host; the pictures are in it; the same every time."""
    pages = []
    for name in ("one.html", "two.html"):
        argv = ["report", str(ran.log), "--rows", str(ran.journal), "--out", str(tmp_path / name)]
        assert main(argv) == 0
        pages.append((tmp_path / name).read_text(encoding="utf-8"))
    page = Page()
    page.feed(pages[0])

    assert pages[0] == pages[1]
    assert loads(page) == [] and "script" not in page.tags and page.tags.count("svg") > 10
    assert not re.search(r"https?:|//[a-z]|url\(|@import", pages[0])
    assert pages[0].count('<span lang="en">') == pages[0].count('<span lang="ja">') > 100
    assert "None</" not in pages[0] and "{'" not in pages[0]


def test_it_opens_in_the_language_asked_for(ran: Ran, tmp_path: Path) -> None:
    """Both are in the file; one button is pressed."""
    for lang in ("en", "ja"):
        out = tmp_path / f"{lang}.html"
        assert main(["report", str(ran.log), "--out", str(out), "--lang", lang]) == 0
        assert f'id="{lang}" checked' in (html := out.read_text(encoding="utf-8")) and html.count(" checked") == 1


def test_whatever_a_log_says_stays_text(ran: Ran, tmp_path: Path) -> None:
    """Every text of every record replaced by markup: no tag and no attribute comes of it."""
    log = tmp_path / "mm.jsonl"
    lines = [json.dumps(_poisoned(json.loads(line))) + "\n" for line in ran.lines]
    log.write_text("".join([*ran.lines, *lines]), encoding="utf-8")
    assert main(["report", str(log), "--out", str(tmp_path / "page.html")]) == 0
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    page, clean = Page(), Page()
    page.feed(html)
    assert main(["report", str(ran.log), "--out", str(tmp_path / "clean.html")]) == 0
    clean.feed((tmp_path / "clean.html").read_text(encoding="utf-8"))

    assert "&lt;script&gt;" in html and HOSTILE not in html
    assert set(page.tags) == set(clean.tags) and loads(page) == []


def _poisoned(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _poisoned(it, key) for key, it in value.items()}
    keeps = name in ("event", "from", "to") or not isinstance(value, str) or re.fullmatch(r"-?[\d.]+", value)
    return value if keeps else HOSTILE


@pytest.mark.parametrize(
    "absurd", ["NaN", "Infinity", "-1e999999", "1e30", "", 10**400, -(10**400), 1e308, True, None, []]
)
def test_absurd_figures_end_no_report(ran: Ran, tmp_path: Path, absurd: object) -> None:
    """Every figure of every record but its time, in the log once more and absurd: pages come of it, and no crash."""
    log = tmp_path / "mm.jsonl"
    lines = [json.dumps(_absurd(json.loads(line), absurd)) + "\n" for line in ran.lines]
    log.write_text("".join([*ran.lines, *lines]), encoding="utf-8")

    assert main(["report", str(log), "--out", str(tmp_path / "page.html")]) == 0
    json.dumps(figures_of([log]))
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(html) < 1_000_000 and not re.search(r'="(nan|-?inf)', html)


def _absurd(value: Any, absurd: object, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _absurd(it, absurd, key) for key, it in value.items()}
    is_figure = isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"-?\d[\d.]*", value))
    return absurd if is_figure and name != "ts" else value


# --- ends -------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_done_is_said(ran: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file, no log in it, no journal, nowhere to write: each a status of its own and what was expected."""
    other = tmp_path / "other.jsonl"
    other.write_text("hello\n")
    (tmp_path / "empty").mkdir()
    for words, status, says in (
        ([tmp_path / "none.jsonl"], 66, "expected a log of the runner's"),
        ([other], 66, "no line in it is a record"),
        ([ran.log, "--rows", other], 65, "--rows: "),
        ([ran.log, "--rows", tmp_path / "empty"], 65, "expected a folder of journal segments"),
        ([ran.log, "--out", tmp_path / "no" / "page.html"], 73, "--out FILE.html"),
    ):
        assert main(["report", *map(str, words)]) == status
        assert says in capsys.readouterr().err


def test_progress_is_told_where_a_person_waits(ran: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On request, or on a terminal; else standard error stays empty."""
    assert main(["report", str(ran.log), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().err == ""
    assert main(["report", str(ran.log), "--out", str(tmp_path / "page.html"), "--progress"]) == 0
    assert "100%" in capsys.readouterr().err
