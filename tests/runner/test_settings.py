"""Where settings come from, what they may be, and that no secret shows."""

from decimal import Decimal as D
from pathlib import Path

import attrs
import pytest

from mmfsm.errors import MmfsmError, ParamError
from mmfsm.params import Params
from runner.settings import EnvFileError, Settings, config_table, load_settings

KEYS = {"BITGET_API_KEY": "bg_topkey", "BITGET_API_SECRET": "very-secret", "BITGET_API_PASSPHRASE": "open-sesame"}
LOOPBACK = {
    "BITGET_REST_URL": "http://127.0.0.1:8080",
    "BITGET_WS_PUBLIC_URL": "ws://127.0.0.1:8080/v2/ws/public",
    "BITGET_WS_PRIVATE_URL": "ws://127.0.0.1:8080/v2/ws/private",
}
NO_FILE = Path("/nonexistent/.env")


def load(environ: dict[str, str], env_file: Path = NO_FILE) -> Settings:
    return load_settings(environ, env_file)[0]


def env_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / ".env"
    path.write_text(text, encoding="utf-8")
    return path


# --- sources ----------------------------------------------------------------------------------------------------------


def test_the_defaults_send_nothing_and_need_no_key() -> None:
    settings, origins = load_settings({}, NO_FILE)
    assert settings.dry_run and not settings.simulated_spot_fill and not settings.has_keys
    assert set(origins.values()) == {"default"}
    assert set(origins) == {field.name.upper() for field in attrs.fields(Settings)}


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    path = env_file(tmp_path, "TICK_SEC=2\nLOG_KEEP=7\n")
    settings, origins = load_settings({"TICK_SEC": "0.5", "HOME": "/root", "PATH": "/bin"}, path)
    assert (settings.tick_sec, settings.log_keep, settings.log_rotate_mb) == (D("0.5"), 7, 50)
    assert (origins["TICK_SEC"], origins["LOG_KEEP"], origins["LOG_ROTATE_MB"]) == (
        "environment", f"{path}:2", "default",
    )  # fmt: skip


def test_every_parameter_of_the_desk_is_a_setting() -> None:
    names = {field.name for field in attrs.fields(Settings)}
    assert {field.name for field in attrs.fields(Params)} <= names
    for field in attrs.fields(Settings):
        assert field.metadata["help"], field.name


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("LOG_PATH=a.jsonl", "a.jsonl"),
        ("export LOG_PATH = a.jsonl", "a.jsonl"),
        ("LOG_PATH='a # b.jsonl'  # c", "a # b.jsonl"),
        ('LOG_PATH="a=b"', "a=b"),
        ("LOG_PATH=a.jsonl # the log", "a.jsonl"),
        ("LOG_PATH=a#b", "a#b"),
        ("\ufeff# comment\r\n\r\nLOG_PATH=a.jsonl\r", "a.jsonl"),
    ],
)
def test_a_line_of_the_file_is_name_equals_value(tmp_path: Path, line: str, value: str) -> None:
    assert load({}, env_file(tmp_path, line)).log_path == value


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("TICK_SEC=1\nnonsense very-secret", 2, "expected NAME=VALUE"),
        ("1X=very-secret", 1, "expected NAME=VALUE"),
        ("=very-secret", 1, "expected NAME=VALUE"),
        ("LOG_PATH='very-secret", 1, "not closed"),
        ("LOG_PATH='very' secret", 1, "after the closing quote"),
        ("TICK_SEC=1\n\nTICK_SEC=2", 3, "set again"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(EnvFileError, match=why) as caught:
        load({}, env_file(tmp_path, text))
    assert caught.value.line == line and f"line {line}" in str(caught.value)
    assert "very" not in str(caught.value)


def test_a_file_that_is_no_text_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EnvFileError, match="UTF-8"):
        load({}, tmp_path / ".env")
    with pytest.raises(EnvFileError, match="cannot be read"):
        load({}, tmp_path)


