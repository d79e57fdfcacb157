"""The operator's page, asked by programs: who is answered, what acts, and that none of it disturbs trading."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runner.app import Runner
from runner.commands import ACTIONS, Commands
from runner.page import doors, server
from runner.page.doors import CONNECTIONS_MAX
from runner.page.guard import TOKEN_FILE, token_in
from runner.page.server import BODY_MAX, WATCHERS_MAX, Page
from tests.support.bot import Bot, exchange_with, settings_on, trading
from tests.support.page import QUIET, asking, free_port, paged, token_of, url_of


async def messages(bot: Bot, session: aiohttp.ClientSession) -> AsyncIterator[tuple[str, Any]]:
    """The events of a page's stream: name and data."""
    async with session.get(url_of(bot, "/stream"), read_bufsize=2**20) as answer:
        event = ""
        async for raw in answer.content:
            name, _, text = raw.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = text
            elif name == "data":
                yield event, json.loads(text)


async def test_the_page_is_off_unless_asked_for(tmp_path: Path) -> None:
    async with trading(tmp_path, **QUIET) as bot:
        await bot.quoting()

        assert bot.settings.status_port == 0 and not (bot.runner.folder / TOKEN_FILE).exists()
        assert bot.runner.onlooker.edges == {}, "nothing is counted where nobody looks"


async def test_it_listens_on_loopback_alone_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with paged(tmp_path) as bot, aiohttp.ClientSession() as session:
        async with session.get(url_of(bot)) as answer:
            policy, text = answer.headers["Content-Security-Policy"], await answer.text()
        listening = await asyncio.to_thread(Path("/proc/net/tcp").read_text)

        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "//" not in text.replace("<!doctype", ""), "no address of another host"
        port = f":{bot.settings.status_port:04X} 00000000:0000 0A"
        assert [line.split()[1][:8] for line in listening.splitlines() if port in line] == ["0100007F"]


async def test_prometheus_is_served_beside_it(tmp_path: Path) -> None:
    """What counts the run is there for a scraper: its mode, its quotes, how late its loop was."""
    async with paged(tmp_path) as bot, aiohttp.ClientSession() as session:
        async with session.get(url_of(bot, "/metrics")) as answer:
            text = await answer.text()

        assert answer.content_type == "text/plain" and 'mmfsm_mode{mode="QUOTING"} 1.0' in text
        assert "mmfsm_loop_lag_seconds" in text and "mmfsm_hedge_latency_seconds_bucket" in text


async def test_the_stream_tells_what_the_run_does(tmp_path: Path) -> None:
    """Machines first, then the whole view, then only what has changed; and at last that it is over."""
    async with paged(tmp_path) as bot, aiohttp.ClientSession() as session:
        seen: list[tuple[str, Any]] = []
        async for event, data in messages(bot, session):
            seen.append((event, data))
            if len(seen) == 3:
                bot.halt()
            if event == "frame" and data.get("mode", {}).get("state") == "HALTED":
                bot.runner.stop("test")

        (hello, machines), (_, first) = seen[0], seen[1]
        assert hello == "hello" and set(machines["machines"]) == set(first["machines"])
        assert first["mode"]["state"] == "QUOTING" and first["run"]["symbol"] == "ETHUSDT"
        assert all("run" not in data for _, data in seen[2:]), "what has not changed is not sent again"
        assert seen[-1] == ("ended", {"status": 0, "reason": "test"})
        numbers = [row["n"] for _, data in seen[1:-1] for row in data.get("records", [])]
        assert numbers == list(range(1, len(numbers) + 1)), "every record once, in order"
        assert await bot.ended() == 0


