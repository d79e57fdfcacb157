"""`python -m runner replay`: every decision of a journal, rebuilt and held against the log."""

import gzip
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.demo import PaperRun, run_paper
from runner.journal import segments
from runner.paper import PaperOptions
from runner.replay import main
from runner.simulator.run import Plan, run_seed
from runner.simulator.shrink import write_journal
from runner.simulator.swarm import CALM
from tests.support.bot import FAST, touch
from tests.support.tape import small_tape, tape_dir

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segment of half a calm minute, with tickets in it."""
    outcome = run_seed(Plan(1, 0.5, CALM))
    assert outcome.settings is not None and outcome.counts["hedges"] > 0
    return write_journal(tmp_path_factory.mktemp("replay"), outcome.settings, outcome.run, outcome.events, "9.9.9")


async def _paper(folder: Path) -> Path:
    """A short run over sockets, one fill hedged, with journal and log; returns the journal's folder."""

    async def during(exchange: Any, runner: Any) -> None:
        touch(exchange)
        orders = lambda: [it for it in exchange.account_view().open_orders if it.force == "post_only"]  # noqa: E731
        await exchange.until(lambda: len(orders()) == 2, 10)
        exchange.market.trade("perp", "3490", "1", "sell")
        await exchange.until(lambda: len(exchange.account_view().fills) == 2 and not runner.desk.state.tickets, 10)
        runner.stop("test")

    options = PaperOptions(market="scripted", queue_ahead=Decimal(0))
    run = PaperRun(30, options, str(folder / "run.jsonl"), overrides=FAST, during=during, state_dir=str(folder))
    assert (await run_paper(run))["ok"]
    return next(iter(folder.glob("*/journal")))  # noqa: ASYNC240 - a test may look


def _told(argv: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*argv, "--json"]) == status
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


async def test_a_run_over_sockets_replays_without_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line of the log but the runner's own is rebuilt, exactly; a changed member is shown with both sides."""
    journal, log = await _paper(tmp_path), tmp_path / "run.jsonl"
    told = _told([str(journal), "--log", str(log)], capsys)
    lines = log.read_text().splitlines()
    own = [line for line in map(json.loads, lines) if line["source"] != "runner" and line["event"] != "log"]
    assert told["difference"] is None and (told["beyond"], told["left"]) == (0, 0)
    assert told["agreed"] == told["lines"] == len(own) > 20

    packed = tmp_path / "run.jsonl.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert _told([str(journal), "--log", str(packed)], capsys)["agreed"] == told["agreed"]
    packed.write_bytes(gzip.compress(log.read_bytes())[:-9])
    assert main([str(journal), "--log", str(packed)]) == 2
    assert "run.jsonl.gz: expected the log's lines" in capsys.readouterr().err

    at = next(n for n, line in enumerate(lines) if json.loads(line)["event"] == "fill")
    lines[at] = lines[at].replace('"event": "fill"', '"event": "feel"')
    log.write_text("\n".join(lines) + "\n")
    difference = _told([str(journal), "--log", str(log)], capsys, status=1)["difference"]
    assert (difference["log_line"], difference["members"]) == (at + 1, ["event"])
    assert (difference["replayed"]["event"], difference["logged"]["event"]) == ("fill", "feel")
    assert main([str(journal), "--log", str(log)]) == 1
    assert "differs in event" in capsys.readouterr().out


def _under_hash_seeds(command: list[str]) -> list[str]:
    """What a command prints under each of three hash seeds."""
    running = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        for seed in ("0", "1", "42")
    ]
    return [one.communicate()[0] for one in running]


def test_the_same_digest_under_any_hash_seed(simulated: Path) -> None:
    """Actions, lines and the final state, replayed by processes with different hash seeds."""
    command = [sys.executable, "-m", "runner.replay", str(simulated), "--json"]
    digests = [json.loads(text)["digest"] for text in _under_hash_seeds(command)]

    assert len(digests[0]) == 64 and digests == [digests[0]] * 3


def test_a_run_on_a_recorded_market_replays_under_any_hash_seed(tmp_path: Path) -> None:
    """The command's own run of some seconds on the tape: no line of its log differs, whatever the hash seed."""
    tape = tape_dir() or small_tape(tmp_path)
    run = ["paper", "--seconds", "8", "--tape", str(tape), "--log", str(tmp_path / "log"), "--state", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "runner", *run], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    journal = next(iter(tmp_path.glob("*/journal")))
    command = [sys.executable, "-m", "runner", "replay", str(journal), "--log", str(tmp_path / "log"), "--json"]
    said = [json.loads(text) for text in _under_hash_seeds(command)]

    assert said[0]["difference"] is None and (said[0]["beyond"], said[0]["left"]) == (0, 0)
    assert said[0]["agreed"] == said[0]["lines"] > 50 and said == [said[0]] * 3


def test_a_ticket_is_explained_row_by_row(simulated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From opened to DONE: event, row taken, effects, figures; and for each row before it the guard that said no."""
    assert main([str(simulated), "--explain", "nobody"]) == 1
    known = capsys.readouterr().out
    ticket = known.split("tickets of this journal: ")[1].split(" (")[0]
    steps = _told([str(simulated), "--explain", ticket], capsys)["steps"]
    mine = [step for step in steps if step["machine"] == "HedgeTicket"]

    assert (mine[0]["event"], mine[0]["before"], mine[0]["effects"]) == ("opened", "PENDING", ["send_hedge"])
    assert mine[0]["refused"] == [["below_min → DONE", "below_min"]]
    assert (mine[-1]["after"], mine[-1]["row"]) == ("DONE", "over → DONE")
    assert {step["subject"] for step in steps if step["machine"] == "Order"} >= {ticket}
    main([str(simulated), "--explain", ticket])
    assert "not below_min → DONE: below_min said no" in capsys.readouterr().out


def test_a_stretch_of_time_is_shown(simulated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--from` and `--until` in milliseconds after the first event: what was told in between, and nothing after."""
    assert main([str(simulated), "--from", "0", "--until", "0"]) == 0
    shown = capsys.readouterr().out

    assert "  1  Start  " in shown and "QueryServerTime" in shown and "BookEvent" not in shown


def test_another_versions_journal_says_who_wrote_it(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A format this one does not read is refused by name; so are a file that is no journal and an empty folder."""
    lines = simulated.read_text().splitlines()
    head = {**json.loads(lines[0]), "format": 99}
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join([json.dumps(head), *lines[1:]]) + "\n")
    assert main([str(other)]) == 2
    assert "written by mmfsm 9.9.9" in capsys.readouterr().err

    other.write_text("nothing\n")
    assert main([str(other)]) == 2
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == 2
    assert "found none" in capsys.readouterr().err
    assert segments(tmp_path / "empty") == []
