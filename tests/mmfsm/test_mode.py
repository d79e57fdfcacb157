"""May new risk be taken: reasons are a set, a latched one waits for a person, COOLDOWN is left by the clock."""

from __future__ import annotations

import pytest

from mmfsm.machines.mode import (
    COOLDOWN,
    HALTED,
    HEDGING,
    IDLE,
    QUOTING,
    TABLE,
    ModeInput,
    ModeOut,
    ModeState,
)

T = 1_800_000_000_000
ALL = (IDLE, QUOTING, HEDGING, COOLDOWN, HALTED)


def fire(mode: ModeState, event: str, ms: int = 0, **facts: object) -> ModeOut:
    out: ModeOut = []
    row = TABLE.fire(mode, event, ModeInput(T + ms, **facts), out)  # type: ignore[arg-type]
    assert not row.impossible
    return out


def test_quoting_is_allowed_only_without_a_reason_against_it() -> None:
    """IDLE goes to QUOTING when nothing is missing, and back, pulling both quotes, when something is."""
    mode = ModeState()
    fire(mode, "review", why_not="funding_small")
    assert mode.state == IDLE

    fire(mode, "review")
    assert mode.state == QUOTING
    assert fire(mode, "review") == []
    assert mode.state == QUOTING
    assert fire(mode, "review", why_not="funding_small") == ["pull_quotes"]
    assert mode.state == IDLE


@pytest.mark.parametrize("state", [IDLE, QUOTING, COOLDOWN])
def test_a_ticket_opened_is_hedging(state: str) -> None:
    """Only from QUOTING are there quotes to pull."""
    mode = ModeState(state)

    assert fire(mode, "ticket_opened") == (["pull_quotes"] if state == QUOTING else [])
    assert mode.state == HEDGING


@pytest.mark.parametrize(("ms", "state"), [(0, COOLDOWN), (999, COOLDOWN), (1_000, QUOTING)])
def test_cooldown_to_the_millisecond(ms: int, state: str) -> None:
    """The last ticket done starts it; it is left at cooldown_ms, not a ms before."""
    mode = ModeState(HEDGING)
    fire(mode, "tickets_done", cooldown_ms=1_000)

    fire(mode, "review", ms)

    assert mode.state == state


def test_cooldown_ends_idle_when_quoting_is_not_allowed() -> None:
    """The clock leaves COOLDOWN either way."""
    mode = ModeState(COOLDOWN, cool_until_ms=T)

    fire(mode, "review", why_not="funding_stale")

    assert mode.state == IDLE


@pytest.mark.parametrize("state", ALL)
def test_a_halt_holds_from_every_state(state: str) -> None:
    """HALTED with its reason; leaving QUOTING pulls the quotes in the same step."""
    mode = ModeState(state)

    out = fire(mode, "halt", reason="drift", latched=True)

    assert (mode.state, mode.reasons) == (HALTED, {"drift": True})
    assert out == (["pull_quotes", "halted"] if state == QUOTING else ["halted"])


def test_halted_is_left_when_the_last_reason_is_gone() -> None:
    """Reasons are a set: clearing one leaves the other, in any order."""
    mode = ModeState()
    fire(mode, "halt", reason="feed_down:private")
    fire(mode, "halt", reason="book_stale:perp_book")

    fire(mode, "clear", reason="feed_down:private")
    assert (mode.state, mode.reasons) == (HALTED, {"book_stale:perp_book": False})
    fire(mode, "clear", reason="book_stale:perp_book")
    assert (mode.state, mode.reasons) == (IDLE, {})


def test_a_latched_reason_is_not_cleared_by_itself() -> None:
    """Only a person's resume takes it away."""
    mode = ModeState()
    fire(mode, "halt", reason="drift", latched=True)

    fire(mode, "clear", reason="drift")
    assert (mode.state, mode.reasons) == (HALTED, {"drift": True})
    assert fire(mode, "resume") == ["resumed"]
    assert (mode.state, mode.reasons) == (IDLE, {})


