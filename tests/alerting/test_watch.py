"""What is worth telling, in records and in the desk's state."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mmfsm.actions import Record
from mmfsm.state import DeskState
from runner.alerting.message import Note
from runner.alerting.watch import Watch

AFTER_MS = 30_000


class Told:
    """A watch, and what it has told. `refuse` holds names that are held back."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.batches: list[list[str]] = []
        self.refuse: set[str] = set()
        self.watch = Watch(AFTER_MS, self._tell)
        self.state = DeskState(run=1)

    def _tell(self, notes: Sequence[Note]) -> list[Note]:
        passed = [note for note in notes if note.name not in self.refuse]
        self.notes += passed
        self.batches.append([note.name for note in passed])
        return passed

    def look(self, at_ms: int, **halts: bool) -> list[str]:
        """Look at a desk halted for these reasons (`__` stands for a colon); returns what was told by now."""
        self.state.mode.reasons = {name.replace("__", ":"): latched for name, latched in halts.items()}
        self.state.mode.state = "HALTED" if halts else "IDLE"
        self.watch.look(self.state, at_ms)
        return [f"over {note.about}" if note.about else note.name for note in self.notes]

    def take(self, at_ms: int, event: str, reason: str, mode: str = "HALTED", **data: object) -> None:
        self.watch.take(Record(at_ms, event, "risk", mode, reason, data=dict(data)))


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_halt_that_goes_by_itself_is_told_when_it_has_lasted(told: Told) -> None:
    """Not a millisecond before ALERT_AFTER_SEC, then once, and its end too."""
    assert told.look(0, feed_down__private=False) == []
    assert told.look(AFTER_MS - 1, feed_down__private=False) == []
    assert told.look(AFTER_MS, feed_down__private=False) == ["feed_down:private"]
    assert told.look(AFTER_MS + 9_000, feed_down__private=False) == ["feed_down:private"]
    assert told.look(AFTER_MS + 10_000) == ["feed_down:private", "over feed_down:private"]
    assert told.notes[-1].lasted_ms == AFTER_MS + 10_000


def test_a_short_halt_is_told_to_nobody(told: Told) -> None:
    """It went by itself in time: neither it nor its end is told."""
    told.look(0, book_stale__perp_book=False)

    assert told.look(AFTER_MS - 1) == [] and told.look(2 * AFTER_MS) == []


def test_a_halt_kept_up_by_one_short_reason_after_the_other_is_told(told: Told) -> None:
    """The run was halted all the time, though no reason lasted."""
    for at_ms in range(0, AFTER_MS, 10_000):
        name = "feed_stale__private" if at_ms % 20_000 else "recovering"
        assert told.look(at_ms, **{name: False}) == []

    assert told.look(AFTER_MS, recovering=False) == ["recovering"]


def test_a_further_reason_of_a_halt_that_was_told_is_told_when_it_has_lasted_itself(told: Told) -> None:
    """The halt is known; what joins it is news only when it stays, to the millisecond."""
    told.look(0, feed_down__private=False)
    told.look(AFTER_MS, feed_down__private=False)
    joined = AFTER_MS + 1_000
    told.look(joined, feed_down__private=False, recovering=False)

    assert told.look(joined + AFTER_MS - 1, feed_down__private=False, recovering=False) == ["feed_down:private"]
    assert told.look(joined + AFTER_MS, feed_down__private=False, recovering=False)[1:] == ["recovering"]


def test_reasons_of_one_outage_come_in_one_message(told: Told) -> None:
    """Three feeds down: one message, and one for their end."""
    down = {f"feed_down__{name}": False for name in ("perp_book", "spot_book", "private")}
    told.look(0, **down)
    told.look(AFTER_MS, **down)
    told.look(AFTER_MS + 1)

    assert [len(batch) for batch in told.batches] == [3, 3]


