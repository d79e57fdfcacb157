"""`python -m runner replay JOURNAL`: rebuild every decision of a journal, and compare each with the log, exactly.

JOURNAL is a segment or a folder of them (its segments in order; each begins with a snapshot of its own). The desk is
restored as the segment's first line has it and given each event; what it decides becomes log lines by the same function
that wrote them. With `--log` they are compared with the log's, member by member, and the first that differs is shown.

    python -m runner replay ~/.mmfsm/ETHUSDT-live-…/journal --log logs/mmfsm.jsonl
    python -m runner replay SEGMENT --explain mm-Hsi-1a-tp0kg0-1     the life of one ticket, row by row
    python -m runner replay SEGMENT --from MS --until MS             what was told and decided in between

What only the runner knew (records of source "runner", what libraries warned of) is in the log and not in the journal:
those lines are passed over. A strategy of one's own is not in the journal either: its plans cannot be rebuilt here.
Times are Unix milliseconds, or milliseconds after the first event where they are below 10^12.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from mmfsm import Desk, Params
from mmfsm.actions import Action, Alert, PlaceOrder, Record, SetTifPolicy
from mmfsm.codec import event_to_json
from mmfsm.events import Event
from mmfsm.journal import JournalError, Segment, played, restore
from mmfsm.values import Tif
from runner.app import _alert_record
from runner.bitget import wire
from runner.explain import Tracer
from runner.journal import read_segment, segments
from runner.log import Log, encode
from runner.packing import open_text
from runner.settings import Settings

EPOCH_MS = 10**12
"""A time below this counts from the journal's first event."""

_NOBODY = "a key that stands in no log"
_LOOPBACK = "127.0.0.1:1"

Line = dict[str, Any]


class LineWriter(Log):
    """A log that is never opened: what `write` would have put into the file is in `lines`."""

    def __init__(self, params: Params, terms: Callable[[], wire.Terms], dry_run: bool) -> None:
        super().__init__(_settings_for(params, dry_run), "replay", terms)
        self._console_no = sys.maxsize
        self.lines: list[str] = []

    def _put(self, line: Line) -> None:
        self.lines.append(encode(line))


def _settings_for(params: Params, dry_run: bool) -> Settings:
    ours: dict[str, Any] = {field.name: getattr(params, field.name) for field in attrs.fields(Params)}
    keys = dict.fromkeys(("bitget_api_key", "bitget_api_secret", "bitget_api_passphrase"), _NOBODY)
    urls = {
        "bitget_rest_url": f"http://{_LOOPBACK}",
        "bitget_ws_public_url": f"ws://{_LOOPBACK}",
        "bitget_ws_private_url": f"ws://{_LOOPBACK}",
    }
    return Settings(**ours | keys | urls, dry_run=dry_run)


@attrs.define
class Turned:
    """One event and what the desk made of it. `lines` are the log lines its records become."""

    number: int
    event: Event
    actions: tuple[Action, ...]
    lines: list[str]


class Replay:
    """One segment, played again from its snapshot.

    Args:
        segment: as `read_segment` returned it.
        dry_run: what the run's setting was; it stands in lines about orders.
    """

    def __init__(self, segment: Segment, *, dry_run: bool = False) -> None:
        self.segment = segment
        self.desk = restore(segment)
        self._terms = _terms_of(self.desk)
        self._writer = LineWriter(self.desk.params, lambda: self._terms, dry_run)

    def turns(self) -> Iterator[Turned]:
        """Yield every event with what was decided, in order."""
        for number, (event, actions) in enumerate(played(self.segment, self.desk), 1):
            self._writer.lines = []
            for action in actions:
                if isinstance(action, SetTifPolicy):
                    self._terms = attrs.evolve(self._terms, tif_policy=action.policy)
            for action in actions:
                if isinstance(action, Record):
                    self._writer.write(action)
                elif isinstance(action, Alert):
                    self._writer.write(_alert_record(action, self.desk))
            yield Turned(number, event, actions, self._writer.lines)


def _terms_of(desk: Desk) -> wire.Terms:
    """The terms orders were sent with at the snapshot: what the start-up proof found stands in the desk's state."""
    terms, told = wire.Terms.of(desk.params), desk.state.probe_tif
    if terms.tif_policy != "auto" or told is None:
        return terms
    return attrs.evolve(terms, tif_policy="timeInForceValue" if told == Tif.POST_ONLY.value else "both")


# --- comparing with the log -------------------------------------------------------------------------------------------


