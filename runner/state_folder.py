"""Where a run keeps what must outlive it: the lock, the journal, the control socket and the guardian's diary of one
account and symbol."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner.settings import Settings

LOCK, JOURNAL, SOCKET, DIARY = "lock", "journal", "control.sock", "guardian.jsonl"
KINDS = ("live", "demo", "dry")
_SOCKET_PATH_MAX = 100  # a little less than any kernel's limit (104 to 108 bytes)


def kind_of(settings: Settings) -> str:
    """Say what kind of run the settings make: "dry", "demo" or "live"."""
    return "dry" if settings.dry_run else "demo" if settings.bitget_demo else "live"


def state_folder(settings: Settings, kind: str | None = None) -> Path:
    """Return the folder of this account and symbol. Dry runs have their own: a pretence is never taken for the truth.

    The account is told apart by a digest of its key; the key itself appears nowhere.
    """
    account = hashlib.sha256(settings.bitget_api_key.encode()).hexdigest()[:10] if settings.has_keys else "nokey"
    return settings.state_root / f"{settings.symbol}-{kind or kind_of(settings)}-{account}"


def holder_of(lock: Path) -> dict[str, Any]:
    """Return what the lock file says of its last holder; {} when it says nothing (yet)."""
    try:
        told = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def is_elsewhere(descriptor: int, path: Path) -> bool:
    """Whether an open file is no longer what stands at `path`. What cannot be looked at counts as there."""
    try:
        return not os.path.samestat(os.fstat(descriptor), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


@contextmanager
def socket_name(path: Path) -> Iterator[str]:
    """Yield a name by which a Unix socket at `path` can be bound or reached: the kernel's limit for names is short.

    Raises:
        OSError: the folder is not there, or the name is too long and there is no /proc to shorten it by.
    """
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
