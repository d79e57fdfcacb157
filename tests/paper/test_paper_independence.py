"""The exchange is not a mirror of our gateway: it imports none of the code it is there to judge."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "runner" / "paper"
FILES = sorted(PACKAGE.glob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module a file names in an import."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_imports_nothing_of_the_bot(path: Path) -> None:
    """Of this project only runner.paper; never pybotters, which the gateway is built on."""
    for name in imported(path):
        assert name.split(".")[0] not in ("mmfsm", "pybotters", "") and (
            not name.startswith("runner") or name.startswith("runner.paper")
        ), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_the_shell_knows_sockets_and_clocks(path: Path) -> None:
    """asyncio and aiohttp stay in the shell; the wall clock is read in one file."""
    shell = {"cli", "control", "rest_shell", "server", "sockets"}
    names = {name.split(".")[0] for name in imported(path)}

    assert path.stem in shell or not names & {"asyncio", "aiohttp"}
    assert path.stem == "clock" or not names & {"time", "datetime"}
