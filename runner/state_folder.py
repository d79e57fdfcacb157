"""Where a run keeps what must outlive it: the lock, the journal and the control socket of one account and symbol."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.settings import Settings


def state_folder(settings: Settings) -> Path:
    """Return the folder of this account and symbol. Dry runs have their own: a pretence is never taken for the truth.

    The account is told apart by a digest of its key; the key itself appears nowhere.
    """
    account = hashlib.sha256(settings.bitget_api_key.encode()).hexdigest()[:10] if settings.has_keys else "nokey"
    kind = "dry" if settings.dry_run else "demo" if settings.bitget_demo else "live"
    return Path(settings.state_dir).expanduser() / f"{settings.symbol}-{kind}-{account}"
