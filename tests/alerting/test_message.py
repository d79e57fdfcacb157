"""What a message says."""

import doctest

import pytest

from mmfsm.reasons import Kind
from runner import settings
from runner.alerting import message
from runner.alerting.message import Note, Origin, render

WHO = Origin("ETHUSDT", "live", "ETHUSDT-1800000000000", "box")
AT_MS = 1_800_000_000_000


def test_a_message_says_what_happened_what_it_means_and_what_to_do() -> None:
    """And of which run, where, and when."""
    note = Note(AT_MS, "drift", "perp: ledger 0, exchange 0.02", Kind.LATCHED)
    title, body = render([note], WHO)

    assert title == "[mmfsm ETHUSDT] HALTED until resume: drift"
    assert body.splitlines() == [
        "HALTED until resume: drift",
        "perp: ledger 0, exchange 0.02",
        "Means: The account does not hold what our fills add up to; told twice with nothing in flight, the second time "
        "by a reading.",
        "To do: Look for manual trades or transfers. Put the account right, or restart with what it holds; "
        "then resume.",
        "",
        "ETHUSDT (live) · ETHUSDT-1800000000000 · box · 2027-01-15 08:00:00 UTC",
    ]


def test_the_words_can_be_japanese() -> None:
    """ALERT_LANG=ja: headline, meaning and what to do."""
    title, body = render([Note(AT_MS, "feed_down:private", kind=Kind.HALT, lasted_ms=31_000)], WHO, "ja")

    assert title == "[mmfsm ETHUSDT] 停止: feed_down:private, 31 s 経過" and "対処: 自動で再接続する" in body


def test_several_things_are_one_message() -> None:
    """The title counts them, the body has each."""
    title, body = render([Note(AT_MS, f"feed_down:{name}", kind=Kind.HALT) for name in ("private", "perp_book")], WHO)

    assert title.endswith("HALTED: feed_down:private (and 1 more)") and body.count("To do:") == 2


def test_an_end_names_what_is_over_and_how_long_it_lasted() -> None:
    """No advice is needed then."""
    title, body = render([Note(AT_MS, "recovered", about="drift", lasted_ms=7_260_000)], WHO)

    assert title.endswith("over: drift, for 2 h 1 min") and "To do" not in body


def test_a_code_of_the_exchange_has_its_own_advice() -> None:
    """refused_for_good:40012 is about the passphrase."""
    assert "BITGET_API_PASSPHRASE" in render([Note(AT_MS, "refused_for_good:40012", urgent=True)], WHO)[1]


def test_what_was_held_back_is_counted() -> None:
    assert "3 more of these were held back" in render([Note(AT_MS, "drift", more=3)], WHO)[1]


def test_a_message_is_never_endless() -> None:
    """Sixty reasons at once: cut, with its foot."""
    _title, body = render([Note(AT_MS, f"unwind_overdue:{number}") for number in range(60)], WHO)

    assert len(body) < message.BODY_MAX + 200 and body.endswith("UTC")


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("feed_down:private", "feed_down:perp_book", False),
        ("unknown_order:mm-1", "unknown_order:mm-2", True),
        ("drift", "reject_streak", False),
    ],
)
def test_what_counts_as_the_same_reason(name: str, other: str, same: bool) -> None:
    """Another feed's halt is another; another order's is not."""
    assert (Note(0, name).key == Note(0, other).key) is same


@pytest.mark.parametrize("module", [message, settings], ids=lambda module: module.__name__)
def test_the_examples_run(module: object) -> None:
    """What a docstring shows is what happens."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
