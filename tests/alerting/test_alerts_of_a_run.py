"""A run and its alerts over real sockets; the guardian's out of its own process; addresses that fail."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import pytest

from mmfsm.errors import ParamError
from runner.__main__ import main
from runner.alerting import post, teller
from runner.alerting.addresses import addresses_of
from runner.alerting.message import Note
from runner.alerting.post import QUEUE_MAX, Post, close_all
from runner.alerting.teller import Teller
from runner.app import Runner
from runner.settings import Settings
from tests.alerting.host import Host, host
from tests.runner.processes import eventually, gone, running
from tests.support.bot import exchange_with, settings_on, trading

SECRET = "a-token-nobody-may-see"


async def test_a_latched_halt_is_told_at_once_and_so_is_its_end(tmp_path: Path) -> None:
    """A person halts and resumes: two messages, with the run's name, the symbol and what to do."""
    async with host() as there, trading(tmp_path, ALERT_URLS=there.url) as bot:
        await bot.quoting()
        bot.halt()
        await there.until(lambda: there.about("operator"))
        bot.resume()
        await there.until(lambda: there.about("over: operator"))

        title, body = there.told[0]
        assert title == "[mmfsm ETHUSDT] HALTED until resume: operator"
        assert bot.runner.run_id in body and "`python -m runner resume`" in body
        await bot.stop()
        assert len(there.told) == 2, there.told


async def test_a_long_passing_halt_is_told_and_so_is_its_end(tmp_path: Path) -> None:
    """The private stream is away for longer than ALERT_AFTER_SEC: told with its age, then that it is over."""
    quiet = {"BOOK_STALE_MS": "60000", "ALERT_AFTER_SEC": "1"}
    async with host() as there, trading(tmp_path, ALERT_URLS=there.url, **quiet) as bot:
        await bot.quoting()
        away = asyncio.create_task(bot.exchange.cut("private", 3.0))
        await there.until(lambda: there.about("HALTED: feed_down:private, for"))
        await there.until(lambda: there.about("over: feed_down:private"))
        await away

        assert not bot.find("alert")


async def test_an_end_that_is_not_clean_is_told(tmp_path: Path) -> None:
    """A second signal ends the run without waiting: its last message is out before it has ended."""
    async with host() as there, trading(tmp_path, ALERT_URLS=there.url) as bot:
        await bot.quoting()
        bot.runner._signalled(signal.SIGTERM)
        bot.runner._signalled(signal.SIGTERM)
        assert await bot.ended() == 4

        assert [title for title, _body in there.told] == ["[mmfsm ETHUSDT] alert: run_ended:4"]


async def test_a_dead_host_is_a_record_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its last try one `alert_unsent`, without the address; the other address is told, and not about that."""
    monkeypatch.setattr(post, "PAUSES_S", (0.01, 0.01))
    async with host() as there, trading(tmp_path, ALERT_URLS=f"{there.url} json://127.0.0.1:1/{SECRET}") as bot:
        await bot.quoting()
        bot.halt()
        await bot.until(lambda: bot.find("risk", reason="alert_unsent"))
        (line,) = bot.find("risk", reason="alert_unsent")
        await bot.stop()

        assert line["data"]["address"] == "2:json://***" and "onnection" in line["data"]["why"], line
        assert len(there.told) == 1
        text = json.dumps(bot.lines)
        assert SECRET not in text and '"ALERT_URLS": "***"' in text


async def test_a_host_that_never_answers_bounds_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends within the bound, clean, though its message is under way for ever."""
    monkeypatch.setattr(teller, "CLOSE_BOUND_S", 0.5)
    async with host() as there, trading(tmp_path, ALERT_URLS=f"{there.url}?rto=60") as bot:
        there.silent = True
        await bot.quoting()
        bot.halt()
        await there.until(lambda: there.tries)
        began_s = time.monotonic()
        assert await bot.stop() == 0

        assert 0.5 <= time.monotonic() - began_s < 2


async def test_what_is_given_up_is_told_with_the_reason_and_without_the_secret() -> None:
    """Closing does not pause between tries; the words are the host's answer; a full queue drops and says so."""
    unsent: list[tuple[str, str]] = []
    async with host() as there:
        there.status = 401
        sending = Post(addresses_of(there.url)[0], lambda address, why: unsent.append((address, why)))
        sending.put(("title", "body"))
        await there.until(lambda: there.tries == 1)
        for _ in range(QUEUE_MAX + 1):
            sending.put(("title", "body"))
        assert ("1:json://***", f"more than {QUEUE_MAX} messages wait") in unsent
        assert await asyncio.to_thread(close_all, [sending], 5.0)

    assert there.told == [] and "401" in unsent[-1][1] and not any(SECRET in text for pair in unsent for text in pair)


async def test_the_guardian_tells_what_it_did_when_the_runner_is_dead(tmp_path: Path) -> None:
    """Killed by SIGKILL: the message comes from the guardian's own process, in the run's name."""
    told = {"REQUEST_TIMEOUT_MS": "500"}
    async with (
        host() as there,
        exchange_with() as exchange,
        running(exchange, tmp_path, ALERT_URLS=there.url, **told) as run,
    ):
        await run.quoting()
        guardian = run.guardian()
        await run.end(signal.SIGKILL)
        await there.until(lambda: there.about("quotes_gone"))
        await gone(guardian)

        _title, body = there.told[0]
        assert run.lines("run")[0]["data"]["run_id"] in body and "cancelled=" in body
        assert exchange.account_view().open_orders == () and len(there.told) == 1


