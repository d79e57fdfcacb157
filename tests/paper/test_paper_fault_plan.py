"""Profiles and the decisions they lead to: drawn from the seed, a function of time and of what is asked."""

import hashlib
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.paper import CATALOGUE, FaultRule, Faults, PaperOptions, Push, Refusal, Request, Venue, encode, read_profile
from runner.paper.cli import options_of, parser
from runner.paper.fault_rules import parse_words
from tests.paper.test_paper_engine import act

D = Decimal
START_MS = 1_790_000_000_000

PROFILE = """
[[fault]]
name = "push_lost"
probability = 0.25
channel = "fill"

[[fault]]
name = "unknown_error"
path = "order"
probability = 0.5
executed = 0.5
from_s = 1
every_s = 5
for_s = 3

[[fault]]
name = "push_late"
probability = 0.2
ms = [20, 400]

[[fault]]
name = "book_thin"
product = "spot"
share = 0.05
every_s = 4
for_s = 1.5

[[fault]]
name = "books_gap"
probability = 0.1

[[fault]]
name = "fills_split"
probability = 0.5
pieces = 4

[[fault]]
name = "clock_jumps"
ms = -250
from_s = 6
"""


def rule(name: str, **words: Any) -> FaultRule:
    """A rule of a profile."""
    return FaultRule.parse({"name": name, **words})


def fill(number: int, account: str = "default") -> Push:
    """A push of the fill channel."""
    return Push("perp", "fill", "snapshot", [{"tradeId": str(number)}], START_MS, is_private=True, account=account)


def passed(faults: Faults, count: int, at_ms: int = START_MS) -> list[str]:
    """Which of so many fills, a millisecond apart, get through, in the order they do."""
    out = [push for n in range(count) for push in faults.deliver([fill(n)], at_ms + n)]
    return [str(push.data[0]["tradeId"]) for push in out]


# Draws


def test_draws_follow_the_seed_and_the_probability() -> None:
    """The same seed loses the same pushes, another seed others; about the declared share is lost."""
    made = [Faults([rule("push_lost", probability=0.3)], seed, START_MS) for seed in (1, 1, 2)]

    first, again, other = (passed(one, 1000) for one in made)

    assert first == again != other
    assert 250 < 1000 - len(first) < 350


def test_one_faults_draws_do_not_move_anothers() -> None:
    """Another rule beside it, on other channels, changes nothing about which fills are lost."""
    lost = rule("push_lost", probability=0.3, channel="fill")
    alone = Faults([lost], 1, START_MS)
    beside = Faults([lost, rule("push_lost", probability=0.5, channel="orders"), rule("answer_late")], 1, START_MS)
    for n in range(50):
        beside.for_answer("/api/v2/mix/order/detail", START_MS + n)

    assert passed(alone, 200) == passed(beside, 200)


def test_times_and_bounds_end_a_fault() -> None:
    """Twice at most; not before from_s, not from to_s on."""
    twice = Faults([rule("push_lost", times=2)], 1, START_MS)
    between = Faults([rule("push_lost", from_s=0.003, to_s=0.006)], 1, START_MS)

    assert passed(twice, 5) == ["2", "3", "4"]
    assert passed(between, 8) == ["0", "1", "2", "6", "7"]


def test_an_account_can_be_meant_alone() -> None:
    """The other one's pushes pass."""
    faults = Faults([rule("push_lost", account="a")], 1, START_MS)

    assert faults.deliver([fill(1, "a")], START_MS) == [] and len(faults.deliver([fill(2, "b")], START_MS)) == 1


def test_late_pushes_leave_when_they_are_due() -> None:
    """Held back, announced by `next_due_ms`, and delivered then; `clear` gives what is still held."""
    faults = Faults([rule("push_late", ms=100, times=2)], 1, START_MS)

    assert faults.deliver([fill(1), fill(2)], START_MS) == []
    assert faults.next_due_ms(START_MS) == START_MS + 100
    assert faults.deliver([], START_MS + 99) == []
    assert [push.data[0]["tradeId"] for push in faults.deliver([fill(3)], START_MS + 100)] == ["1", "2", "3"]

    faults.inject({"name": "push_late", "ms": 1000}, START_MS + 200)
    faults.deliver([fill(4)], START_MS + 200)
    assert [push.data[0]["tradeId"] for push in faults.clear()] == ["4"]


def test_an_order_whose_fill_never_comes_is_not_held_for_ever() -> None:
    """The bound of fill_before_order delivers it."""
    faults = Faults([rule("fill_before_order", ms=500)], 1, START_MS)
    row = {"orderId": "1", "tradeId": "1", "status": "filled"}
    order = Push("perp", "orders", "snapshot", [row], START_MS, is_private=True, account="default")

    assert faults.deliver([order], START_MS) == []
    assert faults.deliver([], START_MS + 500) == [order]


# Windows


