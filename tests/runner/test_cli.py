"""The command line: what each command prints, and what its exit status says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.__main__ import USAGE_ERROR, main
from runner.settings import to_texts
from tests.runner.processes import environment
from tests.support.bot import exchange_with, settings_on, touch
from tests.support.tape import ROOT


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and no setting of ours in the environment."""
    for name in list(os.environ):
        if name.startswith(("BITGET_", "MMFSM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def test_config_prints_every_setting_with_its_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the environment, from a line of `.env`, by default; and a secret is shown as stars."""
    monkeypatch.setenv("QUOTE_SIZE", "0.03")
    (tmp_path / ".env").write_text(
        "MAX_POSITION=0.5\nBITGET_API_KEY=k\nBITGET_API_SECRET=hush\nBITGET_API_PASSPHRASE=p\n"
    )

    assert main(["config"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "0.03" in rows["QUOTE_SIZE"] and "environment" in rows["QUOTE_SIZE"]
    assert "0.5" in rows["MAX_POSITION"] and ".env:1" in rows["MAX_POSITION"]
    assert "default" in rows["HEDGE_DEADLINE_MS"] and "ms" in rows["HEDGE_DEADLINE_MS"]
    assert "***" in rows["BITGET_API_SECRET"] and not any("hush" in line for line in rows.values())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HEDGE_DEADLINE_MS", "soon", ["HEDGE_DEADLINE_MS", "soon", "whole number"]),
        ("TICK_SEC", "0.001", ["TICK_SEC", "0.001", "0.05"]),
        ("PERP_TIF", "ioc", ["PERP_TIF", "ioc", "timeInForceValue"]),
        ("BITGET_REST_ULR", "http://127.0.0.1", ["BITGET_REST_ULR", "BITGET_REST_URL"]),
        ("DRY_RUN", "0", ["BITGET_API_KEY"]),
    ],
)
@pytest.mark.parametrize("command", [[], ["live"], ["check"], ["config"]], ids=["(none)", "live", "check", "config"])
def test_a_setting_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    name: str,
    value: str,
    words: list[str],
) -> None:
    """Which variable, what it got, what it takes; one line, a status of its own, and nothing is opened."""
    monkeypatch.setenv(name, value)

    assert main(command) == USAGE_ERROR
    errors = capsys.readouterr().err
    assert all(word in errors for word in words) and errors.count("\n") == 1
    assert not Path("logs").exists()


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the list of those there are."""
    with pytest.raises(SystemExit) as ended:
        main(["trade"])

    assert ended.value.code == 2 and "paper" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "1e9"])
def test_paper_takes_a_sensible_time_alone(capsys: pytest.CaptureFixture[str], seconds: str) -> None:
    """Anything else is refused before a socket is opened."""
    with pytest.raises(SystemExit) as ended:
        main(["paper", "--seconds", seconds])

    assert ended.value.code == 2 and "--seconds" in capsys.readouterr().err


def test_paper_runs_and_prints_the_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The profile first, the figures last, the summary as JSON; status 0 when it ended flat and clean."""
    status = main(["paper", "--seconds", "1.5", "--log", "run.jsonl", "--summary", "figures.json", "--double-pushes"])

    out = capsys.readouterr().out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert status == 0 and figures["ok"] and figures["quotes_placed"] > 0, out
    assert "BASE_HALF_SPREAD_BPS=0.6" in out and "flat and clean" in out and (tmp_path / "run.jsonl").exists()


def test_the_help_names_every_command() -> None:
    """`python -m runner --help` in a process of its own: paper, exchange, check, config and live."""
    done = subprocess.run(
        [sys.executable, "-m", "runner", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0
    assert all(word in done.stdout for word in ("live", "paper", "exchange", "check", "config"))


def test_what_is_not_installed_is_named() -> None:
    """The library alone is there, and not what the runner needs: one line with what to install, no traceback."""
    code = "import runpy, sys; sys.modules['loguru'] = None; runpy.run_module('runner', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr.count("\n")) == (USAGE_ERROR, 1)
    assert "loguru" in done.stderr and "pip install '.[live]'" in done.stderr


@pytest.mark.parametrize("loaded", ["argparse", "aiohttp.client"])
async def test_a_ctrl_c_while_it_is_being_loaded_ends_it_in_silence(tmp_path: Path, loaded: str) -> None:
    """At the first module, and in the middle: no traceback, and the status of an interrupt."""
    words = ["-X", "importtime", "-m", "runner", "status"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=environment(), cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(20):
        while not said.rstrip().endswith(f" {loaded}"):
            said = (await process.stderr.readline()).decode()
            assert said, f"{loaded} was not imported"
        process.send_signal(signal.SIGINT)
        rest = (await process.stderr.read()).decode()
        status = await process.wait()

    assert status in (-signal.SIGINT, 130) and "Traceback" not in rest and "KeyboardInterrupt" not in rest


async def test_a_second_signal_ends_it_without_waiting(tmp_path: Path) -> None:
    """The exchange answers no reading back: the first SIGINT waits for it, the second ends with status 4."""
    async with exchange_with() as exchange:
        settings, errors = settings_on(exchange, tmp_path / "run.jsonl"), tmp_path / "errors.txt"
        with errors.open("wb") as told:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runner", cwd=ROOT, env=os.environ | to_texts(settings), stderr=told
            )
        try:
            await exchange.until(lambda: len(exchange.account_view().open_orders) == 2, 30)
            exchange.next_answer("orders-pending", "http500", times=10_000)
            process.send_signal(signal.SIGINT)
            await exchange.until(lambda: not exchange.account_view().open_orders, 30)
            touch(exchange)
            assert process.returncode is None
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(30):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    assert process.returncode == 4, errors.read_text()[-2000:]
    assert "second SIGINT" in errors.read_text()


@pytest.mark.parametrize("unbuffered", ["", "1"])
async def test_a_flatten_that_nobody_reads_of_closes_all_the_same(tmp_path: Path, unbuffered: str) -> None:
    """`flatten | head` has no reader left, `flatten > FILE` no room: status 0, for it is flat, and no traceback."""
    async with exchange_with() as exchange:
        env = {
            **environment(),
            **to_texts(settings_on(exchange, tmp_path / "run.jsonl")),
            "PYTHONUNBUFFERED": unbuffered,
        }
        reader, writer = os.pipe()
        os.close(reader)
        full = os.open("/dev/full", os.O_WRONLY)
        try:
            for out in (writer, full):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "runner", "flatten",
                    cwd=tmp_path, env=env, stdout=out, stderr=asyncio.subprocess.PIPE,
                )  # fmt: skip
                said = (await process.communicate())[1].decode()
                assert (process.returncode, "Error" in said) == (0, False), said
        finally:
            os.close(writer)
            os.close(full)


def test_a_terminal_without_a_sign_gets_a_question_mark(tmp_path: Path) -> None:
    """Japanese, where the terminal knows Latin alone: no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "runner", "reasons", "--lang", "ja"],
        cwd=tmp_path, env=environment() | {"PYTHONIOENCODING": "latin-1"}, capture_output=True, timeout=30, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, b"") and b"?" in done.stdout


@pytest.mark.parametrize(("out", "said"), [("/dev/full", "No space left on device"), ("pipe", "")])
def test_what_only_prints_ends_when_it_cannot(tmp_path: Path, out: str, said: str) -> None:
    """Status 74 and a sentence; nothing where the reader itself has gone."""
    reader, pipe = os.pipe()
    os.close(reader)
    file = pipe if out == "pipe" else os.open(out, os.O_WRONLY)
    done = subprocess.run(
        [sys.executable, "-m", "runner", "config"],
        cwd=tmp_path, env=environment(), stdout=file, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
    )  # fmt: skip
    os.close(file)

    assert done.returncode == 74 and said in done.stderr and len(done.stderr.splitlines()) == bool(said)
