"""Sending: one bounded queue and one thread for each address, so that a dead or slow host delays nothing and nobody."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence

from runner.alerting.addresses import Address, Unsent

QUEUE_MAX = 50
PAUSES_S = (5.0, 30.0)
"""Before the second try and the third, the last: a network that is away is what many messages are about."""

Message = tuple[str, str]
OnUnsent = Callable[[str, str], None]


class Post:
    """Sends to one address, in the order given.

    Args:
        address: where to.
        on_unsent: called with the address as shown and the reason, **in the sending thread**, for each message that is
            given up.
    """

    def __init__(self, address: Address, on_unsent: OnUnsent) -> None:
        self._address = address
        self._on_unsent = on_unsent
        self._waiting: queue.Queue[Message | None] = queue.Queue(QUEUE_MAX)
        self._closing = threading.Event()
        # A daemon: the process does not wait for a host that does not answer.
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Hand over a message, and return at once. A full queue drops it, and says so."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._on_unsent(self._address.shown, f"more than {QUEUE_MAX} messages wait")

    def close(self) -> None:
        """Take no more, and try what waits once more without pauses."""
        self._closing.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return  # the thread sees that it is to close

    def join(self, bound_s: float) -> bool:
        """Wait for what is under way. False: it is not out in time, and is given up."""
        self._thread.join(bound_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                message = self._waiting.get(timeout=None if not self._closing.is_set() else 0)
            except queue.Empty:
                return
            if message is None:
                return
            self._send(message)

    def _send(self, message: Message) -> None:
        for pause_s in (*PAUSES_S, None):
            try:
                self._address.send(*message)
                return
            except Unsent as error:
                why = str(error)
            if pause_s is None or self._closing.is_set():
                break
            self._closing.wait(pause_s)
        self._on_unsent(self._address.shown, why)


def close_all(posts: Sequence[Post], bound_s: float) -> bool:
    """Close all of them, and wait no longer than this for what is under way. Blocks: for a thread of its own.

    Returns:
        False when something was given up.
    """
    for post in posts:
        post.close()
    end_s = time.monotonic() + bound_s
    return all([post.join(max(end_s - time.monotonic(), 0.0)) for post in posts])
