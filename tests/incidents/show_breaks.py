"""Show for each incident that its test fails when its defence is taken away.

python tests/incidents/show_breaks.py [I12 I47 ...]

The tree is copied once for each worker; there each break of `breakers.py` is made, the row's tests are run, and the
break is undone. Before that all of them must pass without any break. A row is shown when one of its tests fails (it was
collected and run, and raised), not when the tree does not import. Prints a table; the status is 0 when every row is
shown.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.incidents.breakers import BREAKS, Break  # noqa: E402

WORKERS = 2
BOUND_S = 90.0
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*cache", "*.jsonl", "*.gz")


@attrs.frozen
class Shown:
    """What became of one row: the first test that failed, or why nothing was shown."""

    row: str
    ok: bool
    what: str
    seconds: float


def copy_tree(folder: Path) -> Path:
    """Copy what the tests need."""
    for name in ("mmfsm", "runner", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def run_tests(tree: Path, *words: str) -> tuple[int, str]:
    """Run tests in a tree up to the first that fails. Returns pytest's status and what it said."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=line", *words]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=BOUND_S)
    return done.returncode, done.stdout + done.stderr


def tests_of(broken: Break) -> list[str]:
    """Return the row's own tests: those whose names carry its number."""
    path = Path("tests/incidents") / broken.test
    names = re.findall(r"^(?:async )?def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    found = [f"{path}::{name}" for name in names if broken.word in name.split("_")]
    assert found, f"{broken.row}: no test of {path} carries its number"
    return found


def show(tree: Path, broken: Break) -> Shown:
    """Break, run, undo."""
    began = time.monotonic()
    before: dict[Path, str] = {}
    try:
        for name, old, new in broken.patches:
            path = tree / name
            text = path.read_text(encoding="utf-8")
            before.setdefault(path, text)
            if text.count(old) != 1:
                why = f"{name}: the text to replace stands there {text.count(old)} times"
                return Shown(broken.row, False, why, 0.0)
            path.write_text(text.replace(old, new), encoding="utf-8")
        status, told = run_tests(tree, *tests_of(broken))
    except subprocess.TimeoutExpired:
        status, told = -1, ""
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    failed = [
        line.removeprefix("FAILED ").split("::")[-1].split(" - ")[0]
        for line in told.splitlines()
        if line.startswith("FAILED")
    ]
    seconds = time.monotonic() - began
    if status != 1 or not failed:
        return Shown(broken.row, False, f"status {status}: {told.strip()[-300:]}", seconds)
    return Shown(broken.row, True, failed[0], seconds)


def main(rows: list[str]) -> int:
    """Show all rows, or those named."""
    wanted = [it for it in BREAKS if not rows or it.row in rows]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mmfsm-breaks-") as scratch:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(WORKERS):
            trees.put(copy_tree(Path(scratch) / str(number)))
        status, told = run_tests(Path(scratch) / "0", "tests/incidents", "-n", str(WORKERS))
        if status != 0:
            print(f"without any break:\n{told}")
            return 1

        def one(broken: Break) -> Shown:
            tree = trees.get()
            try:
                return show(tree, broken)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(WORKERS) as pool:
            shown = list(pool.map(one, wanted))
    for broken, result in zip(wanted, shown, strict=True):
        print(f"{result.row}  {'fails' if result.ok else 'NOT SHOWN':<9}  {broken.defence:<66}  {result.what}")
    good = sum(result.ok for result in shown)
    print(f"{good} of {len(shown)} shown in {time.monotonic() - began:.0f} s")
    return 0 if good == len(shown) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