async def test_actions_are_those_of_the_control_socket(tmp_path: Path) -> None:
    """With the token: halt, resume, flatten and stop do and say what the command line's do."""
    async with paged(tmp_path) as bot, asking(bot) as page:
        bot.fill_bid()
        await bot.hedged()
        status, told = await page.act("halt")
        assert status == 200 and bot.halts == {"operator": True} and bot.open_orders == ()
        assert told[0]["text"].startswith("halted: quotes stopped until resume.") and told[-1]["code"] == "quotes_gone"
        status, told = await page.act("resume")
        assert (status, told[-1]["ok"], bot.halts) == (200, True, {})
        status, told = await page.act("flatten")
        assert told[-1]["code"] == "flat" and told[-1]["args"]["perp"] == "0" and bot.truth.position == 0
        status, told = await page.act("stop")
        assert told[-1]["code"] == "ended_clean" and await bot.ended() == 0


REFUSED: list[tuple[str, str, dict[str, str], int]] = [
    ("GET", "/act/halt", {}, 405),
    ("PUT", "/act/halt", {}, 405),
    ("POST", "/", {}, 405),
    ("POST", "/stream", {}, 405),
    ("HEAD", "/stream", {}, 405),
    ("POST", "/act/sell", {}, 404),
    ("POST", "/act/status", {}, 404),
    ("POST", "/act/halt", {"Authorization": "Bearer wrong"}, 401),
    ("POST", "/act/halt", {"Authorization": ""}, 401),
    ("POST", "/act/halt", {"Host": "evil.example"}, 421),
    ("POST", "/act/halt", {"Host": "127.0.0.1.evil.example"}, 421),
    ("POST", "/act/halt", {"Origin": "http://evil.example"}, 403),
    ("POST", "/act/halt", {"Origin": "http://127.0.0.1:1"}, 403),
    ("POST", "/act/halt", {"Origin": "null"}, 403),
    ("POST", "/act/halt", {"Sec-Fetch-Site": "cross-site"}, 403),
    ("POST", "/act/halt", {"Content-Type": "text/plain"}, 415),
    ("GET", "/", {"Host": "evil.example"}, 421),
    ("GET", "/stream", {"Host": "evil.example"}, 421),
    ("GET", "/stream", {"Origin": "http://evil.example"}, 403),
    ("GET", "/static/en.json/../../server.py", {}, 404),
    ("GET", "/static/server.py", {}, 404),
    ("GET", "/words/../../view.py", {}, 404),
]
"""Method, path, headers beside the right ones, and the status of the answer."""


async def test_who_may_not_ask_is_refused(tmp_path: Path) -> None:
    """Another host's name, another origin, another method, no token: each by its own status, and nothing is done."""
    async with paged(tmp_path) as bot, asking(bot) as page:
        right = {"Authorization": f"Bearer {token_of(bot)}", "Content-Type": "application/json"}
        for method, path, headers, status in REFUSED:
            told = (headers, None) if method in ("GET", "HEAD") else (right | headers, b"{}")
            answer, _ = await page.ask(method, path, told[1], **told[0])
            assert answer == status, (method, path, headers)

        assert bot.mode == "QUOTING" and bot.halts == {}


async def test_a_body_that_is_no_request_is_refused(tmp_path: Path) -> None:
    """Nothing, a list, text and NaN where seconds are due, no UTF-8, too much."""
    bodies = {b"": 400, b"[]": 400, b'{"wait_s": "long"}': 400, b'{"wait_s": NaN}': 400, b"\xff": 400}
    async with paged(tmp_path) as bot, asking(bot) as page:
        told = {"Authorization": f"Bearer {token_of(bot)}", "Content-Type": "application/json"}
        for body, status in (bodies | {b" " * (BODY_MAX + 1) + b"{}": 413}).items():
            assert (await page.ask("POST", "/act/halt", body, **told))[0] == status, body[:20]

        assert bot.mode == "QUOTING" and bot.halts == {}


async def test_who_asks_and_goes_away_is_served_all_the_same(tmp_path: Path) -> None:
    """The button was pressed and the browser closed: halted."""
    async with paged(tmp_path) as bot:
        _, writer = await asyncio.open_connection("127.0.0.1", bot.settings.status_port)
        head = f"POST /act/halt HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token_of(bot)}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.transport.abort()
        await bot.until(lambda: bot.halts == {"operator": True})


