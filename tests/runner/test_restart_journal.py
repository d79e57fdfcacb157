"""The journal: what a restart reads back, what it refuses, and what a disk may do to it."""

import gzip
import json
import os
import resource
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from mmfsm import Desk, Params
from mmfsm.actions import Action
from mmfsm.codec import event_to_json
from mmfsm.errors import IllegalEvent, ParamError
from mmfsm.events import Event, FundingEvent, PlaceAnswered, Tick
from mmfsm.journal import JournalError, rebuild
from mmfsm.strategy import QuoteView
from mmfsm.testing import book, fill_of, opening, placed
from mmfsm.values import Funding, InstType, OrderResult, Outcome, QuotePlan
from runner import journal as journals
from runner.journal import Journal, read_segment, segments
from runner.memory import Memory
from runner.settings import Settings
from tests.runner.processes import environment

T0 = 1_800_000_000_000
PARAMS = Params(perp_tif="both", base_half_spread_bps=Decimal(2))
LIVE = Settings(
    dry_run=False,
    perp_tif="both",
    bitget_api_key="k",
    bitget_api_secret="s",
    bitget_api_passphrase="p",
    bitget_rest_url="http://127.0.0.1:1",
    bitget_ws_public_url="ws://127.0.0.1:1",
    bitget_ws_private_url="ws://127.0.0.1:1",
)


class Told:
    """A desk whose every event is journalled first, as a runner does it."""

    def __init__(self, folder: Path, run: int = 7) -> None:
        self.desk, self.journal = Desk(PARAMS, run=run), Journal(folder, "1.2.3")
        self.journal.begin(self.desk)

    def tell(self, event: Event) -> tuple[object, ...]:
        self.journal.write(event)
        return self.desk.handle(event)

    def hedging(self) -> "Told":
        """Quote, be filled, and have the hedge on its way."""
        actions = [action for event in opening(T0, PARAMS) for action in self.tell(event)]
        bid = placed(actions)[0]  # type: ignore[arg-type]
        self.tell(PlaceAnswered(T0 + 1, bid.client_oid, OrderResult(Outcome.ACCEPTED, "order-1")))
        self.tell(fill_of(bid, "order-1", "trade-1", T0 + 5))
        assert self.desk.state.tickets
        return self


def newest(folder: Path) -> Path:
    return segments(folder)[-1]


def restore(folder: Path) -> Desk:
    """Take up what lies in a folder, as a new run does."""
    memory = Memory(folder, "1.2.3", lambda error: None)
    return memory.restore(Desk(LIVE, run=8), LIVE, None)[0]


def test_what_is_rebuilt_is_the_desk_that_wrote_it(tmp_path: Path) -> None:
    """Same events, same desk: to the last field of its snapshot, and it says the same to what comes next."""
    told = Told(tmp_path).hedging()
    rebuilt = rebuild(read_segment(newest(tmp_path)))

    assert rebuilt.snapshot() == told.desk.snapshot()
    assert rebuilt.handle(Tick(T0 + 60_000)) == told.desk.handle(Tick(T0 + 60_000))


def test_an_open_ticket_is_taken_up(tmp_path: Path) -> None:
    told = Told(tmp_path).hedging()
    desk = restore(tmp_path)

    assert set(desk.state.tickets) == set(told.desk.state.tickets) and desk.state.run == 8
    assert desk.state.ledger == told.desk.state.ledger
    assert {order.state for order in desk.state.orders.open.values()} == {"UNKNOWN"}


def test_the_run_number_grows_even_when_the_clock_went_back(tmp_path: Path) -> None:
    """It is part of every clientOid: two runs of one number would name two orders alike."""
    Told(tmp_path, run=1_000).hedging()

    assert restore(tmp_path).state.run == 1_001


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    """A power cut in the middle of a write: that event was followed by nothing."""
    told = Told(tmp_path).hedging()
    with newest(tmp_path).open("ab") as file:
        file.write(b'{"type":"Tick","at_')
    segment = read_segment(newest(tmp_path))

    assert segment.torn and rebuild(segment).snapshot() == told.desk.snapshot()


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b'{"type":"Nothing","at_ms":1}', b'{"type":"Tick"}', b"\x00\xff"])
def test_a_broken_line_in_the_middle_is_refused(tmp_path: Path, line: bytes) -> None:
    """It was an event: what followed from it is lost, and going on would forget it. The message names the line."""
    Told(tmp_path).hedging()
    with newest(tmp_path).open("ab") as file:
        file.write(line + b"\n" + json.dumps(event_to_json(Tick(T0 + 10))).encode() + b"\n")

    with pytest.raises(JournalError, match=rf"{newest(tmp_path).name}, line \d+: expected an event"):
        restore(tmp_path)