# --- names ------------------------------------------------------------------------------------------------------------


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ParamError, match=r"\.env:1: HEDGE_SLIP_BP.*did you mean HEDGE_SLIP_BPS"):
        load({}, env_file(tmp_path, "HEDGE_SLIP_BP=3"))
    with pytest.raises(ParamError, match="SHELL"):
        load({}, env_file(tmp_path, "SHELL=/bin/sh"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MAX_POSITON", "MAX_POSITION"),
        ("DRYRUN", "DRY_RUN"),
        ("dry_run", "DRY_RUN"),
        ("BITGET_API_PASSPHASE", "BITGET_API_PASSPHRASE"),
        ("BITGET_SECRET", "BITGET_API_SECRET"),
        ("TICK_SECS", "TICK_SEC"),
    ],
)
def test_a_slip_in_the_environment_is_an_error_that_does_not_show_its_value(name: str, meant: str) -> None:
    with pytest.raises(ParamError, match=f"did you mean {meant}") as caught:
        load({name: "very-secret"})
    assert "very-secret" not in str(caught.value) and caught.value.got == "(not shown)"


@pytest.mark.parametrize("name", ["BITGET_FOO", "BITGET_X"])
def test_a_name_that_looks_like_ours_and_is_none_is_an_error(name: str) -> None:
    with pytest.raises(ParamError, match="no such setting"):
        load({name: "1"})


def test_other_programs_names_are_left_alone() -> None:
    theirs = (
        "PATH HOME SHELL USER LOGNAME LANG LC_ALL TERM PWD OLDPWD DISPLAY EDITOR HOSTNAME PYTHONPATH PYTHONHASHSEED"
    )
    more = "SSH_AUTH_SOCK XDG_RUNTIME_DIR VIRTUAL_ENV HTTP_PROXY no_proxy TZ SHLVL _ MAIL CI GITHUB_ACTIONS LOG LEVEL"
    load({name: "x" for name in f"{theirs} {more}".split()})


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("REQUEST_TIMEOUT_MS", "10", "from 50 to 59999"),
        ("REQUEST_TIMEOUT_MS", "fast", "a whole number of ms"),
        ("WS_PING_MS", "30000", "from 50 to 25000"),  # Bitget expects one every 30 s
        ("DRY_RUN", "maybe", "0 or 1"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO"),
        ("TICK_SEC", "NaN", "a number of s"),
        ("LOG_PATH", "", "a path"),
        ("LOG_PATH", "a\0b", "a path"),
        ("LOG_PATH", "~nobody-there/log.jsonl", "the home of a user there is"),
        ("STATE_DIR", "~nobody-there/state", "the home of a user there is"),
        ("REQUEST_TIMEOUT_MS", "6000", "less than ANSWER_BOUND_MS"),
        ("WS_BACKOFF_MIN_MS", "20000", "at most WS_BACKOFF_MAX_MS"),
        ("BITGET_REST_URL", "api.bitget.com", "an address such as https://host"),
        ("BITGET_REST_URL", "https://[::1", "Invalid IPv6"),
        ("BITGET_REST_URL", "https://api.bitget.com/api/v2", "without a path"),
        ("BITGET_WS_PUBLIC_URL", "https://ws.bitget.com", "an address such as wss://host"),
        ("BITGET_REST_URL", "http://127.0.0.1:port", "not be cast|invalid|Port|port"),
        ("HEDGE_SLIP_BPS", "101", "at most HEDGE_SLIP_MAX_BPS"),  # the desk's own rules hold here too
    ],
)
def test_a_value_that_cannot_be_used_names_the_variable_and_what_it_takes(name: str, value: str, takes: str) -> None:
    with pytest.raises(ParamError, match=takes) as caught:
        load({name: value})
    assert caught.value.name == name


# --- keys and money ---------------------------------------------------------------------------------------------------