async def test_a_tunnel_with_another_port_is_answered(tmp_path: Path) -> None:
    """`ssh -L 9000:127.0.0.1:…`: the browser names localhost:9000, and its own origin fits."""
    async with paged(tmp_path) as bot, asking(bot) as page:
        status, _ = await page.act("halt", Host="localhost:9000", Origin="http://localhost:9000")

        assert status == 200 and bot.halts == {"operator": True}


async def test_ten_thousand_wrong_requests_change_nothing(tmp_path: Path) -> None:
    """From many connections at once, each wrong in another way: the bot quotes, hedges a fill, and stops clean."""
    wrong: list[tuple[str, str, dict[str, str]]] = [
        *(("POST", f"/act/{name}", {"Authorization": "Bearer wrong"}) for name in ACTIONS),
        *(("GET", f"/act/{name}", {}) for name in ACTIONS),
        ("POST", "/act/stop", {"Host": "evil.example"}),
        ("DELETE", "/stream", {}),
    ]
    async with paged(tmp_path) as bot, asking(bot) as page:
        answers: list[int] = []

        async def flood(count: int) -> None:
            for at in range(count):
                method, path, headers = wrong[at % len(wrong)]
                answers.append((await page.ask(method, path, None, **headers))[0])

        floods = asyncio.gather(*(flood(1_250) for _ in range(8)))
        bot.fill_bid()
        await bot.hedged()
        await floods

        assert len(answers) == 10_000 and set(answers) == {401, 405, 421}
        await bot.quoting()
        assert bot.halts == {} and bot.runner.exit_status is None
        log = str(bot.read_log())
        assert "evil" not in log and not bot.find("log"), "nobody fills the log from outside"


async def test_a_watcher_that_never_reads_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that asks for the stream and reads nothing, in a storm of records: fills are hedged meanwhile, and it is
    hung up on."""
    monkeypatch.setattr(server, "STUCK_S", 0.2)
    async with paged(tmp_path) as bot:
        loop = asyncio.get_running_loop()
        stuck = socket.socket()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        stuck.setblocking(False)
        await loop.sock_connect(stuck, ("127.0.0.1", bot.settings.status_port))
        await loop.sock_sendall(stuck, b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        hung_up = select.poll()
        hung_up.register(stuck, 0)  # errors and hang-ups alone: nothing is read
        dropped = asyncio.create_task(asyncio.to_thread(hung_up.poll, 20_000))
        bot.fill_bid()
        await bot.hedged()
        while not dropped.done():
            for _ in range(100):
                bot.runner.note("storm", "storm", {"text": "x" * 1_000})
            await bot.ticked()

        assert [bits & select.POLLHUP for _, bits in await dropped] == [select.POLLHUP]
        await bot.quoting()
        stuck.close()


async def test_no_more_watchers_than_may_be(tmp_path: Path) -> None:
    async with paged(tmp_path) as bot, aiohttp.ClientSession() as session:
        watching = [await session.get(url_of(bot, "/stream")) for _ in range(WATCHERS_MAX)]
        async with session.get(url_of(bot, "/stream")) as one_more:
            assert one_more.status == 503
        watching.pop().close()
        for answer in watching:
            answer.close()


async def test_no_more_connections_than_may_be(tmp_path: Path) -> None:
    """Those who say nothing keep their places for a while; one more is shut out at once, and trading goes on."""
    async with paged(tmp_path) as bot:
        opened = [await asyncio.open_connection("127.0.0.1", bot.settings.status_port) for _ in range(CONNECTIONS_MAX)]
        reader, writer = await asyncio.open_connection("127.0.0.1", bot.settings.status_port)

        with pytest.raises(ConnectionError):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if await reader.read() == b"":
                raise ConnectionResetError
        bot.fill_bid()
        await bot.hedged()
        for _, one in [*opened, (reader, writer)]:
            one.transport.abort()


async def test_nonsense_and_sudden_ends_leave_no_trace_in_the_log(tmp_path: Path) -> None:
    """What is no HTTP, and watchers that vanish in mid-stream: nothing of it fills the log, trading goes on."""
    async with paged(tmp_path) as bot:
        for line in (
            b"\x16\x03\x01\x02\x00\x01",
            b"SELL EVERYTHING\r\n\r\n",
            b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ):
            for _ in range(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", bot.settings.status_port)
                writer.write(line)
                await reader.read(100)
                writer.transport.abort()
        bot.fill_bid()
        await bot.hedged()
        await bot.ticked(3)

        assert bot.find("log") == []


async def test_a_connection_that_asks_nothing_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep others out. One that has asked for something stays."""
    monkeypatch.setattr(doors, "SILENT_S", 0.1)
    async with paged(tmp_path) as bot, asking(bot) as page:
        await page.ask("GET", "/")
        reader, writer = await asyncio.open_connection("127.0.0.1", bot.settings.status_port)
        writer.write(b"GET / HT")

        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert (await page.ask("GET", "/"))[0] == 200
        writer.close()


