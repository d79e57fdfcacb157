"""`top`: the view in a terminal, within its size, given back as it was found."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from runner.client import NOBODY
from runner.page.view import View, view_of
from runner.settings import to_texts
from runner.top import BACK, SCREEN
from runner.topframe import STYLES, frame, text_of
from tests.runner.processes import environment
from tests.support.bot import Bot, trading

QUIET = {"BOOK_STALE_MS": "60000"}


def shown(view: View, size: tuple[int, int] = (80, 24), **more: Any) -> list[str]:
    """A frame as plain lines."""
    return [text_of(line, size[0], False) for line in frame(view, view["at_ms"], size, **more)]


async def test_a_frame_fits_its_terminal_and_says_what_matters(tmp_path: Path) -> None:
    """24 lines of 80 columns: mode, position, limits, result, feeds, both books, our quotes, and the last records."""
    async with trading(tmp_path, **QUIET) as bot:
        await bot.quoting()
        bot.fill_bid()
        await bot.hedged()
        await bot.quoting()
        view = view_of(bot.runner, 60)
        lines = shown(view)

        assert len(lines) == 24 and max(map(len, lines)) <= 80
        text = "\n".join(lines)
        assert all(
            word in text for word in ("● QUOTING", "perp 0.02 ETH", "unhedged 0/500", "hedges 1", "ours bid 0.02@")
        )
        assert text.count("●FRESH") == 4 and "spot_ioc" in text
        for size in ((40, 10), (200, 60), (20, 3)):
            small = shown(view, size)
            assert len(small) <= size[1] and max(map(len, small)) <= size[0]


async def test_a_halt_and_silence_are_said_in_words(tmp_path: Path) -> None:
    async with trading(tmp_path, **QUIET) as bot:
        await bot.quoting()
        bot.runner.breach("journal", None)
        view = view_of(bot.runner)
        text = "\n".join(shown(view, gone_ms=view["at_ms"] - 12_000))

        assert "■ HALTED" in text and "waits for a person: The journal cannot be written." in text
        assert "NOBODY ANSWERS since 12s" in text
        bot.resume()


def test_no_foreign_escape_sequence_reaches_the_terminal() -> None:
    """What the exchange says may hold anything: a control character is shown as a question mark."""
    assert text_of([("evil\x1b[2J\r\nname", "bad")], 80, False) == "evil?[2J??name"
    assert text_of([("evil", "bad")], 3, True) == f"\x1b[{STYLES['bad']}mevi\x1b[0m"


async def run(bot: Bot, *words: str, **env: str) -> tuple[int, str]:
    """Run `top` in a process whose output is no terminal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runner", "top", *words, env=environment() | to_texts(bot.settings) | env,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_once_prints_one_frame_and_nobody_is_69(tmp_path: Path) -> None:
    """Into a pipe: no escape sequence at all; and no page is needed for it."""
    async with trading(tmp_path, **QUIET) as bot:
        await bot.quoting()
        status, text = await run(bot, "--once")
        assert status == 0 and "QUOTING" in text and "\x1b" not in text and bot.settings.status_port == 0
        await bot.stop()
        status, text = await run(bot, "--once")
        assert status == NOBODY and "no live instance of ETHUSDT" in text


@pytest.mark.parametrize(("end", "colour"), [("q", True), ("SIGINT", True), ("SIGTERM", False)])
async def test_the_terminal_is_given_back_as_it_was(tmp_path: Path, end: str, colour: bool) -> None:
    """On `q`, Ctrl-C and SIGTERM: its own screen is left, the cursor is back, keys are as before; status 0.
    With NO_COLOR there is no colour."""
    async with trading(tmp_path, **QUIET) as bot:
        await bot.quoting()
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        env = environment() | to_texts(bot.settings) | ({} if colour else {"NO_COLOR": "1"})
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runner", "top", env=env, stdin=slave, stdout=slave
        )
        seen = await read_until(master, b"q quits")
        if end == "q":
            os.write(master, b"q")
        else:
            process.send_signal(signal.Signals[end])
        assert await process.wait() == 0
        seen += await read_until(master, BACK.encode())

        assert seen.startswith(SCREEN.encode()) and b"QUOTING" in seen and seen.endswith(BACK.encode())
        assert (b"\x1b[32m" in seen) == colour
        assert termios.tcgetattr(slave) == before
        os.close(master)
        os.close(slave)


async def read_until(number: int, words: bytes) -> bytes:
    """Read a terminal up to some words."""
    seen, loop = b"", asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(number, ready.set)
    try:
        async with asyncio.timeout(15):
            while words not in seen:
                ready.clear()
                await ready.wait()
                seen += os.read(number, 65_536)
    finally:
        loop.remove_reader(number)
    return seen