def _texts(path: Path) -> Iterator[str]:
    """Yield the lines of a log, of one that was rotated and compressed too."""
    try:
        with open_text(path) as file:
            yield from file
    except (EOFError, UnicodeDecodeError) as error:
        raise JournalError(f"{path}: expected the log's lines, or a .gz of them ({error})") from None


def read_log(path: Path, run: int) -> list[tuple[int, Line]]:
    """Return the desk's own lines of one run with their numbers; of the whole file where it does not name the run.

    Raises:
        JournalError: a line is no JSON object.
    """
    found: list[tuple[int, Line]] = []
    mine, named = True, False
    for number, text in enumerate(_texts(path), 1):
        try:
            line = json.loads(text)
            event, source = line["event"], line["source"]
        except (ValueError, KeyError, TypeError):
            raise JournalError(f"{path}, line {number}: expected a line of the log, got {text[:80]!r}") from None
        if event == "run":
            mine = str(line["data"].get("run_id", "")).endswith(f"-{run}")
            if mine and not named:
                found, named = [], True
        elif mine and event != "log" and source != "runner":
            found.append((number, line))
    return found


@attrs.define
class Comparison:
    """What became of comparing: how many lines agree, and the first two that do not."""

    agreed: int = 0
    beyond: int = 0
    difference: dict[str, Any] | None = None


class Comparer:
    """Takes replayed lines in order and holds each against the log's next."""

    def __init__(self, log: list[tuple[int, Line]], is_first_segment: bool) -> None:
        self._log = log
        self._at = 0 if is_first_segment else -1
        self.result = Comparison()

    def take(self, turned: Turned) -> None:
        """Compare one turn's lines. After the first difference nothing more is compared."""
        for text in turned.lines:
            if self.result.difference is not None:
                return
            line = json.loads(text)
            if self._at < 0:
                self._at = next((n for n, (_, logged) in enumerate(self._log) if logged == line), 0)
            if self._at >= len(self._log):
                self.result.beyond += 1
                continue
            number, logged = self._log[self._at]
            if logged == line:
                self._at, self.result.agreed = self._at + 1, self.result.agreed + 1
            else:
                self.result.difference = _difference(turned, number, line, logged)

    @property
    def left(self) -> int:
        """How many lines of the log nothing was replayed for."""
        return len(self._log) - max(self._at, 0)


def _difference(turned: Turned, number: int, replayed: Line, logged: Line) -> dict[str, Any]:
    members = [name for name in {**replayed, **logged} if replayed.get(name) != logged.get(name)]
    return {
        "event_number": turned.number,
        "event": event_to_json(turned.event),
        "log_line": number,
        "members": members,
        "replayed": replayed,
        "logged": logged,
    }


# --- the command ------------------------------------------------------------------------------------------------------


@attrs.define
class Told:
    """The figures of a replay, over all its segments."""

    segments: list[dict[str, Any]] = attrs.field(factory=list)
    events: int = 0
    actions: int = 0
    lines: int = 0
    orders: int = 0
    agreed: int = 0
    beyond: int = 0
    left: int | None = None
    difference: dict[str, Any] | None = None
    digest: str = ""


def replay(args: argparse.Namespace, show: Callable[[Turned], None], tracer: Tracer | None = None) -> Told:
    """Play every segment the command names. See `parser` for the arguments."""
    told, digest = Told(), hashlib.sha256()
    paths = segments(args.journal) if args.journal.is_dir() else [args.journal]
    if not paths:
        raise JournalError(f"{args.journal}: expected a journal segment or a folder of them, found none")
    comparers: dict[int, Comparer] = {}
    for path in paths:
        segment = read_segment(path)
        first_ms = segment.events[0].at_ms if segment.events else 0
        since, until = (
            None if at is None else at + (first_ms if at < EPOCH_MS else 0) for at in (args.since, args.until)
        )
        again = Replay(segment, dry_run=_was_dry(args.log, segment.run))
        comparer = comparers.get(segment.run)
        if args.log is not None and comparer is None:
            is_first = path.name.split(".")[0].endswith("-000001")
            comparer = comparers[segment.run] = Comparer(read_log(args.log, segment.run), is_first)
        for turned in again.turns() if tracer is None else _traced(again, tracer):
            if until is not None and turned.event.at_ms > until:
                break
            _count(told, turned, digest)
            if comparer is not None:
                comparer.take(turned)
            if since is None or turned.event.at_ms >= since:
                show(turned)
        digest.update(json.dumps(again.desk.snapshot(), sort_keys=False).encode())
        told.segments.append(
            {"file": path.name, "run": segment.run, "written_by": segment.written_by, "torn": segment.torn}
        )
    _sum_up(told, list(comparers.values()))
    told.digest = digest.hexdigest()
    return told


