"""The one table of figures: what is in it, and what it says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import parts as desk_parts
from tests.bench.__main__ import main, taken
from tests.bench.figures import (
    Bench,
    Figure,
    How,
    NotHere,
    Reach,
    Row,
    Taken,
    above,
    all_of,
    below,
    benches,
    least_share,
    within,
    within_plus,
)
from tests.bench.machine import machine
from tests.bench.shown import table

ROW = Row("fill → hedge", "ms", "bare", within(1.5))


def test_every_bench_is_found_by_its_file_and_no_name_is_there_twice() -> None:
    names = [bench.name for bench in benches()]
    rows = [(bench.name, row.name) for bench in benches() for row in bench.rows]

    assert {"live", "desk", "tickets", "books", "simulator", "explore", "memory", "disk", "start"} <= set(names)
    assert len(set(names)) == len(names) and len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("reach", "ours", "base", "holds"),
    [
        (below(0.25), 0.25, None, True),
        (below(0.25), 0.26, 9.0, False),
        (above(300), 300, 1.0, True),
        (above(300), 299, 1.0, False),
        (within(1.5), 1.5, 1.0, True),
        (within(1.5), 1.6, 1.0, False),
        (within(1.5), 0.1, None, False),  # nothing to compare it with
        (least_share(0.15), 15, 100.0, True),
        (least_share(0.15), 14, 100.0, False),
        (within_plus(0.15), 0.9, 0.75, True),
        (within_plus(0.15), 0.91, 0.75, False),
        (all_of(below(60), within(5.0)), 50, 10.0, True),
        (all_of(below(60), within(5.0)), 50, 9.0, False),
        (all_of(below(60), within(5.0)), 61, 20.0, False),
    ],
)
def test_a_reach_is_a_test_of_medians(reach: Reach, ours: float, base: float | None, holds: bool) -> None:
    assert reach.holds(ours, base) is holds


def test_a_figure_is_the_median_and_its_ratio_the_median_of_each_runs_own() -> None:
    """A run in which the machine was twice as slow on both sides says nothing of the ratio."""
    figure = Figure(ROW, (1.2, 2.4, 1.4), (1.0, 2.0, 1.0))

    assert (figure.median, figure.base_median, figure.ratio, figure.is_reached) == (1.4, 1.0, 1.2, True)


def test_a_bench_runs_as_often_as_asked_within_its_bound_and_says_why_it_cannot() -> None:
    def take(how: How) -> Taken:
        if how.quick:
            raise NotHere("no openssl")
        return {ROW.name: (1.0 + how.run, 1.0)}

    assert taken(Bench("b", (ROW,), take), 3, quick=False)[0].ours == (1.0, 2.0, 3.0)
    assert taken(Bench("b", (ROW,), take, runs_max=1), 3, quick=False)[0].ours == (1.0,)
    (missing,) = taken(Bench("b", (ROW,), take), 3, quick=True)
    assert (missing.median, missing.is_reached, missing.why) == (None, None, "no openssl")


def test_a_bench_that_fails_says_so_in_its_rows_and_the_others_are_still_told() -> None:
    """Half an hour of figures is not lost with one."""

    def take(how: How) -> Taken:
        if how.run:
            raise RuntimeError("no quotes\nand a story of many lines")
        return {ROW.name: (1.0, 1.0)}

    (failed,) = taken(Bench("b", (ROW,), take), 3, quick=False)
    assert (failed.median, failed.why) == (None, "failed in run 2: RuntimeError: no quotes")
    assert "failed in run 2" in table(machine(), [(Bench("b", (ROW,), take), failed)], quick=False)


def test_the_table_names_the_machine_and_says_of_each_row_whether_it_is_reached() -> None:
    bench = Bench("b", (ROW,), lambda how: {})
    text = table(
        machine(), [(bench, Figure(ROW, (1.2, 1.3), (1.0, 1.0))), (bench, Figure(ROW, why="gone"))], quick=False
    )

    assert "cores, load" in text and "aiohttp" in text
    assert "1.25 ms  1.2..1.3  bare" in text and text.splitlines()[-2].endswith("≤ 1.5 ×  reached")
    assert text.splitlines()[-1].endswith("gone")


def test_the_command_prints_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One real bench, quickly: every run of every figure, the machine, the versions."""
    assert main(["--only", "explore", "--quick", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["quick"] is True and told["machine"]["versions"]["aiohttp"] != "-"
    assert [row["name"] for row in told["figures"]] == ["exploration", "… independent parts remembered"]
    for row in told["figures"]:
        assert row["bench"] == "explore" and row["runs"] == [row["median"]] and 0 < row["ratio"] < 1


def test_with_a_file_the_command_prints_the_table_and_writes_the_same_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run gives both, into a folder that need not be there."""
    bench = Bench("b", (ROW,), lambda how: {ROW.name: (1.2, 1.0)})
    monkeypatch.setattr("tests.bench.__main__.benches", lambda: [bench])

    assert main(["--quick", "--json", str(tmp_path / "logs" / "bench.json")]) == 0

    assert "fill → hedge  1.2 ms" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "logs" / "bench.json").read_text())["figures"]
    assert (row["bench"], row["runs"], row["reached"]) == ("b", [1.2], True)


def test_the_parts_of_an_event_are_all_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares add up to one, the hedge's own modules are among them, and its turn's rest is not."""
    monkeypatch.setattr(desk_parts, "ROUNDS", 5)

    hedge = desk_parts.parts("fill → hedge")

    assert sum(share for _, share, _ in hedge) == pytest.approx(1)
    modules = {module for module, _, calls in hedge if calls >= 1}
    assert "mmfsm/hedging.py" in modules and "mmfsm/accounting.py" not in modules
    assert "mmfsm/accounting.py" in {module for module, _, calls in desk_parts.parts("fill, whole turn") if calls >= 1}
