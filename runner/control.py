"""The operator's control: a Unix socket in the state folder, one JSON object a line, for this user alone (mode 0600).

A request is `{"command": "halt", "wait_s": 30}`; the answers are those of `runner/commands.py`, one a line.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import suppress
from pathlib import Path

from runner.commands import COMMANDS, Answer, Commands, wait_of
from runner.state_folder import socket_name

REQUEST_BOUND_S = 10.0
FINISH_S = 2.0


class Control:
    """Serves the commands of one run."""

    def __init__(self, commands: Commands, path: Path) -> None:
        self._commands = commands
        self._path = path
        self._server: asyncio.AbstractServer | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. The run's lock is held by now, so a socket that lies here is a dead run's.

        Raises:
            OSError: the socket cannot be made.
        """
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with socket_name(self._path) as name:
                listener.bind(name)
            os.chmod(self._path, 0o600)  # before `listen`: until then nobody gets in
            self._server = await asyncio.start_unix_server(self._serve, sock=listener)
        except OSError:
            listener.close()
            raise

    def hide(self) -> None:
        """Take no more commands. Done while the lock is still held: the next run's socket is not ours to remove."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Let those who wait for the end have their answer."""
        if self._serving:
            await asyncio.wait(self._serving, timeout=FINISH_S)
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with suppress(OSError):  # whoever asked has gone; what was asked for is done all the same
                await self._answer(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_BOUND_S):
                asked = json.loads(await reader.readline())
            answers = self._commands.begin(asked["command"], wait_of(asked))
        except (TimeoutError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            words = f'expected {{"command": one of {", ".join(COMMANDS)}, "wait_s": seconds}} on one line'
            await _send(writer, {"ok": False, "final": True, "text": words})
            return
        async for answer in answers:
            await _send(writer, answer)


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()
