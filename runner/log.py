"""The log: one JSON object a line for whoever asks later, short lines on stderr for whoever watches.

Every line has every field; one that does not apply is null. Decimals are plain strings, never exponents. Whatever
libraries log through `logging` arrives here too, from WARNING up also as lines of `event` "log". No secret of the
settings appears in either place. Files are cut by size, compressed on a thread of their own and never on the loop
that trades, and kept up to a number and a size.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from loguru import logger

from mmfsm.actions import Record
from mmfsm.clock import now_ms
from mmfsm.errors import ParamError
from mmfsm.values import plain
from runner.bitget import wire
from runner.logfiles import full_files, left_parts
from runner.logwatch import LogWitness
from runner.packing import PACKED, oldest_beyond, pack
from runner.saying import say
from runner.settings import HIDDEN, Settings

if TYPE_CHECKING:
    from loguru import Message
    from loguru import Record as LoguruRecord

FIELDS = (
    "ts", "event", "intent", "source", "mode", "reason", "leg", "cycle_id", "data", "res", "simulated", "dry_run",
    "inst_type", "client_oid", "exch_order_id", "exch_trade_id", "dedupe_key", "pos_snapshot",
)  # fmt: skip
NOISY = {"transitions": "WARNING", "pybotters": "WARNING", "aiohttp": "WARNING", "asyncio": "WARNING"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What the exchange says is shown, and never obeyed: no escape sequence of another's reaches the terminal."""

_JSON_NO = 1  # loguru's level of the JSON lines: below every console's, so that no other sink looks at them
_QUIET_EVENTS = ("tick",)  # on the console only at DEBUG
_KEY_DATA = ("side", "price", "qty", "fee", "remain", "status", "what_to_do")