def test_windows_are_drawn_once_per_period() -> None:
    """In each ten seconds one window of two, at a moment of the seed's; asking often or seldom sees the same."""
    silent = rule("private_silent", every_s=10, for_s=2)
    often, seldom = Faults([silent], 7, START_MS), Faults([silent], 7, START_MS)

    seen = [at for at in range(0, 60_000, 10) if often.active("private_silent", START_MS + at)]
    again = [at for at in range(0, 60_000, 1000) if seldom.active("private_silent", START_MS + at)]

    assert [sum(at // 10_000 == period for at in seen) for period in range(6)] == [200] * 6
    assert len({min(at for at in seen if at // 10_000 == period) % 10_000 for period in range(6)}) > 3
    assert again == [at for at in seen if at % 1000 == 0]


def test_a_window_is_left_out_when_its_draw_says_no() -> None:
    """A window fault's probability is that of each window."""
    silent = rule("private_silent", every_s=10, for_s=2, probability=0.5)
    windows = [silent.window(number, "seed") for number in range(400)]

    assert 150 < sum(window is not None for window in windows) < 250


def test_a_strike_is_told_once() -> None:
    """However often it is asked; one that was slept over is told late."""
    faults = Faults([rule("stream_cut", every_s=10, for_s=1)], 3, START_MS)

    told = [len(faults.strikes(START_MS + at)) for at in (0, 10_000, 10_000, 40_000, 40_000)]

    assert told[1:] == [1 - told[0], 0, 3, 0] and sum(told) == 4


def test_the_next_edge_is_announced() -> None:
    """Opening and closing of a window."""
    faults = Faults([rule("halted", from_s=2, for_s=3)], 1, START_MS)

    edges = [START_MS]
    while (due_ms := faults.next_due_ms(edges[-1])) is not None:
        edges.append(due_ms)

    assert edges == [START_MS, START_MS + 2_000, START_MS + 5_000]


# Profiles


def test_every_row_can_be_named_with_its_defaults() -> None:
    """A bare name is a rule; the catalogue's own defaults are in range."""
    for name, kind in CATALOGUE.items():
        assert FaultRule.parse({"name": name}).parameters.keys() == kind.parameters.keys()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"name": "explode"}, "'name' must be one of"),
        ({}, "'name' must be one of"),
        ({"name": "push_lost", "colour": "red"}, "push_lost takes channel, probability"),
        ({"name": "push_lost", "probability": 2}, "'probability' must be within 0..1"),
        ({"name": "push_late", "ms": [5, 1]}, "'ms' must be a whole number or"),
        ({"name": "stream_cut", "stream": "sideways"}, "'stream' must be one of private, public, any"),
        ({"name": "stream_cut", "clean": "yes"}, "'clean' must be like False"),
        ({"name": "fills_split", "pieces": 1}, "'pieces' must be within 2..100"),
        ({"name": "halted", "every_s": 5}, "halted with 'every_s' needs 'for_s'"),
        ({"name": "halted", "every_s": 5, "for_s": 5}, "'every_s' must be longer than 'for_s'"),
        ({"name": "halted", "from_s": -1}, "'from_s' must be seconds"),
        ({"name": "push_lost", "times": 0}, "'times' must be 1 or more"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(words: dict[str, Any], complaint: str) -> None:
    """The message names the word and what it may be."""
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        FaultRule.parse(words)


def test_a_profile_is_a_toml_file(tmp_path: Path) -> None:
    """An array of tables; the error of one names the file and its number; anything else in it is refused."""
    path = tmp_path / "bad_day.toml"
    path.write_text(PROFILE)
    assert [one.name for one in read_profile(path)][:2] == ["push_lost", "unknown_error"]

    path.write_text(PROFILE + '\n[[fault]]\nname = "explode"\n')
    with pytest.raises(ValueError, match=r"bad_day.toml: fault 8: 'name' must be"):
        read_profile(path)
    path.write_text("seed = 4\n")
    with pytest.raises(ValueError, match="nothing else"):
        read_profile(path)


def test_a_fault_can_be_written_on_the_command_line(tmp_path: Path) -> None:
    """--fault and --profile add up; a word that means nothing ends with a usage error."""
    path = tmp_path / "profile.toml"
    path.write_text('[[fault]]\nname = "push_doubled"\n')
    words = ["--profile", str(path), "--fault", "push_late ms=[5,9] channel=fill", "--fault", "refused code=45110"]

    late = parse_words("push_late ms=[5,9] channel=fill")
    assert options_of(parser().parse_args(words)).faults == (rule("push_doubled"), late, rule("refused", code="45110"))
    assert late.parameters == {"channel": "fill", "ms": [5, 9]}
    for wrong in (["--fault", "push_late ms"], ["--fault", "explode"], ["--profile", str(tmp_path / "none.toml")]):
        with pytest.raises(SystemExit):
            parser().parse_args(wrong)


# The same bytes twice


def life(seed: int, profile: Path) -> str:
    """Everything a venue under a profile answers and pushes in eight seconds, to the byte."""
    options = PaperOptions(seed=seed, faults=read_profile(profile), rate_limits=False)
    venue, rng, said = Venue(options, START_MS), random.Random(5), hashlib.sha256()
    for step in range(160):
        now_ms = START_MS + step * 50
        venue.run(now_ms, {("perp", "books"), ("spot", "books5"), ("perp", "ticker")})
        fault = venue.faults.for_answer("/api/v2/mix/order/place-order", now_ms)
        said.update(repr(fault).encode())
        if fault is None or fault.is_executed:
            try:
                act(venue.exchange, rng, venue.clock_ms(now_ms))
            except Refusal as refusal:
                said.update(refusal.code.encode())
        answer = venue.answer(Request("GET", "/api/v2/public/time", {}, b""), now_ms)
        said.update(repr(answer).encode())
        for push in venue.deliver(now_ms):
            said.update(encode(push, "{}").encode())
    return said.hexdigest()


def test_seed_and_profile_reproduce_a_run_to_the_byte(tmp_path: Path) -> None:
    """Twice the same; another seed or another profile is another run."""
    path, other = tmp_path / "one.toml", tmp_path / "other.toml"
    path.write_text(PROFILE)
    other.write_text(PROFILE.replace("0.25", "0.75"))

    assert life(3, path) == life(3, path) not in (life(4, path), life(3, other))
