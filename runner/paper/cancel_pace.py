"""How often one order may be cancelled: once a second (REST error code pages, 45129).

Every request counts for an order the exchange knows, whether the order was still open or not, so a client that repeats
a cancel at once learns nothing about its outcome.
"""

from collections import deque

from runner.paper.values import Refusal

SPAN_MS = 1_000


class CancelPace:
    """Remembers which orders were asked to be cancelled during the last second."""

    def __init__(self) -> None:
        self._asked: deque[tuple[int, str]] = deque()

    def note(self, order_id: str, now_ms: int) -> None:
        """Count one request at `now_ms`.

        Raises:
            Refusal: 45129, the same order was asked for within the last second.
        """
        while self._asked and not 0 <= now_ms - self._asked[0][0] < SPAN_MS:
            self._asked.popleft()
        if any(order_id == known for _, known in self._asked):
            text = "Cancel order is too frequent, the same orderId is only allowed to be canceled once in a second"
            raise Refusal("45129", text)
        self._asked.append((now_ms, order_id))
