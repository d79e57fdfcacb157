"""`python -m runner exchange`: the stand-in exchange as a process of its own."""

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import attrs

from runner.paper.fault_rules import FaultRule, parse_words, read_profile
from runner.paper.faults import table
from runner.paper.numbers import parse
from runner.paper.options import Account, PaperOptions
from runner.paper.server import PaperExchange


async def serve(options: PaperOptions, stop: asyncio.Event | None = None) -> None:
    """Serve until `stop` is set, or SIGINT or SIGTERM arrives when none is given.

    Prints one JSON line with the URLs and the key (with more accounts, theirs as `accounts`) as soon as it listens.
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
        others = {one.name: attrs.asdict(one.credentials) for one in options.accounts}
        accounts = {"accounts": others} if others else {}
        print(json.dumps(where | attrs.asdict(exchange.credentials) | accounts), flush=True)
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the exchange from the command line; return the exit status."""
    args = parser().parse_args(argv)
    if args.faults:
        print(table())
        return 0
    asyncio.run(serve(options_of(args)))
    return 0


def _fault(text: str) -> FaultRule:
    try:
        return parse_words(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _profile(text: str) -> tuple[FaultRule, ...]:
    try:
        return read_profile(Path(text))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _figure(text: str) -> Decimal:
    value = parse(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"not a plain decimal: {text!r}")
    return value


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    words = "A stand-in Bitget exchange on loopback."
    made = argparse.ArgumentParser(prog="python -m runner exchange", description=words)
    default = PaperOptions()
    made.add_argument("--host", default=default.host)
    made.add_argument("--port", type=int, default=0, help="0 takes a free port (default)")
    made.add_argument("--seed", type=int, default=default.seed)
    _add_market(made.add_argument_group("market"), default)
    _add_accounts(made.add_argument_group("accounts"), default)
    _add_behaviour(made.add_argument_group("behaviour"), default)
    return made


def _add_market(group: "argparse._ArgumentGroup", default: PaperOptions) -> None:
    markets = ("synthetic", "tape", "resampled", "scripted")
    group.add_argument("--market", choices=markets, help="default: tape with --tape, else synthetic")
    group.add_argument("--tape", type=Path, metavar="DIR", help="directory of the recorded legs")
    group.add_argument("--no-loop", action="store_true", help="let the tape end")
    group.add_argument(
        "--thin", type=_figure, default=default.tape_thin, help="share of the tape's sizes that is shown"
    )
    group.add_argument("--block-s", type=int, nargs=2, default=default.block_s, metavar=("LOW", "HIGH"))
    group.add_argument("--funding-rate", type=_figure, default=default.funding_rate)
    group.add_argument("--mark-price", choices=("mid", "median"), default=default.mark_price)
    group.add_argument("--queue-ahead", type=_figure, default=default.queue_ahead, help="0 (optimistic) .. 1")


def _add_accounts(group: "argparse._ArgumentGroup", default: PaperOptions) -> None:
    group.add_argument("--account", action="append", default=[], metavar="NAME", help="one more account; repeatable")
    group.add_argument("--position-mode", choices=("one_way_mode", "hedge_mode"), default=default.position_mode)
    group.add_argument("--margin-mode", choices=("isolated", "crossed"), default=default.margin_mode)
    group.add_argument("--leverage", type=int, default=default.leverage)
    group.add_argument("--spot-eth", type=_figure, default=default.spot_eth)
    group.add_argument("--spot-usdt", type=_figure, default=default.spot_usdt)
    group.add_argument("--perp-usdt", type=_figure, default=default.perp_usdt)
    group.add_argument(
        "--authorities", type=lambda text: tuple(text.split(",")), default=default.authorities, metavar="A,B",
        help="what the key may do: coow, stow, wwow (withdraw) ...",
    )  # fmt: skip
    group.add_argument("--unified", action="store_true", help="answer 40085 to private REST")


def _add_behaviour(group: "argparse._ArgumentGroup", default: PaperOptions) -> None:
    group.add_argument("--tif-field", choices=("force", "timeInForceValue", "both"), default=default.perp_tif_field)
    group.add_argument("--constraints", choices=("ok", "missing"), default=default.constraints)
    group.add_argument("--books5", choices=("ok", "refused", "silent"), default="ok", help="on both products")
    group.add_argument("--private-pushes", type=int, choices=(1, 2), default=1)
    group.add_argument("--fills-together", action="store_true", help="one push for fills that happen together")
    group.add_argument("--single-terminal-push", action="store_true", help="no `live` before an immediate end")
    group.add_argument("--latency-ms", type=int, default=0, help="one way")
    group.add_argument("--jitter-ms", type=int, default=0)
    life_s = default.socket_life_ms // 1000
    group.add_argument("--socket-life-s", type=int, default=life_s, help="a socket is cut after this long")
    group.add_argument("--no-rate-limits", action="store_true")
    group.add_argument("--profile", type=_profile, default=(), metavar="FILE", help="faults, as a TOML file")
    words = "one more fault: 'push_lost probability=0.1 channel=fill'; repeatable"
    group.add_argument("--fault", type=_fault, action="append", default=[], metavar="WORDS", help=words)
    group.add_argument("--faults", action="store_true", help="print the catalogue of faults and end")


def options_of(args: argparse.Namespace) -> PaperOptions:
    """Return the options a command line means."""
    return PaperOptions(
        host=args.host,
        port=args.port,
        seed=args.seed,
        market=args.market or ("tape" if args.tape else "synthetic"),
        tape_dir=args.tape,
        tape_loop=not args.no_loop,
        tape_thin=args.thin,
        block_s=tuple(args.block_s),
        accounts=tuple(Account.named(name) for name in args.account),
        mark_price=args.mark_price,
        position_mode=args.position_mode,
        margin_mode=args.margin_mode,
        leverage=args.leverage,
        authorities=args.authorities,
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
        fills_together=args.fills_together,
        single_terminal_push=args.single_terminal_push,
        private_pushes=args.private_pushes,
        latency_ms=args.latency_ms,
        jitter_ms=args.jitter_ms,
        socket_life_ms=args.socket_life_s * 1000,
        rate_limits=not args.no_rate_limits,
        faults=(*args.profile, *args.fault),
    )
