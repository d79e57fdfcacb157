"""The page's routes. Reading is free to this machine; every action is a POST with the token.

GET  /                 the page
GET  /static/NAME      its parts
GET  /words/LANG       what it says, in one language
GET  /stream           the view as it changes (an event stream)
POST /act/NAME         halt, resume, flatten or stop: the answers of `runner/commands.py`, one JSON object a line
GET  …                 whatever else is mounted: a path, and what gives its body and content type
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from loguru import logger

from mmfsm.machines import ALL
from runner.commands import ACTIONS, Answer, Commands, wait_of
from runner.log import encode
from runner.page import words
from runner.page.diagrams import picture
from runner.page.doors import KEEPALIVE_S, Doors, hang_up
from runner.page.frames import FRAME_S, Frames, Watcher, message
from runner.page.guard import has_token, may_ask, token_in

if TYPE_CHECKING:
    from runner.app import Runner

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Mount = Callable[[], tuple[bytes, str]]
"""What is served at a path beside the page: returns body and content type. Asked in the loop that trades: be quick."""

BODY_MAX = 1024
BODY_S = 5.0
WATCHERS_MAX, ACTIONS_MAX = 8, 8
STUCK_S = 5.0
"""A watcher that has not taken a frame for this long is dropped."""

FINISH_S, CUT_S = 2.0, 0.2
"""At the end: how long last words may take, and how long what does not end by itself has then."""

_SILENT = logging.getLogger("runner.page.http")
_SILENT.setLevel(logging.CRITICAL + 1)  # nobody fills the log by sending nonsense; what fails here is logged here
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": "mmfsm",
}


class Page:
    """Serves one run.

    Args:
        runner: what is shown.
        commands: what its buttons do.
        folder: where the token is kept.
        mounts: what else is served, by path.
    """

    def __init__(
        self, runner: Runner, commands: Commands, folder: Path, mounts: Mapping[str, Mount] | None = None
    ) -> None:
        self._runner = runner
        self._commands = commands
        self._folder = folder
        self._frames = Frames(runner)
        self._token, self._hello = "", b""
        self._static_files: dict[str, tuple[str, bytes]] = {}
        self._over = asyncio.Event()
        self._busy = {"watching": 0, "acting": 0}
        self._quiet = asyncio.Event()
        self._app = self._application(mounts or {})
        self._apps = web.AppRunner(
            self._app, access_log=None, logger=_SILENT, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=CUT_S
        )
        self._doors = Doors(self._apps, runner.settings.status_port)

    def _application(self, mounts: Mapping[str, Mount]) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=BODY_MAX)
        app.router.add_get("/", self._index)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/words/{lang}", self._words)
        app.router.add_get("/stream", self._stream, allow_head=False)
        app.router.add_post("/act/{name}", self._act)
        for path, mount in mounts.items():
            app.router.add_get(path, _mounted(mount))
        app.on_response_prepare.append(_with_headers)
        return app

    async def open(self) -> None:
        """Read or make the token, and listen.

        Raises:
            OSError: the port is in use, or the token's file cannot be written.
        """
        self._token = token_in(self._folder)
        self._static_files = _static_files()
        self._hello = message("hello", encode({"machines": {table.name: picture(table) for table in ALL}}))
        await self._doors.open()

    @property
    def url(self) -> str:
        """Where it is; with the token behind the `#`, which no browser ever sends."""
        return f"http://127.0.0.1:{self._doors.port}/#token={self._token}"

    def shut(self) -> None:
        """Let nobody in any more: the next run may want the port."""
        self._doors.shut()

    async def close(self) -> None:
        """Tell those who watch that it is over, let actions have their last word, and end."""
        self._over.set()
        if any(self._busy.values()):
            self._quiet.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(FINISH_S):
                    await self._quiet.wait()
        await self._apps.cleanup()

    @contextmanager
    def _counted(self, what: str, most: int, refusal: type[web.HTTPException]) -> Iterator[None]:
        """Count those who watch or act.

        Raises:
            HTTPException: there are as many as there may be.
        """
        if self._busy[what] >= most:
            raise refusal
        self._busy[what] += 1
        try:
            yield
        finally:
            self._busy[what] -= 1
            if not any(self._busy.values()):
                self._quiet.set()

    # --- every request ------------------------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._doors.heard(request)
        if why := may_ask(request.headers):
            return _refusal(421 if why == "host" else 403, f"refused_{why}")
        try:
            return await handler(request)
        except web.HTTPException as answer:
            return _refusal(answer.status, answer.reason.lower().replace(" ", "_"))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            logger.opt(exception=error).error("the page failed at {}", request.path)
            return _refusal(500, "page_failed")

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _index(self, _request: web.Request) -> web.Response:
        return self._file("index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        if name not in self._static_files:
            raise web.HTTPNotFound
        kind, body = self._static_files[name]
        return web.Response(body=body, content_type=kind, charset="utf-8")

    async def _words(self, request: web.Request) -> web.Response:
        lang = request.match_info["lang"]
        if lang not in words.LANGUAGES:
            raise web.HTTPNotFound
        return web.Response(text=words.text_of(lang), content_type="application/json")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        with self._counted("watching", WATCHERS_MAX, web.HTTPServiceUnavailable):
            return await self._tell(request)

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        watcher = Watcher(self._frames)
        try:
            await _send(response, b"retry: 1000\n\n" + self._hello)
            while not self._over.is_set():
                await _send(response, watcher.news())
                with suppress(TimeoutError):
                    async with asyncio.timeout(FRAME_S):
                        await self._over.wait()
            ended = {"status": self._runner.exit_status, "reason": self._runner.exit_reason}
            if ended["status"] is not None:  # else it was cut off, and knows as little as who watches
                await _send(response, watcher.news() + message("ended", encode(ended)))
        except TimeoutError:
            hang_up(request.transport)
        except ConnectionError:  # whoever watched has gone
            pass
        return response

    # --- acting -------------------------------------------------------------------------------------------------------

    async def _act(self, request: web.Request) -> web.StreamResponse:
        if not has_token(request.headers, self._token):
            return _refusal(401, "wrong_token")
        name = request.match_info["name"]
        if name not in ACTIONS:
            raise web.HTTPNotFound
        if request.content_type != "application/json":
            return _refusal(415, "not_json")
        with self._counted("acting", ACTIONS_MAX, web.HTTPTooManyRequests):
            try:
                async with asyncio.timeout(BODY_S):
                    answers = self._commands.begin(name, wait_of(json.loads(await request.read())))
            except (TimeoutError, ValueError, TypeError, AttributeError, RecursionError):
                return _refusal(400, "bad_request")
            return await _answer(request, answers)


async def _answer(request: web.Request, answers: AsyncIterator[Answer]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    first = await anext(answers)  # done by now, whether or not whoever asked is still there to hear of it
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(encode(first).encode() + b"\n")
        async for answer in answers:
            await response.write(encode(answer).encode() + b"\n")
    return response


async def _send(response: web.StreamResponse, data: bytes) -> None:
    """Send a message.

    Raises:
        TimeoutError: whoever watches does not take it.
    """
    async with asyncio.timeout(STUCK_S):
        await response.write(data)


def _mounted(mount: Mount) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        body, kind = mount()
        return web.Response(body=body, headers={"Content-Type": kind})

    return handler


def _refusal(status: int, code: str) -> web.Response:
    text = encode({"ok": False, "final": True, "text": f"refused: {code}", "code": code, "args": {}})
    return web.Response(status=status, text=text, content_type="application/json")


async def _with_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _static_files() -> dict[str, tuple[str, bytes]]:
    """Every file of the page, read once: content type and bytes by name."""
    folder = files("runner.page") / "static"
    return {
        it.name: (TYPES[Path(it.name).suffix], it.read_bytes())
        for it in folder.iterdir()
        if Path(it.name).suffix in TYPES
    }
