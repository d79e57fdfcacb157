"""The guardian: a small process that takes our quotes out of the market when the runner cannot.

Bitget V2 has no dead-man switch. The runner starts `python -m runner.guardian` in a session of its own, so that what
kills the runner's process group from a terminal does not reach it, and writes to its standard input:

    the settings, one line of JSON      first; secrets travel this way alone, never on a command line or in a file
    .                                   every GUARDIAN_BEAT_MS, from the event loop: it turns
    bye                                 the run has ended clean: nothing to guard

What it does, and until when:

1. The input ends without "bye": the runner is dead. The guardian takes the run's lock (held by somebody else: a new
   run is there, which cancels its predecessor's orders itself, and the guardian leaves), cancels our orders by their
   own ids until two readings show none, lets go of the lock, looks once more when no request of the dead can be under
   way any longer, and ends. With GUARDIAN_FLATTEN=1 it then closes the held pair by the ordinary path. `ACT_BOUND_S`
   bounds it.
2. No beat for GUARDIAN_SILENT_MS: the event loop is frozen. The guardian cancels likewise, without the lock, for as
   long as the silence lasts. A beat ends it: no request is begun after one; the last one begun before it ends within
   REQUEST_TIMEOUT_MS. Then it goes on watching.
3. "bye": it ends.

It ignores SIGINT, SIGTERM and SIGHUP: a service manager that signals the whole group reaches a guardian that has work
to do. What ends it is its input, and the bound.
"""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mmfsm.errors import MmfsmError
from runner.alerting.guardians import GuardianAlerts
from runner.cancelling import Cleared, clear_ours
from runner.diary import Diary
from runner.lock import Lock, LockedError
from runner.saying import say
from runner.settings import Settings, from_texts
from runner.state_folder import DIARY, LOCK, holder_of

BYE, BEAT = b"bye", b"."
LOCK_NAME = "guardian of "

ACT_BOUND_S = 360.0
"""The longest a guardian outlives its runner to cancel: an address that Bitget has banned is heard again after five
minutes; `FLATTEN_BOUND_S` more where it is to flatten."""

ACT_BOUND_LOOPBACK_S = 5.0
"""The same against a stand-in on this machine, which does not come back once it is gone."""

FLATTEN_BOUND_S = 120.0
DYING_S = 5.0
"""The dead runner's lock is let go of within this; its input may end a moment earlier."""

LOOK_AGAIN_S = 5.0
WARM_S = 3.0
SLOW_S = 10.0
"""Clearing that takes longer than this is told before it has ended."""

LATE_S = 1.0


class Ear(asyncio.Protocol):
    """What comes over standard input. `end` is None, "bye" or "death"."""

    def __init__(self) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.end: str | None = None
        self._heard_at = math.inf
        self._rest = b""
        self._news = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self.first.done():
                self.first.set_result(line)
            elif line == BYE:
                self.end = "bye"
        if lines:
            self.hear()
        self._news.set()

    def eof_received(self) -> None:
        self.end = self.end or "death"
        if not self.first.done():
            self.first.set_result(b"")
        self._news.set()

    def hear(self) -> None:
        """Begin the silence anew."""
        self._heard_at = asyncio.get_running_loop().time()

    def silent_s(self) -> float:
        return asyncio.get_running_loop().time() - self._heard_at

    async def wait(self, seconds: float) -> bool:
        """Wait for news, at most this long. True: it took much longer, so it was we who were stopped."""
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        return loop.time() - began_at > seconds + LATE_S