async def test_the_guardian_tells_of_a_frozen_runner(tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT: silence, what was cancelled, and that it is heard again; the runner tells no part of it."""
    told = {"GUARDIAN_BEAT_MS": "50", "GUARDIAN_SILENT_MS": "500", "REQUEST_TIMEOUT_MS": "500"}
    async with (
        host() as there,
        exchange_with() as exchange,
        running(exchange, tmp_path, ALERT_URLS=there.url, **told) as run,
    ):
        await run.quoting()
        run.process.send_signal(signal.SIGSTOP)
        await there.until(lambda: there.about("quotes_gone"))
        run.process.send_signal(signal.SIGCONT)
        await there.until(lambda: there.about("heard_again"))
        await eventually(lambda: run.lines("guardian", reason="heard_again"))
        assert await run.end(signal.SIGTERM) == 0, run.story()

        assert [title.split(": ")[1] for title, _body in there.told if "guardian" in title] == [
            "silent", "quotes_gone", "heard_again",
        ]  # fmt: skip


def told_to(there: Host, folder: Path) -> Teller:
    """A teller as each run has one, and each guardian."""
    return Teller(Settings(alert_urls=there.url), folder, "run-1", lambda address, why: None)


async def test_runs_that_die_one_after_the_other_tell_it_once(tmp_path: Path) -> None:
    """A service manager starts it again and again: each process keeps to what the others have told."""
    async with host() as there:
        for at_ms in range(3):
            one = told_to(there, tmp_path)
            one.tell([Note(at_ms, "run_ended:3", urgent=True)])
            await one.close()

        assert len(there.told) == 1


async def test_a_latch_that_comes_again_after_a_resume_is_told_again(tmp_path: Path) -> None:
    """Only a person ends it, so it cannot flicker: the next one is told at once, by whichever process."""
    async with host() as there:
        for at_ms in (0, 10):
            one = told_to(there, tmp_path)
            one.tell([Note(at_ms, "drift", urgent=True)])
            one.tell([Note(at_ms + 1, "recovered", about="drift")])
            await one.close()

        assert len(there.about("HALTED until resume: drift")) == 2 and len(there.about("over")) == 1


# --- settings and the command -----------------------------------------------------------------------------------------


def test_addresses_without_apprise_are_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start is refused, before the lock is taken; without ALERT_URLS nobody asks for apprise."""
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(ParamError, match=r"pip install '.\[alerts\]'"):
        addresses_of(f"json://example.com/{SECRET}")
    assert addresses_of("") == []


async def test_a_run_that_could_not_alert_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apprise is missing: the error names the setting and what to install; no lock is taken, no request is made."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    async with exchange_with() as exchange:
        run = Runner(settings_on(exchange, tmp_path / "run.jsonl", ALERT_URLS=f"json://example.com/{SECRET}"))
        with pytest.raises(ParamError, match="ALERT_URLS") as caught:
            await run.run(signals=False)

        assert "'.[alerts]'" in str(caught.value) and SECRET not in str(caught.value)
        assert not run.folder.exists() and not exchange.requests


@pytest.mark.parametrize("urls", ["foo://bar", "not a url", "json://ok.example tgram://", " , " + "json://h/ " * 11])
def test_addresses_that_cannot_be_used_are_an_error_without_the_secret(urls: str) -> None:
    with pytest.raises(ParamError, match="ALERT_URLS") as caught:
        addresses_of(f"{urls} json://example.com/{SECRET}" if "not" not in urls else urls)

    assert SECRET not in str(caught.value)


def test_addresses_are_separated_by_spaces_or_commas() -> None:
    found = addresses_of("json://example.com/one,json://example.com/two  mailto://me:word@example.com?to=a@b.c,d@e.f")

    assert [address.shown for address in found] == ["1:json://***", "2:json://***", "3:mailto://***"]


def test_what_a_host_or_a_library_says_is_told_without_the_address() -> None:
    """The whole URL, and a token alone, as an error of the HTTP library would quote them."""
    url = f"json://example.com/{SECRET}"
    (address,) = addresses_of(url)

    assert address._hide(f"no route to {url}, https://example.com/bot{SECRET}/send") == (
        "no route to ***, https://example.com/bot***/send"
    )


def test_every_part_of_an_address_is_a_secret() -> None:
    """The whole text, each URL and each token in it: none may be written."""
    settings = Settings(alert_urls="json://example.com/first-token,tgram://123456789:AbCdEfGhIjKl/987654321")

    assert {"first-token", "AbCdEfGhIjKl", "json://example.com/first-token"} <= set(settings.secrets)
    assert "example.com" not in settings.secrets and settings.redacted()["ALERT_URLS"] == "***"
    assert "first-token" not in repr(settings)


async def _tested(monkeypatch: pytest.MonkeyPatch, urls: str) -> int:
    monkeypatch.setenv("ALERT_URLS", urls)
    return await asyncio.to_thread(main, ["alert", "--test"])


async def test_the_command_sends_one_message_and_says_what_came_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each address, with what a dead one said, and the secrets hidden."""
    monkeypatch.chdir(tmp_path)
    async with host() as there:
        assert await _tested(monkeypatch, there.url) == 0
        assert there.about("alert: test")
        assert await _tested(monkeypatch, f"{there.url}, json://127.0.0.1:1/{SECRET}") == 1
    said = capsys.readouterr().out

    assert "sent      1:json://***" in said and "NOT SENT  2:json://***" in said and SECRET not in said
    assert await _tested(monkeypatch, "") == 64
