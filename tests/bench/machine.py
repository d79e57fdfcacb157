"""Where the figures were taken: the machine, how busy it was, and the versions of what takes part."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("mmfsm", "aiohttp", "pybotters", "ccxt", "transitions", "attrs", "cattrs", "loguru", "uvloop", "orjson")


def machine() -> dict[str, Any]:
    """Return what a reader of the figures has to know of the machine."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"
