"""Command-line options that `backtest` and `tune` share."""

from __future__ import annotations

import argparse
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path

from runner.tuning.setup import Setup

DEFAULT = Setup()


def whole(low: int, high: int) -> type[int]:
    """Return a parser of whole numbers within bounds, for argparse."""

    def parse(text: str) -> int:
        if not (text.isdecimal() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"expected a whole number from {low} to {high}, got {text!r}")
        return int(text)

    return parse  # type: ignore[return-value]


def add_conditions(parser: argparse.ArgumentParser) -> None:
    """Add the conditions of a run, and `--set` and `--jobs`."""
    add = parser.add_argument_group("conditions").add_argument
    add("--minutes", type=float, default=DEFAULT.minutes, metavar="M", help="virtual, each seed (default 15)")
    add("--tape", type=Path, metavar="DIR", help="a recording, resampled in blocks (default: a drawn market)")
    add("--block-s", type=int, nargs=2, default=DEFAULT.block_s, metavar=("MIN", "MAX"), help="blocks (default 10 30)")
    add("--thin", type=_decimal, default=DEFAULT.thin, metavar="X", help="share of the recorded sizes (default 1)")
    add(
        "--move-bps",
        type=float,
        default=DEFAULT.move_bps,
        metavar="X",
        help="told books: the report says (default 0.5; 0: every one)",
    )
    add("--funding", type=Path, metavar="FILE", help="recorded rates, CSV with venue,settlement_ms,rate (or .gz)")
    add("--perp-fee", type=_fees, default=_default_fees("perp"), metavar="M/T", help="maker/taker bps (default 2/6)")
    add("--spot-fee", type=_fees, default=_default_fees("spot"), metavar="M/T", help="maker/taker bps (default 10/10)")
    add("--latency-ms", type=int, default=DEFAULT.latency_ms, metavar="MS", help="one way, at least (default 8)")
    add("--jitter-ms", type=int, default=DEFAULT.jitter_ms, metavar="MS", help="mean on top of it (default 6)")
    add("--set", action="append", type=_setting, default=[], metavar="NAME=VALUE", help="a setting; may be repeated")
    cores = os.cpu_count() or 1
    parser.add_argument("--jobs", type=whole(1, 256), default=cores, metavar="J", help=f"processes (default {cores})")
    parser.add_argument("--seed", type=whole(0, 10**9), default=1, metavar="S", help="the first seed (default 1)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def setup_of(args: argparse.Namespace) -> Setup:
    """Return the conditions that were asked for.

    Raises:
        ValueError, OSError: one is out of bounds, or a file cannot be used; nothing has run.
    """
    setup = Setup(
        minutes=args.minutes, tape=args.tape, block_s=tuple(args.block_s), thin=args.thin,
        move_bps=args.move_bps, funding=args.funding,
        perp_maker_bps=args.perp_fee[0], perp_taker_bps=args.perp_fee[1],
        spot_maker_bps=args.spot_fee[0], spot_taker_bps=args.spot_fee[1],
        latency_ms=args.latency_ms, jitter_ms=args.jitter_ms,
    )  # fmt: skip
    next(setup.steps(args.seed))
    setup.rates(args.seed)
    return setup


def texts_of(args: argparse.Namespace) -> dict[str, str]:
    """Return the settings given with `--set`, by name in capitals."""
    return dict(args.set)


def _default_fees(leg: str) -> tuple[Decimal, Decimal]:
    return getattr(DEFAULT, f"{leg}_maker_bps"), getattr(DEFAULT, f"{leg}_taker_bps")


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def _fees(text: str) -> tuple[Decimal, Decimal]:
    maker, slash, taker = text.partition("/")
    if not slash:
        raise argparse.ArgumentTypeError(f"expected maker/taker in bps, such as 2/6, got {text!r}")
    return _decimal(maker), _decimal(taker)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name.strip().upper(), value.strip()
