"""Where the recorded market is, if it is here: MMFSM_TAPE, or a folder beside the checkout; and a small made-up one."""

from __future__ import annotations

import gzip
import os
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BOOK = "local_ns,event_ms,tx_ms,update_id," + ",".join(f"c{n}" for n in range(20))
TRADE = "local_ns,event_ms,trade_ms,trade_id,price,qty,taker_side,x"


def tape_dir() -> Path | None:
    """Return the folder of the tape; None when there is none."""
    named = os.environ.get("MMFSM_TAPE")
    folder = Path(named) if named else ROOT.parent / "shared" / "data" / "tape"
    return folder if folder.is_dir() and any(folder.iterdir()) else None


def market() -> dict[str, Any]:
    """Options of an exchange on the tape, or on the synthetic market calibrated on it."""
    folder = tape_dir()
    return {"market": "synthetic", "seed": 1} if folder is None else {"market": "tape", "tape_dir": folder}


def small_tape(directory: Path) -> Path:
    """Write two minutes of both legs: the perp walks up a tick now and then, the spot follows at a varying basis."""
    rng, bid = random.Random(1), 268_100
    rows: dict[str, list[str]] = defaultdict(list)
    for step in range(1200):
        at_ns = step * 100_000_000
        bid += rng.choice((-1, 0, 0, 1, 1))
        for leg, best in (("usdm", bid), ("spot", bid + 118 + rng.randint(-20, 20))):
            bids = [f"{Decimal(best - n) / 100},{rng.randint(1, 900) / 100}" for n in range(5)]
            asks = [f"{Decimal(best + 1 + n) / 100},{rng.randint(1, 900) / 100}" for n in range(5)]
            rows[f"{leg}.book5"].append(f"{at_ns},-1,-1,{step}," + ",".join(bids + asks))
            side = rng.choice((("buy", best + 1), ("sell", best)))
            rows[f"{leg}.trades"].append(f"{at_ns + 50_000_000},1,1,{step},{Decimal(side[1]) / 100},0.5,{side[0]},")
    for name, lines in rows.items():
        leg, kind = name.split(".")
        with gzip.open(directory / f"x_{leg}_ETHUSDT_x.{kind}.csv.gz", "wt") as out:
            out.write("\n".join([BOOK if kind == "book5" else TRADE, *lines]) + "\n")
    return directory
