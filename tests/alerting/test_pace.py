"""How often a person is told."""

from pathlib import Path

from runner.alerting.kept import Kept
from runner.alerting.pace import HOUR_MS, Pace

MIN_MS = 60_000


def pace(hour_max: int = 20) -> Pace:
    return Pace(30 * MIN_MS, hour_max)


def test_the_same_reason_is_told_once_in_its_time() -> None:
    """Held back until the very millisecond, and another reason is not."""
    one = pace()

    assert one.may("drift", 0) and not one.may("drift", 30 * MIN_MS - 1) and one.may("other", 1)
    assert one.may("drift", 30 * MIN_MS)


def test_what_was_held_back_is_counted_and_told_later() -> None:
    """Three were held back: told as three when the time has passed, once; then it is forgotten."""
    one = pace()
    told = [one.may("drift", at_ms) for at_ms in (0, 1, 2, 3)]

    assert told == [True, False, False, False] and one.owed(30 * MIN_MS - 1) == {}
    assert one.owed(30 * MIN_MS) == {"drift": 3}
    assert one.owed(60 * MIN_MS) == {} and one.owed(90 * MIN_MS) == {}


def test_an_hour_takes_so_many_messages_and_keeps_some_for_what_is_urgent() -> None:
    """Of four, three are for anything, the fourth for what cannot wait; an hour later there is room again."""
    one = pace(hour_max=4)
    for at_ms in range(3):
        assert one.may(f"reason-{at_ms}", at_ms)
        one.sent(at_ms)

    assert not one.may("usual", 10) and one.may("latched", 10, urgent=True)
    one.sent(10)
    assert not one.may("latched too", 11, urgent=True)
    assert not one.may("later", HOUR_MS - 1) and one.may("later", HOUR_MS + 1)


def test_what_the_hour_held_back_is_told_when_it_has_room() -> None:
    """A reason that was never told is owed as soon as the hour allows."""
    one = pace(hour_max=4)
    for at_ms in range(3):
        one.sent(at_ms)
    assert not one.may("usual", 10)

    assert one.owed(11) == {} and one.owed(HOUR_MS + 3) == {"usual": 1}


def test_what_another_process_told_counts_too() -> None:
    """Its messages fill the hour, its reasons wait their time; what lies ahead of the clock is passed over."""
    first, second = pace(hour_max=4), pace(hour_max=4)
    assert first.may("died", 0)
    for at_ms in range(3):
        first.sent(at_ms)
    second.learn(*first.told(), 10)
    second.learn([99], {"ahead": 99}, 10)

    assert not second.may("died", 10, urgent=True) and not second.has_room(10) and second.has_room(10, urgent=True)
    assert second.may("ahead", 10, urgent=True)


def test_a_file_that_is_no_use_keeps_nobody_silent(tmp_path: Path) -> None:
    """Not there, broken, or of another shape: told at this process's own pace; then it is written anew."""
    kept, one = Kept(tmp_path / "alerts.json"), pace()
    for text in (None, "", "[]", '{"sent": 1}', '{"sent": ["x"], "reasons": {}}'):
        if text is not None:
            (tmp_path / "alerts.json").write_text(text)
        kept.read(one, 0)
    assert one.may("died", 0)
    kept.write(one)
    other = pace()
    kept.read(other, 1)

    assert not other.may("died", 1) and [path.name for path in tmp_path.iterdir()] == ["alerts.json"]
    Kept(tmp_path / "no" / "alerts.json").write(one)


def test_many_reasons_do_not_pile_up() -> None:
    """What was told long ago is forgotten."""
    one = pace()
    for number in range(1_000):
        one.may(f"reason-{number}", number)
    one.owed(40 * MIN_MS)

    assert not one._reasons


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    """By an hour: a reason comes again after its own time from now on, and the hour's room within one."""
    one, now = pace(hour_max=4), 10 * HOUR_MS
    for number in range(4):
        assert one.may(f"reason-{number}", now, urgent=True)
        one.sent(now)
    back = now - HOUR_MS

    assert not one.may("reason-0", back, urgent=True) and not one.may("new", back, urgent=True)
    assert one.may("reason-0", back + HOUR_MS, urgent=True) and one.has_room(back + HOUR_MS)
