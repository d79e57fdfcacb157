"""`python -m runner scan`: which symbols would be worth quoting now. It reads, and places nothing.

`worth` values one side on two books, `look` reads the market and ranks it, `shown` lays it out, `cli` is the command.
"""

from runner.scan.cli import add_options, run_scan
from runner.scan.look import Row, Scan, Scanned, Wanted
from runner.scan.worth import SideWorth

__all__ = ["Row", "Scan", "Scanned", "SideWorth", "Wanted", "add_options", "run_scan"]
