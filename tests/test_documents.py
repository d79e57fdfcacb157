"""The documents: the same in both languages, every command runs, every setting is there, every link leads somewhere."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import attrs
import pytest

from runner.guardian import ACT_BOUND_S, FLATTEN_BOUND_S
from runner.settings import setting_names
from runner.settings_ja import HELP
from runner.settings_page import GROUPS
from tests.support import readme
from tests.support.readme import ROOT

LANGUAGES = tuple(readme.FILES)
PAGES = [ROOT / "README.md", ROOT / "README.ja.md", *sorted((ROOT / "examples").rglob("*.md"))]


# --- two languages, one content ---------------------------------------------------------------------------------------


def test_both_languages_have_the_same_headings_in_the_same_order() -> None:
    """Level by level, one for one; and under each, links to the same files and the same named things."""
    en, ja = (readme.read(lang) for lang in LANGUAGES)
    levels = [[level for level, _words in readme.headings(text)] for text in (en, ja)]

    assert levels[0] == levels[1] and len(levels[0]) > 20
    for english, japanese in zip(readme.sections(en), readme.sections(ja), strict=True):
        assert same(english) == same(japanese)


def same(section: str) -> tuple[list[str], set[str]]:
    """What no language changes in a section: where its links lead, and what it names in code."""
    files = sorted(link for link in readme.links(section) if not link.startswith(("#", "README")))
    return files, {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", readme.prose(section))}


def test_both_languages_have_the_same_commands_and_code() -> None:
    """Line by line, but for the remarks; Python to the letter."""
    en, ja = (readme.read(lang) for lang in LANGUAGES)

    assert readme.commands(en) == readme.commands(ja)
    for kind in ("python", "ini"):
        assert [it for it in readme.blocks(en) if it.kind == kind] == [
            it for it in readme.blocks(ja) if it.kind == kind
        ]


def test_both_languages_have_the_same_tables() -> None:
    """As many rows, and in each row the same names in the first cell."""
    en, ja = (readme.tables(readme.read(lang)) for lang in LANGUAGES)

    assert [len(rows) for rows in en] == [len(rows) for rows in ja]
    for english, japanese in zip(en, ja, strict=True):
        for one, other in zip(english[2:], japanese[2:], strict=True):
            assert names(one.split("|")[1]) == names(other.split("|")[1]), (one, other)


def names(cell: str) -> list[str]:
    """Code and capitals of a cell: what no language changes."""
    return re.findall(r"`[^`]+`|\b[A-Z]{3,}\b", cell)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_generated_tables_are_what_the_code_says(lang: str) -> None:
    """A setting that is new, renamed or explained otherwise: `make readme` brings the page up to date."""
    assert readme.filled(readme.read(lang), lang) == readme.read(lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_setting_is_there(lang: str) -> None:
    """A row for each, and no setting is named that does not exist."""
    text = readme.read(lang)
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| [^|]*\| [^|]*\| [^|]+\|$", text, re.MULTILINE)

    assert sorted(rows) == sorted(setting_names())
    mentioned = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`", text)) - setting_names()
    assert mentioned <= {"BASE_HALF_SPREAD"} | {word for word in mentioned if word.startswith("ACCESS_")}


def test_every_setting_is_explained_in_japanese() -> None:
    """One line each, and none for a setting that is gone; so are the names of the groups."""
    assert set(HELP) == setting_names()
    assert all(
        re.search(r"[ぁ-んァ-ン一-龥]", words) for words in (*HELP.values(), *(ja for _en, ja in GROUPS.values()))
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of this repository, or to a heading of the page."""
    text = page.read_text(encoding="utf-8")
    anchors = {readme.anchor(words) for _level, words in readme.headings(text)}
    broken = []
    for link in (it for it in readme.links(text) if not it.startswith("http")):
        path, _hash, part = link.partition("#")
        leads = (page.parent / path).exists() if path else part in anchors
        broken += [] if leads else [link]

    assert broken == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_python_in_it_prints_what_the_page_says(lang: str) -> None:
    """The paragraph after each block begins with what it prints."""
    text = readme.read(lang)
    found = re.findall(r"```python\n(.*?)```\n\n[^`]*`([^`]+)`", text, re.DOTALL)

    assert len(found) == 3
    for code, printed in found:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, readme.FILES[lang], "exec"), {"__name__": "readme"})
        assert out.getvalue().strip() == printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_named_in_passing_exist(page: Path) -> None:
    """`python -m runner WORD` in a sentence, a table or a block: WORD is a command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        run_module("runner", ["--help"])
    known = set(re.findall(r"^    (\w+)(?: |$)", out.getvalue(), re.MULTILINE))
    named = set(re.findall(r"python -m runner ([a-z]+)", page.read_text(encoding="utf-8")))

    assert len(known) > 12 and named <= known


# --- every command runs -----------------------------------------------------------------------------------------------


def run_module(module: str, words: list[str]) -> int:
    """Run `python -m module words` in this process; return its status."""
    name = f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module
    try:
        status: int = importlib.import_module(name).main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    return status


@attrs.define
class Sandbox:
    """An empty folder with the examples in it, an exchange, and one paper run's log and journal."""

    folder: Path
    where: dict[str, str]
    env: dict[str, str]
    log: Path
    journal: Path

    def python(self, command: str, *more: str, swap: dict[str, str] | None = None) -> str:
        """Run `NAME=VALUE… python -m MODULE WORDS` in this process, with words swapped and added; return its output."""
        words = [(swap or {}).get(word, word) for word in shlex.split(command)] + list(more)
        told = {}
        while "=" in words[0]:
            name, _equals, value = words.pop(0).partition("=")
            told[name] = value
        assert words[:2] == ["python", "-m"], command
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
            patch.chdir(self.folder)
            for name, value in (self.env | told).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO())
            status = run_module(words[2], [word for word in words[3:] if word])
        assert status == 0, (command, status, out.getvalue()[-2000:])
        return out.getvalue()

    def shell(self, command: str) -> str:
        """Run a command of the shell's."""
        env = os.environ | {"KEY": self.where["api_key"], "SECRET": self.where["secret"]}
        done = subprocess.run(
            ["sh", "-euc", command], cwd=self.folder, env=env | {"PASSPHRASE": self.where["passphrase"]},
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("documents")
    for name in ("examples", "tests"):
        (folder / name).symlink_to(ROOT / name)
    bare = {name: value for name, value in os.environ.items() if name not in setting_names()}
    command = [sys.executable, "-m", "runner", "exchange", "--port", "0", "--seed", "3"]
    with subprocess.Popen(command, cwd=ROOT, env=bare, stdout=subprocess.PIPE, text=True) as exchange:
        assert exchange.stdout is not None
        where = json.loads(exchange.stdout.readline())
        env = {
            "BITGET_REST_URL": where["rest"], "BITGET_WS_PUBLIC_URL": where["ws_public"],
            "BITGET_WS_PRIVATE_URL": where["ws_private"], "GUARDIAN": "0", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        box = Sandbox(folder, where, env, folder / "logs" / "mmfsm.jsonl", folder / "kept")
        box.python(f"python -m runner paper --seconds 5 --log {box.log} --state kept")
        (box.journal,) = [path for path in box.journal.rglob("journal") if path.is_dir()]
        yield box
        exchange.terminate()


Way = Callable[[Sandbox, str], object]
"""How a command is run: given the sandbox and the command as the page has it."""


def make_target(_box: Sandbox, command: str) -> None:
    """The Makefile has it; these run for minutes to hours."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{command.split()[1]}:", text, re.MULTILINE)


def example(_box: Sandbox, command: str) -> None:
    """It is there; `test_c7_examples.py` runs it and compares what it prints."""
    path = ROOT / command.split()[1]
    assert path.exists() and path.with_suffix(".txt").exists()


def measurement(_box: Sandbox, command: str) -> None:
    """It is there; it takes minutes."""
    assert importlib.util.find_spec(command.split()[2]) is not None


def as_written(*more: str, **swap: str) -> Way:
    """Run it as it is, with words swapped or added."""
    return lambda box, command: box.python(command, *more, swap=swap)


def replayed(box: Sandbox, command: str) -> None:
    """With the journal, the log and a ticket of the paper run."""
    tickets = [json.loads(line) for line in box.log.read_text().splitlines() if '"event": "ticket"' in line]
    ticket = tickets[0]["data"]["hedge_id"]

    assert ticket in box.python(command, swap={"JOURNAL": str(box.journal), "LOG": str(box.log), "TICKET": ticket})


def covered(box: Sandbox, command: str) -> None:
    """With one file of the paper run's journal."""
    box.python(command, swap={"JOURNAL": str(next(box.journal.iterdir()))})


def one_line_of_json(box: Sandbox, command: str) -> None:
    """In the shell, on the paper run's log."""
    assert json.loads(box.shell(command))["event"] == "ticket"


class Webhook(BaseHTTPRequestHandler):
    """Takes a message, and says so."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Nothing on stderr."""


def with_an_address(box: Sandbox, command: str) -> None:
    """With a webhook on loopback to send to."""
    with HTTPServer(("127.0.0.1", 0), Webhook) as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            said = box.python(f"ALERT_URLS=json://127.0.0.1:{host.server_port}/ {command}")
        finally:
            host.shutdown()
            thread.join()
    assert said.startswith("sent")


DRAWN = {"--tape": "", "DIR": "", "--funding": "", "FILE.csv.gz": "", "20": "1"}
"""A drawn market instead of a recording, which not everybody has; one seed."""

SEPARATELY: dict[str, Way] = {
    "make paper": make_target,
    "make test": make_target,
    "make mutants": make_target,
    "make prove": make_target,
    "make bench": make_target,
    "python examples/bare_loop.py": example,
    "python examples/ticket_only.py": example,
    "python examples/pybotters_bot.py": example,
    "python examples/custom_strategy.py": example,
    "python -m tests.bench.bench_desk": measurement,
    "python -m tests.bench.bench_exchange": measurement,
    "python -m runner --help": as_written(),
    "python -m runner config": as_written(),
    "python -m runner exchange --faults": as_written(),
    "python -m runner reasons drift": as_written(),
    "python -m runner reasons book_stale --lang ja": as_written(),
    "python -m runner alert --test": with_an_address,
    "python -m runner statistics logs/mmfsm.jsonl": as_written(),
    "python -m runner report logs/mmfsm.jsonl": as_written(),
    "python -m runner report logs/mmfsm.jsonl --json": as_written(),
    'grep \'"event": "ticket"\' logs/mmfsm.jsonl | tail -1': one_line_of_json,
    "python -m runner scan --top 10": as_written(),
    "python -m runner scan --symbols ETHUSDT,BTCUSDT --json": as_written(**{"ETHUSDT,BTCUSDT": "ETHUSDT"}),
    "python -m mmfsm.table": as_written(),
    "python -m mmfsm.explore --tickets 2 --faults 1": as_written("--bound", "50"),
    "python -m runner simulate --seeds 20 --minutes 2": as_written("--jobs", "1", **{"20": "1", "2": "0.2"}),
    "python -m runner replay JOURNAL --log LOG --explain TICKET": replayed,
    "python -m mmfsm.diagrams --coverage JOURNAL": covered,
    "python -m runner backtest --tape DIR --funding FILE.csv.gz"
    " --set BASE_HALF_SPREAD_BPS=6 --set EDGE_FLOOR=0 --seeds 20": as_written(
        "--minutes", "0.2", "--jobs", "1", **DRAWN
    ),
    "python -m runner tune examples/tune_space.toml --tape DIR --funding FILE.csv.gz --trials 200": as_written(
        "--help", **DRAWN
    ),
}
"""How each command is run that needs no exchange, shortened where it takes long."""

WALKED = (
    "python -m runner exchange --port 8787",
    "cp examples/stand-in.env .env",
    "python -m runner check",
    "DRY_RUN=0 python -m runner",
    *(f"DRY_RUN=0 python -m runner {word}" for word in ("status", "halt", "resume", "flatten", "stop")),
    "python -m runner",
    "python -m runner status",
    "python -m runner top",
    "python -m runner top --once",
    "DRY_RUN=0 python -m runner check --prove-tif",
    "DRY_RUN=0 MAX_POSITION=0.02 MAX_DAILY_LOSS=5 python -m runner",
    "REST=http://127.0.0.1:8787; export REST KEY SECRET PASSPHRASE",
    "sh tests/conformance/new_user.sh",
)
"""Commands that need an exchange: the two walks below run them in their order."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_command_is_one_that_is_run_here(lang: str) -> None:
    """A command that no table knows is a command that nobody has tried."""
    told = set(readme.commands(readme.read(lang)))

    assert told == {*SEPARATELY, *WALKED}


@pytest.mark.parametrize("command", SEPARATELY)
def test_the_command_runs(command: str, sandbox: Sandbox) -> None:
    """Status 0, in a folder of its own."""
    SEPARATELY[command](sandbox, command)


@contextlib.contextmanager
def started(command: str, box: Sandbox, log: str) -> Iterator[subprocess.Popen[str]]:
    """Start `NAME=VALUE… python -m runner` as a process of its own, in its sandbox, and wait until it is READY."""
    told = dict(word.split("=", 1) for word in shlex.split(command) if "=" in word)
    bare = {name: value for name, value in os.environ.items() if name not in setting_names()}
    process = subprocess.Popen(
        [sys.executable, "-m", "runner"], cwd=box.folder, text=True, stderr=subprocess.PIPE,
        env=bare | box.env | {"LOG_PATH": log} | told,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        for _line in process.stderr:  # each line may be the last one needed; the suite's bound ends a wait in vain
            if (path := box.folder / log).exists() and '"to": "READY"' in path.read_text(encoding="utf-8"):
                break
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_whole_thing_without_an_account(sandbox: Sandbox) -> None:
    """The addresses and the key from the example, a check, a run, the five words to it, and it ends clean."""
    sandbox.shell(WALKED[1])
    own = (sandbox.folder / ".env").read_text(encoding="utf-8")
    told = dict(line.split("=", 1) for line in own.splitlines() if line and not line.startswith("#"))
    for name, member in (("KEY", "api_key"), ("SECRET", "secret"), ("PASSPHRASE", "passphrase")):
        assert told[f"BITGET_API_{name}"] == sandbox.where[member]
    assert told["BITGET_REST_URL"] == "http://127.0.0.1:8787" and told["BITGET_WS_PUBLIC_URL"].endswith("ws/public")

    assert "all checks passed" in sandbox.python(WALKED[2])
    assert "time in force" in sandbox.python("DRY_RUN=0 python -m runner check --prove-tif")
    sandbox.python("DRY_RUN=0 MAX_POSITION=0.02 MAX_DAILY_LOSS=5 python -m runner", "check")
    with started(WALKED[3], sandbox, "logs/live.jsonl") as run:
        answers = [sandbox.python(command) for command in WALKED[4:9]]
        assert "READY" in answers[0]
        assert run.wait(30) == 0


def test_a_dry_run_and_its_status(sandbox: Sandbox) -> None:
    """Real books, nothing sent; `status` and `top` without DRY_RUN=0 find it; Ctrl-C ends each clean."""
    with started("python -m runner", sandbox, "logs/dry.jsonl") as run:
        assert "dry" in sandbox.python("python -m runner status")
        assert "ETHUSDT" in sandbox.python("python -m runner top --once")
        words = [sys.executable, "-m", "runner", "top"]
        with subprocess.Popen(words, cwd=sandbox.folder, env=os.environ | sandbox.env, stdout=subprocess.PIPE) as shown:
            assert shown.stdout is not None and shown.stdout.read(1)
            shown.send_signal(signal.SIGINT)
            shown.communicate(timeout=10)
        assert shown.returncode == 0
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 0


def test_a_client_of_ones_own(sandbox: Sandbox) -> None:
    """curl and openssl, with the addresses of the exchange that runs here."""
    rest = f"REST={sandbox.where['rest']}; export REST KEY SECRET PASSPHRASE\n"

    assert sandbox.shell(rest + WALKED[-1]).count('"code":"00000"') == 4


# --- deployment -------------------------------------------------------------------------------------------------------

DEPLOY = ROOT / "examples" / "deploy"


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """Its paths agree with one another and with the page beside it; where systemd is, it has nothing to say."""
    unit = (DEPLOY / "mmfsm.service").read_text(encoding="utf-8")
    told = dict(line.split("=", 1) for line in unit.splitlines() if re.match(r"[A-Za-z]+=", line))
    home = told["WorkingDirectory"]

    assert told["ExecStart"] == f"{home}/.venv/bin/python -m runner" and told["ReadWritePaths"] == home
    assert told["KillSignal"] == "SIGTERM" and int(told["TimeoutStopSec"]) >= 20 + ACT_BOUND_S + FLATTEN_BOUND_S
    assert f"--home-dir {home}" in (DEPLOY / "README.md").read_text(encoding="utf-8")
    if (systemd := shutil.which("systemd-analyze")) is not None:
        copy = tmp_path / "mmfsm.service"
        copy.write_text(unit.replace(f"{home}/.venv/bin/python", sys.executable), encoding="utf-8")
        done = subprocess.run([systemd, "verify", copy], capture_output=True, text=True, timeout=30)
        assert "mmfsm.service" not in done.stderr, done.stderr


def test_the_container_file_copies_what_is_there() -> None:
    """Every source exists; nobody is root; state and log are on the volume; SIGTERM stops it; it tells its health."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    steps = [line.split() for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    by_word = {word: [step[1:] for step in steps if step[0] == word] for word in {step[0] for step in steps}}

    assert all((ROOT / source).exists() for sources in by_word["COPY"] for source in sources[:-1])
    assert by_word["USER"] == [["mmfsm"]]
    assert steps.index(["USER", "mmfsm"]) < [it[0] for it in steps].index("ENTRYPOINT")
    assert by_word["STOPSIGNAL"] == [["SIGTERM"]] and by_word["VOLUME"] == [["/data"]]
    (env,) = by_word["ENV"]
    assert {"STATE_DIR=/data/state", "LOG_PATH=/data/logs/mmfsm.jsonl"} <= set(env)
    assert '["python", "-m", "runner", "status"]' in text.partition("HEALTHCHECK")[2]
    assert '["python", "-m", "runner"]' in text.partition("ENTRYPOINT")[2]
