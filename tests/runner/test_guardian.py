"""The guardian as a process of its own: what it does when the runner dies, falls silent or says bye (I58)."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from mmfsm.errors import ParamError
from mmfsm.values import InstType
from runner.lock import Lock
from runner.settings import Settings, from_texts, to_texts
from runner.state_folder import LOCK
from tests.runner.processes import Guarded, eventually, guarded, open_oids, rest
from tests.support.bot import exchange_with, settings_on

OURS = ("mm-Qpb-1-abc-1", "mm-Qpa-2-abc-1")
THEIRS = ("someone-else", "mm-but-not-by-our-rule")


async def test_a_death_ends_with_our_orders_gone_and_nobody_elses(tmp_path: Path) -> None:
    """Both products are cleared by our own ids, a stranger's orders stay, and it ends by itself."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path, REQUEST_TIMEOUT_MS="200") as guardian:
        for oid in (*OURS, *THEIRS):
            rest(exchange, oid)
        rest(exchange, "mm-Hsi-3-abc-1", InstType.SPOT)
        guardian.write(".")
        guardian.die()
        status = await guardian.ended()

        assert status == 0 and open_oids(exchange) == set(THEIRS)
        assert len(guardian.cancels()) == 3 and all(body.get("orderId") for body in guardian.cancels())
        (line,) = guardian.diary()
        assert line["reason"] == "quotes_gone" and set(line["data"]["cancelled"]) == {*OURS, "mm-Hsi-3-abc-1"}
        assert line["run"] == "run-1" and "quotes_gone" in await guardian.said()


async def test_bye_ends_it_without_a_request(tmp_path: Path) -> None:
    async with exchange_with() as exchange, guarded(exchange, tmp_path) as guardian:
        rest(exchange, OURS[0])
        guardian.write("bye")
        guardian.die()

        assert await guardian.ended() == 0
        assert open_oids(exchange) == {OURS[0]} and len(exchange.requests) == 0 and guardian.diary() == []


async def test_signals_do_not_keep_it_from_its_work(tmp_path: Path) -> None:
    """A service manager that signals the whole group: SIGTERM, SIGINT and SIGHUP, then the runner dies."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path, REQUEST_TIMEOUT_MS="200") as guardian:
        rest(exchange, OURS[0])
        signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # one may be ignored from the start: under nohup
        await eventually(lambda: all(ignores(guardian.process.pid, number) for number in signals))
        for number in signals:
            guardian.process.send_signal(number)
        guardian.die()

        assert await guardian.ended() == 0 and open_oids(exchange) == set()


def ignores(pid: int, number: signal.Signals) -> bool:
    """Whether a process ignores a signal, as the kernel tells it: a fresh one does not until its interpreter is up."""
    told = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = int(next(line.split()[1] for line in told if line.startswith("SigIgn")), 16)
    return bool(mask & (1 << number - 1))


async def test_silence_clears_the_market_and_a_beat_ends_that(tmp_path: Path) -> None:
    """The loop is frozen: our orders go. It turns again: what rests from then on is left alone, and it watches on."""
    told = {"GUARDIAN_BEAT_MS": "50", "GUARDIAN_SILENT_MS": "400", "REQUEST_TIMEOUT_MS": "200"}
    async with exchange_with() as exchange, guarded(exchange, tmp_path, **told) as guardian:
        rest(exchange, OURS[0])
        await guardian.said("quotes_gone")
        assert open_oids(exchange) == set()
        beating = asyncio.create_task(beat(guardian))
        await guardian.said("heard_again")
        rest(exchange, OURS[1])
        asked = len(exchange.requests)
        await asyncio.sleep(1.0)  # what must not happen has no event to wait for
        assert open_oids(exchange) == {OURS[1]} and len(exchange.requests) == asked
        beating.cancel()
        guardian.die()

        assert await guardian.ended() == 0 and open_oids(exchange) == set()
        assert [line["reason"] for line in guardian.diary()] == ["silent", "quotes_gone", "heard_again", "quotes_gone"]


async def beat(guardian: Guarded) -> None:
    """Beat for ever, as a runner does."""
    while True:
        guardian.write(".")
        await asyncio.sleep(0.05)


async def test_a_new_run_has_the_lock_and_the_guardian_leaves(tmp_path: Path) -> None:
    """The restarted runner cancels its predecessor's orders itself: two must not act."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path) as guardian:
        lock = Lock(guardian.folder / LOCK)
        lock.take("run-2")
        rest(exchange, OURS[0])
        guardian.die()

        assert await guardian.ended() == 0
        assert open_oids(exchange) == {OURS[0]} and len(exchange.requests) == 0
        assert [(line["reason"], line["data"]["to"]) for line in guardian.diary()] == [("left", "run-2")]
        lock.release()


async def test_a_dying_runner_may_hold_its_lock_a_moment_longer(tmp_path: Path) -> None:
    """The kernel closes the pipe before the lock: the guardian waits for its own run's lock."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path, REQUEST_TIMEOUT_MS="200") as guardian:
        lock = Lock(guardian.folder / LOCK)
        lock.take("run-1")
        rest(exchange, OURS[0])
        guardian.die()
        asyncio.get_running_loop().call_later(0.5, lock.release)

        assert await guardian.ended() == 0 and open_oids(exchange) == set()


async def test_failing_answers_are_tried_again(tmp_path: Path) -> None:
    """Readings fail and a cancel's outcome is unknown: it goes on until two readings show nothing."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path, REQUEST_TIMEOUT_MS="200") as guardian:
        rest(exchange, OURS[0])
        exchange.next_answer("orders-pending", "http500", times=1)
        exchange.next_answer("cancel-order", "http500", times=1)
        guardian.die()

        assert await guardian.ended() == 0 and open_oids(exchange) == set()
        assert guardian.diary()[0]["data"]["why"]


