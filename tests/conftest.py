"""What all tests share: with MMFSM_ROWS=DIR every process writes there which rows of the tables its tests have fired.

make rows        runs the suite so, adds a simulation, and draws the sum
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import DefaultContext, localcontext
from pathlib import Path

import pytest

from mmfsm.coverage import counting, to_json


class RowCounter:
    """Counts while the session lasts; writes at its end."""

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self._counts = self._stack.enter_context(counting())
        self._path = folder / f"tests-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.json"

    def pytest_unconfigure(self) -> None:
        self._stack.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(to_json(self._counts), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    if folder := os.environ.get("MMFSM_ROWS"):
        config.pluginmanager.register(RowCounter(Path(folder)), "mmfsm-rows")


@pytest.fixture(autouse=True)
def decimal_context() -> Iterator[None]:
    """Each test begins with Python's own decimal context: ccxt changes the thread's, and tests share threads."""
    with localcontext(DefaultContext):
        yield
