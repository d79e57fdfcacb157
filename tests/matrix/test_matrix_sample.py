"""A sample of the fault matrix; `make matrix` runs all of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.matrix import faults, moments
from tests.matrix.cell import Result
from tests.matrix.running import START_GAP_S, cells_of, run_one

SAMPLE = (
    ("lost_and_no_query", "hedge_sent"),
    ("place_effect_very_late", "hedge_sent"),
    ("place_reset_after", "unwinding"),
    ("lost_and_not_found", "hedge_partial"),
    ("place_45001_burst", "chasing"),
    ("pushes_lost", "fill_seen"),
    ("fill_doubled", "hedge_partial"),
    ("cancel_43001_falsely", "cancelling"),
    ("private_half_open", "cancelling"),
    ("down_1s", "stopping"),
    ("spot_43012_long", "fill_seen"),
    ("both_halted", "quote_live"),
)
"""The nastiest of each kind: lost answers with and without a second witness, silence, refusals, both legs shut."""


def test_the_matrix_is_as_large_as_it_says() -> None:
    """Every fault at every moment, at least twenty by eight; names are distinct."""
    assert len(faults.BY_NAME) == len(faults.FAULTS) >= 20 and len(moments.BY_NAME) == len(moments.MOMENTS) == 8
    assert len(cells_of("ours", None, None)) == len(faults.FAULTS) * len(moments.MOMENTS) >= 150


@pytest.mark.parametrize("half", [SAMPLE[::2], SAMPLE[1::2]], ids=["first", "second"])
async def test_a_sample_of_cells_ends_flat(tmp_path: Path, half: tuple[tuple[str, str], ...]) -> None:
    """Six cells at once: each ends flat by the account's own figures, never doubled, with no order left."""

    async def one(number: int, fault: str, moment: str) -> Result:
        await asyncio.sleep(number * START_GAP_S)
        return await run_one(("ours", fault, moment), tmp_path)

    results = await asyncio.gather(*(one(number, *cell) for number, cell in enumerate(half)))

    # None of these needs a person in the end: the judge's "H" is not good enough here.
    bad = [f"{it.fault} at {it.moment}: {it.verdict} {it.why} {it.alerts}" for it in results if it.verdict not in ".hu"]
    assert bad == []


async def test_the_judge_sees_what_a_bot_without_a_table_does(tmp_path: Path) -> None:
    """The comparison bot: a lost answer is tried again and doubles the hedge; a lost cancel leaves a quote."""
    doubled, left = await asyncio.gather(
        run_one(("bot_fill_handler", "place_hangs_after", "fill_seen"), tmp_path),
        run_one(("bot_fill_handler", "cancel_reset_before", "stopping"), tmp_path),
    )

    assert (doubled.verdict, doubled.delta) == ("D", "-0.02"), doubled
    assert left.verdict == "O", left
