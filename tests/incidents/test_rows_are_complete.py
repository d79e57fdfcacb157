"""Every incident has its tests, its break and its line in the README."""

from __future__ import annotations

import re
from pathlib import Path

from tests.incidents.breakers import BREAKS

HERE = Path(__file__).parent
ROWS = {f"I{number:02d}" for number in range(1, 59)}


def test_every_row_has_a_test_and_a_break() -> None:
    """Named after its number; a break names a test file that carries it."""
    names = {
        path.name: set(re.findall(r"^(?:async )?def test_(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        for path in HERE.glob("test_i*.py")
    }
    tested = {
        word.upper() for found in names.values() for name in found for word in re.findall(r"\bi\d\d|_i\d\d", name)
    }
    assert {word.removeprefix("_") for word in tested} == ROWS
    assert {it.row for it in BREAKS} == ROWS and len(BREAKS) == len(ROWS)
    for it in BREAKS:
        assert any(it.word in name.split("_") for name in names[it.test]), f"{it.row}: no test of {it.test}"


def test_the_readme_has_every_row_with_the_defence_that_is_taken_away() -> None:
    """As `breakers.py` has it."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    for it in BREAKS:
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {it.row} |")]
        assert f"`{it.test}`" in line and line.endswith(f"| {it.defence} |")
