"""`python -m runner top`: the page's view in a terminal, read from the running instance by its control socket.

Plain ANSI: a screen of its own while it runs, given back at the end however that comes. Colour only says again what the
words say, and there is none with NO_COLOR set or where nobody sees it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from mmfsm.clock import now_ms
from runner.client import OK, ask, nobody
from runner.settings import Settings
from runner.topframe import View, frame, text_of

SIZE = (80, 24)
SCREEN, BACK = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, LINE_END, REST = "\x1b[H", "\x1b[K", "\x1b[J"


async def top(settings: Settings, interval_s: float, once: bool, out: TextIO, keys: TextIO) -> int:
    """Show the running instance until `q` or Ctrl-C.

    Args:
        settings: they name the instance, as for the other commands.
        interval_s: time between two frames, in seconds.
        once: print one frame and end.
        out: where to.
        keys: where `q` is read from, if it is a terminal.

    Returns:
        0; 69 when nobody is running at the start. One that ends later is waited for.
    """
    view = await _view(settings)
    if view is None:
        return await nobody("top", settings, 0.0, out)
    coloured = out.isatty() and not os.environ.get("NO_COLOR")
    if once:
        _print(view, out, coloured)
        return OK
    over = asyncio.Event()
    with _signals(over), _screen(out), _keys(keys, over):
        gone_ms = None
        while not over.is_set():
            _draw(view, gone_ms, out, coloured)
            with suppress(TimeoutError):
                async with asyncio.timeout(interval_s):
                    await over.wait()
            newer = await _view(settings)
            gone_ms = None if newer is not None else gone_ms or now_ms()
            view = newer or view
    return OK


async def _view(settings: Settings) -> View | None:
    answer = await ask("view", settings)
    view: View | None = None if answer is None else answer.get("view")
    return view


def _print(view: View, out: TextIO, coloured: bool) -> None:
    """One frame for a pipe or a person: not the terminal's height, and no way to quit."""
    width, height = shutil.get_terminal_size(SIZE)
    lines = frame(view, view["at_ms"], (width, height))[:-1]
    print("\n".join(text_of(line, width, coloured) for line in lines), file=out)


def _draw(view: View, gone_ms: int | None, out: TextIO, coloured: bool) -> None:
    size = shutil.get_terminal_size(SIZE)
    lines = [text_of(line, size[0], coloured) for line in frame(view, now_ms(), size, gone_ms)]
    # One write a frame, over the one before: nothing flickers.
    out.write(HOME + "\r\n".join(line + LINE_END for line in lines) + REST)
    out.flush()


@contextmanager
def _screen(out: TextIO) -> Iterator[None]:
    out.write(SCREEN)
    try:
        yield
    finally:
        out.write(BACK)
        out.flush()


@contextmanager
def _keys(keys: TextIO, over: asyncio.Event) -> Iterator[None]:
    """Take keys as they are pressed, and give the terminal back as it was."""
    if not keys.isatty():
        yield
        return
    loop, number = asyncio.get_running_loop(), keys.fileno()
    before = termios.tcgetattr(number)

    def pressed() -> None:
        if os.read(number, 32)[:1] in (b"q", b"Q", b""):
            over.set()

    tty.setcbreak(number)
    loop.add_reader(number, pressed)
    try:
        yield
    finally:
        loop.remove_reader(number)
        termios.tcsetattr(number, termios.TCSADRAIN, before)


@contextmanager
def _signals(over: asyncio.Event) -> Iterator[None]:
    """End in order on the signals that would otherwise leave the terminal as it is."""
    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, over.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def run_top(settings: Settings, interval_s: float, once: bool) -> int:
    """Run it from the command line."""
    return asyncio.run(top(settings, interval_s, once, sys.stdout, sys.stdin))
