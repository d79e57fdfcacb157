"""The unchanged runner on a simulated network: its own loop of events and actions, gateway, budget, sockets and tap.

What is replaced is the bottom of each: HTTP client, WebSocket, journal file, log file. Lock, guardian and control
socket are not taken.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import aiohttp
import pybotters

from mmfsm import Desk
from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from runner.app import Runner
from runner.bitget import wire
from runner.bitget.connection import Callbacks, Connection
from runner.bitget.market import TIME
from runner.bitget.members import parse_json
from runner.bitget.rest import Rest
from runner.bitget.sockets import Sockets
from runner.bitget.tasks import OnFailure
from runner.bitget.views import Views
from runner.memory import Memory
from runner.settings import Settings
from runner.simulator.network import Client, Socket, login_of
from runner.simulator.world import World


class SimulatedRest(Rest):
    """The gateway's requests, over the world's line."""

    def __init__(self, settings: Settings, on_failure: OnFailure, world: World) -> None:
        super().__init__(settings, on_failure, TIME)
        self._world = world

    def _client(self, keys: tuple[str, str, str] | None) -> pybotters.Client:
        return cast(pybotters.Client, Client(self._world, keys))

    def _open_lines(self, _client: pybotters.Client) -> None:
        """None: hedges take the world's line, like all the rest."""


