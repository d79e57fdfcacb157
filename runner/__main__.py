"""The command line.

python -m runner             trade live with the settings of the environment and .env (DRY_RUN=1 unless set to 0)
python -m runner paper       watch it trade against the stand-in exchange
python -m runner exchange    the stand-in exchange alone, for any client
python -m runner status      what the running instance is doing; halt, resume, flatten, stop speak to it too
python -m runner top         the same and more, live in this terminal
python -m runner check       everything a start needs, looked at and judged; nothing placed
python -m runner scan        which symbols would be worth quoting now; nothing placed, no key needed
python -m runner simulate    the runner and the stand-in under virtual time, with faults, seed by seed
python -m runner backtest    one parameter set over simulated markets: what it earned and risked
python -m runner tune        search a file's parameters over simulated markets, judged on seeds no trial has seen
python -m runner replay      rebuild every decision of a journal and compare it with the log
python -m runner statistics  what a log says: latencies, exposure, replaced quotes, refusals, results
python -m runner report      the same and more as one HTML page: time, tickets, results, halts, what is new
python -m runner alert --test  send a test message to every address of ALERT_URLS
python -m runner reasons     what a reason in log, alert or status means, and what to do
python -m runner config      every setting, its value and where it came from
"""

from __future__ import annotations

from runner import early

# isort: split
import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, cast

from mmfsm.errors import MmfsmError
from mmfsm.journal import JournalError

try:
    from runner import check
    from runner.advice import advice_for
    from runner.app import Runner
    from runner.client import run_command
    from runner.lock import LockedError
    from runner.scan import add_options
    from runner.settings import config_table, load_settings
    from runner.settings_page import LANGUAGES, settings_markdown
    from runner.top import run_top
    from runner.unheard import Unheard
except ModuleNotFoundError as missing:  # `pip install .` brings the library alone
    print(f"needs {missing.name}, which is not installed: pip install '.[live]' in mmfsm's source", file=sys.stderr)
    raise SystemExit(64) from None
if __name__ != "__main__":
    early.over()

USAGE_ERROR, DATA_ERROR, BUSY = 64, 65, 75
"""Exit statuses of what never began: a setting is not usable, the journal cannot be read, another run has the lock."""

OWN = {
    "exchange": "runner.paper",
    "simulate": "runner.simulate",
    "backtest": "runner.backtest",
    "tune": "runner.tune",
    "replay": "runner.replay",
    "statistics": "runner.statistics",
    "report": "runner.report.cli",
    "reasons": "runner.reasons.shown",
    "alert": "runner.alerting.command",
}
"""Commands with a command line of their own, and the modules with their `main`. They are imported when they are asked
for: live trading begins a quarter of a second sooner, and needs none of what a search does (the extra `tune`)."""

