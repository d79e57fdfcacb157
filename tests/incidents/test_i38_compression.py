"""I38: full log files are kept as they are; nothing compresses them, and no budget in MB a day is measured."""

from pathlib import Path

from mmfsm.actions import Record
from runner.log import open_log
from runner.settings import Settings


def test_i38_full_files_are_compressed(tmp_path: Path) -> None:
    log = open_log(Settings(log_path=str(tmp_path / "log.jsonl"), log_rotate_mb=1, log_keep=5, log_level="ERROR"), "r")
    for number in range(1_000):
        log.write(Record(number, "tick", "strategy", "QUOTING", data={"text": "x" * 4_000}))
    log.close()
    assert [it for it in tmp_path.iterdir() if it.suffix == ".gz"]
