"""C7: every program in examples/ runs, offline, to its end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tape import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_the_four_that_are_promised_are_there() -> None:
    """A bare loop, an asyncio bot on pybotters, the ticket alone, and a strategy of one's own."""
    assert {"bare_loop.py", "pybotters_bot.py", "ticket_only.py", "custom_strategy.py"} <= {it.name for it in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_and_says_something(path: Path) -> None:
    """Status 0 within half a minute, output for a reader, and nothing on the error stream."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, path], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() and "Traceback" not in done.stderr
