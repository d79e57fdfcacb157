"""The log: one complete JSON object a line, short lines for people, and no secrets in either."""

import gc
import gzip
import json
import logging
import os
import resource
import shutil
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal as D
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import attrs
import pytest
from loguru import logger

from mmfsm.actions import PosSnapshot, Record
from mmfsm.errors import ParamError
from mmfsm.values import InstType, Leg, OrderIntent, OrderRequest, Side, Tif
from runner.bitget.wire import Terms
from runner.log import FIELDS, Log, open_log
from runner.settings import Settings

QUOTE = OrderRequest(
    "mm-q-1", InstType.PERP, Side.BUY, D("0.01"), D("3.5E+3"), Tif.POST_ONLY, OrderIntent.QUOTE, Leg.PERP_BID, 1
)
TICK = Record(1_700_000_000_123, "tick", "strategy", "QUOTING")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        log_path=str(tmp_path / "logs" / "run.jsonl"),
        bitget_api_key="bg_topkey",
        bitget_api_secret='very"secret\\ü',
        bitget_api_passphrase="open-sesame",
    )


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    log = open_log(settings, "run-1")
    yield log
    log.close()


def lines(log: Log) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.path.read_text(encoding="utf-8").splitlines()]


def test_the_first_line_says_which_run_this_is(log: Log) -> None:
    """I39."""
    (first,) = lines(log)
    assert first["event"] == "run" and first["dry_run"] is True
    data = first["data"]
    assert (data["run_id"], data["pid"]) == ("run-1", os.getpid())
    assert {"version", "host", "config"} <= set(data)
    assert data["config"]["BITGET_API_SECRET"] == "***" and data["config"]["TICK_SEC"] == "1"


def test_every_line_has_every_field_in_order_and_null_where_none_applies(log: Log) -> None:
    log.write(TICK)
    for line in lines(log):
        assert tuple(line) == FIELDS
    assert [name for name, value in lines(log)[1].items() if value is not None] == ["ts", "event", "source", "mode"]


def test_values_are_written_plainly(log: Log) -> None:
    """Decimals never have an exponent, enums are their values, positions are an object."""
    data = {"qty": D("1E-8"), "big": D("1E+3"), "side": Side.BUY, "set": {"b", "a"}, "pair": (D("1.10"), None)}
    log.write(
        attrs.evolve(
            TICK, intent=OrderIntent.HEDGE, leg=Leg.SPOT_IOC, inst_type=InstType.SPOT, simulated=False, data=data,
            pos_snapshot=PosSnapshot(D("-0.010"), D("0.01"), None), res={"outcome": "accepted"}, cycle_id=7,
        )
    )  # fmt: skip
    line = lines(log)[1]
    assert line["data"] == {"qty": "0.00000001", "big": "1000", "side": "buy", "set": ["a", "b"], "pair": ["1.1", None]}
    assert line["pos_snapshot"] == {"perp_pos": "-0.01", "spot_pos": "0.01", "unhedged_notional": None}
    assert (line["intent"], line["leg"], line["inst_type"], line["simulated"]) == ("hedge", "spot_ioc", "SPOT", False)


def test_an_order_record_has_the_body_it_becomes_on_the_wire(log: Log) -> None:
    log.write(attrs.evolve(TICK, event="order_new", request=QUOTE, data={"why": "move"}), hop=3)
    data = lines(log)[1]["data"]
    assert data["why"] == "move" and data["hop"] == 3
    assert data["request"]["price"] == "3500" and data["request"]["timeInForceValue"] == "post_only"
    assert "force" not in data["request"]


def test_the_body_follows_the_terms_of_the_moment(settings: Settings) -> None:
    terms = [Terms.of(settings)]
    log = open_log(settings, "run-1", lambda: terms[0])
    terms[0] = attrs.evolve(terms[0], tif_policy="both")
    log.write(attrs.evolve(TICK, event="order_new", request=QUOTE))
    log.close()
    assert lines(log)[1]["data"]["request"]["force"] == "post_only"


def test_a_request_that_cannot_be_said_does_not_break_the_log(tmp_path: Path) -> None:
    log = open_log(Settings(log_path=str(tmp_path / "x.jsonl"), target_pos_mode="hedge_mode"), "run-1")
    log.write(attrs.evolve(TICK, request=QUOTE))
    log.close()
    assert "opens or closes" in lines(log)[1]["data"]["request"]["not_sent"]


