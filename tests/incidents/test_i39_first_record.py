"""I39: nobody could tell which log directory belonged to which run.

Wanted: the first record says run, version, configuration (secrets redacted), host and process.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from runner.log import version_of_mmfsm
from tests.support.bot import trading


async def test_i39_the_first_line_says_whose_log_this_is(tmp_path: Path) -> None:
    """Every setting by name; no secret anywhere in the file."""
    async with trading(tmp_path) as bot:
        await bot.ready()
        first, settings = bot.lines[0], bot.settings
        assert first["event"] == "run" and first["data"]["run_id"] == bot.runner.run_id
        assert (first["data"]["pid"], first["data"]["host"]) == (os.getpid(), socket.gethostname())
        assert first["data"]["version"] == version_of_mmfsm()
        told = first["data"]["config"]
        assert told["QUOTE_SIZE"] == "0.02" and told["BITGET_API_SECRET"] == "***"
        assert set(told) == set(settings.redacted())
        text = json.dumps(bot.read_log())
        assert not any(secret in text for secret in settings.secrets)
