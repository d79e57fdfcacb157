"""Everything the runner is told, once: the desk's parameters and its own, from the environment, `.env` and defaults.

The environment wins over `.env`, `.env` over the default; where each value came from is remembered. A value that cannot
be used stops the program before anything is opened, naming the variable, what came and what it takes. Secrets appear in
no repr, no error and no table.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from mmfsm.errors import MmfsmError, ParamError
from mmfsm.params import Params, param, parse, text_of
from mmfsm.values import plain
from runner.bitget import hosts

HIDDEN = "***"
OURS = ("BITGET_",)
DEMO_WS = "wss://wspap.bitget.com/v2/ws/"
LIVE_WS = "wss://ws.bitget.com/v2/ws/"
GUARDIAN_BEATS_MIN = 4
LOG_FILES_MIN = 3
SECRET_LEN_MIN = 8
"""A part of an alert's URL that is shorter than this is no token."""

_CLOSE = 0.86  # difflib ratio from which a strange name is taken for a slip of one of ours


class EnvFileError(MmfsmError, ValueError):
    """A line of `.env` cannot be read. Names file and line; never shows the line, which may hold a secret."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}, line {line}: {why}")
        self.line = line
        self.why = why


def _hide_secrets(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    return [field.evolve(repr=False) if field.metadata.get("secret") else field for field in fields]


@attrs.frozen(kw_only=True, field_transformer=_hide_secrets)
class Settings(Params):
    """The desk's parameters and the runner's. Cross-field rules are checked at the end of construction."""

    # What leaves the process
    dry_run: bool = param(True, "no order leaves: each is answered here, and no key is needed")
    simulated_spot_fill: bool = param(False, "spot hedges are pretend fills marked simulated; never with real orders")

    # The exchange
    bitget_api_key: str = param("", "API key", secret=True)
    bitget_api_secret: str = param("", "API secret", secret=True)
    bitget_api_passphrase: str = param("", "API passphrase", secret=True)
    bitget_demo: bool = param(False, "Bitget's own demo trading: its header, its sockets, a demo key")
    bitget_rest_url: str = param("https://api.bitget.com", "where requests go")
    bitget_ws_public_url: str = param(LIVE_WS + "public", "where market data comes from")
    bitget_ws_private_url: str = param(LIVE_WS + "private", "where fills and orders come from")

    # Requests
    request_timeout_ms: int = param(3_000, "a request without an answer is given up after this", "ms", 50, 59_999)
    hedge_idle_ms: int = param(10_000, "the hedges' connection is used at least this often", "ms", 500, 60_000)

    # Sockets
    ws_connect_timeout_ms: int = param(10_000, "a connection attempt is given up after this", "ms", 50, 60_000)
    ws_login_timeout_ms: int = param(10_000, "a login without an answer is given up after this", "ms", 50, 60_000)
    ws_ack_timeout_ms: int = param(10_000, "a subscription without an answer is refused after this", "ms", 50, 60_000)
    ws_ping_ms: int = param(20_000, "time between pings", "ms", 50, 25_000)
    ws_pong_timeout_ms: int = param(10_000, "a ping without an answer closes the socket after this", "ms", 50, 60_000)
    ws_backoff_min_ms: int = param(500, "first pause before connecting again", "ms", 1, 60_000)
    ws_backoff_max_ms: int = param(10_000, "longest pause before connecting again", "ms", 1, 300_000)

    # What outlives a run
    state_dir: str = param("~/.mmfsm", "where the lock and the journal of each account and symbol are kept")
    fresh_start: bool = param(False, "forget what the journal knows of earlier runs; start from what the account holds")

    # The guardian: a second process, only where orders are sent
    guardian: bool = param(True, "a guardian process cancels our quotes should this one die or freeze")
    guardian_beat_ms: int = param(500, "how often the guardian is told that the loop turns", "ms", 20, 10_000)
    guardian_silent_ms: int = param(5_000, "nothing told for this long: the guardian cancels", "ms", 100, 600_000)
    guardian_flatten: bool = param(False, "after a death the guardian closes the held pair too")

    # The page
    status_port: int = param(0, "the operator's page is at this port of 127.0.0.1; 0 = no page", "", 0, 65_535)

    # The log
    log_path: str = param("logs/mmfsm.jsonl", "the log, one JSON object a line")
    log_level: str = param("INFO", "the console's level", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    log_rotate_mb: int = param(50, "the log begins a new file past this size", "MB", 1, 10_000)
    log_keep: int = param(40, "how many full files are kept", "files", 1, 10_000)
    log_max_mb: int = param(1_000, "what the log's full files may take together; the oldest go", "MB", 3, 1_000_000)

    # The disk
    journal_max_mb: int = param(1_000, "what the journal's full files may take together", "MB", 20, 1_000_000)
    disk_free_min_mb: int = param(500, "less than this free where log or journal lie is told; 0: not watched", "MB", 0)

    # Alerts
    alert_urls: str = param("", "where alerts go: URLs of apprise's, with spaces or commas between", secret=True)
    alert_after_sec: int = param(30, "a halt that goes by itself is told when it has lasted this", "s", 1, 86_400)
    alert_repeat_min: int = param(
        30, "the same reason is told once in this time; the rest are counted", "min", 1, 1_440
    )
    alert_hour_max: int = param(20, "messages an hour; a quarter is kept for what is urgent", "messages", 4, 1_000)
    alert_lang: str = param("en", "the language alerts are in", choices=("en", "ja"))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._check_urls()
        self._check_keys()
        self._check_times()
        _check_path("LOG_PATH", self.log_path)
        _check_path("STATE_DIR", self.state_dir)

    def _check_urls(self) -> None:
        for name, schemes in (
            ("bitget_rest_url", ("http", "https")),
            ("bitget_ws_public_url", ("ws", "wss")),
            ("bitget_ws_private_url", ("ws", "wss")),
        ):
            url = getattr(self, name)
            try:
                parts = hosts.split(url, schemes)
            except ValueError as error:
                raise ParamError(name.upper(), hosts.host_of(url) or "(not shown)", str(error)) from None
            if name == "bitget_rest_url" and parts.path not in ("", "/"):
                raise ParamError(name.upper(), url, "an address without a path")
            if self.has_keys and not hosts.may_hold_keys(url):
                takes = "an address of Bitget (https or wss, *.bitget.com) or of this machine while an API key is set"
                raise ParamError(name.upper(), url, takes)

    def _check_keys(self) -> None:
        names = ("bitget_api_key", "bitget_api_secret", "bitget_api_passphrase")
        missing = [name.upper() for name in names if not getattr(self, name)]
        if missing and (len(missing) < len(names) or not self.dry_run):
            why = "DRY_RUN=0 needs all three" if not self.dry_run else "the three go together"
            raise ParamError(missing[0], "(not set)", f"the account's own ({why}: {', '.join(missing)} missing)")
        if self.dry_run:
            return
        if self.simulated_spot_fill and not self.is_loopback:
            takes = "0 with DRY_RUN=0: real perp orders with pretend hedges would be a naked leg (allowed on loopback)"
            raise ParamError("SIMULATED_SPOT_FILL", "1", takes)
        if hosts.is_loopback(self.bitget_rest_url) != hosts.is_loopback(self.ws_private_url):
            takes = "the same exchange as BITGET_REST_URL: orders sent to one are not told by the other"
            raise ParamError("BITGET_WS_PRIVATE_URL", self.ws_private_url, takes)

    def _check_times(self) -> None:
        if self.request_timeout_ms >= self.answer_bound_ms:
            takes = f"less than ANSWER_BOUND_MS ({self.answer_bound_ms} ms)"
            raise ParamError("REQUEST_TIMEOUT_MS", self.request_timeout_ms, takes)
        if self.ws_backoff_min_ms > self.ws_backoff_max_ms:
            takes = f"at most WS_BACKOFF_MAX_MS ({self.ws_backoff_max_ms} ms)"
            raise ParamError("WS_BACKOFF_MIN_MS", self.ws_backoff_min_ms, takes)
        if self.log_max_mb < LOG_FILES_MIN * self.log_rotate_mb:
            # A file that is full is still as it was written when the next is begun.
            takes = f"at least {LOG_FILES_MIN} times LOG_ROTATE_MB ({self.log_rotate_mb} MB)"
            raise ParamError("LOG_MAX_MB", self.log_max_mb, takes)
        if self.guardian_silent_ms < GUARDIAN_BEATS_MIN * self.guardian_beat_ms:
            # One late beat is no silence: a guardian that acts on a living runner would do harm.
            takes = f"at least {GUARDIAN_BEATS_MIN} times GUARDIAN_BEAT_MS ({self.guardian_beat_ms} ms)"
            raise ParamError("GUARDIAN_SILENT_MS", self.guardian_silent_ms, takes)

    @property
    def log_file(self) -> Path:
        """LOG_PATH with a leading ~ as the home it stands for."""
        return Path(self.log_path).expanduser()

    @property
    def state_root(self) -> Path:
        """STATE_DIR likewise."""
        return Path(self.state_dir).expanduser()

    @property
    def has_keys(self) -> bool:
        return bool(self.bitget_api_key)

    @property
    def is_loopback(self) -> bool:
        """True when every address is on this machine."""
        return all(
            hosts.is_loopback(url) for url in (self.bitget_rest_url, self.bitget_ws_public_url, self.ws_private_url)
        )

    @property
    def ws_public_url(self) -> str:
        """The public socket's address; demo trading has hosts of its own (Bitget: Demo Trading, WebSocket)."""
        return _demo(self.bitget_ws_public_url) if self.bitget_demo else self.bitget_ws_public_url

    @property
    def ws_private_url(self) -> str:
        return _demo(self.bitget_ws_private_url) if self.bitget_demo else self.bitget_ws_private_url

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is set, for the writers that must never show one."""
        values = [getattr(self, field.name) for field in attrs.fields(type(self)) if field.metadata["secret"]]
        parts = {part for url in alert_urls_of(self.alert_urls) for part in secrets_of(url)}
        return tuple(value for value in (*values, *sorted(parts, key=len, reverse=True)) if value)

    def redacted(self) -> dict[str, object]:
        """Return every setting by its name in capitals, as the log's first record shows it."""
        return {field.name.upper(): _shown(field, getattr(self, field.name)) for field in attrs.fields(type(self))}