class Intercept(logging.Handler):
    """Hands records of the standard `logging` to loguru, with the place they came from."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno

        def name_it(told: LoguruRecord) -> None:
            told["name"] = record.name

        logger.patch(name_it).opt(exception=record.exc_info).log(level, "{}", record.getMessage())


class Log:
    """The open log of one run. Close it to flush and to give `logging` back as it was."""

    def __init__(self, settings: Settings, run_id: str, terms: Callable[[], wire.Terms]) -> None:
        self.path = settings.log_file
        self._run_id = run_id
        self._terms = terms
        self._settings = settings
        self.hide = hider(settings.secrets)
        """Return a text with every secret of the settings replaced."""
        self._json = logger.bind(run=run_id, json=True).opt(raw=True)
        self._console_no = logger.level(settings.log_level).no
        self._sinks: list[int] = []
        self._file: int | None = None
        self._witness = LogWitness(self.path)
        self._is_broken = False
        self._packer = ThreadPoolExecutor(1, "log-compression")
        self._before: tuple[list[logging.Handler], int] = ([], logging.WARNING)

    def open(self) -> None:
        """Open the file and the console, and write the first record.

        Raises:
            ParamError: the file cannot be written.
        """
        level = self._settings.log_level
        try:
            self._open_file()
        except OSError as error:
            raise ParamError("LOG_PATH", str(self.path), f"a file that can be written ({error.strerror})") from None
        _remove_loguru_default()
        self._sinks.append(logger.add(self._to_console, level=level, filter=_is_text, format=_line, diagnose=False))
        self._sinks.append(logger.add(self._text_as_record, level="WARNING", filter=_is_text, format="{message}"))
        self._take_logging(level)
        self._write_first()

    def _open_file(self) -> None:
        """Open what LOG_PATH names, and only then close what was open before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        before = self._file
        self._file = logger.add(
            str(self.path).replace("{", "{{").replace("}", "}}"),  # loguru would fill in what is in braces
            level=_JSON_NO,
            format="{message}",
            filter=self._is_mine,
            rotation=self._settings.log_rotate_mb * 1_000_000,
            compression=self._put_away,
            encoding="utf-8",
            errors="backslashreplace",  # half a character of the exchange's is \ud800 then, as JSON spells it
            catch=False,  # `_put` says it in a sentence
        )
        if before is not None:
            _close_sink(before)

    def _take_logging(self, level: str) -> None:
        root = logging.getLogger()
        self._before = (root.handlers[:], root.level)
        root.handlers[:] = [Intercept()]
        root.setLevel(level)
        for name, least in NOISY.items():
            logging.getLogger(name).setLevel(least)

    def close(self) -> None:
        for sink in self._sinks if self._file is None else (self._file, *self._sinks):
            _close_sink(sink)
        self._sinks, self._file = [], None
        self._packer.shutdown()
        root = logging.getLogger()
        root.handlers[:], level = self._before
        root.setLevel(level)

    def is_broken(self) -> bool:
        """Say whether lines that were written since the last look have left no trace in the file."""
        return self._witness.is_broken()

    def mend(self) -> bool:
        """After a failure: open the file anew, also where it was removed or moved, and write a line. Returns whether
        what comes next can be written down."""
        if not (self.is_broken() or self._is_broken):
            return True
        try:
            self._open_file()
        except OSError as error:
            self._say_broken(error)
            return False
        self._put_text("INFO", "runner.log", "the log is written again")
        self._witness.wrote()
        return not (self.is_broken() or self._is_broken)

    def write(self, record: Record, **extra: Any) -> None:
        """Write one record.

        Args:
            record: what happened; with `request` set, `data` gets under "request" the body it becomes on the wire.
            extra: what only the runner knows of it; goes under `data` too.
        """
        data = record.data
        if record.request is not None or extra:
            data = {**(data or {}), **extra}
            if record.request is not None:
                data["request"] = self._body(record)
        line = {
            "ts": record.at_ms,
            "event": record.event,
            "intent": record.intent,
            "source": record.source,
            "mode": record.mode,
            "reason": record.reason,
            "leg": record.leg,
            "cycle_id": record.cycle_id,
            "data": data,
            "res": record.res,
            "simulated": record.simulated,
            "dry_run": self._settings.dry_run if record.dry_run is None and record.intent else record.dry_run,
            "inst_type": record.inst_type,
            "client_oid": record.client_oid,
            "exch_order_id": record.exch_order_id,
            "exch_trade_id": record.exch_trade_id,
            "dedupe_key": record.dedupe_key,
            "pos_snapshot": record.pos_snapshot,
        }
        self._put(line)
        self._witness.wrote()  # of this thread's alone: another's might be counted, and not be in the file yet
        level = "DEBUG" if record.event in _QUIET_EVENTS else "WARNING" if record.event == "risk" else "INFO"
        if logger.level(level).no >= self._console_no:
            logger.bind(told=record).log(level, "{}", words(record, data or {}))

    def _body(self, record: Record) -> object:
        assert record.request is not None
        try:
            return wire.place_body(record.request, self._terms(), record.at_ms)
        except ValueError as error:
            return {"not_sent": str(error)}

    def _put(self, line: dict[str, Any]) -> None:
        text = self.hide(encode(line)) + "\n"
        try:
            try:
                self._json.log(_JSON_NO, text)
            except ValueError:  # closing a full file failed: loguru keeps it, closed, and opens no other
                self._open_file()
                self._json.log(_JSON_NO, text)
        except Exception as error:  # the log's witness halts for it; whoever trades goes on
            self._say_broken(error)
        else:
            self._is_broken = False

    def _say_broken(self, error: Exception) -> None:
        """Tell whoever watches, once until a line is written again. Not by way of loguru: its locks may be held."""
        if not self._is_broken:
            self._is_broken = True
            why = f"{type(error).__name__}: {error}"
            say(f"{self.path} cannot be written ({why}): make room, or see where it went; then resume\n")

    def _is_mine(self, record: LoguruRecord) -> bool:
        return record["extra"].get("run") == self._run_id

    def _to_console(self, message: Message) -> None:
        say(_CONTROL.sub("?", self.hide(message)))

    def _text_as_record(self, message: Message) -> None:
        # What libraries warn of; records have their own line already.
        it = message.record
        if "told" not in it["extra"]:
            self._put_text(it["level"].name, it["name"], str(it["message"]))

    def _put_text(self, level: str, source: str | None, text: str) -> None:
        told = {"ts": now_ms(), "event": "log", "source": source, "data": {"level": level, "text": text}}
        self._put(dict.fromkeys(FIELDS) | told)

    def _put_away(self, _path: str) -> None:
        # One thread, one file after the other: the loop that trades waits for none of it. Old files go there too, since
        # loguru's own retention would count a file that is being compressed two or three times.
        self._packer.submit(_pack_all, self.path)
        settings = self._settings
        self._packer.submit(_forget_oldest, self.path, settings.log_keep, settings.log_max_mb * 1_000_000)

    def _write_first(self) -> None:
        data = {
            "run_id": self._run_id,
            "version": version_of_mmfsm(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": sys.version.split()[0],
            "config": self._settings.redacted(),
        }
        first = {"ts": now_ms(), "event": "run", "source": "runner", "dry_run": self._settings.dry_run, "data": data}
        self._put(dict.fromkeys(FIELDS) | first)


def open_log(settings: Settings, run_id: str, terms: Callable[[], wire.Terms] | None = None) -> Log:
    """Open the log of a run.

    Args:
        settings: path, level, rotation; and the secrets that are never to be written.
        run_id: names the run in the first record.
        terms: what orders are sent with at the moment (`lambda: gateway.terms`); as configured, when left out.

    Raises:
        ParamError: LOG_PATH cannot be written.
    """
    configured = wire.Terms.of(settings)
    log = Log(settings, run_id, terms or (lambda: configured))
    log.open()
    return log


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what replaces these secrets in a text. JSON spells some characters differently: either spelling goes, the
    longest first, since one secret may be a part of another."""
    spelled = sorted({text for it in secrets for text in (it, json.dumps(it)[1:-1])}, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in spelled:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text

    return hide


def words(record: Record, data: dict[str, Any]) -> str:
    """Return a record as the console's line says it."""
    return " ".join(word for word in (record.mode, record.event, details(record, data)) if word)


def details(record: Record, data: dict[str, Any]) -> str:
    """Return what a line says of a record beyond its mode and event."""
    shown = [f"{key}={_word(data[key])}" for key in _KEY_DATA if data.get(key) is not None]
    if record.request is not None:
        shown = [f"{record.request.side} {plain(record.request.qty)} @ {plain(record.request.price)}"]
    said = [str(word) for word in (record.intent, record.leg, record.reason) if word]
    return " ".join(said + shown + ["(dry run)"] * bool(record.dry_run))


def _word(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _to_json(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    kind: type = type(value)
    if attrs.has(kind):
        return {field.name: getattr(value, field.name) for field in attrs.fields(kind)}
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


encode = json.JSONEncoder(default=_to_json, ensure_ascii=False).encode
"""Writes a value as one line of JSON: Decimals as plain text, attrs values by their fields."""


def _is_text(record: LoguruRecord) -> bool:
    return "json" not in record["extra"]


def _line(record: LoguruRecord) -> str:
    told = record["extra"].get("told")
    when = datetime.fromtimestamp((told.at_ms if told else now_ms()) / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    source = "" if told else f" {record['name']}:"
    level = "" if record["level"].no < 30 else f" {record['level'].name}"
    return f"{when}{level}{source} {{message}}\n{{exception}}".replace("<", r"\<")


def _pack_all(current: Path) -> None:
    """Compress every full file of a log, and what a kill or a full disk had kept from it; half a file goes."""
    for part in left_parts(current):
        part.unlink(missing_ok=True)
    for path in full_files(current):
        if path.suffix == PACKED:
            path.with_suffix("").unlink(missing_ok=True)  # killed between the two: the compressed one is whole
        else:
            pack(path)


def _forget_oldest(current: Path, keep: int, bytes_max: int) -> None:
    """Delete the oldest full files of a log beyond `keep` and beyond what they may take together."""
    for path in oldest_beyond(full_files(current)[-keep:], bytes_max) + full_files(current)[:-keep]:
        path.unlink(missing_ok=True)


def _close_sink(sink: int) -> None:
    """On a full disk what could be written is written; what else closes, closes all the same."""
    with suppress(OSError, ValueError):  # the latter: its file was closed before
        logger.remove(sink)


def _remove_loguru_default() -> None:
    try:
        logger.remove(0)  # loguru's own stderr sink would say everything twice
    except ValueError:
        return


@cache
def version_of_mmfsm() -> str:
    """Return the installed version of this package, or "unknown" in an uninstalled checkout."""
    try:
        return version("mmfsm")
    except PackageNotFoundError:
        return "unknown"
