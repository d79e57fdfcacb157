"""Reading a finished log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Every line of a log, oldest first."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
