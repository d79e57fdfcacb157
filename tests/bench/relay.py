"""The wire: a process between the bots and the exchange that takes the time of what passes.

python -m tests.bench.relay EXCHANGE_PORT SEATS [--tls CERT KEY] [--idle-s SECONDS]

It listens on one port for each bot (`SEATS` of them) and says which, as a line of JSON. It hands bytes on both ways and
takes its own clock twice a fill: just before the push of a perp fill is written to the bot, and when the first byte of
the request that places a spot order has been read from it. Asked by a line on its standard input, it answers with what
it took since, as [[seat, "fill" or "hedge", nanoseconds], …]. So every bot is timed by the same clock at the same two
places, by a process that neither knows it nor waits for it.

With `--tls` bots speak TLS, the exchange need not. With `--idle-s` it closes a connection that asked nothing for so
long, sockets apart: what servers do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import ssl
import sys
import time
from functools import partial

PERP_FILL = re.compile(rb'"arg":\{(?=[^}]*"USDT-FUTURES")(?=[^}]*"channel":"fill")')
HEDGE = b"POST /api/v2/spot/trade/place-order "
stamps: list[tuple[int, str, int]] = []


class Inner(asyncio.Protocol):
    """The exchange's end of one connection."""

    def __init__(self, outer: Outer) -> None:
        self._outer = outer

    def data_received(self, data: bytes) -> None:
        outer = self._outer
        if b'"fill"' in data and PERP_FILL.search(data):
            stamps.append((outer.seat, "fill", time.perf_counter_ns()))
        outer.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._outer.close()


class Outer(asyncio.Protocol):
    """A bot's end of one connection."""

    def __init__(self, seat: int, port: int, idle_s: float | None) -> None:
        self.seat, self._port, self._idle_s = seat, port, idle_s
        self._transport: asyncio.Transport | None = None
        self._inner: asyncio.Transport | None = None
        self._held: list[bytes] = []
        self._idle: asyncio.TimerHandle | None = None
        self._is_socket = False
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        inner, _ = await asyncio.get_running_loop().create_connection(partial(Inner, self), "127.0.0.1", self._port)
        self._inner = inner
        for data in self._held:
            inner.write(data)
        self._held.clear()

    def data_received(self, data: bytes) -> None:
        if data.startswith(HEDGE):
            stamps.append((self.seat, "hedge", time.perf_counter_ns()))
        if self._inner is None:
            self._held.append(data)
        else:
            self._inner.write(data)
        self._is_socket = self._is_socket or data.startswith(b"GET /v2/ws/")
        if self._idle_s is not None and not self._is_socket:
            self._stop_waiting()
            self._idle = asyncio.get_running_loop().call_later(self._idle_s, self.close)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def close(self) -> None:
        """Close both ends."""
        for end in (self._transport, self._inner):
            if end is not None:
                end.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._stop_waiting()
        self.close()

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()


def answer() -> None:
    """Say what was taken since the last time."""
    if not sys.stdin.readline():
        asyncio.get_running_loop().stop()
        return
    told = json.dumps(stamps)
    stamps.clear()
    print(told, flush=True)


async def serve(args: argparse.Namespace) -> None:
    """Listen on every seat until standard input ends."""
    loop = asyncio.get_running_loop()
    tls = None
    if args.tls:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*args.tls)
    ports = []
    for seat in range(args.seats):
        server = await loop.create_server(partial(Outer, seat, args.port, args.idle_s), "127.0.0.1", 0, ssl=tls)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    loop.add_reader(sys.stdin, answer)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("seats", type=int)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--idle-s", type=float)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(serve(parser.parse_args()))
    loop.run_forever()


if __name__ == "__main__":
    main()
