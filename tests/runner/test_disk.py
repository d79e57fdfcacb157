"""The disk: what log and journal may take together, and that a person hears in time when there is little room."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mmfsm import Desk, Params
from mmfsm.errors import ParamError
from runner.disk import MB, Disk, DiskWatch, disk_of
from runner.journal import Journal, segments
from runner.log import open_log
from runner.logfiles import full_files
from runner.packing import oldest_beyond
from runner.settings import Settings
from tests.bench.bench_disk import measure
from tests.support.bot import trading

PARAMS = Params(perp_tif="both")


def files(folder: Path, *sizes: int) -> list[Path]:
    """Files of these sizes, oldest first."""
    found = []
    for number, size in enumerate(sizes):
        found.append(folder / f"{number:06d}.jsonl.gz")
        found[-1].write_bytes(b"x" * size)
    return found


@pytest.mark.parametrize(
    ("sizes", "bytes_max", "gone"),
    [((10, 10, 10), 30, 0), ((10, 10, 10), 29, 1), ((10, 10, 10), 9, 3), ((), 0, 0), ((50, 1, 1), 2, 1)],
)
def test_the_oldest_go_until_the_rest_fits(tmp_path: Path, sizes: tuple[int, ...], bytes_max: int, gone: int) -> None:
    """To the byte; a large old file goes before small new ones."""
    found = files(tmp_path, *sizes)

    assert oldest_beyond(found, bytes_max) == found[:gone]


def test_the_journal_takes_no_more_than_it_may(tmp_path: Path) -> None:
    """An earlier run left 5 MB of full segments: the newest 2 MB stay, and what is being written is never touched."""
    left = [tmp_path / f"{number:015d}-000001.jsonl.gz" for number in range(1, 6)]
    for path in left:
        path.write_bytes(b"x" * MB)
    journal = Journal(tmp_path, "1", max_mb=2)
    journal.begin(Desk(PARAMS, run=9))
    journal._packer.submit(int).result()

    assert segments(tmp_path) == [*left[3:], tmp_path / "000000000000009-000001.jsonl"]
    journal.close()


def test_the_logs_full_files_take_no_more_than_they_may(tmp_path: Path) -> None:
    """Files that do not compress, of 1 MB: with LOG_MAX_MB=3 three of them and the one being written, however many may
    be kept."""
    path = tmp_path / "run.jsonl"
    for number in range(6):
        (tmp_path / f"run.2020-01-0{number + 1}_00-00-00_000000.jsonl.gz").write_bytes(b"x" * MB)
    log = open_log(Settings(log_path=str(path), log_rotate_mb=1, log_max_mb=3, log_level="ERROR"), "run-1")
    log._put_away(str(tmp_path / "run.2020-01-07_00-00-00_000000.jsonl"))
    log.close()

    assert [it.name[8:14] for it in full_files(path)] == ["-01-04", "-01-05", "-01-06"]


def test_a_budget_smaller_than_its_files_is_refused() -> None:
    """A full file is as large as it was written until it is compressed."""
    with pytest.raises(ParamError, match=r"LOG_MAX_MB = 100 .* at least 3 times LOG_ROTATE_MB"):
        Settings(log_max_mb=100)


class Notes:
    """What was recorded."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def take(self, event: str, reason: str, data: dict[str, Any]) -> None:
        assert event == "risk"
        self.told.append((reason, data))


def test_little_room_is_told_once_and_so_is_its_end() -> None:
    """Below DISK_FREE_MIN_MB of the fullest disk; enough is a tenth more, so that it does not flicker."""
    notes = Notes()
    watch = DiskWatch(Settings(disk_free_min_mb=100), Path("/nowhere"), notes.take)
    for free in (101, 99, 50, 109, 110, 105):
        watch.judge(Disk({"/a": free * MB, "/b": 900 * MB}, 0, 0))

    assert [reason for reason, _data in notes.told] == ["disk_low", "disk_enough"]
    assert notes.told[0][1] == {"path": "/a", "free_mb": 99, "limit_mb": 100}


def test_what_is_not_there_takes_nothing(tmp_path: Path) -> None:
    """A look at folders that are gone has no figures, and raises nothing."""
    assert disk_of(tmp_path / "no" / "run.jsonl", tmp_path / "none") == Disk({}, 0, 0)


async def test_a_run_on_a_disk_with_little_room_says_so_and_trades_on(tmp_path: Path) -> None:
    """The limit is above any disk: a risk record; quoting goes on, and both sizes are known."""
    async with trading(tmp_path, DISK_FREE_MIN_MB="1000000000000") as bot:
        await bot.quoting()
        await bot.until(lambda: bot.find("risk", reason="disk_low"))

        assert bot.mode == "QUOTING" and not bot.halts
        disk = bot.runner.disk
        assert disk is not None and set(disk.free_bytes) == {str(tmp_path), str(bot.runner.folder)}


def test_a_day_at_the_defaults_takes_what_the_budget_allows() -> None:
    """Extrapolated from a minute of books at ten a second on both legs: log within 50 MB, journal within 150."""
    began_s = time.monotonic()
    found = measure(1.0, 10.0, busy=False)

    assert 0 < found["log"]["packed_mb"] <= 50 and 0 < found["journal"]["packed_mb"] <= 150
    assert found["counts"]["tick"] >= 55 and time.monotonic() - began_s < 60
