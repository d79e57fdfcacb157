"""`python -m runner simulate`: the runner against the stand-in exchange under virtual time, seed by seed.

    --seed S --seeds N --minutes M      N seeds from S on, each with M virtual minutes of faults, then calm, then a stop
    --profile swarm|calm|FILE           faults drawn from the seed; none; those of a TOML file (as `exchange --faults`)
    --twice                             each seed twice; the digests of all events and actions must agree
    --memory                            one long run without faults: what memory and records grow by, hour by hour
    --jobs J                            that many processes

Each event is followed by a look at the desk's invariants, each fill by a look at the true position, and at the end the
account must be flat within dust with no order left, or the desk halted for a person with an alert that says why.
What fails is printed with seed, profile, version and virtual time; its events are written as a journal that
`python -m runner replay` reads, and made shorter as long as they still break the same rule of the desk's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
from loguru import logger

from mmfsm.coverage import Counts, counting, to_json
from runner.log import version_of_mmfsm
from runner.paper import read_profile
from runner.simulator.drift import drift
from runner.simulator.run import Outcome, Plan, run_seed
from runner.simulator.shrink import shrink, write_journal
from runner.simulator.swarm import CALM, Profile

SEEDS_NAMED_MAX = 10
"""Per reason that latched: how many seeds are named, the lowest, to see one again by."""


def profile_of(word: str) -> Profile | None:
    """Return what `--profile` names; None for a swarm, whose profiles are drawn from the seeds.

    Raises:
        ValueError: the file is no profile.
        OSError: it cannot be read.
    """
    if word == "swarm":
        return None
    if word == "calm":
        return CALM
    read_profile(Path(word))  # its errors name the table
    return Profile(tuple(tomllib.loads(Path(word).read_text(encoding="utf-8")).get("fault", [])))


def run_one(plan: Plan, twice: bool, folder: Path, rows: bool = False) -> tuple[dict[str, Any], Counts]:
    """Run one seed, once or twice, and write down what failed. Returns the outcome as JSON values, and with `rows` how
    often each row of the tables has fired."""
    logger.remove()
    with ExitStack() as stack:
        fired = stack.enter_context(counting()) if rows else Counter()
        outcome = run_seed(plan)
    if twice:
        again = run_seed(plan)
        if again.digest != outcome.digest and outcome.ok:
            outcome.kind, outcome.rule = "broken", "the same seed gives the same run"
            outcome.found = f"digests {outcome.digest[:16]} and {again.digest[:16]}"
    told = outcome.plain()
    if not outcome.ok:
        told |= write_down(outcome, folder)
    return told, fired


def write_down(outcome: Outcome, folder: Path) -> dict[str, Any]:
    """Write the events of a failure as a journal, and the shortest list that still breaks a rule of the desk's."""
    assert outcome.settings is not None
    where, version = folder / f"seed-{outcome.seed}", version_of_mmfsm()
    whole = write_journal(where / "events", outcome.settings, outcome.run, outcome.events, version)
    told: dict[str, Any] = {"version": version, "journal": str(whole)}
    few, rule = shrink(outcome.settings, outcome.run, outcome.events)
    if few:
        short = write_journal(where / "shortest", outcome.settings, outcome.run, few, version)
        told |= {"shortest": str(short), "shortest_events": len(few), "shortest_rule": rule}
    return told


def run_all(args: argparse.Namespace, folder: Path) -> Iterator[tuple[dict[str, Any], Counts]]:
    """Yield the outcomes of every seed, as they come."""
    profile = profile_of(args.profile)
    plans = [
        Plan(seed, args.minutes, profile, digest=args.digest or args.twice)
        for seed in range(args.seed, args.seed + args.seeds)
    ]
    work = [(plan, args.twice, folder, args.rows is not None) for plan in plans]
    if args.jobs == 1:
        yield from (run_one(*one) for one in work)
        return
    with multiprocessing.get_context("spawn").Pool(args.jobs) as pool:
        yield from pool.imap_unordered(_run_one, work)


def _run_one(work: tuple[Plan, bool, Path, bool]) -> tuple[dict[str, Any], Counts]:
    return run_one(*work)


