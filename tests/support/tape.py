"""Where the recorded market is, if it is here: MMFSM_TAPE, or a folder beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def tape_dir() -> Path | None:
    """Return the folder of the tape; None when there is none."""
    named = os.environ.get("MMFSM_TAPE")
    folder = Path(named) if named else ROOT.parent / "shared" / "data" / "tape"
    return folder if folder.is_dir() and any(folder.iterdir()) else None


def market() -> dict[str, Any]:
    """Options of an exchange on the tape, or on the synthetic market calibrated on it."""
    folder = tape_dir()
    return {"market": "synthetic", "seed": 1} if folder is None else {"market": "tape", "tape_dir": folder}
