"""The command: look, judge, print a line for each item as it is known, and end with 0 or 2.

It places nothing but the proof's order, changes nothing, takes no lock and writes no journal: it may be made beside a
run that trades.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TextIO

import attrs
from loguru import logger

from mmfsm import events as ev
from mmfsm.events import FeedName
from mmfsm.values import Constraints
from runner.check import judge_account, judge_market, place, proof
from runner.check.items import Item, Level, warn
from runner.check.look import Look, look
from runner.check.shown import as_json, has_colour, line, summary
from runner.check.streams import Streams
from runner.settings import Settings, load_settings

PASSED, FAILED = 0, 2


@attrs.frozen
class Wanted:
    """What the command was told. `ask` puts a question to a person; None: there is nobody to ask."""

    prove_tif: bool = False
    yes: bool = False
    json: bool = False
    ask: Callable[[str], bool] | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("--json", action="store_true", help="one JSON object: every item with its level and advice")
    parser.add_argument(
        "--prove-tif", action="store_true",
        help="prove the time in force too: one tiny order, far from the market, cancelled at once; asks first",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="with --prove-tif: do not ask")
    parser.set_defaults(command=_main)


def _main(args: argparse.Namespace) -> int:
    settings, _origins = load_settings(os.environ)
    ask = _asked if sys.stdin is not None and sys.stdin.isatty() else None
    logger.disable("runner")  # what fails is an item of its own, told once
    try:
        return asyncio.run(run_check(settings, sys.stdout, Wanted(args.prove_tif, args.yes, args.json, ask)))
    finally:
        logger.enable("runner")


def _asked(question: str) -> bool:
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def run_check(settings: Settings, out: TextIO, wanted: Wanted | None = None) -> int:
    """Look and print. Returns 0 if a start would pass, else 2."""
    check = Check(settings, out, wanted or Wanted())
    return await check.run()


class Check:
    """One look. `items` holds what was judged, in the order it was told."""

    def __init__(self, settings: Settings, out: TextIO, wanted: Wanted) -> None:
        self._settings = settings
        self._out = out
        self._wanted = wanted
        self._colour = has_colour(out)
        self._placed = False
        self.items: list[Item] = []

    async def run(self) -> int:
        streams = Streams(self._settings)
        watching = asyncio.create_task(streams.look())
        try:
            told = await look(self._settings)
            self._tell(judge_market.rest(told, self._settings))
            self._tell(judge_account.key_and_type(told.account))
            await watching
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self._tell(judge_market.public_socket(streams.feeds, self._settings))
        self._tell(judge_market.private_socket(streams.feeds, self._settings))
        self._judge(told, streams)
        self._tell([await self._time_in_force(told, streams)])
        status = FAILED if self._failed else PASSED
        symbol = self._settings.symbol
        end = as_json(self.items, status, symbol) if self._wanted.json else summary(self.items, self._placed)
        print(end, file=self._out, flush=True)
        return status

    @property
    def _failed(self) -> bool:
        return any(item.level is Level.FAIL for item in self.items)

    def _tell(self, items: Iterable[Item]) -> None:
        for item in items:
            self.items.append(item)
            if not self._wanted.json:
                print(line(item, self._colour), file=self._out, flush=True)

    def _judge(self, told: Look, streams: Streams) -> None:
        s, book = self._settings, streams.feeds[FeedName.PERP_BOOK].book
        price = None if book is None else (book.bids[0].price + book.asks[0].price) / 2
        rules = told.rules.constraints if isinstance(told.rules, ev.ConstraintsRead) else None
        self._tell(judge_market.rules(told))
        if rules is not None:
            self._tell(judge_market.fees(told, rules, s))
        self._tell([judge_market.funding(told, s)])
        lock, runs_here = place.lock(s)
        journal, known = place.journal(s)
        account = told.account
        if account is not None and account.refusal is None:
            self._tell(judge_account.modes(account, s))
            self._tell([judge_account.position(account, s, known, price)])
            self._tell([judge_account.orders(account, s, runs_here)])
        self._sizes(told, rules, price)
        self._tell([lock, *journal, *place.disk(s)])

    def _sizes(self, told: Look, rules: Constraints | None, price: Decimal | None) -> None:
        """What needs a price: sizes, and how far the balances reach."""
        if rules is None or price is None:
            self._tell([warn("size", "sizes", "not judged: no rules or no price", "See what failed above.")])
            return
        size = judge_market.size(rules, self._settings, price)
        self._tell([size])
        quoted = Decimal(size.data.get("size", 0))
        if told.account is not None and told.account.refusal is None and quoted > 0:
            self._tell(judge_account.money(told.account, self._settings, rules, price, quoted))

    # --- the proof ----------------------------------------------------------------------------------------------------

    async def _time_in_force(self, told: Look, streams: Streams) -> Item:
        s, book = self._settings, streams.feeds[FeedName.PERP_BOOK].book
        if not self._wanted.prove_tif:
            return proof.unproved(s)
        if s.dry_run:
            return proof.declined("DRY_RUN=1, under which no order leaves; DRY_RUN=0 allows it")
        if self._failed:
            return proof.declined("something else failed first")
        if any(item.key == "lock" and item.level is Level.WARN for item in self.items):
            return proof.declined("a run trades here and knows already")
        assert book is not None and isinstance(told.rules, ev.ConstraintsRead) and told.rules.constraints is not None
        assert told.account is not None and isinstance(told.account.modes, ev.AccountRead)
        rules = told.rules.constraints.perp
        order = proof.the_order(rules, book.bids[0].price, s, told.account.modes.pos_mode)
        if not self._wanted.yes and (why := self._refused(f"Place {proof.in_words(order, rules)}?")):
            return proof.declined(why)
        self._placed = True
        return await proof.prove(s, order)

    def _refused(self, question: str) -> str:
        if self._wanted.ask is None:
            return "there is nobody to ask; --yes places the order without asking"
        return "" if self._wanted.ask(question) else "the answer was no"