async def test_a_leg_that_cannot_be_read_keeps_no_order_of_the_other(tmp_path: Path) -> None:
    """Spot's reading fails: the perp's quotes are cancelled before spot is asked again."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path, REQUEST_TIMEOUT_MS="200") as guardian:
        rest(exchange, OURS[0])
        exchange.next_answer("unfilled-orders", "45001", times=1)
        guardian.die()

        assert await guardian.ended() == 0 and open_oids(exchange) == set()
        asked = [it.path.rsplit("/", 1)[-1] for it in exchange.requests]
        assert asked.index("cancel-order") < [at for at, it in enumerate(asked) if it == "unfilled-orders"][1]
        assert guardian.diary()[0]["reason"] == "quotes_gone"


async def test_a_leg_that_is_refused_for_good_ends_it_once_the_other_is_clear(tmp_path: Path) -> None:
    """A key that may not read spot: the perp's quotes go first."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path) as guardian:
        rest(exchange, OURS[0])
        exchange.next_answer("unfilled-orders", "40014", times=1000)
        guardian.die()

        assert await guardian.ended(3.5) == 1 and open_oids(exchange) == set()
        (line,) = guardian.diary()
        assert line["reason"] == "refused" and line["data"]["cancelled"] == [OURS[0]]


async def test_a_lock_that_cannot_be_written_keeps_it_from_nothing(tmp_path: Path) -> None:
    """As on a full disk or one that is mounted read-only: our orders go, and it ends without a traceback."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path, REQUEST_TIMEOUT_MS="200") as guardian:
        rest(exchange, OURS[0])
        (guardian.folder / LOCK).mkdir()
        guardian.die()

        assert await guardian.ended() == 0 and open_oids(exchange) == set()
        assert "Traceback" not in await guardian.said()


async def test_an_output_that_nobody_reads_keeps_it_from_nothing(tmp_path: Path) -> None:
    """Standard error is the runner's: a pager or a stopped terminal that froze the runner must not freeze both."""
    theirs, ours = os.pipe()
    os.set_blocking(ours, False)
    with suppress(BlockingIOError):
        while os.write(ours, b" " * 4096):
            pass
    os.set_blocking(ours, True)
    told = {"GUARDIAN_BEAT_MS": "50", "GUARDIAN_SILENT_MS": "400", "REQUEST_TIMEOUT_MS": "200"}
    async with exchange_with() as exchange, guarded(exchange, tmp_path, ours, **told) as guardian:
        rest(exchange, OURS[0])
        await exchange.until(lambda: not open_oids(exchange), 10.0)
        guardian.die()
        assert await guardian.ended() == 0
    os.close(theirs)
    os.close(ours)


async def test_it_gives_up_at_its_bound_and_says_what_it_did(tmp_path: Path) -> None:
    """The exchange takes no cancel: it ends all the same, with status 1, and the lock is free."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path) as guardian:
        rest(exchange, OURS[0])
        exchange.next_answer("cancel-order", "http500", times=1000)
        guardian.die()

        assert await guardian.ended() == 1
        (line,) = guardian.diary()
        assert line["reason"] == "not_gone" and line["data"]["cancelled"] == [] and "500" in line["data"]["why"]
        Lock(guardian.folder / LOCK).take("next")


async def test_a_key_that_is_refused_for_good_ends_it(tmp_path: Path) -> None:
    async with exchange_with() as exchange, guarded(exchange, tmp_path, BITGET_API_SECRET="wrong") as guardian:
        guardian.die()

        assert await guardian.ended() == 1
        (line,) = guardian.diary()
        assert line["reason"] == "refused" and "40009" in line["data"]["why"]


async def test_secrets_travel_over_the_pipe_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its command line nor its environment nor what it writes shows one."""
    async with exchange_with() as exchange, guarded(exchange, tmp_path, REQUEST_TIMEOUT_MS="200") as guardian:
        proc = Path(f"/proc/{guardian.process.pid}")
        await eventually(lambda: ignores(guardian.process.pid, signal.SIGHUP))
        shown = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        rest(exchange, OURS[0])
        guardian.die()
        await guardian.ended()
        shown += b"".join(path.read_bytes() for path in guardian.folder.iterdir()) + (await guardian.said()).encode()

        assert guardian.settings.secrets
        assert not [secret for secret in guardian.settings.secrets if secret.encode() in shown]


async def test_settings_survive_the_way_through_the_pipe() -> None:
    async with exchange_with() as exchange:
        settings = settings_on(exchange, Path("log.jsonl"), QUOTE_SIZE="0.0200", GUARDIAN_FLATTEN="1")

    assert from_texts(to_texts(settings)) == settings


def test_one_late_beat_is_no_silence() -> None:
    with pytest.raises(ParamError, match=r"GUARDIAN_SILENT_MS.*at least 4 times"):
        Settings(guardian_beat_ms=500, guardian_silent_ms=1_999)
