"""What keeps the library pure and readable, as rules that name file and line."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mmfsm

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "mmfsm").rglob("*.py"))
PROCESS = sorted((ROOT / "runner").rglob("*.py"))
MODULES = [module.name for module in pkgutil.walk_packages(mmfsm.__path__, "mmfsm.")]

VALUE_MODULES = {
    "__future__", "abc", "bisect", "collections", "contextlib", "copy", "dataclasses", "decimal", "enum", "fractions",
    "functools", "hashlib", "heapq", "inspect", "itertools", "json", "math", "operator", "re", "string", "textwrap",
    "types", "typing", "attrs", "mmfsm",
}  # fmt: skip
"""What any module of the library may import: modules that compute, and touch nothing outside."""

ALSO = {
    "clock.py": {"datetime"},
    "codec.py": {"cattrs"},
    "table/__init__.py": {"transitions"},
    # The commands. They print; the one that draws the tables also reads and writes files, and starts Graphviz.
    # The one that explores keeps millions of values, and has the collector look at them less often.
    "table/__main__.py": {"argparse", "sys"},
    "explore.py": {"argparse", "gc", "sys"},
    "diagrams.py": {"argparse", "gzip", "pathlib", "sys"},
    "pictures.py": {"html", "shutil", "subprocess"},
}
"""What one module alone may import, and why it is that one."""

CALLS = {"open", "print", "input", "eval", "exec", "compile", "__import__", "hash", "id"}
"""Built-ins that reach outside, or whose answer differs from run to run."""

# --- imports ----------------------------------------------------------------------------------------------------------


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every imported module with its line; `from a import b` counts as `a.b`, for b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def strange_imports(name: str, source: str) -> list[str]:
    """What a file of the library imports that it may not."""
    allowed = VALUE_MODULES | ALSO.get(name, set())
    return [
        f"{name}:{line}: imports {module}"
        for line, module in imported(ast.parse(source))
        if module.split(".")[0] not in allowed and module != "random.Random"
    ]


def outward_calls(name: str, source: str) -> list[str]:
    """Calls that reach outside, and readings of a clock outside the clock."""
    found = []
    for node in ast.walk(ast.parse(source)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in CALLS and name != "diagrams.py":
            found.append(f"{name}:{node.lineno}: calls {called}")
        if (
            re.fullmatch(r"(.*\.)?(now|utcnow|today|time|time_ns|monotonic|perf_counter)", called)
            and name != "clock.py"
        ):
            found.append(f"{name}:{node.lineno}: reads a clock: {called}")
    return found


def set_walks(name: str, source: str) -> list[str]:
    """Loops whose order is a set's: it differs from run to run."""
    found = []
    for scope in ast.walk(ast.parse(source)):
        if isinstance(scope, (ast.FunctionDef, ast.Module)):
            sets = {
                target.id
                for node in ast.walk(scope)
                if isinstance(node, ast.Assign) and _is_set(node.value, set())
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            found += [f"{name}:{at.lineno}: walks a set" for at in _walked(scope) if _is_set(at, sets)]
    return sorted(set(found))


def _is_set(node: ast.AST, names: set[str]) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_set(node.left, names) or _is_set(node.right, names)
    made = isinstance(node, ast.Call) and ast.unparse(node.func) in ("set", "frozenset")
    return made or isinstance(node, (ast.Set, ast.SetComp)) or (isinstance(node, ast.Name) and node.id in names)


def _walked(scope: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(scope):
        if isinstance(node, (ast.For, ast.comprehension)):
            yield node.iter
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("list", "tuple", "iter", "dict.fromkeys"):
            yield from node.args
        elif isinstance(node, ast.Starred):
            yield node.value


RULES = (strange_imports, outward_calls, set_walks)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_is_pure(path: Path) -> None:
    """No I/O, no clock but one, no randomness, no order that differs from run to run: broken rules by file and line."""
    name = path.relative_to(ROOT / "mmfsm").as_posix()

    assert [fault for rule in RULES for fault in rule(name, path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("desk.py", "import attrs\nimport asyncio", "desk.py:2: imports asyncio"),
        ("desk.py", "from loguru import logger", "desk.py:1: imports loguru.logger"),
        ("desk.py", "def f():\n    import socket", "desk.py:2: imports socket"),
        ("desk.py", "from runner.app import App", "desk.py:1: imports runner.app.App"),
        ("desk.py", "from random import choice", "desk.py:1: imports random.choice"),
        ("desk.py", "import random", "desk.py:1: imports random"),
        ("desk.py", "import cattrs", "desk.py:1: imports cattrs"),
        ("codec.py", "import transitions", "codec.py:1: imports transitions"),
        ("desk.py", "import time", "desk.py:1: imports time"),
        ("desk.py", "from pathlib import Path", "desk.py:1: imports pathlib.Path"),
        ("desk.py", "from . import x", "desk.py:1: imports ..x"),
        ("desk.py", "x = open('f')", "desk.py:1: calls open"),
        ("desk.py", "x = hash('f')", "desk.py:1: calls hash"),
        ("desk.py", "x = datetime.now()", "desk.py:1: reads a clock: datetime.now"),
        ("desk.py", "x = time.time_ns()", "desk.py:1: reads a clock: time.time_ns"),
        ("desk.py", "for x in {1, 2}:\n    pass", "desk.py:1: walks a set"),
        ("desk.py", "a = 1\nb = [x for x in set(c)]", "desk.py:2: walks a set"),
        ("desk.py", "def f():\n    s = set()\n    return list(s)", "desk.py:3: walks a set"),
        ("desk.py", "for x in set(a) - set(b):\n    pass", "desk.py:1: walks a set"),
    ],
)
def test_the_rules_see_what_they_forbid(name: str, source: str, fault: str) -> None:
    """Each rule, shown a file that breaks it, names file and line."""
    assert [found for rule in RULES for found in rule(name, source)] == [fault]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("simulate.py", "from random import Random"),
        ("clock.py", "from datetime import UTC, datetime\nx = datetime.now(UTC)"),
        ("table/__init__.py", "from transitions import Machine"),
        ("desk.py", "s = set(a)\nfor x in sorted(s):\n    pass\nok = 1 in s"),
    ],
)
def test_the_rules_let_through_what_is_allowed(name: str, source: str) -> None:
    """A seeded generator is a value, each exception holds for its own module, and a sorted set has an order."""
    assert [found for rule in RULES for found in rule(name, source)] == []


