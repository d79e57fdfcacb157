"""Statistics of a log: each figure from a handful of lines, and files as they are found."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from runner.statistics import main, read_lines, statistics_of


def line(event: str, **fields: Any) -> dict[str, Any]:
    names = ("intent", "reason", "client_oid", "data", "res", "pos_snapshot")
    return {"ts": 5, "event": event} | dict.fromkeys(names) | fields


def test_latencies_are_of_tickets_that_were_hedged() -> None:
    """Ten tickets at 10 to 100 ms and one that was unwound: p50 60, p90 and p99 100, by the smallest not exceeded."""
    done = [line("ticket", data={"status": "DONE", "hedge_latency_ms": ms}) for ms in (*range(10, 101, 10), None)]
    told = statistics_of([*done, line("ticket", data={"status": "PARTIAL", "hedge_latency_ms": 7})])
    assert (told["hedges"], told["hedge_latency_ms"]) == (10, {"p50": 60, "p90": 100, "p99": 100, "max": 100})


def test_the_largest_exposure_is_of_any_line() -> None:
    """70.5 at a fill is more than 9 at a tick; a line without prices says nothing; text is read as it was written."""
    told = statistics_of(line("tick", pos_snapshot={"unhedged_notional": it}) for it in ("9", "70.5", None))
    assert told["unhedged_notional_max"] == "70.5"


def test_a_streak_grows_until_another_begins() -> None:
    """Lengths 1 2 3, 1, 1 2 are streaks of three, one and two."""
    told = statistics_of(line("reject_streak", data={"length": it}) for it in (1, 2, 3, 1, 1, 2))
    assert told["reject_streaks"] == {"count": 3, "longest": 3, "by_length": {"1": 1, "2": 1, "3": 1}}


def test_a_quote_is_replaced_once_however_often_its_cancel_is_asked_for() -> None:
    """A cancel asked for again is no second replacement, and a withdrawn quote is none."""
    cancels = [("a", "replace"), ("a", "replace"), ("b", "withdrawn"), ("c", "replace")]
    told = statistics_of(line("order_cancel", client_oid=oid, data={"why": why}) for oid, why in cancels)
    assert told["quote_replace_count"] == 2


def test_results_are_the_newest_row_and_the_days_one_by_one() -> None:
    """Rows of the day so far replace each other; only whole days are listed; a ticket's row is no result."""
    rows = [("day_so_far", "1"), ("day_so_far", "2"), ("day", "3"), ("ticket", "9"), ("day", "-1"), ("run", "2")]
    told = statistics_of(line("pnl", reason=reason, data={"net": net}) for reason, net in rows)
    assert [day["net"] for day in told["net_by_day"]] == ["3", "-1"] and told["result"] == {"net": "2"}


def test_a_day_is_named_by_its_beginning_however_late_it_is_told() -> None:
    """A run that ended in the evening leaves its day to the next run, fourteen hours into the day after."""
    day = line("pnl", reason="day", data={"net": "3", "since_ms": 1_000}) | {"ts": 136_800_000}
    assert statistics_of([day])["net_by_day"] == [{"told_ms": 136_800_000, "since_ms": 1_000, "net": "3"}]
    strange = day | {"data": {"net": "3", "since_ms": 10**14}}
    assert statistics_of([strange])["net_by_day"][0]["since_ms"] is None


def test_rotated_files_are_read_and_a_line_that_was_cut_off_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A compressed file, then the current one whose last line a `kill -9` has cut."""
    old, new = tmp_path / "log.1.jsonl.gz", tmp_path / "log.jsonl"
    told = [json.dumps(line("order_new", intent="quote")) for _ in range(3)]
    old.write_bytes(gzip.compress("\n".join(told[:2]).encode()))
    new.write_text(told[2] + "\n" + told[2][:20])
    assert len(list(read_lines(new))) == 1
    assert main([str(old), str(new)]) == 0
    assert json.loads(capsys.readouterr().out)["quotes_placed"] == 3
    assert main([str(tmp_path / "none")]) == 66 and "expected a log" in capsys.readouterr().err


def test_a_file_that_is_no_log_has_no_statistics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nulls and status 0 would read as a run without trades."""
    strange = tmp_path / "passwd"
    strange.write_text("root:x:0:0:root:/root:/bin/bash\n{}\n")

    assert main([str(strange)]) == 66
    assert "passwd: no line in it is a record: expected a log" in capsys.readouterr().err