class Guardian:
    """Watches over one run. `watch` returns the exit status: 0, or 1 when it could not see our quotes gone."""

    def __init__(self, settings: Settings, folder: Path, run_id: str, ear: Ear) -> None:
        self._settings = settings
        self._folder = folder
        self._run_id = run_id
        self._ear = ear
        self._diary = Diary(folder / DIARY)
        self._alerts = GuardianAlerts(settings, folder, run_id, self._tell)

    async def watch(self) -> int:
        """Listen until the runner says bye, dies, or falls silent."""
        beat_s, silent_s = self._settings.guardian_beat_ms / 1000, self._settings.guardian_silent_ms / 1000
        self._ear.hear()
        warming = asyncio.get_running_loop().call_later(WARM_S, self._warm)
        try:
            while self._ear.end is None:
                if await self._ear.wait(beat_s):
                    self._ear.hear()
                elif self._ear.silent_s() >= silent_s:
                    await self._through_silence(silent_s)
            return 0 if self._ear.end == "bye" else await self._after_death()
        finally:
            warming.cancel()
            await self._alerts.close()

    async def _through_silence(self, silent_s: float) -> None:
        """Keep the market clear of our quotes while nothing is heard; the runner is there and has the lock."""

        def is_silent() -> bool:
            return self._ear.end is None and self._ear.silent_s() >= silent_s

        self._tell("silent", after_ms=round(self._ear.silent_s() * 1000))
        while is_silent():
            cleared = Cleared()
            await self._clear(cleared, is_silent)
            if is_silent() and (cleared.cancelled or cleared.why):
                self._tell_cleared(cleared)
            elif cleared.cancelled:
                self._tell("interrupted", cancelled=cleared.cancelled)
            if is_silent():
                await self._ear.wait(LOOK_AGAIN_S)
        self._tell("heard_again" if self._ear.end is None else self._ear.end)

    # --- after its death ----------------------------------------------------------------------------------------------

    async def _after_death(self) -> int:
        """Clear, and once more when no request of the dead can be under way; then flatten, if that is wanted."""
        loop = asyncio.get_running_loop()
        died_at = loop.time()
        gone = await self._clear_alone("died")
        if gone:
            late_at = died_at + self._settings.request_timeout_ms / 1000
            await asyncio.sleep(max(0.0, late_at - loop.time()))
            gone = await self._clear_alone("late")
        if gone and self._settings.guardian_flatten:
            return await self._flatten()
        return 1 if gone is False else 0

    async def _clear_alone(self, look: str) -> bool | None:
        """Clear with the run's lock. None: a new run has taken over. False: quotes may be left."""
        loop = asyncio.get_running_loop()
        began_at, lock = loop.time(), Lock(self._folder / LOCK)
        if not await self._take(lock):
            self._tell("left", look=look, to=str(holder_of(lock.path).get("run")))
            return None
        slow = loop.call_later(SLOW_S, self._tell, "clearing")
        bound_s = ACT_BOUND_LOOPBACK_S if self._settings.is_loopback else ACT_BOUND_S
        cleared = Cleared()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(bound_s):
                    await self._clear(cleared, lambda: True)
        finally:
            slow.cancel()
            lock.release()
        if look == "died" or cleared.cancelled or not cleared.gone:
            self._tell_cleared(cleared, look=look, after_ms=round((loop.time() - began_at) * 1000))
        return cleared.gone

    async def _take(self, lock: Lock) -> bool:
        """Take the run's lock, unless another run has had it since: the market is then that run's affair.

        The dead runner's own hold may be seen for a moment longer than its input.
        """
        loop = asyncio.get_running_loop()
        bound, name = loop.time() + DYING_S, LOCK_NAME + self._run_id
        while True:
            if holder_of(lock.path).get("run", name) not in (self._run_id, name) or loop.time() > bound:
                return False
            with suppress(LockedError):
                with suppress(OSError):  # the disk is full, or the folder cannot be made: no new run gets in either
                    lock.take(name)
                return True
            await asyncio.sleep(0.02)

    async def _clear(self, cleared: Cleared, go_on: Callable[[], bool]) -> None:
        # Imported late: it costs half a second, which the runner's own start has better use for.
        from runner.bitget.gateway import Gateway

        gateway = Gateway(self._settings, lambda _name, _error: None)
        await gateway.open()
        try:
            await clear_ours(gateway, cleared, go_on)
        finally:
            await gateway.close()

    async def _flatten(self) -> int:
        """Close the held pair as `python -m runner flatten` does: a run of its own, with the lock and the journal."""
        from runner.flatten import run_flatten

        try:
            async with asyncio.timeout(FLATTEN_BOUND_S):
                status = await run_flatten(self._settings, sys.stderr, guarded=False)
        except LockedError:
            self._tell("left", look="flatten")
            return 0
        except TimeoutError:
            self._tell("not_flattened", after_s=FLATTEN_BOUND_S)
            return 1
        except MmfsmError as error:  # the journal cannot be read, or the disk is full
            self._tell("not_flattened", why=str(error))
            return 1
        self._tell("flattened" if status == 0 else "not_flattened", status=status)
        return status

    def _warm(self) -> None:
        """Import early what acting needs: half a second quicker then, and an upgrade of the files does no harm."""
        import runner.bitget.gateway  # noqa: F401

        self._alerts.warm()

    # --- what it says -------------------------------------------------------------------------------------------------

    def _tell_cleared(self, cleared: Cleared, **data: object) -> None:
        reason = "quotes_gone" if cleared.gone else "refused" if cleared.hopeless else "not_gone"
        self._tell(reason, cancelled=cleared.cancelled, readings=cleared.readings, why=cleared.why or None, **data)

    def _tell(self, reason: str, **data: object) -> None:
        self._diary.write(self._run_id, reason, data)
        words = " ".join(f"{name}={value}" for name, value in data.items() if value not in (None, "", []))
        say(f"guardian of {self._run_id}: {reason} {words}".rstrip() + "\n")
        self._alerts.tell(reason, words)


async def guard() -> int:
    """Read what standard input says first, then watch."""
    loop = asyncio.get_running_loop()
    ear = Ear()
    await loop.connect_read_pipe(lambda: ear, sys.stdin.buffer)
    first = await ear.first
    if not first:
        return 0  # the runner ended before it had said anything: it had sent nothing
    told = json.loads(first)
    return await Guardian(from_texts(told["settings"]), Path(told["folder"]), told["run"], ear).watch()


def main() -> int:
    """Run a guardian; its command line is for people's eyes alone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return asyncio.run(guard())


if __name__ == "__main__":
    sys.exit(main())
