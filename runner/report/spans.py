"""Time cut into cells: at most a thousand, as wide as it takes, the same for the same log however it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")

CELLS_MAX = 1_024
_SHIFT_MIN = 3  # 8 ms: what is shorter than that nobody sees


class Cells(Generic[Value]):
    """Values by time. A cell is 2^n ms wide, and twice as wide as soon as there would be more than `CELLS_MAX`.

    Args:
        merge: puts the values of two neighbouring cells, or of one moment, together; the earlier one comes first.
    """

    def __init__(self, merge: Callable[[Value, Value], Value]) -> None:
        self._merge = merge
        self._shift = _SHIFT_MIN
        self._cells: dict[int, Value] = {}
        self._low: int | None = None
        self._high = 0

    @property
    def width_ms(self) -> int:
        return 1 << self._shift

    def reach(self, at_ms: int) -> None:
        """Make room for a moment."""
        low = at_ms if self._low is None else min(self._low, at_ms)
        self._low, self._high = low, max(self._high, at_ms)
        while (self._high >> self._shift) - (low >> self._shift) >= CELLS_MAX:
            self._shift += 1
            cells, self._cells = self._cells, {}
            for at in sorted(cells):
                self._add(at >> 1, cells[at])

    def put(self, at_ms: int, value: Value) -> None:
        """Put a value into the cell of a moment."""
        if at_ms >> self._shift not in self._cells:
            self.reach(at_ms)
        self._add(at_ms >> self._shift, value)

    def _add(self, cell: int, value: Value) -> None:
        cells = self._cells
        cells[cell] = self._merge(cells[cell], value) if cell in cells else value

    def spread(self, from_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
        """Cut a span at the cells' borders: yields each part's beginning and its length, both in ms."""
        if from_ms < until_ms:
            self.reach(from_ms)
            self.reach(until_ms - 1)
        while from_ms < until_ms:
            border = min(((from_ms >> self._shift) + 1) << self._shift, until_ms)
            yield from_ms, border - from_ms
            from_ms = border

    def told(self) -> list[tuple[int, Value]]:
        """Return each cell that has a value, with its beginning in ms, in order."""
        return [(cell << self._shift, self._cells[cell]) for cell in sorted(self._cells)]