def test_no_secret_is_written_whoever_says_it(log: Log, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for secret in settings.secrets:
        log.write(attrs.evolve(TICK, event="risk", reason=f"said {secret}", data={"status": secret}))
        logging.getLogger("aiohttp.client").warning("sent %s", secret)
        logger.error("and {}", secret)
    shown = log.path.read_text(encoding="utf-8") + capsys.readouterr().err
    assert "said ***" in shown and "sent ***" in shown
    for secret in settings.secrets:
        assert secret not in shown and json.dumps(secret)[1:-1] not in shown


def test_an_exception_shows_no_local_values(log: Log, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """loguru can print the value of every variable of a traceback; here it may not."""
    try:
        local = "hidden" + "-value"
        raise ValueError(len(local))
    except ValueError:
        logger.exception("it broke")
    told = capsys.readouterr().err
    assert "ValueError" in told and "hidden-value" not in told


def test_people_read_short_lines_without_ticks(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.write(TICK)
    log.write(attrs.evolve(TICK, event="order_new", intent="quote", leg="perp_bid", request=QUOTE, dry_run=True))
    log.write(attrs.evolve(TICK, event="risk", reason="book_stale {not} <a> field", data={"qty": D("1E-3")}))
    assert capsys.readouterr().err.splitlines() == [
        "22:13:20.123 QUOTING order_new quote perp_bid buy 0.01 @ 3500 (dry run)",
        "22:13:20.123 WARNING QUOTING risk book_stale {not} <a> field qty=0.001",
    ]


def test_no_escape_sequence_reaches_the_terminal(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """What the exchange says is shown and not obeyed; a line stays one line."""
    log.write(attrs.evolve(TICK, event="risk", reason="said \x1b[2J\x9b31m\r", data={}))
    assert capsys.readouterr().err == "22:13:20.123 WARNING QUOTING risk said ?[2J?31m?\n"


def test_warnings_of_libraries_are_lines_of_the_log_too(log: Log) -> None:
    logging.getLogger("pybotters.ws").warning("dropped {%s}", "x")
    logging.getLogger("pybotters.ws").info("not this")
    logging.getLogger("transitions.core").info("nor this")
    *_, last = lines(log)
    assert (last["event"], last["source"]) == ("log", "pybotters.ws")
    assert last["data"] == {"level": "WARNING", "text": "dropped {x}"} and tuple(last) == FIELDS
    assert len(lines(log)) == 2


def test_chatty_libraries_are_quiet(log: Log) -> None:
    """At DEBUG transitions says eleven things per trigger."""
    for name in ("transitions", "pybotters", "aiohttp"):
        assert logging.getLogger(f"{name}.core").getEffectiveLevel() == logging.WARNING


def test_a_log_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(ParamError, match="LOG_PATH"):
        open_log(Settings(log_path=str(blocked / "run.jsonl")), "run-1")
    with pytest.raises(ParamError, match="LOG_PATH"):
        open_log(Settings(log_path=str(tmp_path)), "run-1")


def test_a_log_that_cannot_grow_says_so_once_and_in_a_sentence(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """No line, no traceback and no error for each record; after room was made, lines are written again."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size, limits[1]))
    try:
        for _ in range(3):
            log.write(TICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    said = capsys.readouterr().err
    log.write(attrs.evolve(TICK, at_ms=7))

    assert said.count("cannot be written (OSError: [Errno 27] File too large)") == 1 and len(said.splitlines()) == 1
    assert lines(log)[-1]["ts"] == 7


def test_a_log_whose_closing_has_failed_is_opened_again(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """A network disk may refuse a file's last bytes as late as its closing: Python's file is closed then, and still
    the one that loguru has. The next line is in the file, and closing raises nothing."""
    _closed_under(log)
    log.write(attrs.evolve(TICK, at_ms=7))
    assert lines(log)[-1]["ts"] == 7 and capsys.readouterr().err == ""

    _closed_under(log)
    log.close()


def _closed_under(log: Log) -> None:
    files = [it for it in gc.get_objects() if isinstance(it, TextIOWrapper) and not it.closed]
    next(it for it in files if getattr(it, "name", "") == str(log.path)).close()


def test_a_removed_log_is_mended_and_one_that_is_whole_is_left_alone(log: Log) -> None:
    """`mend` makes the file again, with a line in it that says so; where nothing is wrong it writes nothing."""
    log.write(TICK)
    assert log.mend() and len(lines(log)) == 2

    shutil.rmtree(log.path.parent)
    log.write(TICK)
    assert log.is_broken() and log.is_broken()
    assert log.mend() and not log.is_broken()
    assert [line["data"]["text"] for line in lines(log)] == ["the log is written again"]


def test_a_log_that_cannot_be_mended_says_so(log: Log) -> None:
    """No room: not mended, however often it is asked; with room it is, and the next line is whole."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size, limits[1]))
    try:
        log.write(TICK)
        assert not log.mend() and not log.mend()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert log.mend()
    log.write(attrs.evolve(TICK, at_ms=7))
    assert json.loads(log.path.read_text().splitlines()[-1])["ts"] == 7


def test_a_line_of_another_thread_that_is_under_way_is_no_broken_log(log: Log) -> None:
    """A library warns in a thread of its own, and the desk looks meanwhile: counted and not in the file yet, the line
    halted for a person."""
    interval_s, is_over = sys.getswitchinterval(), threading.Event()

    def warn() -> None:
        while not is_over.is_set():
            logging.getLogger("urllib3").warning("retrying")

    thread = threading.Thread(target=warn)
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        assert not any(log.is_broken() for _ in range(100_000))
    finally:
        is_over.set()
        thread.join()
        sys.setswitchinterval(interval_s)
    assert len(lines(log)) > 1


def test_half_a_character_is_written_as_json_spells_it(log: Log) -> None:
    """JSON may hold a lone surrogate, UTF-8 may not: the record is there, and reads as it was told."""
    log.write(attrs.evolve(TICK, data={"msg": "\ud800!"}))
    assert lines(log)[1]["data"] == {"msg": "\ud800!"}


@pytest.mark.parametrize("name", ["{name}.jsonl", "{time}/run.jsonl", "{}.jsonl"])
def test_braces_in_a_path_are_only_braces(tmp_path: Path, name: str) -> None:
    """The log is where LOG_PATH says, to the letter."""
    log = open_log(Settings(log_path=str(tmp_path / name)), "run-1")
    log.close()
    assert lines(log)[0]["event"] == "run" and log.path == tmp_path / name


def test_a_tilde_in_the_path_is_the_home_as_it_is_for_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.env` is read by no shell: LOG_PATH=~/mmfsm.jsonl makes no folder named ~ ."""
    monkeypatch.setenv("HOME", str(tmp_path))
    log = open_log(Settings(log_path="~/logs/run.jsonl"), "run-1")
    log.close()
    assert log.path == tmp_path / "logs" / "run.jsonl" and lines(log)[0]["event"] == "run"


def test_files_are_cut_by_size_and_kept_up_to_a_number(tmp_path: Path) -> None:
    """I38: one file grew to 5 GB. Full files are compressed, whole, beside the trading."""
    log = open_log(Settings(log_path=str(tmp_path / "run.jsonl"), log_rotate_mb=1, log_keep=2), "run-1")
    big = attrs.evolve(TICK, data={"text": "x" * 200_000})
    for _ in range(40):
        log.write(big)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3 and all(file.stat().st_size <= 1_000_000 for file in files)
    assert [file.suffix for file in files].count(".gz") == 2
    for file in files:
        text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text()
        for line in text.splitlines():
            assert tuple(json.loads(line)) == FIELDS


def test_what_a_kill_left_of_compressing_is_done_by_the_next_run(tmp_path: Path) -> None:
    """A full file that is still plain and half a compressed one, which nobody ever looked at again: with the next
    full file the first is compressed and the second goes, as does one that is there as both; another log's stay."""
    begun = "2020-01-01_00-00-00_000000"
    left = [tmp_path / f"run.{begun}.jsonl", tmp_path / f"run.{begun}.jsonl.gz.part"]
    both = tmp_path / "run.2020-01-02_00-00-00_000000.jsonl"
    both.with_name(both.name + ".gz").write_bytes(gzip.compress(b"{}\n"))
    left.append(both)
    others = [tmp_path / f"other.{begun}.jsonl", tmp_path / f"run.x.{begun}.jsonl.gz.part"]
    for path in left + others:
        path.write_text("{}\n")
    log = open_log(Settings(log_path=str(tmp_path / "run.jsonl"), log_rotate_mb=1), "run-1")
    for _ in range(6):
        log.write(attrs.evolve(TICK, data={"text": "x" * 200_000}))
    log.close()

    assert (tmp_path / f"run.{begun}.jsonl.gz").exists() and not any(path.exists() for path in left)
    assert all(path.exists() for path in others) and len(list(tmp_path.glob("run.2*"))) == 3


def test_a_second_run_appends_and_closing_gives_logging_back(settings: Settings) -> None:
    before = logging.getLogger().handlers[:]
    for run in ("run-1", "run-2"):
        log = open_log(settings, run)
        log.close()
    assert [line["data"]["run_id"] for line in lines(log)] == ["run-1", "run-2"]
    assert logging.getLogger().handlers == before