def alert_urls_of(text: str) -> list[str]:
    """Return the URLs of ALERT_URLS. A comma within a URL (two receivers of a mail) does not end it.

    >>> alert_urls_of("json://a.b/c, mailto://x:y@z.org?to=a@b.c,d@e.f")
    ['json://a.b/c', 'mailto://x:y@z.org?to=a@b.c,d@e.f']
    """
    return [url for url in re.split(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)", text.strip(" ,")) if url]


def secrets_of(url: str) -> set[str]:
    """Return the URL and every part of it that may be a token: no host's name, and no mere number.

    >>> sorted(secrets_of("discord://1234567890/abcdefgh?tts=no"))
    ['abcdefgh', 'discord://1234567890/abcdefgh?tts=no']
    >>> sorted(secrets_of("json://example.com/a-longer-path"))
    ['a-longer-path', 'json://example.com/a-longer-path']
    """
    parts = re.split(r"[/:@?&=,\s]+", url.partition("://")[2])
    open_ = r"-?[0-9]+|[\w-]+(\.[\w-]+)+"  # a chat's number, a host's name
    return {url} | {part for part in parts if len(part) >= SECRET_LEN_MIN and not re.fullmatch(open_, part)}


def _check_path(name: str, path: str) -> None:
    if not path or "\0" in path:
        raise ParamError(name, path, "a path")
    try:
        Path(path).expanduser()
    except RuntimeError:
        raise ParamError(name, path, "a path; a ~ it begins with must stand for the home of a user there is") from None


def _demo(url: str) -> str:
    return DEMO_WS + url.removeprefix(LIVE_WS) if url.startswith(LIVE_WS) else url


def _shown(field: attrs.Attribute[Any], value: Any) -> object:
    if field.metadata["secret"]:
        return HIDDEN if value else ""
    return plain(value) if isinstance(value, Decimal) else value


def _fields() -> dict[str, attrs.Attribute[Any]]:
    return {field.name.upper(): field for field in attrs.fields(Settings)}


def load_settings(environ: Mapping[str, str], env_file: Path = Path(".env")) -> tuple[Settings, dict[str, str]]:
    """Build the settings from the environment over `env_file` over the defaults.

    Args:
        environ: the process environment; names that are not ours are left alone.
        env_file: read when it exists; every name in it must be a setting.

    Returns:
        The settings, and for each name in capitals its origin: "environment", "<file>:<line>" or "default".

    Raises:
        ParamError: an unknown name, or a value that is not usable.
        EnvFileError: a line of the file cannot be read.
    """
    fields = _fields()
    texts: dict[str, str] = {}
    origins = dict.fromkeys(fields, "default")
    for name, (text, line) in _read_env_file(env_file).items():
        if name not in fields:
            raise _unknown(f"{env_file}:{line}: {name}", name, fields)
        texts[name], origins[name] = text, f"{env_file}:{line}"
    for name, text in environ.items():
        if name in fields:
            texts[name], origins[name] = text, "environment"
        elif name.upper().startswith(OURS) or _near(name, fields):
            raise _unknown(name, name, fields)
    return from_texts(texts), origins


def setting_names() -> frozenset[str]:
    """Return the name of every setting, in capitals."""
    return frozenset(_fields())


def to_texts(settings: Settings) -> dict[str, str]:
    """Return every setting as the text it could have been read from, secrets included: for a child process's pipe."""
    return {name: text_of(getattr(settings, field.name)) for name, field in _fields().items()}


def from_texts(texts: Mapping[str, str]) -> Settings:
    """Return the settings that `to_texts` wrote.

    Raises:
        KeyError: a name is no setting.
        ParamError: a value is not usable.
    """
    fields = _fields()
    return Settings(**{fields[name].name: parse(fields[name], text) for name, text in texts.items()})


def _near(name: str, fields: Mapping[str, object], ratio: float = _CLOSE) -> str | None:
    found = difflib.get_close_matches(name.upper(), fields, n=1, cutoff=ratio)
    return found[0] if found else None


def _unknown(shown: str, name: str, fields: Mapping[str, object]) -> ParamError:
    near = _near(name, fields, 0.6)
    hint = f"; did you mean {near}?" if near else ""
    return ParamError(shown, "(not shown)", f"no value: there is no such setting{hint}")


def _read_env_file(path: Path) -> dict[str, tuple[str, int]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise EnvFileError(path, 0, f"cannot be read as a UTF-8 text file ({type(error).__name__})") from None
    found: dict[str, tuple[str, int]] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name = name.strip().removeprefix("export ").strip()
        if not equals or not name.isidentifier():
            raise EnvFileError(path, number, "expected NAME=VALUE, a comment or nothing")
        if name in found:
            raise EnvFileError(path, number, f"{name} is set again (first on line {found[name][1]}); keep one")
        found[name] = (_unquoted(path, number, value.strip()), number)
    return found


def _unquoted(path: Path, number: int, value: str) -> str:
    # 'single' is taken as it is, "double" too; an unquoted value ends at " #".
    if value[:1] in ("'", '"'):
        body, quote, rest = value[1:].partition(value[0])
        if not quote:
            raise EnvFileError(path, number, f"the quote {value[0]} is not closed")
        if rest.strip() and not rest.lstrip().startswith("#"):
            raise EnvFileError(path, number, "there is text after the closing quote")
        return body
    return "" if value.startswith("#") else value.split(" #", 1)[0].rstrip()


def config_table(settings: Settings, origins: Mapping[str, str]) -> str:
    """Lay every setting out for a person: name, value, unit, default, origin, help. Secrets are shown as ***."""
    rows = [("NAME", "VALUE", "UNIT", "DEFAULT", "ORIGIN", "HELP")]
    for name, field in _fields().items():
        meta = field.metadata
        value, default = (_cell(_shown(field, it)) for it in (getattr(settings, field.name), field.default))
        rows.append((name, value, meta["unit"] or "-", default, origins.get(name, "default"), meta["help"]))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]) for row in rows
    )
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "-" if value is None else str(value) or "-"
