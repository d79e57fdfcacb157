"""P2-4: the basis filter: perp mid − spot mid held against its own recent distribution, under the desk's own clock."""

from decimal import Decimal
from typing import Any

from mmfsm.values import Side
from tests.incidents.scene import Scene, opened

D = Decimal
FILTER: dict[str, Any] = {"basis_z_max": D(3), "basis_sd_min_bps": D(2), "basis_window_sec": 300}


def settled(**changes: Any) -> Scene:
    """Two minutes of a basis of −4 bps: the limit is then 3 · 2 = 6 bps from it."""
    scene = opened(**{**FILTER, "basis_filter": "off_quotes", **changes})
    scene.wait(120_000, 1_000)
    assert scene.mode == "QUOTING"
    return scene


def shift(scene: Scene, bps: str) -> None:
    """The perp moves against spot, and two seconds pass."""
    scene.perp_bid += D(bps) * D("0.25")
    scene.wait(2_000, 1_000)


def test_a_basis_far_from_its_mean_turns_quotes_off_and_one_near_it_on() -> None:
    """5 bps off nothing; 8 bps: IDLE, both quotes out, the figures in the record; back within: QUOTING again."""
    for sign in ("", "-"):
        scene = settled()
        shift(scene, sign + "5")
        assert scene.mode == "QUOTING"
        shift(scene, sign + "3")
        assert (scene.mode, scene.desk.state.why_not) == ("IDLE", "basis_far")
        assert not scene.rests(Side.BUY) and not scene.rests(Side.SELL)
        (record,) = scene.records("risk", "basis_far")
        assert record.data is not None and abs(D(record.data["z"])) > 3 and abs(D(record.data["mean_bps"]) + 4) < 1
        shift(scene, "-8" if not sign else "8")
        assert scene.mode == "QUOTING" and scene.records("risk", "basis_near")


def test_what_stays_becomes_the_new_normal() -> None:
    """The window follows: a basis that has moved for good is quoted again within minutes, by itself."""
    scene = settled()
    shift(scene, "10")
    assert scene.mode == "IDLE"
    scene.wait(300_000, 1_000)
    assert scene.mode == "QUOTING"


def test_the_filter_may_skew_instead() -> None:
    """A perp 8 bps above its basis: the bid 3 bps further out, the ask 3 closer, both still there."""
    scene = settled(basis_filter="skew", basis_skew_bps=D(3), base_half_spread_bps=D(5))
    shift(scene, "8")
    assert scene.mode == "QUOTING"
    plan = (scene.records("tick")[-1].data or {})["plan"]
    assert (plan["bid"]["terms_bps"]["basis"], plan["ask"]["terms_bps"]["basis"]) == ("3", "-3")
    mid = scene.perp_bid + D("0.005")
    assert round((mid - scene.quote(Side.BUY).price) / mid * 10_000) == 8 + 1  # and 1 for funding
    assert round((scene.quote(Side.SELL).price - mid) / mid * 10_000) == 2 - 1


def test_nothing_is_judged_before_there_is_a_past() -> None:
    """Within the first minute the basis may be anything; and the filter may be turned off."""
    early = opened(**FILTER, basis_filter="off_quotes")
    early.wait(20_000, 1_000)
    shift(early, "50")
    assert early.mode == "QUOTING"
    off = settled(basis_filter="none")
    shift(off, "50")
    assert off.mode == "QUOTING"
