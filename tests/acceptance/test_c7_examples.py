"""C7: every program in examples/ runs, offline, to its end, and prints what is written beside it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tape import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MOVES = {"pybotters_bot"}
"""Programs that trade on a market which moves while they do: their prices differ from run to run."""


def test_the_four_that_are_promised_are_there() -> None:
    """A bare loop, an asyncio bot on pybotters, the ticket alone, and a strategy of one's own; each is explained."""
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")

    assert {"bare_loop.py", "pybotters_bot.py", "ticket_only.py", "custom_strategy.py"} <= {it.name for it in EXAMPLES}
    assert all(f"[{path.name}]" in page and f"[{path.stem}.txt]" in page for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_and_prints_what_is_written_beside_it(path: Path) -> None:
    """Status 0 within half a minute, the same lines, and nothing on the error stream."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, path], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False
    )
    written = path.with_suffix(".txt").read_text(encoding="utf-8")

    assert done.returncode == 0 and done.stderr == ""
    assert shown(done.stdout, path) == shown(written, path)


def shown(text: str, path: Path) -> str:
    """The text, with `#` for prices where they move."""
    return re.sub(r"(@|at) \d+(\.\d+)?", r"\1 #", text) if path.stem in MOVES else text