def test_a_latched_halt_is_told_at_once_by_its_alert(told: Told) -> None:
    """The desk's own alert carries its words; the state, a second later, does not tell it again. Resume ends it."""
    told.take(5, "risk", "drift", latched=True, detail="perp: ledger 0, exchange 0.02")
    told.take(5, "alert", "drift", text="perp: ledger 0, exchange 0.02")

    assert told.look(1_000, drift=True) == ["drift"] and told.notes[0].urgent
    assert told.notes[0].detail == "perp: ledger 0, exchange 0.02"
    assert told.look(2_000) == ["drift", "over drift"]


def test_a_latch_that_a_restart_brings_along_is_told(told: Told) -> None:
    """No alert was emitted in this run: the state says it."""
    assert told.look(0, drift=True) == ["drift"] and told.notes[0].urgent


def test_the_end_of_what_nobody_was_told_is_told_to_nobody(told: Told) -> None:
    """Held back by the pace: its end is no news."""
    told.refuse = {"feed_down:private"}
    told.look(0, feed_down__private=False)
    told.look(AFTER_MS, feed_down__private=False)

    assert told.look(AFTER_MS + 1) == []


def test_a_failed_start_is_no_halt(told: Told) -> None:
    """position_mode before READY is a check that failed: no end of it is told."""
    told.take(0, "alert", "position_mode", mode="IDLE", text="start-up check failed: hedge_mode")

    assert told.look(1_000) == ["position_mode"] and told.notes[0].kind == "start-up failure"


def test_an_unwind_is_told_and_so_is_its_end(told: Told) -> None:
    """Once for a ticket, however many lines it has; a ticket that was hedged is no news."""
    for status in ("PENDING", "CHASING", "UNWINDING", "UNWINDING", "DONE"):
        told.take(0, "ticket", "timer", "HEDGING", hedge_id="a", status=status, remain="0.02", want_qty="0.02", end="x")
    for status in ("PENDING", "DONE"):
        told.take(0, "ticket", "timer", "HEDGING", hedge_id="b", status=status, remain="0.02", want_qty="0.02")

    assert [(note.name, note.about) for note in told.notes] == [("unwind", ""), ("recovered", "unwind")]
    assert "0.02 of 0.02" in told.notes[0].detail


def test_being_rate_limited_for_long_is_told(told: Told) -> None:
    """A back-off whose pauses follow each other counts as one; a single short one is no news."""
    for at_ms in range(0, AFTER_MS + 3_000, 1_000):
        told.state.now_ms, told.state.backoff_until_ms = at_ms, at_ms + (1 if at_ms % 3_000 else 0)
        told.look(at_ms)
    assert [note.name for note in told.notes] == ["rate_limited"]
    told.state.backoff_until_ms = 0
    told.look(AFTER_MS + 16_000)
    assert len(told.notes) == 1

    told.look(AFTER_MS + 18_000)
    assert told.notes[-1].about == "rate_limited"


def test_the_disk_and_the_guardian_are_told(told: Told) -> None:
    """Little room, and room again; files that cannot be compressed; a guardian that was lost."""
    told.take(0, "risk", "disk_low", free_mb=12)
    told.take(1, "risk", "disk_low", free_mb=11)
    told.take(2, "risk", "disk_enough", free_mb=900)
    told.take(3, "risk", "journal_packing", error="no space")
    told.take(4, "guardian", "guardian_lost", how="ended with status 1")
    told.take(5, "guardian", "quotes_gone", cancelled=["a"])
    told.take(6, "risk", "alert_unsent", why="no route")

    assert [note.name for note in told.notes] == ["disk_low", "recovered", "journal_packing", "guardian_lost"]


def test_a_clock_that_was_set_back_delays_no_telling(told: Told) -> None:
    """Half of ALERT_AFTER_SEC before, an hour back, half of it after: it has lasted long enough."""
    hour_ms = 3_600_000
    told.look(hour_ms, feed_down__private=False)
    told.look(hour_ms + AFTER_MS // 2, feed_down__private=False)
    assert told.look(AFTER_MS // 2, feed_down__private=False) == []
    assert told.look(AFTER_MS, feed_down__private=False) == ["feed_down:private"]
    assert told.look(AFTER_MS + 1)[-1] == "over feed_down:private" and told.notes[-1].lasted_ms == AFTER_MS + 1