@pytest.mark.parametrize("path", [path for path in PROCESS if "paper" in path.parts], ids=lambda path: path.name)
def test_the_stand_in_exchange_shares_nothing_with_the_bot(path: Path) -> None:
    """It is written from the exchange's documents: neither the library nor our own gateway is imported."""
    ours = ("mmfsm", "runner.bitget")
    found = list(imported(ast.parse(path.read_text(encoding="utf-8"))))

    assert [f"{path.name}:{line}: imports {name}" for line, name in found if f"{name}.".startswith(_dotted(ours))] == []


def _dotted(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}." for name in names)


# --- a fresh interpreter ----------------------------------------------------------------------------------------------


def python(code: str, **env: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_library_loads_no_runtime() -> None:
    """`import mmfsm`, with everything in it but the drawing, brings neither an event loop nor a client nor a logger."""
    modules = [name for name in MODULES if name not in ("mmfsm.diagrams", "mmfsm.pictures", "mmfsm.table.__main__")]
    code = f"import sys, {', '.join(modules)}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = python(code).split()

    assert "mmfsm" in loaded
    assert {"asyncio", "aiohttp", "pybotters", "loguru", "socket", "ssl", "subprocess", "runner"} & {*loaded} == set()


STORY = """
import hashlib
from decimal import Decimal
from mmfsm import Desk, Params, Side
from mmfsm.events import Halt, Resume, Tick
from mmfsm.testing import ack, ended, fill_of, opening, placed
from mmfsm.values import InstType

t0, params = 1_800_000_000_000, Params(perp_tif="both", base_half_spread_bps=Decimal(2))
desk, said, number = Desk(params, run=7), [], 0

def tell(event):
    said.append(desk.handle(event))
    return placed(said[-1])

quotes = [quote for event in opening(t0, params) for quote in tell(event)]
for quote in quotes:
    number += 1
    said.append(ack(desk, quote, t0 + number, f"q{number}"))
for number, quote in enumerate(quotes, 1):
    for hedge in tell(fill_of(quote, f"q{number}", f"t{number}", t0 + 100 * number)):
        said.append(ack(desk, hedge, t0 + 100 * number + 10, f"h{number}"))
        tell(fill_of(hedge, f"h{number}", f"u{number}", t0 + 100 * number + 20, "0.006", "0.000006"))
        tell(ended(hedge, f"h{number}", t0 + 100 * number + 30, "0.006"))
for ms in range(500, 9_000, 250):
    tell(Tick(t0 + ms))
tell(Halt(t0 + 9_100))
tell(Resume(t0 + 9_200))
tell(Tick(t0 + 9_300))
assert sum(map(len, said)) > 100 and len(quotes) == 2
print(hashlib.sha256(repr((said, desk.snapshot())).encode()).hexdigest())
"""


def test_the_same_events_give_the_same_actions_under_any_hash_seed() -> None:
    """Start-up, fills on both sides, partial hedges, chases and a halt: actions and state to the last character."""
    digests = [python(STORY, PYTHONHASHSEED=seed) for seed in ("0", "1", "42")]

    assert len(digests[0].strip()) == 64
    assert digests == [digests[0]] * 3


# --- names and words --------------------------------------------------------------------------------------------------


def test_the_public_names_are_those_that_are_exported() -> None:
    """`__all__` lists, in order, what the package defines beside its modules; each has a home inside it."""
    names = [name for name, value in vars(mmfsm).items() if not name.startswith("_") and not inspect.ismodule(value)]

    assert sorted(mmfsm.__all__) == mmfsm.__all__ == sorted(names)
    assert all(getattr(mmfsm, name).__module__.startswith("mmfsm.") for name in mmfsm.__all__)


def documented(path: Path) -> Iterator[tuple[int, str, bool]]:
    """What must say what it is: the module, its public classes, its public functions longer than 20 lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield 1, "the module", ast.get_docstring(tree) is not None
    for node in ast.walk(tree):
        public = isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
        if public and (isinstance(node, ast.ClassDef) or _lines(node) > 20):
            yield node.lineno, node.name, ast.get_docstring(node) is not None


def _lines(node: ast.AST) -> int:
    return (node.end_lineno or 0) - node.lineno + 1  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_says_what_it_is(path: Path) -> None:
    """Modules, public classes and all but the short functions have a docstring."""
    assert [f"{path.name}:{line}: {name} has no docstring" for line, name, said in documented(path) if not said] == []


@pytest.mark.parametrize("path", LIBRARY + PROCESS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    """At most 400 lines a file (600 where a machine's table stands beside its guards), at most 60 a function."""
    text = path.read_text(encoding="utf-8")
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]

    assert len(text.splitlines()) <= (600 if path.parent.name == "machines" else 400)
    assert [f"{path.name}:{node.lineno}: {node.name}" for node in functions if _lines(node) > 60] == []


def test_nothing_is_left_for_later() -> None:
    """No reminder to oneself in the tree."""
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)))
    places = [ROOT / name for name in ("mmfsm", "runner", "tests", "examples", "diagrams")]
    files = [path for place in places for path in place.rglob("*") if path.suffix in (".py", ".md", ".mmd")]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*files, *ROOT.glob("*.md"), *ROOT.glob("*.cfg"), *ROOT.glob("*.toml")]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name: str) -> None:
    """What a docstring shows is what happens."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_in_docstrings() -> None:
    """The test above does look at something."""
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]

    assert len(found) >= 10
