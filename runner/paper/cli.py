"""`python -m runner exchange`: the stand-in exchange as a process of its own."""

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import attrs

from runner.paper.numbers import parse
from runner.paper.options import PaperOptions
from runner.paper.server import PaperExchange


async def serve(options: PaperOptions, stop: asyncio.Event | None = None) -> None:
    """Serve until `stop` is set, or SIGINT or SIGTERM arrives when none is given.

    Prints one JSON line with the URLs and the key as soon as it listens.
    """
    if stop is None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with PaperExchange(options) as exchange:
        where = {
            "rest": exchange.rest_url,
            "ws_public": exchange.ws_public_url,
            "ws_private": exchange.ws_private_url,
        }
        print(json.dumps(where | attrs.asdict(exchange.credentials)), flush=True)
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the exchange from the command line; return the exit status."""
    asyncio.run(serve(options_of(parser().parse_args(argv))))
    return 0


def _figure(text: str) -> Decimal:
    value = parse(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"not a plain decimal: {text!r}")
    return value


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    default = PaperOptions()
    made = argparse.ArgumentParser(prog="runner exchange", description="A stand-in Bitget exchange on loopback.")
    made.add_argument("--host", default=default.host)
    made.add_argument("--port", type=int, default=0, help="0 takes a free port (default)")
    made.add_argument("--seed", type=int, default=default.seed)
    made.add_argument("--market", choices=("synthetic", "tape", "scripted"), help="default: tape with --tape")
    made.add_argument("--tape", type=Path, metavar="DIR", help="directory of the recorded legs")
    made.add_argument("--no-loop", action="store_true", help="let the tape end")
    made.add_argument("--position-mode", choices=("one_way_mode", "hedge_mode"), default=default.position_mode)
    made.add_argument("--margin-mode", choices=("isolated", "crossed"), default=default.margin_mode)
    made.add_argument("--leverage", type=int, default=default.leverage)
    made.add_argument("--spot-eth", type=_figure, default=default.spot_eth)
    made.add_argument("--spot-usdt", type=_figure, default=default.spot_usdt)
    made.add_argument("--perp-usdt", type=_figure, default=default.perp_usdt)
    made.add_argument("--funding-rate", type=_figure, default=default.funding_rate)
    made.add_argument("--queue-ahead", type=_figure, default=default.queue_ahead, help="0 (optimistic) .. 1")
    made.add_argument("--tif-field", choices=("force", "timeInForceValue", "both"), default=default.perp_tif_field)
    made.add_argument("--unified", action="store_true", help="answer 40085 to private REST")
    made.add_argument("--constraints", choices=("ok", "missing"), default=default.constraints)
    made.add_argument("--books5", choices=("ok", "refused", "silent"), default="ok", help="on both products")
    made.add_argument("--private-pushes", type=int, choices=(1, 2), default=1)
    made.add_argument("--single-terminal-push", action="store_true", help="no `live` before an immediate end")
    made.add_argument("--latency-ms", type=int, default=0, help="one way")
    made.add_argument("--jitter-ms", type=int, default=0)
    made.add_argument("--no-rate-limits", action="store_true")
    return made


def options_of(args: argparse.Namespace) -> PaperOptions:
    """Return the options a command line means."""
    return PaperOptions(
        host=args.host,
        port=args.port,
        seed=args.seed,
        market=args.market or ("tape" if args.tape else "synthetic"),
        tape_dir=args.tape,
        tape_loop=not args.no_loop,
        position_mode=args.position_mode,
        margin_mode=args.margin_mode,
        leverage=args.leverage,
        spot_eth=args.spot_eth,
        spot_usdt=args.spot_usdt,
        perp_usdt=args.perp_usdt,
        funding_rate=args.funding_rate,
        queue_ahead=args.queue_ahead,
        perp_tif_field=args.tif_field,
        unified_account=args.unified,
        constraints=args.constraints,
        books5_perp=args.books5,
        books5_spot=args.books5,
        single_terminal_push=args.single_terminal_push,
        private_pushes=args.private_pushes,
        latency_ms=args.latency_ms,
        jitter_ms=args.jitter_ms,
        rate_limits=not args.no_rate_limits,
    )
