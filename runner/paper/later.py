"""Work an endpoint has acknowledged and does a little later, as Bitget's asynchronous endpoints do."""

from collections import deque
from collections.abc import Callable

Work = Callable[[int], None]


class Later:
    """Acknowledged work, oldest first. Times in milliseconds; all of it waits equally long, so order is kept."""

    def __init__(self, delay_ms: int) -> None:
        self._delay_ms = delay_ms
        self._waiting: deque[tuple[int, Work]] = deque()

    def add(self, work: Work, now_ms: int) -> None:
        """Do `work` after the delay; it is told the time it is done at. Without a delay it is done now."""
        if self._delay_ms:
            self._waiting.append((now_ms + self._delay_ms, work))
        else:
            work(now_ms)

    def run(self, now_ms: int) -> None:
        """Do what is due; a clock that was set back delays nothing."""
        while self._waiting and not 0 < self._waiting[0][0] - now_ms <= self._delay_ms:
            _, work = self._waiting.popleft()
            work(now_ms)

    @property
    def next_due_ms(self) -> int | None:
        """When `run` has something to do next; None for never."""
        return self._waiting[0][0] if self._waiting else None
