"""`python -m runner status|halt|resume|flatten|stop|top`: speak to the running instance of this symbol and account."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from mmfsm import Mode
from runner.flatten import BOUND_S, run_flatten
from runner.settings import Settings
from runner.state_folder import KINDS, LOCK, SOCKET, holder_of, kind_of, socket_name, state_folder

OK, NOT_DONE, NOBODY = 0, 1, 69
"""Exit statuses: done and clean; not done or not clean; no running instance (EX_UNAVAILABLE)."""

MARGIN_S = 15.0
"""How much longer than the run itself we wait for its word."""

_LIMIT = 2**20


async def command(name: str, settings: Settings, wait_s: float | None, as_json: bool, out: TextIO) -> int:
    """Send one command to the running instance and print what it says until its last word.

    Args:
        name: one of `commands.COMMANDS`.
        settings: they name the instance: STATE_DIR, SYMBOL, the key, and whether it is a dry run.
        wait_s: how long what was asked may take, in seconds; None: as long as the settings allow.
        as_json: print the answers as they came.
        out: where to.

    Returns:
        0 when it was done and, for `stop` and `flatten`, ended clean; 1 when not; 69 when nobody is running.
    """
    wait_s = _default_wait_s(name, settings) if wait_s is None else wait_s
    try:
        with socket_name(state_folder(settings) / SOCKET) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=_LIMIT)
    except OSError:
        return await nobody(name, settings, wait_s, out)
    try:
        writer.write(json.dumps({"command": name, "wait_s": wait_s}).encode() + b"\n")
        async with asyncio.timeout(wait_s + MARGIN_S):
            return await _listen(reader, as_json, out)
    except TimeoutError:
        print(f"no last word within {wait_s + MARGIN_S:g} s; what was asked may still be done", file=out)
        return NOT_DONE
    except OSError as error:
        print(f"the instance went away: {error.strerror}", file=out)
        return NOT_DONE
    finally:
        writer.close()


async def ask(name: str, settings: Settings) -> dict[str, Any] | None:
    """Return the last word of the running instance about a command that needs no time; None when nobody is running."""
    try:
        async with asyncio.timeout(MARGIN_S):
            with socket_name(state_folder(settings) / SOCKET) as path:
                reader, writer = await asyncio.open_unix_connection(path, limit=_LIMIT)
            try:
                writer.write(json.dumps({"command": name}).encode() + b"\n")
                answer: dict[str, Any] = json.loads(await reader.readline())
                return answer
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):  # not there, frozen, or gone in mid-word
        return None


def _default_wait_s(name: str, settings: Settings) -> float:
    bounds = {"stop": float(settings.stop_bound_sec), "flatten": BOUND_S}
    return bounds.get(name, 10.0)


async def _listen(reader: asyncio.StreamReader, as_json: bool, out: TextIO) -> int:
    while line := await reader.readline():
        answer = json.loads(line)
        if as_json:
            print(json.dumps(answer.get("status", answer)), file=out, flush=True)
        elif "status" in answer:
            print(status_text(answer["status"]), file=out)
        else:
            print(answer["text"], file=out, flush=True)
        if answer["final"]:
            return OK if answer["ok"] else NOT_DONE
    print("the instance ended without a last word: look at its log and at the account", file=out)
    return NOT_DONE


async def nobody(name: str, settings: Settings, wait_s: float, out: TextIO) -> int:
    """Nobody listens: say so, and who runs elsewhere. `flatten` then does it by itself."""
    folder = state_folder(settings)
    others = [kind for kind in KINDS if kind != kind_of(settings) and is_listening(state_folder(settings, kind))]
    if name == "flatten" and not others:
        print("no instance is running: starting one that quotes nothing, takes up the journal and closes", file=out)
        return await run_flatten(settings, out, bound_s=wait_s)
    print(f"no {kind_of(settings)} instance of {settings.symbol} and this account is running ({folder})", file=out)
    for kind in others:
        print(f"a {kind} instance is: {_how(kind)}", file=out)
    holder = str(holder_of(folder / LOCK).get("run", ""))
    if name == "stop" and holder:
        print(f"the last to run was {holder}; what it may have left open the next start cancels first", file=out)
    return NOBODY


def _how(kind: str) -> str:
    wants: Mapping[str, str] = {"live": "DRY_RUN=0", "demo": "DRY_RUN=0 BITGET_DEMO=1", "dry": "DRY_RUN=1"}
    return f"use the environment it was started with ({wants[kind]})"


def is_listening(folder: Path) -> bool:
    """Whether a run answers on the control socket of this state folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            with socket_name(folder / SOCKET) as path:
                probe.connect(path)
        except OSError:
            return False
    return True


TODAY = (("realised", "realised"), ("unrealised", "unrealised_change"), ("funding", "funding"), ("fees", "fees"))


def status_text(told: dict[str, Any]) -> str:
    """Lay a status out for a person."""
    halted = ", ".join(f"{reason} ({how})" for reason, how in told["halted_by"].items()) or "-"
    tickets = [f"{it['hedge_id']} {it['status']} {it['side']} remain {it['remain']}" for it in told["tickets"]]
    orders = [
        f"{it['owner']} {it['inst']} {it['side']} {it['left']} @ {it['price']} {it['state']}" for it in told["orders"]
    ]
    guardian = told["guardian_pid"] or "none"
    rows = (
        ("run", f"{told['run']}, {told['kind']}, pid {told['pid']}, guardian {guardian}"),
        ("session, mode", f"{told['session']}, {told['mode']}"),
        ("halted by", halted),
        ("quotes off because", told["quotes_off_because"] or _on_or(told["mode"])),
        ("perp, spot change", f"{told['perp']}, {told['spot_change']}"),
        ("delta, of it dust", f"{told['delta']}, {told['dust']}"),
        ("earned since 00:00", _earned(told["today"])),
        ("open tickets", "; ".join(tickets) or "-"),
        ("open orders", "; ".join(orders) or "-"),
        ("feeds", ", ".join(f"{name} {state}" for name, state in told["feeds"].items())),
    )
    return "\n".join(f"{name:<20} {text}" for name, text in rows)


def _on_or(mode: str) -> str:
    """Nothing else speaks against quotes: they are on, unless the mode itself keeps them off."""
    return "- (they are on)" if mode == Mode.QUOTING else f"the mode is {mode}"


def _earned(today: dict[str, Any]) -> str:
    parts = [f"{name} {today[column]}" for name, column in TODAY]
    return f"{today['net']}: {', '.join(parts)} (UTC day, quote coin)"


def run_command(name: str, settings: Settings, wait_s: float | None, as_json: bool) -> int:
    """Run one command from the command line."""
    return asyncio.run(command(name, settings, wait_s, as_json, sys.stdout))