@attrs.define
class Tally:
    """The figures over all seeds."""

    began_s: float = attrs.field(factory=time.monotonic)
    kinds: Counter[str] = attrs.field(factory=Counter)
    latched: dict[str, list[int]] = attrs.field(factory=dict)
    counts: Counter[str] = attrs.field(factory=Counter)
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    broken: list[dict[str, Any]] = attrs.field(factory=list)

    def take(self, told: dict[str, Any]) -> None:
        """Add one seed."""
        self.kinds[told["kind"]] += 1
        for reason in {reason.split(":")[0] for reason in told["latched"]}:
            self.latched.setdefault(reason, []).append(told["seed"])
        self.counts.update(told["counts"])
        self.virtual_s += told["virtual_s"]
        self.cpu_s += told["cpu_s"]
        if told["kind"] == "broken":
            self.broken.append(told)

    def figures(self) -> dict[str, Any]:
        """As JSON values. Throughput is virtual seconds per second of one core."""
        wall_s = time.monotonic() - self.began_s
        latched = sorted(self.latched.items(), key=lambda it: (-len(it[1]), it[0]))
        return {
            "seeds": sum(self.kinds.values()),
            "kinds": dict(self.kinds),
            "latched_by": {reason: len(seeds) for reason, seeds in latched},
            "latched_seeds": {reason: sorted(seeds)[:SEEDS_NAMED_MAX] for reason, seeds in latched},
            "counts": dict(self.counts),
            "virtual_s": round(self.virtual_s, 1),
            "wall_s": round(wall_s, 1),
            "cpu_s": round(self.cpu_s, 1),
            "virtual_s_per_cpu_s": round(self.virtual_s / self.cpu_s) if self.cpu_s else 0,
            "virtual_s_per_wall_s": round(self.virtual_s / wall_s) if wall_s else 0,
            "version": version_of_mmfsm(),
            "broken": self.broken,
        }


def _progress(tally: Tally, seeds: int) -> None:
    done = sum(tally.kinds.values())
    if sys.stderr.isatty():
        bar = "#" * (30 * done // seeds)
        sys.stderr.write(f"\r[{bar:<30}] {done}/{seeds} seeds, {dict(tally.kinds)} ")
        sys.stderr.write("\n" if done == seeds else "")
        sys.stderr.flush()


def say(told: dict[str, Any]) -> str:
    """A failure for a person: what, when, and how to see it again."""
    lines = [
        f"seed {told['seed']} at {told['at_s']:g} s (mmfsm {told.get('version')}): {told['rule']}",
        f"  found    {told['found']}",
        *(f"  fault    {words}" for words in told["profile"]),
        f"  journal  {told.get('journal')}",
    ]
    if "shortest" in told:
        lines.append(f"  shortest {told['shortest']} ({told['shortest_events']} events)")
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m runner simulate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--seed", type=int, default=1, metavar="S", help="the first seed (default 1)")
    made.add_argument("--seeds", type=int, default=20, metavar="N", help="how many (default 20)")
    made.add_argument("--minutes", type=float, default=10.0, metavar="M", help="of faults, virtual (default 10)")
    made.add_argument("--jobs", type=int, default=1, metavar="J", help="processes (default 1)")
    made.add_argument("--profile", default="swarm", metavar="WHAT", help="swarm (default), calm, or a TOML file")
    made.add_argument("--twice", action="store_true", help="run each seed twice and compare digests")
    made.add_argument("--digest", action="store_true", help="print each seed's digest")
    made.add_argument("--memory", action="store_true", help="one run without faults; print what grows")
    made.add_argument("--rows", type=Path, metavar="FILE", help="write which rows of the tables have fired (JSON)")
    made.add_argument("--out", type=Path, metavar="DIR", help="where journals of failures go (default: a new folder)")
    made.add_argument("--json", action="store_true", help="print the figures as JSON")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 when no seed broke a rule, 1 when one did, 2 for a profile that cannot be read."""
    args = parser().parse_args(argv)
    if args.memory:
        logger.remove()
        print(json.dumps(drift(args.seed, args.minutes)))
        return 0
    folder = args.out or Path(tempfile.mkdtemp(prefix="mmfsm-simulate-"))
    tally, rows = Tally(), Counts()
    try:
        for told, fired in run_all(args, folder):
            tally.take(told)
            rows += fired
            _progress(tally, args.seeds)
            if told["kind"] == "broken":
                print(say(told), file=sys.stderr)
            if args.digest and not args.json:
                print(f"seed {told['seed']} {told['digest']}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if args.rows is not None:
        args.rows.parent.mkdir(parents=True, exist_ok=True)
        args.rows.write_text(to_json(rows), encoding="utf-8")
    figures = tally.figures()
    if args.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            if name != "broken":
                print(f"  {name:<20} {value}")
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