COMMANDS = (
    ("status", "what the running instance is doing: mode, reasons, positions, tickets, orders, feeds"),
    ("halt", "stop quotes until resume; hedging goes on, the position is kept, the process goes on"),
    ("resume", "a person has looked: clear latched reasons; quotes start again when nothing holds them"),
    ("flatten", "stop quotes until resume and close the held pair; without an instance, by a run of its own"),
    ("stop", "stop quotes, settle open tickets, keep the position, end the process"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        early.over()
        return _own(words[0], words[1:]) if words and words[0] in OWN else _common(words)
    except MmfsmError as error:
        print(f"{error}", file=sys.stderr)
        return (
            BUSY if isinstance(error, LockedError) else DATA_ERROR if isinstance(error, JournalError) else USAGE_ERROR
        )
    except KeyboardInterrupt:
        return 130


def _common(words: list[str]) -> int:
    args = _parser().parse_args(words)
    status: int = args.command(args)
    return status


def _own(name: str, words: list[str]) -> int:
    try:
        command = import_module(OWN[name])
    except ModuleNotFoundError as error:
        extra = "tune" if name in ("backtest", "tune") else "live"
        _say(f"{name} needs {error.name}, which is not installed: pip install '.[{extra}]' in mmfsm's source")
        return USAGE_ERROR
    status: int = command.main(words)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runner", description=__doc__, formatter_class=_Raw)
    parser.set_defaults(command=_live)
    commands = parser.add_subparsers(metavar="command")
    live = commands.add_parser("live", help="trade with the settings of the environment (also without a command)")
    live.set_defaults(command=_live)
    config = commands.add_parser("config", help="print every setting, its value and where it came from")
    config.set_defaults(command=_config)
    config.add_argument("--markdown", action="store_true", help="print what there is, as the READMEs have it")
    config.add_argument("--lang", choices=LANGUAGES, default="en", help="of --markdown (default en)")
    check.add_options(commands.add_parser("check", help="look at everything a start needs; nothing is placed"))
    add_options(commands.add_parser("scan", help="rank all symbols by edge and funding; nothing is placed"), _seconds)
    for name, help_ in COMMANDS:
        one = commands.add_parser(name, help=help_, description=help_)
        one.set_defaults(command=_control, name=name)
        one.add_argument("--wait", type=_seconds, metavar="SEC", help="how long it may take")
        one.add_argument("--json", action="store_true", help="print the answers as JSON")
    top = commands.add_parser("top", help="watch the running instance in this terminal; q quits")
    top.set_defaults(command=_top)
    top.add_argument("--once", action="store_true", help="print one frame and end")
    top.add_argument("--interval", type=_seconds, default=1.0, metavar="SEC", help="time between frames (default 1)")
    commands.add_parser("exchange", help="serve the stand-in exchange alone (--help for its options)")
    commands.add_parser("simulate", help="seeds of faults under virtual time (--help for its options)")
    commands.add_parser("backtest", help="one parameter set over simulated markets (--help for its options)")
    commands.add_parser("tune", help="search parameters over simulated markets (--help for its options)")
    commands.add_parser("replay", help="rebuild every decision of a journal, compare it with the log (--help)")
    commands.add_parser("alert", help="send a test message to every address of ALERT_URLS (--test)")
    commands.add_parser("reasons", help="what a reason means and what to do (--help for its options)")
    commands.add_parser("statistics", help="what a log says: latencies, exposure, replaced quotes, refusals, results")
    commands.add_parser("report", help="what a log says as one HTML page that loads nothing (--help for its options)")
    paper = commands.add_parser("paper", help="the bot against the stand-in exchange, without an account")
    paper.set_defaults(command=_paper)
    paper.add_argument("--seconds", type=_seconds, default=60.0, help="how long, once it is ready (default 60)")
    paper.add_argument("--seed", type=int, default=1, help="of the synthetic market (default 1)")
    paper.add_argument("--tape", type=Path, metavar="DIR", help="recorded legs instead of the synthetic market")
    paper.add_argument("--log", default="logs/paper.jsonl", metavar="FILE", help="the JSONL log")
    paper.add_argument("--state", default="", metavar="DIR", help="keep the journal there, for `replay`")
    paper.add_argument("--summary", type=Path, metavar="FILE", help="write the figures as JSON")
    paper.add_argument("--flatten", action="store_true", help="close the held pair before the end")
    paper.add_argument("--page", type=int, default=0, metavar="PORT", help="serve the operator's page at this port")
    paper.add_argument("--double-pushes", action="store_true", help="every private push comes twice")
    paper.add_argument("--cut-private", type=float, metavar="SEC", help="cut the private stream in mid-run")
    return parser


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Keeps the command list of the module's docstring as it stands."""


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 86_400 * 7:
        raise argparse.ArgumentTypeError("expected 1 to 604800 seconds")
    return value


def _live(_args: argparse.Namespace) -> int:
    settings, _origins = load_settings(os.environ)
    what = "DRY RUN: decisions are logged, nothing is sent" if settings.dry_run else "LIVE: orders are sent"
    _say(f"{settings.symbol} on {settings.bitget_rest_url}. {what}. Log: {settings.log_file}")
    runner = Runner(settings)
    status = asyncio.run(runner.run())
    advice = "" if status == 0 else f" {advice_for(runner.exit_reason)}"
    _say(f"ended: {runner.exit_reason}, status {status}.{advice}")
    return status


def _say(text: str) -> None:
    """Tell a person. A terminal that has gone or a full disk must not change the exit status."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - the old one would fail again at exit


def _control(args: argparse.Namespace) -> int:
    settings, _origins = load_settings(os.environ)
    return run_command(args.name, settings, args.wait, args.json)


def _top(args: argparse.Namespace) -> int:
    settings, _origins = load_settings(os.environ)
    return run_top(settings, args.interval, args.once)


def _config(args: argparse.Namespace) -> int:
    if args.markdown:
        print(settings_markdown(args.lang))
        return 0
    print(config_table(*load_settings(os.environ)))
    return 0


def _paper(args: argparse.Namespace) -> int:
    from runner.demo import PaperRun, run_paper, table  # with it the whole exchange: live trading needs none
    from runner.paper import PaperOptions

    options = PaperOptions(
        seed=args.seed,
        market="tape" if args.tape else "synthetic",
        tape_dir=args.tape,
        private_pushes=2 if args.double_pushes else 1,
    )
    run = PaperRun(args.seconds, options, args.log, args.summary, args.flatten, state_dir=args.state)
    if args.page:
        run.overrides["STATUS_PORT"] = str(args.page)
    if args.cut_private is not None:

        async def cut(exchange: object, _runner: Runner) -> None:
            await asyncio.sleep(args.seconds / 2)
            await exchange.cut("private", args.cut_private)  # type: ignore[attr-defined]

        run.during = cut
    figures = asyncio.run(run_paper(run))
    print(table(figures))
    return 0 if figures["ok"] else 1


def _process() -> int:
    """`main` for a process of its own."""
    trades = (*(name for name, _help in COMMANDS), "live")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no sign for it
    sys.stdout = cast(TextIO, Unheard(sys.stdout, goes_on=not sys.argv[1:] or sys.argv[1] in trades))
    status = main()
    sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(_process())
