"""Tables wrong by one row, and what catches each: `python -m tests.prove.mutants [--table NAME] [--every N]`.

Every row of every table: removed, its guard negated, its guard dropped, its destination changed, an effect dropped.
Each such table meets the linter, then the machine's own tests, then small explorations, the desk's tests and larger
explorations, until one refuses it. What nothing refuses is a survivor: printed, and the exit status is 1 if the
score is below `--least`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

from mmfsm import machines
from mmfsm.errors import TableError
from mmfsm.proof.desk_model import model_of_quotes, model_of_session
from mmfsm.proof.model import Model
from mmfsm.proof.running import changed
from mmfsm.proof.search import Report
from mmfsm.proof.ticket_model import model_of_tickets
from mmfsm.table import KINDS, STAY, AnyRow, AnyTable

ROOT = Path(__file__).parents[2]
TESTS_BOUND_S = 120
FAR = 100_000

OWN_TESTS = {
    "Mode": ("test_mode.py",),
    "HedgeTicket": ("test_rows.py", "test_ticket.py"),
    "Order": ("test_rows.py", "test_order_machine.py"),
    "QuoteSlot": ("test_slot.py",),
    "Pair": ("test_rows.py",),
    "Feed": ("test_rows.py", "test_feed.py"),
    "Session": ("test_rows.py", "test_session.py"),
}
DESK_TESTS = ("test_desk.py", "test_guards_in_the_desk.py", "test_orders.py")

Maker = Callable[[], Model[Any]]
QUICK: dict[str, tuple[Maker, int | None]] = {
    "tickets 1/0": (lambda: model_of_tickets(1, 0), None),
    "quotes 0/1": (lambda: model_of_quotes(0, 1), None),
    "session 0/1": (lambda: model_of_session(0, 1, 0), None),
    "tickets 1/1": (lambda: model_of_tickets(1, 1, (0,)), None),
    "quotes 1/0": (lambda: model_of_quotes(1, 0), None),
}
DEEP: dict[str, tuple[Maker, int | None]] = {
    "tickets 2/0": (lambda: model_of_tickets(2, 0), 12_000),
    "quotes 1/0/1": (lambda: model_of_quotes(1, 0, 1), None),
    "session 0/0/1": (lambda: model_of_session(0, 0, 1), 8_000),
    "quotes 1/1": (lambda: model_of_quotes(1, 1), 8_000),
}


@attrs.frozen
class Mutant:
    """A table wrong by one row: which, and how. `rows` are the table's rows with the wrong one in place."""

    table: AnyTable
    row: AnyRow
    how: str
    rows: tuple[AnyRow, ...]

    def __str__(self) -> str:
        row = self.row
        return f"{self.table.name}: ({'/'.join(row.sources)}, {row.event}, {row.guard_text or 'always'}) {self.how}"


# --- how a row can be wrong -------------------------------------------------------------------------------------------


def negated(row: AnyRow) -> Callable[[Any, Any], bool]:
    """The opposite of all a row's guards together."""

    def negation(subject: Any, payload: Any) -> bool:
        return not all(guard(subject, payload) for guard in row.guards)

    negation.__name__ = f"not_{'_and_'.join(guard.__name__ for guard in row.guards)}"
    return negation


def elsewhere(table: AnyTable, row: AnyRow) -> str:
    """Another destination: the next state after the right one (or after the source) that the linter may let through."""
    start = row.dest if row.dest not in KINDS else row.sources[-1]
    first = table.states.index(start)
    around = table.states[first + 1 :] + table.states[: first + 1]
    return next((state for state in around if state != row.dest and state not in row.sources), STAY)


def wrong_rows(table: AnyTable, row: AnyRow) -> Iterator[tuple[str, AnyRow | None]]:
    """Every way in which this row can be wrong."""
    yield "removed", None
    if row.guards:
        yield "guard negated", attrs.evolve(row, guard=negated(row))
        yield "guard dropped", attrs.evolve(row, guard=None)
    dest = elsewhere(table, row)
    yield f"goes to {dest} instead of {row.dest}", attrs.evolve(row, dest=dest)
    for effect in row.effects:
        left = tuple(each for each in row.effects if each is not effect)
        why = row.why or "an effect is missing"
        yield f"without {effect.__name__}", attrs.evolve(row, effects=left, why=why)


def mutants(tables: Sequence[AnyTable]) -> Iterator[Mutant]:
    """Every table that is wrong by one row, in a fixed order."""
    for table in tables:
        for row in table.rows:
            for how, wrong in wrong_rows(table, row):
                rows = tuple(each for other in table.rows for each in ((wrong,) if other is row else (other,)) if each)
                yield Mutant(table, row, how, rows)


