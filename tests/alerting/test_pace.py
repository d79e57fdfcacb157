"""How often a person is told."""

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
    assert one.may("later", HOUR_MS + 3)


def test_what_the_hour_held_back_is_told_when_it_has_room() -> None:
    """A reason that was never told is owed as soon as the hour allows."""
    one = pace(hour_max=4)
    for at_ms in range(3):
        one.sent(at_ms)
    assert not one.may("usual", 10)

    assert one.owed(11) == {} and one.owed(HOUR_MS + 3) == {"usual": 1}


def test_many_reasons_do_not_pile_up() -> None:
    """What was told long ago is forgotten."""
    one = pace()
    for number in range(1_000):
        one.may(f"reason-{number}", number)
    one.owed(40 * MIN_MS)

    assert not one._reasons
