"""A mistake seeded into the desk: it is found by a rule, and its events are made few enough to read."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmfsm import hedging
from runner.journal import read_segment
from runner.replay import main as replay
from runner.simulate import main, run_one, say
from runner.simulator.run import Plan, run_seed
from runner.simulator.shrink import broken_rule, shrink
from runner.simulator.swarm import CALM


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that forgets the dust of a ticket that closes."""
    close = hedging._close

    def forget(turn: Any, ticket: Any, closing: Any) -> None:
        dust = turn.s.dust
        close(turn, ticket, closing)
        turn.s.dust = dust

    monkeypatch.setattr(hedging, "_close", forget)


def test_a_broken_rule_shrinks_to_a_few_events(forgetful: None, tmp_path: Path) -> None:
    """Thousands of events become a few dozen that break the same rule; both lists are journals that replay."""
    told, _fired = run_one(Plan(1, 0.5, CALM), False, tmp_path)

    assert told["kind"] == "broken" and told["rule"] == told["shortest_rule"] == "delta = tickets + dust"
    few, all_of_them = read_segment(Path(told["shortest"])), read_segment(Path(told["journal"]))
    assert len(few.events) == told["shortest_events"] < 60 < len(all_of_them.events)
    assert "seed 1 at" in say(told) and told["version"] in say(told)
    assert replay([told["shortest"], "--json"]) == 0


def test_what_breaks_nothing_shrinks_to_nothing() -> None:
    """A sound run has no shortest list."""
    outcome = run_seed(Plan(1, 0.2, CALM))

    assert outcome.settings is not None
    assert broken_rule(outcome.settings, outcome.run, outcome.events) is None
    assert shrink(outcome.settings, outcome.run, outcome.events) == ([], "")


def test_the_command_counts_what_became_of_the_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    """Figures as JSON: kinds, counts, throughput. Each seed was run twice."""
    assert main(["--seed", "1", "--seeds", "2", "--minutes", "0.2", "--twice", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)

    assert figures["seeds"] == 2 and figures["broken"] == [] and figures["virtual_s_per_cpu_s"] > 0
    assert figures["kinds"] == {"clean": 2}


def test_a_latched_run_is_named_by_its_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every order is refused by its signature: each seed halts for a person, is counted, and can be run again."""
    profile = tmp_path / "refused.toml"
    profile.write_text('[[fault]]\nname = "refused"\ncode = "40009"\npath = "place-order"\nfrom_s = 5\n')
    assert main(["--seed", "5", "--seeds", "2", "--minutes", "0.2", "--profile", str(profile), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)

    assert figures["kinds"] == {"latched": 2} and figures["latched_by"] == {"refused_for_good": 2}
    assert figures["latched_seeds"] == {"refused_for_good": [5, 6]}


def test_a_profile_of_ones_own_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A TOML file as the exchange takes it; one that means nothing is refused with its table's number."""
    profile = tmp_path / "late.toml"
    profile.write_text('[[fault]]\nname = "push_late"\nprobability = 0.2\nms = [50, 200]\n')
    assert main(["--seeds", "1", "--minutes", "0.2", "--profile", str(profile), "--json"]) == 0

    profile.write_text('[[fault]]\nname = "weather"\n')
    assert main(["--seeds", "1", "--profile", str(profile)]) == 2
    assert "fault 1" in capsys.readouterr().err


def test_a_long_calm_run_grows_by_nothing_unbounded(capsys: pytest.CaptureFixture[str]) -> None:
    """`--memory` prints readings at even distances: nothing waits, and no rule was broken."""
    assert main(["--memory", "--minutes", "1"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["failure"] is None and len(told["readings"]) == 6
    assert told["readings"][-1]["requests_waiting"] <= 2
