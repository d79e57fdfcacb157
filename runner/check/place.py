"""What the check looks at on this machine: room for log and state, who holds the account, what the journal knows."""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path

import attrs

from mmfsm.errors import MmfsmError
from mmfsm.journal import rebuild
from mmfsm.values import ZERO
from runner.check.items import Item, fail, ok, warn
from runner.client import is_listening
from runner.journal import read_segment, segments
from runner.settings import Settings
from runner.state_folder import JOURNAL, KINDS, LOCK, holder_of, kind_of, state_folder

MB = 1_000_000
STATE_MIN_MB, SPARE_MB = 100, 1_000
"""Less than the first stops new risk within hours; below the second it is time to make room."""


@attrs.frozen
class Known:
    """What an earlier run wrote down: the perp position and how many tickets are open."""

    perp: Decimal = ZERO
    tickets: int = 0


def disk(s: Settings) -> list[Item]:
    """Room where the log and the state are written."""
    log_min_mb = 2 * s.log_rotate_mb
    return [
        _room("log_disk", "LOG_PATH", s.log_file.parent, log_min_mb),
        _room("state_disk", "STATE_DIR", s.state_root, STATE_MIN_MB),
    ]


def _room(key: str, name: str, folder: Path, least_mb: int) -> Item:
    label, advice = (
        f"disk at {name}",
        f"Make room, or set {name} to where it can be written: without it new risk stops.",
    )
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free_mb = shutil.disk_usage(there).free // MB
    except OSError as error:
        return fail(key, label, f"{there}: {error.strerror}", advice)
    return judge_room(key, label, f"{free_mb:,} MB free", free_mb, least_mb, advice)


def judge_room(key: str, label: str, detail: str, free_mb: int, least_mb: int, advice: str) -> Item:
    """Judge free room, in MB, against the least that is needed."""
    if free_mb < least_mb:
        return fail(key, label, f"{detail}, {least_mb:,} needed", advice, free_mb=free_mb)
    if free_mb < max(SPARE_MB, least_mb):
        return warn(key, label, detail, "Make room before it runs out: then new risk stops.", free_mb=free_mb)
    return ok(key, label, detail, free_mb=free_mb)


def lock(s: Settings) -> tuple[Item, bool]:
    """Whether a run holds this account and symbol on this machine; the second value says the same."""
    for kind in KINDS:
        folder = state_folder(s, kind)
        if is_listening(folder):
            told = holder_of(folder / LOCK)
            detail = f"a {kind} run holds it: {told.get('run', '?')}, pid {told.get('pid', '?')}"
            advice = "`python -m runner status` tells what it does. A second start would end with status 75."
            if kind == kind_of(s):
                return warn("lock", "lock", detail, advice, pid=told.get("pid")), True
            return ok("lock", "lock", detail, pid=told.get("pid")), kind != "dry"
    return ok("lock", "lock", "no run holds this account and symbol here"), False


def journal(s: Settings) -> tuple[list[Item], Known]:
    """What an earlier run wrote down, as the next start takes it up: nothing in a dry run or with FRESH_START=1."""
    found = segments(state_folder(s) / JOURNAL)
    if not found or s.dry_run or s.fresh_start:
        return [], Known()
    try:
        state = rebuild(read_segment(found[-1])).state
    except MmfsmError as error:
        advice = "Look at the file; FRESH_START=1 begins without it, and forgets open tickets."
        return [fail("journal", "journal", str(error), advice)], Known()
    detail = f"taken up by the next start: {found[-1].name}"
    return [ok("journal", "journal", detail)], Known(state.ledger.perp, len(state.tickets))
