"""The catalogue of reasons and the code say the same: nothing is given without words, nothing is described that is not
given."""

from __future__ import annotations

import doctest
import re
from types import ModuleType
from typing import get_args

import pytest

import runner.advice
import runner.reasons
from mmfsm import reasons as library
from mmfsm.machines import session
from mmfsm.machines.feed import FeedCommand
from mmfsm.reasons import Kind, Reason
from mmfsm.reasons.form import PLACES, form_of
from runner.__main__ import main
from runner.reasons import CATALOGUE, find
from tests.support.said import said_in

SAID = said_in()

HANDED_ON = {
    ("mmfsm/routing.py", "event.why"): "a person's: the default of events.Halt",
    ("mmfsm/funding.py", "gate.why"): "set in judge()",
    ("mmfsm/funding.py", "funding_off(funding, params)"): "what guards.funding_off returns",
    ("mmfsm/modes.py", "why_off(s.econ.gate, turn.at_ms)"): "what funding.why_off returns",
    ("mmfsm/modes.py", "s.session.state.lower()"): "a state of the session, see NAMED",
    ("mmfsm/modes.py", "reason"): "a halt's, from halt_soon or standing_halts",
    ("mmfsm/hedging.py", "skipped.reason"): "a SkipHedge's",
    ("mmfsm/quoting.py", "side.reason"): "a QuoteSide's or a SideLimit's",
    ("mmfsm/quoting.py", "quote.reason"): "what a strategy says of a side it plans with no size",
    ("mmfsm/quoting.py", "limit.reason"): "a SideLimit's",
    ("mmfsm/strategy.py", "limit.reason"): "a SideLimit's",
    ("mmfsm/valuation.py", "limit.reason"): "a SideLimit's",
    ("mmfsm/machines/session.py", "what.failure"): "given to sessions.tell as failure=",
    ("mmfsm/sessions.py", "session.failure"): "set in machines/session.py",
    ("runner/guardian.py", "self.end"): "itself",
    ("runner/guardian.py", "self._ear.end"): "set by the guardian's ear",
    ("runner/guarding.py", "str(line.get('reason'))"): "a guardian's, out of its diary",
    ("runner/alerting/guardians.py", "reason"): "the guardian's own",
    ("runner/alerting/teller.py", "name"): "one that was held back",
    ("runner/alerting/watch.py", "reason"): "a halt's, or an alert's of the desk",
    ("runner/alerting/watch.py", "record.reason"): "likewise",
    ("runner/surroundings.py", "reason"): "a guardian's, from guarding.py and below",
}
"""Places that hand on what another place has said, and where that is."""

NAMED = {(Kind.IDLE, state.lower()) for state in session.TABLE.states if state != session.READY} | {
    (Kind.RISK, f"{command}:{{}}")
    for command in get_args(FeedCommand)
    if command not in ("subscribe", "unsubscribe_books5", "reconnect")
}
"""Reasons that are the names of states and commands: no literal says them."""

NOT_GIVEN = {
    (Kind.RISK, "{}:{}"): "feeding.py: those of a feed's commands that NAMED lists",
    (Kind.LATCHED, "breach:crash"): "the run is over by then: no event reaches the desk",
}

IN_CODE = {(said.kind, said.form) for said in SAID if not said.is_open} - set(NOT_GIVEN) | NAMED
IN_CATALOGUE = {(kind, form_of(row.name)) for row in CATALOGUE for kind in row.kinds}


def test_every_reason_in_the_code_has_a_row_of_its_kind() -> None:
    """Whatever the code can give as a reason is described, under the kind it is given as."""
    missing = IN_CODE - IN_CATALOGUE

    assert [f"{said.where}: {said.kind} {said.form}" for said in SAID if (said.kind, said.form) in missing] == []
    assert missing == set()


def test_every_row_is_a_reason_that_the_code_gives() -> None:
    """No row describes what nothing says, or says as another kind."""
    assert sorted(IN_CATALOGUE - IN_CODE) == []


def test_what_cannot_be_followed_to_a_literal_is_handed_on_from_a_known_place() -> None:
    """A reason that arrives in a variable is said somewhere else, and where is written down; no entry is stale."""
    assert {(said.where, said.form) for said in SAID if said.is_open} == set(HANDED_ON)
    assert set(NOT_GIVEN) <= {(said.kind, said.form) for said in SAID}


