"""The operator's socket: what each command says and does, and what becomes of it (I56)."""

import asyncio
import json
import stat
import sys
from contextlib import AbstractAsyncContextManager
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
import pytest

from runner.client import NOBODY, NOT_DONE, command
from runner.commands import COMMANDS, WAIT_MAX_S, wait_of
from runner.settings import to_texts
from runner.state_folder import SOCKET, socket_name
from tests.runner.processes import environment
from tests.support.bot import Bot, trading


def alone(tmp_path: Path, **overrides: str) -> AbstractAsyncContextManager[Bot]:
    """A bot without a guardian: these tests speak to the run."""
    return trading(tmp_path, GUARDIAN="0", BOOK_STALE_MS="60000", **overrides)


async def say(bot: Bot, name: str, wait_s: float | None = None, as_json: bool = False) -> tuple[int, str]:
    """Send one command as the command line does; return the exit status and what was printed."""
    out = StringIO()
    status = await command(name, bot.settings, wait_s, as_json, out)
    return status, out.getvalue()


async def test_status_names_everything_and_changes_nothing(tmp_path: Path) -> None:
    async with alone(tmp_path) as bot:
        await bot.quoting()
        sent = len(bot.posts)
        status, text = await say(bot, "status")
        _, as_json = await say(bot, "status", as_json=True)
        told = json.loads(as_json)

        assert status == 0 and len(bot.posts) == sent
        assert told["today"]["quotes"] == 2 and "earned since 00:00" in text
        assert "quotes off because   - (they are on)" in text
        assert "READY, QUOTING" in text and bot.runner.run_id in text and "private FRESH" in text
        assert (told["mode"], told["session"], told["halted_by"], told["kind"]) == ("QUOTING", "READY", {}, "live")
        assert {it["owner"] for it in told["orders"]} == {"bid", "ask"} and told["tickets"] == []
        assert not [secret for secret in bot.settings.secrets if secret in text + as_json]


async def test_halt_stops_quotes_and_resume_starts_them_again(tmp_path: Path) -> None:
    """The words say what stops and what goes on; "gone" is said when the exchange has confirmed it."""
    async with alone(tmp_path) as bot:
        await bot.quoting()
        status, text = await say(bot, "halt")

        assert status == 0 and bot.open_orders == () and bot.halts == {"operator": True}
        assert "quotes stopped until resume" in text and "Hedging goes on" in text and "position is kept" in text
        assert "quotes are gone, as the exchange has confirmed" in text
        _, text = await say(bot, "status")
        assert "quotes off because   the mode is HALTED" in text
        status, text = await say(bot, "resume")
        assert status == 0 and "cleared operator" in text and "Quotes start again" in text
        await bot.quoting()


async def test_halt_says_when_it_is_not_confirmed(tmp_path: Path) -> None:
    """The exchange refuses the cancels: not "gone", and not exit status 0."""
    async with alone(tmp_path) as bot:
        await bot.quoting()
        bot.exchange.next_answer("cancel-order", "http500", times=1000)
        status, text = await say(bot, "halt", wait_s=0.2)

        assert status == NOT_DONE and "2 quotes may still rest" in text and len(bot.open_orders) == 2
        bot.exchange.clear_faults()


async def test_resume_says_what_still_holds(tmp_path: Path) -> None:
    async with alone(tmp_path) as bot:
        await bot.quoting()
        bot.halt()
        bot.exchange.silence("spot", "books5")
        await bot.exchange.cut("public", 30)
        await bot.until(lambda: "feed_down:spot_book" in bot.halts)
        status, text = await say(bot, "resume")

        assert status == NOT_DONE and "cleared operator" in text
        assert "Still halted by feed_down:perp_book, feed_down:spot_book" in text


