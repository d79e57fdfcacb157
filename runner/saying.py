"""Writing to standard error without ever waiting for whoever reads it.

A pager that is not paged on, or a terminal stopped by Ctrl-S, takes a few thousand characters and then nothing: whoever
wrote on would stand still with hedges to send. What does not fit is left out; the log's file and the diary have it all.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress

CHUNK_BYTES = 512
"""POSIX: a pipe that can be written at all takes this much without waiting."""


def say(text: str) -> None:
    """Write text, or as much of it as is taken now."""
    try:
        descriptor = sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # no file: it cannot make anybody wait
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(text)
        return
    left, poll = text.encode(errors="backslashreplace"), select.poll()
    with suppress(OSError):  # the terminal is gone
        poll.register(descriptor, select.POLLOUT)
        while left and poll.poll(0):
            left = left[os.write(descriptor, left[:CHUNK_BYTES]) :]
