"""I28: 40774, the order does not match the account's position mode.

Wanted: fatal for the run: HALTED, latched, the reason in the log with both modes.
"""

from __future__ import annotations

from mmfsm.actions import QueryAccount
from mmfsm.events import AccountRead, Resume
from mmfsm.values import Outcome, PosMode, Side
from runner.bitget.codes import Kind, judge
from tests.incidents.scene import Scene, opened


def _refused(outcome: Outcome) -> Scene:
    scene = opened()
    scene.perp_bid += 5
    scene.wait(1_000, 100)
    old = scene.quote(Side.BUY)
    scene.perp_bid += 5
    scene.now += 600
    scene.pulse()
    scene.end(old, "0")
    scene.now += 600
    scene.pulse()
    out = scene.refuse(scene.quote(Side.BUY), outcome, "40774")
    assert QueryAccount() in out
    return scene


def test_i28_it_halts_for_a_person_and_the_record_names_both_modes() -> None:
    """One refusal is enough; the mode is read, and both are in the record; nothing is placed until a person resumes."""
    scene = _refused(Outcome.FATAL)
    assert scene.mode == "HALTED" and scene.reasons["refused_for_good:40774"] is True
    scene(AccountRead(scene.now, PosMode.HEDGE, "isolated"))
    (record,) = scene.records("risk", "position_mode")
    assert record.data is not None and record.data["latched"] is True
    assert "posMode hedge_mode, wanted one_way_mode" in record.data["detail"]
    assert {"position_mode", "refused_for_good:40774"} <= set(scene.alerts)
    sent = len(scene.orders())
    scene.wait(30_000, 1_000)
    assert len(scene.orders()) == sent and scene.mode == "HALTED"

    scene(AccountRead(scene.now, PosMode.ONE_WAY, "isolated"), Resume(scene.now))
    scene.wait(1_000)
    assert scene.mode == "QUOTING"


def test_i28_the_code_table_says_so() -> None:
    """No order of this run will ever be taken."""
    assert judge(Kind.PLACE, 400, "40774")[0] is Outcome.FATAL