class SimulatedConnection(Connection):
    """A kept socket: connecting, the login's bound, reading, writing, pinging and the pauses are the real ones."""

    def __init__(
        self, world: World, url: str, settings: Settings, callbacks: Callbacks, rng: random.Random, login: bool
    ) -> None:
        super().__init__("private" if login else "public", url, settings, callbacks, rng, login)
        self._world = world

    async def _live(self, _client: pybotters.Client) -> str:
        await asyncio.sleep(self._world.line.delay_s())
        try:
            socket = self._world.connect("private" if self._login else "public")
        except aiohttp.ClientError as error:
            return f"no connection: {type(error).__name__}: {error}"
        end = cast(aiohttp.ClientWebSocketResponse, socket)
        try:
            refusal = await self._log_in(end) if self._login else None
            return refusal or await self._talk(end)
        except (aiohttp.ClientError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            self._outbox = None
            socket.end()

    async def _log_in(self, ws: aiohttp.ClientWebSocketResponse) -> str | None:
        s, socket = self._settings, cast(Socket, ws)
        bound_ms = s.ws_login_timeout_ms
        try:
            async with asyncio.timeout(bound_ms / 1000):
                await socket.send_json(login_of((s.bitget_api_key, s.bitget_api_secret, s.bitget_api_passphrase)))
                async for message in socket:
                    return wire.login_refusal(parse_json(message.data))
        except TimeoutError:
            return f"no answer to the login within {bound_ms} ms"
        return wire.login_refusal({})


class _NoViews(Views):
    # pybotters' store is for views; nobody looks.
    def take(self, _message: object, _frame: object) -> None:
        return


class SimulatedSockets(Sockets):
    """Both sockets of the bot, on the world's network."""

    def __init__(
        self, world: World, settings: Settings, on_event: Callable[[ev.Event], None], on_failure: OnFailure, seed: int
    ) -> None:
        self._world = world
        super().__init__(settings, on_event, on_failure, random.Random(f"back-off {seed}"))
        self._views = _NoViews()

    def _connection(self, name: str, url: str, feeds: tuple[ev.FeedName, ...]) -> Connection:
        real = super()._connection(name, url, feeds)
        return SimulatedConnection(self._world, url, self._settings, real._tell, self._rng, name == wire.PRIVATE)

    async def open(self) -> None:
        """Begin to connect."""
        nobody = cast(pybotters.Client, None)
        for connection in (self._public, self._private):
            assert connection is not None
            self._tasks.start(f"{connection.name}-socket", connection.run(nobody))


class Notes:
    """What the journal would hold: the desk at the start as plain JSON, and every event."""

    def __init__(self, keeps: bool) -> None:
        self.events: list[ev.Event] = []
        self._keeps = keeps

    def keep(self, event: ev.Event, _desk: Desk) -> None:
        """Take one event, before anything follows from it."""
        if self._keeps:
            self.events.append(event)

    def mend(self, _desk: Desk) -> bool:
        """It never breaks."""
        return True

    def look(self, *, lock_is_lost: bool) -> None:
        """There is no file to lose."""

    def packing_failure(self) -> OSError | None:
        """Nothing is put away here."""
        return None


class SimulatedRunner(Runner):
    """A run under virtual time.

    Args:
        settings: keys are the stand-in's; addresses are loopback's.
        world: the exchange it trades at.
        seed: of the pauses between connection attempts.
        keeps: keep every event, for a journal, a shrinker or a digest.
        look: called after every event with it and what the desk decided; what it raises ends the run.
    """

    def __init__(
        self,
        settings: Settings,
        world: World,
        seed: int,
        look: Callable[[ev.Event, tuple[do.Action, ...]], None],
        *,
        keeps: bool = True,
    ) -> None:
        super().__init__(settings)
        rest = SimulatedRest(settings, self.breach, world)
        self.gateway._rest, self.gateway.budget = rest, rest.budget
        self.sockets = SimulatedSockets(world, settings, self.handle, self.breach, seed)
        self.notes = Notes(keeps)
        self._memory = cast(Memory, self.notes)
        self._look = look
        self._done: list[do.Action] = []
        self.records = 0
        self.failure: BaseException | None = None
        world.on_book = self.handle

    async def open(self) -> None:
        """Begin: open gateway and sockets, start the desk, and let it tick."""
        await self.gateway.open()
        await self.sockets.open()
        self.handle(ev.Start(now_ms()))
        self._tasks.start("ticks", self._tick())

    async def close(self) -> None:
        """End without asking the desk."""
        if self._wake is not None:
            self._wake[1].cancel()
        await self._tasks.close()
        await self.sockets.close()
        for task in sorted(self._requests, key=lambda task: task.get_name()):
            task.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        await self.gateway.close()

    async def over_within(self, seconds: float) -> bool:
        """Let so much time pass, or less if the run ends before; say whether it has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self.is_over

    @property
    def is_over(self) -> bool:
        """The desk has said it is over, or a rule was broken."""
        return self._over.is_set()

    def handle(self, event: ev.Event) -> None:
        """As the runner does it; then the rules are looked at."""
        if self._over.is_set():
            return
        self._done = []
        super().handle(event)
        try:
            self._look(event, tuple(self._done))
        except Exception as error:
            self._fail(error)

    def _start(self, action: do.Action) -> None:
        self._done.append(action)
        super()._start(action)

    def _write_records(self) -> None:
        self.records += len(self._records)
        self._records.clear()

    def _crash(self, _event: ev.Event, error: Exception, _hedges: tuple[do.Action, ...]) -> None:
        self._fail(error)

    def breach(self, name: str, error: BaseException | None) -> None:
        """Nothing of the runner's own may fail here: that is a finding."""
        self._fail(error or RuntimeError(f"{name} ended"))

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
            self._end(3, f"{type(error).__name__}: {error}")


def loopback_keys(key: Any) -> dict[str, str]:
    """The settings, as texts, that point a runner at the simulated exchange."""
    return {
        "DRY_RUN": "0",
        "GUARDIAN": "0",
        "BITGET_REST_URL": "http://127.0.0.1:1",
        "BITGET_WS_PUBLIC_URL": "ws://127.0.0.1:1/public",
        "BITGET_WS_PRIVATE_URL": "ws://127.0.0.1:1/private",
        "BITGET_API_KEY": key.api_key,
        "BITGET_API_SECRET": key.secret,
        "BITGET_API_PASSPHRASE": key.passphrase,
    }
