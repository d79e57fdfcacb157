"""The exchange as a process, and the options its command line means."""

import asyncio
import json
import signal
import sys
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from runner.paper import PaperOptions
from runner.paper.cli import options_of, parser

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_prints_one_line_serves_and_ends_on_a_signal(number: signal.Signals) -> None:
    """The line has the URLs and the key; a signal ends it with status 0."""
    code = "import sys; from runner.paper import main; sys.exit(main(['--port', '0', '--seed', '7']))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    where = json.loads(await process.stdout.readline())
    async with aiohttp.ClientSession() as http, http.get(where["rest"] + "/api/v2/public/time") as answer:
        body = await answer.json()

    process.send_signal(number)

    assert set(where) == {"rest", "ws_public", "ws_private", "api_key", "secret", "passphrase"}
    assert body["code"] == "00000" and await process.wait() == 0


def test_the_command_lines_defaults_are_the_options_defaults() -> None:
    """No argument changes nothing."""
    assert options_of(parser().parse_args([])) == PaperOptions()


def test_each_argument_reaches_its_option(tmp_path: Path) -> None:
    """--tape alone chooses the tape."""
    words = f"--tape {tmp_path} --no-loop --tif-field both --unified --books5 silent --spot-eth 1.5 --latency-ms 7"

    options = options_of(parser().parse_args(words.split()))

    assert (options.market, options.tape_dir, options.tape_loop) == ("tape", tmp_path, False)
    assert (options.perp_tif_field, options.unified_account, options.latency_ms) == ("both", True, 7)
    assert options.books5("perp") == options.books5("spot") == "silent" and options.spot_eth == Decimal("1.5")


def test_options_out_of_range_are_refused() -> None:
    """Leverage, queue share and push count have bounds."""
    for wrong in ({"leverage": 151}, {"queue_ahead": Decimal(2)}, {"private_pushes": 3}, {"latency_ms": -1}):
        with pytest.raises(ValueError, match="must be"):
            PaperOptions(**wrong)  # type: ignore[arg-type]