def test_the_walk_sees_a_reason_in_every_form_of_saying_it() -> None:
    """Constants, conditions, local variables, f-strings, defaults and keywords are all followed."""
    seen = {(said.kind, said.form, said.where) for said in SAID}

    assert {
        (Kind.SKIP, "edge_below_min", "mmfsm/edge.py"),
        (Kind.RISK, "basis_near", "mmfsm/valuation.py"),
        (Kind.SKIP, "no_margin", "mmfsm/guards.py"),
        (Kind.HALT, "feed_stale:{}", "mmfsm/modes.py"),
        (Kind.LATCHED, "breach:illegal:{}", "runner/app.py"),
        (Kind.LATCHED, "operator", "mmfsm/events.py"),
        (Kind.RISK, "foreign_fill", "mmfsm/booking.py"),
        (Kind.START, "clock_skew", "mmfsm/sessions.py"),
    } <= seen


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_every_row_has_words_in_both_languages(row: Reason) -> None:
    """Each says what it means and what to do, as sentences, the second time in Japanese."""
    assert row.kinds and all(text.endswith((".", "。")) for text in (*row.words("en"), *row.words("ja")))
    assert all(text.isascii() for text in row.words("en"))
    assert all(re.search("[\u3040-\u30ff\u4e00-\u9fff]", text) for text in row.words("ja"))
    assert "|" not in "".join((*row.words("en"), *row.words("ja")))


def test_no_name_stands_twice_under_one_kind() -> None:
    """A name and a kind have one row."""
    keys = [(kind, row.name) for row in CATALOGUE for kind in row.kinds]

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("drift", "drift"),
        ("feed_down:private", "feed_down:{feed}"),
        ("perp_book_stale", "{feed}_{feed_state}"),
        ("queryaccount:40085", "{reading}:{code}"),
        ("refused_for_good:40012", "refused_for_good:{code}"),
        ("impossible:Mode:IDLE:tickets_done", "impossible:{table}:{state}:{event}"),
        ("breach:private-socket", "breach:{socket}-socket"),
        ("breach:private", "breach:{socket}"),
        ("breach:journal", "breach:journal"),
        ("breach:whatever", "breach:{task}"),
        ("no_answer:feeds", "no_answer:{check}"),
        ("impossible:{table}:{state}:{event}", "impossible:{table}:{state}:{event}"),
    ],
)
def test_a_reason_as_the_log_shows_it_finds_its_row(name: str, row: str) -> None:
    """Patterns are filled in; the row that leaves the least open is taken."""
    found = find(name)

    assert found is not None and found.name == row


def test_a_strange_name_finds_no_row() -> None:
    """Nothing is guessed; and the library's own part knows nothing of the runner's."""
    assert find("no_such_reason") is None and find("perp_book_gone") is None
    assert library.find("breach:journal") is not library.find("no_control") is None


def test_every_place_in_a_name_is_known_or_free() -> None:
    """A place is listed with what may stand there, but for ids and names of tasks."""
    places = {place for row in CATALOGUE for place in re.findall(r"\{(.*?)\}", row.name)}

    assert places - set(PLACES) == {"client_oid", "hedge_id", "task", "status"}
    assert set(PLACES) <= places


def test_the_command_prints_one_reason_or_all_in_either_language(capsys: pytest.CaptureFixture[str]) -> None:
    """`reasons NAME` explains a name from the log; without one it prints the whole catalogue, as a table if wanted."""
    assert main(["reasons", "feed_down:perp_book"]) == 0
    assert "feed_down:{feed}  (halt)" in capsys.readouterr().out

    assert main(["reasons", "--markdown", "--lang", "ja"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == len(CATALOGUE) + 2 and table[0] == "| 理由 | 種類 | 意味 | 対処 |"

    assert main(["reasons", "drfit"]) == 1
    assert "near it: drift" in capsys.readouterr().out


@pytest.mark.parametrize("module", [runner.reasons, runner.advice], ids=lambda module: module.__name__)
def test_the_examples_run(module: ModuleType) -> None:
    """What a docstring of the runner's part shows is what happens."""
    failed, tried = doctest.testmod(module)

    assert failed == 0 and tried > 0