@pytest.mark.parametrize("field", ["format", "snapshot_version"])
def test_another_version_is_refused_by_name(tmp_path: Path, field: str) -> None:
    Told(tmp_path).hedging()
    path = newest(tmp_path)
    head, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(json.dumps(json.loads(head) | {field: 99}).encode() + b"\n" + rest)

    with pytest.raises(JournalError, match=r"written by mmfsm 1\.2\.3 .*99.*this one reads"):
        restore(tmp_path)


def test_a_journal_of_snapshot_version_1_is_taken_up(tmp_path: Path) -> None:
    """A run that was stopped by the older build goes on under this one, open ticket and all."""
    Told(tmp_path).hedging()
    path = newest(tmp_path)
    head, rest = path.read_bytes().split(b"\n", 1)
    told = json.loads(head)
    seen = told["snapshot"]["ledger"]["seen"]
    told["snapshot"]["ledger"]["seen"] = {key: whose for keys in seen.values() for key, whose in keys.items()}
    told["snapshot_version"] = told["snapshot"]["version"] = 1
    path.write_bytes(json.dumps(told).encode() + b"\n" + rest)

    assert restore(tmp_path).state.tickets


@pytest.mark.parametrize("text", [b"", b"\n", b"hello\n", b"{}\n", b'{"run": 1}\n'])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "000000000001-000001.jsonl").write_bytes(text)

    with pytest.raises(JournalError, match="first line"):
        restore(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"params": None}, "first line is no journal's"),
        ({"snapshot": []}, "first line is no journal's"),
        ({"params": {"tick_sec": "soon"}}, "line 1: expected the parameters and state of a desk .*TICK_SEC"),
        ({"snapshot": {}}, "line 1: expected the parameters and state of a desk .*version None"),
        ({"snapshot": {"version": 2, "mode": 5}}, "line 1: expected the parameters and state of a desk"),
    ],
)
def test_a_first_line_no_desk_can_be_made_of_is_refused(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    """JSON as it should be, with a value damaged: an error of the journal's (status 65), naming file and line."""
    Told(tmp_path).hedging()
    path = newest(tmp_path)
    head, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(json.dumps(json.loads(head) | changed).encode() + b"\n" + rest)

    with pytest.raises(JournalError, match=f"{path.name}.*{said}"):
        restore(tmp_path)


def test_a_journal_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """A folder in its place stands for every file the system does not give us."""
    (tmp_path / "000000000000001-000001.jsonl").mkdir()

    with pytest.raises(JournalError, match=r"expected a file that can be read \(Is a directory\)"):
        restore(tmp_path)


def test_half_a_snapshot_is_never_met(tmp_path: Path) -> None:
    """A run that died while it began a segment left a `.part`: the one before it counts."""
    told = Told(tmp_path).hedging()
    (tmp_path / "000000000009-000001.part").write_bytes(b'{"format":1,"snap')

    assert restore(tmp_path).state.ledger == told.desk.state.ledger


def test_a_fresh_start_and_a_dry_run_take_nothing_up(tmp_path: Path) -> None:
    Told(tmp_path).hedging()
    memory = Memory(tmp_path, "1.2.3", lambda error: None)
    fresh = Desk(LIVE, run=8)
    for settings in (Settings(), Settings(fresh_start=True)):
        assert memory.restore(fresh, settings, None) == (fresh, {})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ParamError, match=r"STATE_DIR.*in the way|STATE_DIR.*file"):
        Memory(tmp_path / "file" / "journal", "1", lambda error: None).begin(Desk(PARAMS, run=1))


