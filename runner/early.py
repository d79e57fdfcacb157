"""Ctrl-C while a command's modules are still being loaded: nothing has begun, so the process ends at once, in silence.

Imported before anything else; `over` gives Python's own handler back.
"""

import signal
import threading

_IS_OURS = (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _IS_OURS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def over() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt again."""
    if _IS_OURS and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
