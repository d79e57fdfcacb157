"""One instance per account and symbol: an exclusive lock file that says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from io import TextIOWrapper
from pathlib import Path

from mmfsm.clock import now_ms
from mmfsm.errors import MmfsmError
from runner.state_folder import is_elsewhere


class LockedError(MmfsmError, RuntimeError):
    """Another process holds the lock; the message says which."""


class Lock:
    """Held from `take` to `release`, or to the end of the process, however it ends: the kernel lets go of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIOWrapper | None = None

    def take(self, run_id: str) -> None:
        """Take the lock.

        Raises:
            LockedError: somebody has it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "a process that has not yet said its name"
            file.close()
            raise LockedError(f"{self.path} is held by {holder}: stop that one first") from None
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "run": run_id, "since_ms": now_ms()}, file)
        file.flush()
        self._file = file

    def is_lost(self) -> bool:
        """Whether the file we hold was removed or moved, alone or with its folder: the next to come takes another."""
        return self._file is not None and is_elsewhere(self._file.fileno(), self.path)

    def take_again(self, run_id: str) -> None:
        """Take the file that stands where ours was.

        Raises:
            LockedError: somebody has it.
        """
        fresh = Lock(self.path)
        fresh.take(run_id)
        self.release()
        self._file = fresh._file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
