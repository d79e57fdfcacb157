"""`python -m runner alert --test`: send one message to every address of ALERT_URLS, and say what came back."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mmfsm.clock import now_ms
from mmfsm.errors import MmfsmError
from runner.alerting.addresses import Address, Unsent, addresses_of
from runner.alerting.message import Note, Origin, render
from runner.settings import Settings, load_settings
from runner.state_folder import kind_of

USAGE_ERROR = 64


def main(argv: Sequence[str]) -> int:
    """Return 0 when every address took it, 1 when one did not, 64 when there is none or ALERT_URLS cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m runner alert", description=__doc__)
    parser.add_argument("--test", action="store_true", required=True, help="send one test message to every address")
    parser.parse_args(argv)
    try:
        settings, _origins = load_settings(os.environ)
        addresses = addresses_of(settings.alert_urls)
    except MmfsmError as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    if not addresses:
        print("ALERT_URLS is not set: nobody is told of anything", file=sys.stderr)
        return USAGE_ERROR
    return 0 if all(_tried(settings, addresses)) else 1


def _tried(settings: Settings, addresses: Sequence[Address]) -> list[bool]:
    origin = Origin(settings.symbol, kind_of(settings), "test", socket.gethostname())
    message = render([Note(now_ms(), "test")], origin, settings.alert_lang)
    with ThreadPoolExecutor(len(addresses), "alerts") as threads:
        return list(threads.map(lambda address: _try(address, message), addresses))


def _try(address: Address, message: tuple[str, str]) -> bool:
    try:
        address.send(*message)
    except Unsent as error:
        print(f"NOT SENT  {address.shown}  {error}")
        return False
    print(f"sent      {address.shown}")
    return True
