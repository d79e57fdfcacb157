"""The runner's side of the guardian: start it, tell it that the loop turns, and see that it lives."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

import runner
from runner.bitget.tasks import OnFailure
from runner.diary import Diary
from runner.guardian import BEAT, BYE
from runner.settings import Settings, setting_names, to_texts
from runner.state_folder import DIARY

QUICK_S = 10.0
"""A guardian that dies younger than this was never one."""

QUICK_MAX = 3
"""So many of those in a row: HALTED, because nobody would clear the market after us. Starting goes on being tried."""

RESTART_MAX_S = 30.0
DEAF_BEATS = 20
"""A guardian that leaves its input unread over so many beats is frozen itself: it is replaced."""

BYE_S = 3.0
_LEFT: list[subprocess.Popen[bytes]] = []  # those that are to outlive us: nobody waits for them


@attrs.frozen
class Child:
    """A guardian and our end of its input."""

    process: subprocess.Popen[bytes]
    pipe: int

    def write(self, data: bytes) -> bool:
        """Write to its input. False: it is gone, or has not read for hours."""
        try:
            return os.write(self.pipe, data) == len(data)
        except OSError:
            return False

    def unread(self) -> int:
        """Return how many bytes wait in its input."""
        told = fcntl.ioctl(self.pipe, termios.FIONREAD, b"\0" * 4)
        count: int = struct.unpack("i", told)[0]
        return count


Tell = Callable[[str, dict[str, Any]], None]


class Guarding:
    """One run's guardian.

    Args:
        settings: handed on to it.
        folder: the state folder.
        run_id: of the run it guards.
        tell: called with a reason and data for the log.
        on_failure: called when no guardian can be kept alive.
    """

    def __init__(self, settings: Settings, folder: Path, run_id: str, tell: Tell, on_failure: OnFailure) -> None:
        self._settings = settings
        self._folder = folder
        self._run_id = run_id
        self._tell = tell
        self._on_failure = on_failure
        self._diary = Diary(folder / DIARY)
        self._child: Child | None = None
        self._started_at = 0.0
        self._next_at = 0.0
        self._quick = 0
        self._deaf = 0
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The guardian's process id; None while there is none."""
        return None if self._child is None else self._child.process.pid

    def start(self) -> None:
        """Tell what earlier guardians did, and start ours: before the first order, and without waiting for it."""
        self._tell_news()
        self._spawn()

    async def beat(self) -> None:
        """Tell the guardian for ever that the loop turns, and replace it should it be gone."""
        period_s = self._settings.guardian_beat_ms / 1000
        while True:
            await asyncio.sleep(period_s)
            if self._child is None:
                if asyncio.get_running_loop().time() >= self._next_at:
                    self._spawn()
            else:
                self._beat(self._child)
            self._tell_news()

    async def end(self, *, bye: bool) -> None:
        """Let go of the guardian. With `bye` it ends now; without, it clears the market and ends by itself."""
        child, self._child = self._child, None
        if child is None:
            return
        if bye:
            child.write(BYE + b"\n")
        os.close(child.pipe)
        if not bye:
            _LEFT.append(child.process)
            return
        try:
            await asyncio.to_thread(child.process.wait, BYE_S)
        except subprocess.TimeoutExpired:
            child.process.kill()

    # --- keeping it alive ---------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        """Start one. What it must know is in its input before it lives: there is no instant at which we may not die."""
        self._started_at, self._deaf = asyncio.get_running_loop().time(), 0
        told = {"settings": to_texts(self._settings), "folder": str(self._folder), "run": self._run_id}
        words = [sys.executable, "-m", "runner.guardian", self._settings.symbol, self._run_id]
        theirs, ours = os.pipe()
        os.set_blocking(ours, False)  # the loop that trades waits for nobody
        os.write(ours, json.dumps(told).encode() + b"\n")
        try:
            process = subprocess.Popen(
                words, stdin=theirs, stdout=subprocess.DEVNULL, env=_environment(), start_new_session=True
            )
        except OSError as error:
            os.close(ours)
            self._gone(f"not started: {error.strerror}")
        else:
            self._child = Child(process, ours)
        finally:
            os.close(theirs)

    def _beat(self, child: Child) -> None:
        self._deaf = self._deaf + 1 if child.unread() else 0
        status = child.process.poll()
        if status is None and (self._deaf > DEAF_BEATS or not child.write(BEAT + b"\n")):
            child.process.kill()  # before its input ends: it must not take us for dead
            status = child.process.wait()
        if status is not None:
            os.close(child.pipe)
            self._child = None
            self._gone("deaf, and killed" if self._deaf > DEAF_BEATS else f"ended with status {status}")
        elif asyncio.get_running_loop().time() - self._started_at > QUICK_S:
            self._quick = 0

    def _gone(self, how: str) -> None:
        """Record that there is no guardian, and say when the next is started: at once, then ever later."""
        now = asyncio.get_running_loop().time()
        self.restarts += 1
        self._quick = self._quick + 1 if now - self._started_at <= QUICK_S else 0
        wait_s = min(2.0 ** (self._quick - 2), RESTART_MAX_S) if self._quick else 0.0
        self._next_at = now + wait_s
        self._tell("guardian_lost", {"how": how, "next_start_s": wait_s, "restarts": self.restarts})
        if self._quick == QUICK_MAX:
            self._on_failure("guardian", None)

    def _tell_news(self) -> None:
        for line in self._diary.news():
            data = {"run": line.get("run"), "pid": line.get("pid"), "at_ms": line.get("ts"), **(line.get("data") or {})}
            self._tell(str(line.get("reason")), data)


def _environment() -> dict[str, str]:
    """The environment without our settings, secrets among them: the guardian is told over its input alone."""
    ours = setting_names()
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    home = str(Path(runner.__file__).parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (home, environment.get("PYTHONPATH"))))
    return environment