async def test_what_is_mounted_is_served_by_the_same_rules(tmp_path: Path) -> None:
    """A path, its body and content type, for this machine alone; one that fails is an error of its own."""

    def broken() -> tuple[bytes, str]:
        raise ValueError("broken")

    async with exchange_with() as exchange:
        settings = settings_on(exchange, tmp_path / "mounts.jsonl", STATUS_PORT=str(free_port()))
        runner = Runner(settings)
        runner.folder.mkdir(parents=True)
        mounts = {"/metrics": lambda: (b"up 1\n", "text/plain; version=0.0.4"), "/broken": broken}
        page = Page(runner, Commands(runner), runner.folder, mounts)
        await page.open()
        where = f"http://127.0.0.1:{settings.status_port}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{where}/metrics") as answer:
                assert (answer.status, await answer.text()) == (200, "up 1\n")
                assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
            for path, headers, status in (("/metrics", {"Host": "evil.example"}, 421), ("/broken", {}, 500)):
                async with session.get(where + path, headers=headers) as answer:
                    assert answer.status == status
        await page.close()


async def test_a_port_in_use_is_said_and_trading_goes_on(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with trading(tmp_path, STATUS_PORT=str(taken.getsockname()[1]), **QUIET) as bot:
            await bot.quoting()

            (line,) = bot.find("risk", reason="no_page")
            assert "in use" in line["data"]["why"] and "STATUS_PORT" in line["data"]["what_to_do"]


async def test_the_token_is_for_this_user_alone_and_in_no_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kept with mode 0600, not shown where standard error is no terminal, and the same after a restart."""
    async with paged(tmp_path) as bot, asking(bot) as page:
        await page.act("halt")
        token, kept = token_of(bot), bot.runner.folder / TOKEN_FILE
        await bot.stop()

        assert len(token) == 43 and stat.S_IMODE(kept.stat().st_mode) == 0o600
        told = capsys.readouterr().err
        assert token not in str(bot.read_log()) + told
        assert str(kept) in told and str(bot.settings.status_port) in told
        assert token_in(kept.parent) == token


@pytest.mark.parametrize("fault", ["mode", "short", "link"])
def test_a_token_that_others_could_know_is_made_anew(tmp_path: Path, fault: str) -> None:
    """Readable for others, cut short, or a link to elsewhere: not relied on."""
    token, path = token_in(tmp_path), tmp_path / TOKEN_FILE
    if fault == "mode":
        path.chmod(0o644)
    elif fault == "short":
        path.write_text(token[:20])
    else:
        path.rename(tmp_path / "other")
        path.symlink_to(tmp_path / "other")

    assert token_in(tmp_path) != token and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.is_symlink()


async def test_a_restart_serves_the_same_port_and_token(tmp_path: Path) -> None:
    """The port is free when the first run has ended, and an open page may go on."""
    port = str(free_port())
    async with trading(tmp_path, STATUS_PORT=port, **QUIET) as first:
        await first.quoting()
        token = token_of(first)
        await first.stop()
        again = Bot(first.exchange, first.settings)
        await again.quoting()
        async with asking(again) as page:
            assert (await page.act("halt", token))[0] == 200
        await again.kill()