def test_real_orders_need_all_three_keys() -> None:
    assert not load({"DRY_RUN": "0", **KEYS}).dry_run
    with pytest.raises(ParamError, match="DRY_RUN=0 needs all three"):
        load({"DRY_RUN": "0"})
    with pytest.raises(ParamError, match=r"BITGET_API_PASSPHRASE.*go together"):
        load({name: KEYS[name] for name in ("BITGET_API_KEY", "BITGET_API_SECRET")})


@pytest.mark.parametrize("name", ["BITGET_REST_URL", "BITGET_WS_PUBLIC_URL", "BITGET_WS_PRIVATE_URL"])
@pytest.mark.parametrize("host", ["evil.example.org", "api.bitget.com.example.org", "10.0.0.1"])
def test_keys_go_to_bitget_and_this_machine_alone(name: str, host: str) -> None:
    url = f"{'https' if 'REST' in name else 'wss'}://{host}"
    with pytest.raises(ParamError, match="while an API key is set") as caught:
        load({name: url, **KEYS})
    assert caught.value.name == name
    load({name: url})  # without a key it is anybody's public data


def test_keys_do_not_travel_in_the_clear() -> None:
    with pytest.raises(ParamError, match="https or wss"):
        load({"BITGET_REST_URL": "http://api.bitget.com", **KEYS})
    load({**LOOPBACK, **KEYS})


def test_pretend_hedges_with_real_orders_are_a_naked_leg() -> None:
    with pytest.raises(ParamError, match="naked leg"):
        load({"DRY_RUN": "0", "SIMULATED_SPOT_FILL": "1", **KEYS})
    assert load({"DRY_RUN": "0", "SIMULATED_SPOT_FILL": "1", **KEYS, **LOOPBACK}).is_loopback
    assert load({"SIMULATED_SPOT_FILL": "1"}).simulated_spot_fill


def test_orders_and_their_news_come_from_one_exchange() -> None:
    with pytest.raises(ParamError, match="BITGET_WS_PRIVATE_URL"):
        load({"DRY_RUN": "0", "BITGET_REST_URL": LOOPBACK["BITGET_REST_URL"], **KEYS})


def test_demo_trading_has_socket_hosts_of_its_own() -> None:
    demo = load({"BITGET_DEMO": "1"})
    assert demo.ws_private_url == "wss://wspap.bitget.com/v2/ws/private"
    assert demo.ws_public_url == "wss://wspap.bitget.com/v2/ws/public"
    assert load({}).ws_public_url == "wss://ws.bitget.com/v2/ws/public"
    assert load({"BITGET_DEMO": "1", **LOOPBACK}).ws_public_url == LOOPBACK["BITGET_WS_PUBLIC_URL"]


# --- showing ----------------------------------------------------------------------------------------------------------


def test_no_secret_shows_in_repr_table_or_first_record() -> None:
    settings, origins = load_settings(KEYS, NO_FILE)
    shown = repr(settings) + config_table(settings, origins) + str(settings.redacted())
    assert not [value for value in KEYS.values() if value in shown]
    assert settings.redacted()["BITGET_API_KEY"] == "***"
    assert set(settings.secrets) == set(KEYS.values())
    assert load({}).redacted()["BITGET_API_KEY"] == ""


def test_no_secret_shows_in_an_error() -> None:
    for broken in ({"BITGET_REST_URL": "https://u:very-secret@api.bitget.com"}, {"TICK_SEC": "x"}):
        with pytest.raises(MmfsmError) as caught:
            load({**KEYS, **broken})
        assert "secret" not in str(caught.value)


def test_the_table_has_a_line_for_every_setting_with_value_origin_and_help() -> None:
    settings, origins = load_settings({"TICK_SEC": "0.5", **KEYS}, NO_FILE)
    lines = config_table(settings, origins).splitlines()
    assert len(lines) == 1 + len(attrs.fields(Settings))
    tick = next(line for line in lines if line.startswith("TICK_SEC "))
    assert tick.split()[:5] == ["TICK_SEC", "0.5", "s", "1", "environment"] and tick.endswith("time between ticks")
    assert next(line for line in lines if line.startswith("BITGET_API_SECRET ")).split()[1] == "***"