def test_a_full_journal_begins_a_new_segment_when_nothing_is_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a ticket open it goes on in the old one; the new one alone is enough to go on from."""
    monkeypatch.setattr(journals, "EVENTS_MAX", 5)
    memory = Memory(tmp_path, "1", lambda error: None)
    desk = Desk(PARAMS, run=7)
    memory.begin(desk)
    for event in opening(T0, PARAMS)[:8]:
        memory.keep(event, desk)
        desk.handle(event)

    assert len(segments(tmp_path)) == 2
    assert rebuild(read_segment(newest(tmp_path))).snapshot() == desk.snapshot()


def test_a_full_journal_begins_a_new_segment_when_nothing_of_ours_is_open_and_never_for_a_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While quotes rest it waits; once it is far overdue a tick will do, and no other event."""
    monkeypatch.setattr(journals, "EVENTS_MAX", 20)
    memory, desk = Memory(tmp_path, "1", lambda error: None), Desk(PARAMS, run=7)
    memory.begin(desk)
    quotes = placed([action for event in opening(T0, PARAMS) for action in _kept(memory, desk, event)])
    for number, quote in enumerate(quotes):
        _kept(memory, desk, PlaceAnswered(T0, quote.client_oid, OrderResult(Outcome.ACCEPTED, f"order-{number}")))
    assert desk.state.orders.open and not desk.state.orders.in_flight
    for number in range(30):
        _kept(memory, desk, Tick(T0 + number))
    assert len(segments(tmp_path)) == 1
    for number in range(30):
        _kept(memory, desk, book(InstType.SPOT, T0 + 30 + number, "2501.00", "2501.01"))
    assert len(segments(tmp_path)) == 1
    _kept(memory, desk, Tick(T0 + 60))

    assert len(segments(tmp_path)) == 2
    assert rebuild(read_segment(newest(tmp_path))).snapshot() == desk.snapshot()


def _kept(memory: Memory, desk: Desk, event: Event) -> tuple[Action, ...]:
    memory.keep(event, desk)
    return desk.handle(event)


def test_a_clean_end_leaves_a_snapshot_that_needs_no_replay(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "1", lambda error: None)
    desk = Desk(PARAMS, run=7)
    memory.begin(desk)
    for event in opening(T0, PARAMS):
        memory.keep(event, desk)
        desk.handle(event)
    memory.close(desk)
    segment = read_segment(newest(tmp_path))

    assert segment.events == () and rebuild(segment).snapshot() == desk.snapshot()


FULL = """
import resource, sys
from pathlib import Path
from mmfsm import Desk, Params
from mmfsm.events import Tick
from runner.memory import Memory
failures = []
memory = Memory(Path(sys.argv[1]), "1", failures.append)
desk = Desk(Params(), run=1)
memory.begin(desk)
size = next(Path(sys.argv[1]).glob("*.jsonl")).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
for number in range(50):
    memory.keep(Tick(1_800_000_000_000 + number), desk)
memory.close(desk)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(len(failures), type(failures[0]).__name__)
"""


