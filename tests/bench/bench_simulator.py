"""How fast the simulator is: virtual seconds a second of one core, faults on, and what a second process adds."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.bench.figures import Bench, How, Row, Taken, above, least_share
from tests.bench.live import ROOT

MINUTES, MINUTES_QUICK, SEEDS = 10, 1, 4
SPEED, JOBS = "simulated seconds a second", "… a core, two jobs"
ROWS = (Row(SPEED, "s/s", "real time", above(300)), Row(JOBS, "s/s", "one job", least_share(0.9)))


def simulated(seed: int, minutes: int, jobs: int) -> dict[str, Any]:
    """The figures of the command."""
    words = f"-m runner simulate --seed {seed} --seeds {SEEDS} --minutes {minutes} --jobs {jobs} --json"
    done = subprocess.run([sys.executable, *words.split()], cwd=ROOT, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def take(how: How) -> Taken:
    """One run, on seeds of its own."""
    minutes = MINUTES_QUICK if how.quick else MINUTES
    one, two = (simulated(1 + SEEDS * how.run, minutes, jobs)["virtual_s_per_cpu_s"] for jobs in (1, 2))
    return {SPEED: (one, 1.0), JOBS: (two, one)}


BENCH = Bench("simulator", ROWS, take)
