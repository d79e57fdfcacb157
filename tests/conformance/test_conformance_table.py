"""The table of what is served is the code's, line by line."""

import re
from pathlib import Path

from runner.paper.session import PRIVATE_CHANNELS, PUBLIC_CHANNELS
from runner.paper.values import INST_TYPE
from runner.paper.venue import ROUTES
from runner.paper.ws_trade import PATHS
from tests.conformance.traps import PITFALLS

TABLE = (Path(__file__).resolve().parent / "README.md").read_text()
ROW = re.compile(r"^\| `([^`]+)` \|(.*)\|$", re.MULTILINE)


def rows() -> dict[str, list[str]]:
    """The other cells of each row whose first cell is code, by that cell."""
    found = ROW.findall(TABLE)
    named = {name: [cell.strip() for cell in cells.split("|")] for name, cells in found}
    assert len(named) == len(found), "a row appears twice"
    return named


def test_every_route_is_in_the_table_with_its_limit_and_no_other_is() -> None:
    """Method, path and requests a second."""
    listed = {name: int(cells[0]) for name, cells in rows().items() if "/" in name}

    assert listed == {f"{method} {path}": route.per_second for (method, path), route in ROUTES.items()}


def test_every_channel_and_operation_is_in_the_table_and_no_other_is() -> None:
    """Both instTypes, with positions on futures alone; and what a client may send."""
    channels = {f"{inst} {name}" for inst in INST_TYPE.values() for name in (*PUBLIC_CHANNELS, *PRIVATE_CHANNELS)}
    channels |= {" ".join(names) for names in PATHS}
    operations = {"login", "subscribe", "unsubscribe", "ping", "trade"}

    assert {name for name in rows() if "/" not in name} == (channels - {"SPOT positions"}) | operations


def test_every_row_says_what_is_served_and_on_whose_evidence() -> None:
    """No empty cell but that of the deviations, and no evidence but what the page introduces."""
    section = TABLE.split("## Evidence")[1].split("## REST")[0]
    known = [name.split()[0] for name in re.findall(r"^\| ([A-Za-z0-9 ,]+) \| ", section, re.MULTILINE)]
    for name, cells in rows().items():
        served, _, evidence = cells[-3:]
        named = re.sub(r"\([^)]*\)", "", evidence).split(", ")
        assert served, name
        assert all(one.split()[0] in (*known, "2026") for one in named), (name, evidence)


def test_every_pitfall_has_its_line() -> None:
    """Numbers 1 to 25, in order."""
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \| ", TABLE, re.MULTILINE)]

    assert numbers == list(range(1, PITFALLS + 1))