# --- what may catch it ------------------------------------------------------------------------------------------------


def explored(name: str, instead: Sequence[AnyTable]) -> Report:
    """Explore a model with some tables changed; no further than three times what it has when nothing is wrong."""
    make, bound = {**QUICK, **DEEP}[name]
    if instead:
        bound = min(bound or FAR, 3 * met(name).states)
    return make().explore(bound, instead)


@cache
def met(name: str) -> Report:
    """What a model meets when nothing is wrong."""
    return explored(name, ())


def meets(name: str, mutant: Mutant) -> bool:
    """Whether a model ever comes to the row: else it need not be run."""
    events = {
        (table, state, event) for table, sources, event, _ in met(name).fired_rows for state in sources.split("/")
    }
    return any((mutant.table.name, state, mutant.row.event) in events for state in mutant.row.sources)


def by_exploring(mutant: Mutant, table: AnyTable, names: Sequence[str]) -> str:
    """The first model that goes wrong with this table, or nothing."""
    for name in names:
        if not meets(name, mutant):
            continue
        report = explored(name, [table])
        missing = report.complete and report.never
        if report.counterexample or report.unanswered or missing:
            return name
    return ""


def by_testing(mutant: Mutant, table: AnyTable, files: Sequence[str]) -> bool:
    """Whether these tests fail with this table, in a process of their own."""
    child = multiprocessing.get_context("fork").Process(target=_tested, args=(mutant.table, table, files))
    child.start()
    child.join(TESTS_BOUND_S)
    if child.is_alive():
        child.kill()
        child.join()
        return True
    return child.exitcode != 0


def _tested(true: AnyTable, wrong: AnyTable, files: Sequence[str]) -> None:
    vars(true).update(vars(wrong))
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        paths = [str(ROOT / "tests" / "mmfsm" / name) for name in files]
        status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", *paths])
    os._exit(int(status))


def catcher(mutant: Mutant, *, tests: bool, deep: bool) -> str:
    """What catches a mutant first: the linter, the machine's own tests, a model by its name, the desk's tests; or "".

    Tests come before models because they are quicker; `deep` lets the larger models and the desk's tests try too.
    """
    try:
        table = changed(mutant.table, mutant.rows)
    except TableError:
        return "linter"
    if tests and by_testing(mutant, table, OWN_TESTS[table.name]):
        return "own tests"
    found = by_exploring(mutant, table, tuple(QUICK))
    if not found and tests and deep and by_testing(mutant, table, DESK_TESTS):
        return "desk tests"
    return found or (by_exploring(mutant, table, tuple(DEEP)) if deep else "")


# --- the command ------------------------------------------------------------------------------------------------------


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove.mutants", description="Tables wrong by one row.")
    parser.add_argument("--table", action="append", choices=[table.name for table in machines.ALL])
    parser.add_argument("--every", type=int, default=1, help="only every Nth mutant")
    parser.add_argument("--no-tests", action="store_true", help="linter and exploration alone")
    parser.add_argument("--quick", action="store_true", help="neither larger explorations nor the desk's tests")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes")
    parser.add_argument("--least", type=float, default=95.0, help="exit 1 below this score, in per cent")
    return parser.parse_args(argv)


def _catch(number: int) -> tuple[int, str]:
    """One mutant, in a process of the pool: the list was made before it was forked."""
    return number, catcher(_chosen[number], tests=not _options_now.no_tests, deep=not _options_now.quick)


_chosen: list[Mutant] = []
_options_now = argparse.Namespace()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    global _options_now
    _options_now = options = _options(argv)
    tables = [table for table in machines.ALL if not options.table or table.name in options.table]
    _chosen[:] = list(mutants(tables))[:: options.every]
    for name in QUICK if options.quick else {**QUICK, **DEEP}:
        met(name)  # once, before the processes part
    caught: Counter[str] = Counter()
    survivors: list[Mutant] = []
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("fork")) as pool:
        for done, (number, by) in enumerate(pool.map(_catch, range(len(_chosen))), 1):
            caught[by or "nothing"] += 1
            if not by:
                survivors.append(_chosen[number])
                print(f"survives: {_chosen[number]}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{done} of {len(_chosen)}, {len(survivors)} survive ", end="", file=sys.stderr, flush=True)
    total = sum(caught.values())
    score = 100 * (total - len(survivors)) / max(total, 1)
    print(f"{total} mutants, {len(survivors)} survive: score {score:.1f} %")
    for by, count in caught.most_common():
        print(f"  {count:5}  {by}")
    return 0 if score >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