def _traced(again: Replay, tracer: Tracer) -> Iterator[Turned]:
    events = again.segment.events
    with tracer.attached():
        turns = again.turns()
        for number, event in enumerate(events, 1):
            tracer.tell(event.at_ms, number)
            yield next(turns)


def _was_dry(log: Path | None, run: int) -> bool:
    """Whether the run was dry, by the first record of its log; without a log, not."""
    if log is None:
        return False
    for text in _texts(log):
        line = json.loads(text)
        if line.get("event") == "run" and str(line["data"].get("run_id", "")).endswith(f"-{run}"):
            return bool(line["dry_run"])
    return False


def _count(told: Told, turned: Turned, digest: Any) -> None:
    told.events += 1
    told.actions += len(turned.actions)
    told.lines += len(turned.lines)
    told.orders += sum(isinstance(action, PlaceOrder) for action in turned.actions)
    digest.update(repr(turned.actions).encode())
    for line in turned.lines:
        digest.update(line.encode())


def _sum_up(told: Told, comparers: list[Comparer]) -> None:
    for one in comparers:
        told.agreed += one.result.agreed
        told.beyond += one.result.beyond
        told.left = (told.left or 0) + one.left
        told.difference = told.difference or one.result.difference


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m runner replay", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("journal", type=Path, metavar="JOURNAL", help="a segment, or a folder of them")
    made.add_argument("--log", type=Path, metavar="LOG", help="compare with this JSONL log")
    made.add_argument("--from", dest="since", type=int, metavar="MS", help="show what was decided from this time on")
    made.add_argument("--until", type=int, metavar="MS", help="end the replay after this time")
    made.add_argument("--explain", metavar="TICKET", help="the life of one ticket, by its id or its cycle's number")
    made.add_argument("--json", action="store_true", help="print the result as JSON")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 without a difference, 1 with one, 2 when a file cannot be read."""
    args = parser().parse_args(argv)
    tracer = None if args.explain is None else Tracer(args.explain)
    shows = tracer is None and not args.json and (args.since is not None or args.until is not None)
    try:
        told = replay(args, _show if shows else lambda _turned: None, tracer)
    except (JournalError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if args.json:
        steps = {} if tracer is None else {"steps": [attrs.asdict(step) for step in tracer.steps]}
        print(json.dumps(attrs.asdict(told) | steps))
    elif tracer is not None:
        print(_story(tracer))
    else:
        print(_report(told, args.log))
    return 1 if told.difference is not None or (tracer is not None and not tracer.steps) else 0


def _show(turned: Turned) -> None:
    event = event_to_json(turned.event)
    print(f"{event.pop('at_ms')}  {turned.number}  {event.pop('type')}  {json.dumps(event)[:160]}")
    for action in turned.actions:
        if not isinstance(action, Record):
            print(f"        {action}")
    for line in turned.lines:
        print(f"        {line}")


def _story(tracer: Tracer) -> str:
    if not tracer.steps:
        known = ", ".join(f"{oid} (cycle {cycle})" for oid, cycle in tracer.known.items()) or "none"
        return f"no ticket {tracer.ticket}; tickets of this journal: {known}"
    return "\n".join(step.text() for step in tracer.steps)


def _report(told: Told, log: Path | None) -> str:
    lines = [
        f"{one['file']}: run {one['run']}, written by mmfsm {one['written_by']}" + (", torn" if one["torn"] else "")
        for one in told.segments
    ]
    lines.append(f"{told.events} events, {told.actions} actions, {told.orders} orders, {told.lines} log lines")
    lines.append(f"digest {told.digest}")
    if log is None:
        return "\n".join(lines)
    if told.difference is None:
        lines.append(f"{log}: {told.agreed} lines, no difference")
        if told.beyond:
            lines.append(f"the log ends {told.beyond} lines before the journal does")
        if told.left:
            lines.append(f"the log goes on for {told.left} lines after the replay's end")
        return "\n".join(lines)
    it = told.difference
    lines.append(f"{log}: {told.agreed} lines agree, then line {it['log_line']} differs in {', '.join(it['members'])}")
    lines += [f"  event {it['event_number']}: {json.dumps(it['event'])}"]
    return "\n".join([*lines, f"  replayed {json.dumps(it['replayed'])}", f"  logged   {json.dumps(it['logged'])}"])


if __name__ == "__main__":
    sys.exit(main())