def test_resume_leaves_what_still_holds() -> None:
    """A reason that is not latched outlives a resume, and is left when it is over."""
    mode = ModeState()
    fire(mode, "halt", reason="drift", latched=True)
    fire(mode, "halt", reason="feed_down:private")

    fire(mode, "resume")
    assert (mode.state, mode.reasons) == (HALTED, {"feed_down:private": False})
    fire(mode, "clear", reason="feed_down:private")
    assert mode.state == IDLE


def test_a_reason_may_become_latched_and_never_loses_it() -> None:
    """Told latched it is latched; told again without, it stays so and is no news."""
    mode = ModeState()
    fire(mode, "halt", reason="x")

    assert fire(mode, "halt", reason="x", latched=True) == ["halted"]
    assert fire(mode, "halt", reason="x") == []
    assert fire(mode, "halt", reason="x", latched=True) == []
    assert mode.reasons == {"x": True}


@pytest.mark.parametrize(("event", "latched"), [("clear", False), ("resume", True)])
def test_halted_is_left_for_hedging_while_a_ticket_is_open(event: str, latched: bool) -> None:
    """Open tickets come before quoting."""
    mode = ModeState()
    fire(mode, "halt", reason="x", latched=latched)

    fire(mode, event, reason="x", tickets_open=True)

    assert mode.state == HEDGING


@pytest.mark.parametrize("event", ["review", "ticket_opened", "tickets_done"])
def test_halted_stays_halted_whatever_the_tickets_do(event: str) -> None:
    """Hedging goes on in HALTED; it does not end it."""
    mode = ModeState(HALTED, {"x": True})

    fire(mode, event)

    assert mode.state == HALTED


@pytest.mark.parametrize("state", [IDLE, QUOTING, COOLDOWN])
def test_tickets_cannot_be_done_where_none_can_be_open(state: str) -> None:
    """The pair is impossible and changes nothing."""
    mode = ModeState(state)

    assert TABLE.fire(mode, "tickets_done", ModeInput(T), []).impossible
    assert mode.state == state


@pytest.mark.parametrize("state", [IDLE, QUOTING, HEDGING, COOLDOWN])
@pytest.mark.parametrize("event", ["clear", "resume"])
def test_there_is_nothing_to_clear_or_resume_outside_halted(state: str, event: str) -> None:
    """Neither moves a mode that is not HALTED."""
    mode = ModeState(state, cool_until_ms=T + 10**6)

    assert fire(mode, event, reason="x") == []
    assert mode.state == state


@pytest.mark.parametrize(("event", "latched"), [("clear", False), ("resume", True)])
@pytest.mark.parametrize(("ms", "state"), [(0, COOLDOWN), (999, COOLDOWN), (1_000, IDLE)])
def test_a_cooldown_that_began_in_halted_is_kept(event: str, latched: bool, ms: int, state: str) -> None:
    """The last ticket done while HALTED starts it; leaving HALTED before it is over leads to COOLDOWN, reasons gone."""
    mode = ModeState()
    fire(mode, "halt", reason="x", latched=latched)
    assert fire(mode, "tickets_done", cooldown_ms=1_000) == []

    fire(mode, event, ms, reason="x")

    assert (mode.state, mode.reasons) == (state, {})


@pytest.mark.parametrize(("event", "latched"), [("clear", False), ("resume", True)])
def test_a_halt_left_for_hedging_leaves_no_reason(event: str, latched: bool) -> None:
    """A reason that stayed behind would hold the next halt for ever."""
    mode = ModeState()
    fire(mode, "halt", reason="x", latched=latched)

    out = fire(mode, event, reason="x", tickets_open=True)

    assert mode.reasons == {} and out == (["resumed"] if latched else [])


def test_hedging_goes_on_while_further_tickets_open() -> None:
    """A second ticket is no news: the mode is left when the last is done."""
    mode = ModeState(HEDGING)

    assert fire(mode, "ticket_opened") == [] and mode.state == HEDGING
    assert fire(mode, "review") == [] and mode.state == HEDGING
