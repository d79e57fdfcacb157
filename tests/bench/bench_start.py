"""How long it takes to begin: `import mmfsm` in a fresh interpreter, and `python -m runner` up to READY on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time

from tests.bench.figures import Bench, How, Row, Taken, below
from tests.bench.live import BOUND_S, OURS, ROOT, Stand

IMPORTS = 5
IMPORT, READY = "import mmfsm", "runner, start to READY"
ROWS = (
    Row(IMPORT, "s", "python -c pass", below(0.25)),
    Row(READY, "s", "python -c pass", below(1.5)),
)


def imported(code: str) -> float:
    """Seconds a fresh interpreter takes for a line of code, its own start included."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    return time.perf_counter() - began


async def ready() -> float:
    """Seconds from starting the runner's process until its log says READY, on the log's own clock."""
    async with Stand((OURS,)) as stand:
        bot = stand.bots[0]
        async with asyncio.timeout(BOUND_S):
            while True:
                for text in stand.log_of(bot).read_text().splitlines():
                    line = json.loads(text)
                    if line["event"] == "session" and line["data"]["to"] == "READY":
                        return float(line["ts"]) / 1000 - bot.began_s
                await asyncio.sleep(0.02)


def take(_how: How) -> Taken:
    """One run: imports in turn with an empty program, and one start."""
    pairs = [(imported("import mmfsm"), imported("pass")) for _ in range(IMPORTS)]
    ours, empty = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {IMPORT: (ours, empty), READY: (asyncio.run(ready()), empty)}


BENCH = Bench("start", ROWS, take)