def test_a_full_disk_is_reported_once_and_what_was_written_can_be_read(tmp_path: Path) -> None:
    """In a process of its own, under a limit of the kernel's: no exception, one report, a readable segment."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], env=environment(), capture_output=True, text=True, check=True
    )
    segment = read_segment(newest(tmp_path))

    assert done.stdout.split() == ["1", "OSError"]
    assert len(segment.events) >= 1


def test_a_segment_that_cannot_be_begun_leaves_nothing_behind(tmp_path: Path) -> None:
    """Each `resume` on a full disk tries: none of them takes room, and what is being written goes on."""
    journal = Journal(tmp_path, "1")
    journal.begin(Desk(PARAMS, run=1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        for _ in range(3):
            with pytest.raises(OSError, match="too large"):
                journal.begin(Desk(PARAMS, run=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.write(Tick(T0))
    packed(journal)

    assert list(tmp_path.iterdir()) == [tmp_path / "000000000000001-000001.jsonl"]
    assert len(read_segment(newest(tmp_path)).events) == 1


def test_half_a_character_is_written_and_read_again(tmp_path: Path) -> None:
    """What UTF-8 cannot say JSON can: it ends no run, and the event is the one that was told."""
    journal = Journal(tmp_path, "1")
    journal.begin(Desk(PARAMS, run=1))
    told = PlaceAnswered(T0, "mm-1", OrderResult(Outcome.REFUSED, msg="\ud800"))
    journal.write(told)
    journal.close()

    assert read_segment(newest(tmp_path)).events == (told,)


def packed(journal: Journal) -> None:
    """Wait until all that is full is put away, then close."""
    journal._packer.submit(int).result()
    journal.close()


def test_closing_does_not_wait_for_a_folder_of_segments(tmp_path: Path) -> None:
    """Thirty that earlier runs left plain: the one at hand is finished, the others are left to the next run."""
    for number in range(30):
        (tmp_path / f"000000000000001-{number:06d}.jsonl").write_bytes(os.urandom(500_000))
    journal = Journal(tmp_path, "1")
    journal.begin(Desk(PARAMS, run=2))
    journal.close()

    assert len([path for path in segments(tmp_path) if path.suffix == ".jsonl"]) > 20
    assert not list(tmp_path.glob("*.part"))


def test_what_cannot_be_put_away_is_said_once_and_stops_nothing_else(tmp_path: Path) -> None:
    """A folder where a segment should be can be neither read nor deleted; the segment beside it is compressed."""
    (tmp_path / "000000000000001-000001.jsonl").mkdir()
    (tmp_path / "000000000000001-000002.jsonl").write_bytes(b"full")
    memory = Memory(tmp_path, "1", lambda error: None)
    memory.begin(Desk(PARAMS, run=2))
    memory._journal._packer.submit(int).result()

    assert isinstance(memory.packing_failure(), OSError) and memory.packing_failure() is None
    assert (tmp_path / "000000000000001-000002.jsonl.gz").exists()
    memory.close(None)


def test_old_segments_go_and_full_ones_are_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest is plain, and is what a restart reads; the others read the same compressed."""
    monkeypatch.setattr(journals, "SEGMENTS_KEPT_MAX", 3)
    journal = Journal(tmp_path, "1")
    for _ in range(6):
        journal.begin(Desk(PARAMS, run=1))
    (tmp_path / "left-by-a-kill.jsonl.gz.part").touch()
    (tmp_path / "000000000000001-000003.part").touch()
    journal.begin(Desk(PARAMS, run=1))
    packed(journal)
    found = segments(tmp_path)

    assert [path.name.split("-")[1] for path in found] == ["000005.jsonl.gz", "000006.jsonl.gz", "000007.jsonl"]
    assert [path for path in tmp_path.iterdir() if path not in found] == []
    assert {read_segment(path).run for path in found} == {1}


def test_segments_an_earlier_run_left_full_are_compressed_by_the_next(tmp_path: Path) -> None:
    """A run that was killed compressed nothing more."""
    killed = Journal(tmp_path, "1")
    killed.begin(Desk(PARAMS, run=1))
    later = Journal(tmp_path, "1")
    later.begin(Desk(PARAMS, run=2))
    packed(later)

    assert [path.suffix for path in segments(tmp_path)] == [".gz", ".jsonl"]


@pytest.mark.parametrize(
    "data", [gzip.compress(b"{}")[:9], gzip.compress(b"{}")[:10] + b"\xff" * 20], ids=["cut short", "bad bytes"]
)
def test_a_broken_compressed_segment_is_named(tmp_path: Path, data: bytes) -> None:
    """Cut short on its way, or with bytes that are none of gzip's, it is no journal."""
    path = tmp_path / "000000000000001-000001.jsonl.gz"
    path.write_bytes(data)

    with pytest.raises(JournalError, match="expected a file compressed by gzip"):
        read_segment(path)


def test_an_event_that_was_refused_is_passed_over(tmp_path: Path) -> None:
    """It stands in the journal, because that is written first; it changes nothing at a restart either."""
    told = Told(tmp_path).hedging()
    with pytest.raises(IllegalEvent):
        told.tell(FundingEvent(T0 + 6, Funding(Decimal("1e30"))))
    told.tell(Tick(T0 + 7))

    assert rebuild(read_segment(newest(tmp_path))).snapshot() == told.desk.snapshot()
    assert sorted(restore(tmp_path).state.tickets) == sorted(told.desk.state.tickets)


def test_an_event_the_desk_fails_on_is_named(tmp_path: Path) -> None:
    """File, line, event and what to do: a restart that cannot go on says what stands in its way."""
    told = Told(tmp_path).hedging()
    told.journal.write(Tick(T0 + 7))
    path = newest(tmp_path)
    memory = Memory(tmp_path, "1.2.3", lambda error: None)

    with pytest.raises(JournalError, match=rf"{path.name}, line \d+: .* ZeroDivisionError.*FRESH_START"):
        memory.restore(Desk(LIVE, run=8), LIVE, Brittle())


class Brittle:
    """A strategy that fails."""

    def quote(self, view: QuoteView) -> QuotePlan:
        raise ZeroDivisionError(view.perp_pos)
