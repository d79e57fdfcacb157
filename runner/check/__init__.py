"""`python -m runner check`: everything a start looks at, and more, a line for each; nothing is placed unless asked.

`look` reads by REST, `streams` looks at the sockets, `place` at this machine, the two `judge` modules say how each item
stands, `proof` makes the one order that may be asked for, `shown` lays out, `cli` is the command.
"""

from runner.check.cli import Wanted, add_options, run_check
from runner.check.items import Item, Level

__all__ = ["Item", "Level", "Wanted", "add_options", "run_check"]