async def test_flatten_closes_reads_back_and_keeps_quotes_off(tmp_path: Path) -> None:
    async with alone(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        status, text = await say(bot, "flatten")

        assert status == 0, text
        assert "quotes stopped until resume; perp 0.02 is being closed" in text and "Hedging goes on" in text
        assert "flattened, as read back: perp 0, delta" in text and "open orders of ours: none" in text
        assert bot.truth.position == 0 and bot.open_orders == ()
        await bot.ticked(2)
        assert bot.open_orders == (), "flattened is not quoting"
        await say(bot, "resume")
        await bot.quoting()


async def test_a_halted_run_is_flattened_all_the_same_and_stays_halted(tmp_path: Path) -> None:
    """HALTED stops new risk, never closing: what a person had halted before asking does not stand in the way."""
    async with alone(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        await say(bot, "halt")
        status, text = await say(bot, "flatten")

        assert status == 0 and "flattened, as read back: perp 0" in text, text
        assert bot.truth.position == 0 and bot.halts == {"operator": True}


async def test_flatten_that_does_not_get_there_says_so(tmp_path: Path) -> None:
    """Nobody sells within the price band: NOT flat, what is left, exit status not 0."""
    async with alone(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        bot.exchange.next_answer("mix/order/place-order", "45111", times=1000)
        status, text = await say(bot, "flatten", wait_s=0.5)

        assert status == NOT_DONE and "NOT flat: perp 0.02" in text and bot.truth.position != 0
        bot.exchange.clear_faults()


async def test_stop_waits_for_the_end_and_tells_clean_from_not(tmp_path: Path) -> None:
    async with alone(tmp_path) as bot:
        await bot.quoting()
        status, text = await say(bot, "stop")

        assert status == 0 and await bot.ended() == 0
        assert "Hedging goes on: 0 tickets open. The position is kept" in text
        assert "ended, status 0 (operator): clean: nothing of ours is open, as read back" in text
        assert await say(bot, "status") == (NOBODY, (await say(bot, "status"))[1])


async def test_a_stop_that_is_not_clean_says_so(tmp_path: Path) -> None:
    async with alone(tmp_path, STOP_BOUND_SEC="1") as bot:
        await bot.quoting()
        bot.exchange.next_answer("orders-pending", "http500", times=1000)
        status, text = await say(bot, "stop")

        assert status == NOT_DONE and await bot.ended() == 1
        assert "ended, status 1 (stop_bound): NOT clean: look at the account" in text


async def test_the_socket_is_for_this_user_alone_and_goes_with_the_run(tmp_path: Path) -> None:
    async with alone(tmp_path) as bot:
        await bot.ready()
        path = bot.runner.folder / SOCKET
        mode = stat.S_IMODE(path.stat().st_mode)
        await bot.stop()

        assert mode == 0o600 and not path.exists()


@pytest.mark.parametrize("line", [b"\n", b"status\n", b"[]\n", b'{"command": "sell"}\n', b'{"wait_s": 1}\n',
                                  b'{"command": "status", "wait_s": "long"}\n',
                                  b'{"command": "status", "wait_s": NaN}\n',
                                  b"[" * 60_000 + b"\n"])  # fmt: skip
async def test_nonsense_is_answered_with_what_is_expected(tmp_path: Path, line: bytes) -> None:
    async with alone(tmp_path) as bot:
        await bot.ready()
        with socket_name(bot.runner.folder / SOCKET) as name:
            reader, writer = await asyncio.open_unix_connection(name)
        writer.write(line)
        answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()

        assert answer["ok"] is False and all(word in answer["text"] for word in COMMANDS)


def test_a_wait_has_bounds_whatever_number_is_asked_for() -> None:
    """Also one that no float holds."""
    assert [wait_of({"wait_s": it}) for it in (-1, 5, 1e300, 10**400)] == [0, 5, WAIT_MAX_S, WAIT_MAX_S]


async def test_who_asks_and_goes_away_disturbs_nobody(tmp_path: Path) -> None:
    """Connections that say nothing, or leave before the answer: the run trades on and stops clean."""
    async with alone(tmp_path) as bot:
        await bot.ready()
        for line in (b"", b'{"command": "status"}\n', b'{"command": "halt", "wait_s": 5}\n'):
            with socket_name(bot.runner.folder / SOCKET) as name:
                _, writer = await asyncio.open_unix_connection(name)
            writer.write(line)
            await writer.drain()
            writer.transport.abort()
        await bot.until(lambda: "operator" in bot.halts)

        assert (await say(bot, "resume"))[0] == 0
        await bot.quoting()


async def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """The kernel takes 107 bytes for a socket's name; a state folder may be deeper."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with alone(tmp_path, STATE_DIR=str(deep)) as bot:
        await bot.ready()

        assert (await say(bot, "status"))[0] == 0


async def test_nobody_runs_and_who_does(tmp_path: Path) -> None:
    """Its own exit status; and a run under another environment is named, with the way to reach it."""
    async with alone(tmp_path) as bot:
        await bot.ready()
        dry = attrs.evolve(bot.settings, dry_run=True)
        out = StringIO()

        assert await command("status", dry, None, False, out) == NOBODY
        assert "no dry instance of ETHUSDT" in out.getvalue()
        assert "a live instance is" in out.getvalue() and "DRY_RUN=0" in out.getvalue()
        assert await command("flatten", dry, None, False, out) == NOBODY, (
            "a dry flatten beside a live run closes nothing"
        )


async def test_flatten_without_an_instance_takes_up_the_journal_and_closes(tmp_path: Path) -> None:
    """The pair a dead run held is closed by a run that quotes nothing; then nothing is left to close."""
    async with alone(tmp_path) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        await bot.quoting()
        await bot.kill()
        quotes = len(bot.find("order_new", intent="quote"))
        settings = attrs.evolve(bot.settings, log_path=str(tmp_path / "flatten.jsonl"))
        out = StringIO()
        status = await command("flatten", settings, 10.0, False, out)

        assert status == 0, out.getvalue()
        assert "flattened, as read back: perp 0" in out.getvalue() and "no instance is running" in out.getvalue()
        assert bot.truth.position == 0 and bot.open_orders == ()
        log = (tmp_path / "flatten.jsonl").read_text()
        assert log.count('"order_new", "intent": "quote"') == 0 and quotes >= 2
        assert await command("flatten", settings, 10.0, False, out) == 0, "flat already"
        bot.runner.exit_status = 0


async def test_the_command_line_speaks_to_the_running_instance(tmp_path: Path) -> None:
    """`python -m runner stop` in a process of its own: what it prints, and an exit status that says clean."""
    async with alone(tmp_path) as bot:
        await bot.quoting()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runner", "stop", "--wait", "20",
            env=environment() | to_texts(bot.settings), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()

        assert process.returncode == 0 == await bot.ended()
        assert out.decode().splitlines()[-1].startswith("ended, status 0 (operator): clean")
