"""The comparison bots of `tests/bench`, as the matrix starts them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from runner.paper import PaperExchange
from tests.bench import bot_ccxt_pro, bot_fill_handler
from tests.conformance.strangers import register_pybotters
from tests.matrix.cell import Maker
from tests.matrix.subjects import Script, Stranger


def _start(script: Script, exchange: PaperExchange, _folder: Path) -> Stranger:
    register_pybotters()
    return Stranger(exchange, script)


STRANGERS: dict[str, Maker] = {
    "bot_fill_handler": partial(_start, bot_fill_handler.run),
    "bot_ccxt_pro": partial(_start, bot_ccxt_pro.run),
}
