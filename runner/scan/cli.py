"""The command: its options, one look or one every so often, and an end on Ctrl-C in the middle of either."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TextIO

from runner.bitget.market import Market, Unread
from runner.scan.look import Scan, Scanned, Wanted
from runner.scan.shown import as_json, table
from runner.settings import Settings, load_settings

OK, NOT_READ, INTERRUPTED = 0, 1, 130
TOP_MAX = 100
CLEAR = "\x1b[H\x1b[2J"
"""What makes a terminal empty."""


def add_options(parser: argparse.ArgumentParser, seconds: Callable[[str], float]) -> None:
    """Give the command its options; `seconds` reads a time."""
    default = Wanted()
    parser.add_argument("--top", type=_count, default=default.top, metavar="N", help=f"rows (default {default.top})")
    parser.add_argument(
        "--symbols", type=_symbols, default=(), metavar="A,B", help="these alone; why, if one has no row"
    )
    parser.add_argument(
        "--min-turnover", type=_money, default=default.min_turnover, metavar="USDT",
        help="leave out what turns over less in 24 h on either leg",
    )  # fmt: skip
    parser.add_argument("--watch", type=seconds, metavar="SEC", help="look again every SEC seconds, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON object a look, on one line")
    parser.set_defaults(command=run_scan)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= TOP_MAX:
        raise argparse.ArgumentTypeError(f"expected 1 to {TOP_MAX} rows")
    return int(text)


def _symbols(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().upper() for name in text.split(",")))
    if not all(name.isascii() and name.isalnum() for name in names) or len(names) > TOP_MAX:
        raise argparse.ArgumentTypeError(f"expected up to {TOP_MAX} names such as ETHUSDT,SOLUSDT")
    return names


def _money(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not (value.is_finite() and value >= 0):
        raise argparse.ArgumentTypeError("expected an amount of quote coin, such as 500000")
    return value


def run_scan(args: argparse.Namespace) -> int:
    """Look and print, once or until a signal. Returns 0; 1: the market could not be read; 130: nobody waited for it."""
    settings, _origins = load_settings(os.environ)
    top = max(args.top, len(args.symbols))
    wanted = Wanted(top=top, symbols=args.symbols, min_turnover=args.min_turnover)
    return asyncio.run(scan(settings, wanted, args.watch, args.json, sys.stdout))


async def scan(settings: Settings, wanted: Wanted, every_s: float | None, json_: bool, out: TextIO) -> int:
    """Look once, or every `every_s` seconds until SIGINT or SIGTERM, which end it at once and cleanly."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    market = Market(settings)
    await market.open()
    watching = asyncio.create_task(_looks(Scan(market, settings, wanted), settings, every_s, json_, out))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((watching, stopped), return_when=asyncio.FIRST_COMPLETED)
        return watching.result() if watching.done() else OK if every_s else INTERRUPTED
    finally:
        for task in (watching, stopped):
            task.cancel()
        await asyncio.gather(watching, stopped, return_exceptions=True)
        await market.close()


async def _looks(scan_: Scan, settings: Settings, every_s: float | None, json_: bool, out: TextIO) -> int:
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        try:
            text = _laid_out(await scan_.look(), settings, json_)
        except Unread as error:
            if every_s is None:
                print(f"the market could not be read: {error}", file=sys.stderr)
                return NOT_READ
            text = json.dumps({"error": str(error)}) if json_ else f"the market could not be read: {error}; again soon"
        clear = CLEAR if every_s is not None and not json_ and out.isatty() else ""
        print(f"{clear}{text}", file=out, flush=True)
        if every_s is None:
            return OK
        await asyncio.sleep(max(begun + every_s - loop.time(), 0))


def _laid_out(scanned: Scanned, settings: Settings, json_: bool) -> str:
    return json.dumps(as_json(scanned, settings)) if json_ else table(scanned, settings)
