"""Telling people: notes in, at a bearable pace, messages out. Nothing here waits; both processes use it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

import attrs

from runner.alerting.addresses import addresses_of
from runner.alerting.kept import NAME, Kept
from runner.alerting.message import Note, Origin, render
from runner.alerting.pace import Pace
from runner.alerting.post import OnUnsent, Post, close_all
from runner.settings import Settings
from runner.state_folder import kind_of

CLOSE_BOUND_S = 5.0
"""The end of a run waits no longer than this for its last messages."""


class Teller:
    """Tells what it is given, to every address of the settings.

    Args:
        settings: addresses, pace, language.
        folder: the state folder, where the pace is kept.
        run_id: of the run it speaks of.
        on_unsent: called in a thread of its own for each message that could not be sent.

    Raises:
        ParamError: ALERT_URLS cannot be used.
    """

    def __init__(self, settings: Settings, folder: Path, run_id: str, on_unsent: OnUnsent) -> None:
        self._origin = Origin(settings.symbol, kind_of(settings), run_id, socket.gethostname())
        self._kept = Kept(folder / NAME)
        self._lang = settings.alert_lang
        self._pace = Pace(settings.alert_repeat_min * 60_000, settings.alert_hour_max)
        self._posts = [Post(address, on_unsent) for address in addresses_of(settings.alert_urls)]

    def tell(self, notes: Sequence[Note]) -> list[Note]:
        """Tell these things in one message. Returns those that the pace let through."""
        self._kept.read(self._pace, notes[-1].at_ms)
        for note in notes:
            if note.ends_latched:  # a person has resumed: should it come again, that is news
                self._pace.forget(attrs.evolve(note, name=note.about, about="").key)
                self._kept.write(self._pace)
        passed: list[Note] = []
        keys: set[str] = set()
        for note in notes:
            if note.key in keys or self._pace.may(note.key, note.at_ms, note.urgent):
                keys.add(note.key)
                passed.append(note)
        if passed:
            self._send(passed)
        return passed

    def tell_owed(self, at_ms: int) -> None:
        """Tell how often was held back what may be told again."""
        owed = self._pace.owed(at_ms)
        if owed:
            self._send([_owed(at_ms, key, count) for key, count in owed.items()])

    def _send(self, notes: Sequence[Note]) -> None:
        self._pace.sent(notes[-1].at_ms)
        self._kept.write(self._pace)
        message = render(notes, self._origin, self._lang)
        for post in self._posts:
            post.put(message)

    async def close(self) -> None:
        """Let the last messages out, within `CLOSE_BOUND_S`."""
        if self._posts:
            await asyncio.to_thread(close_all, self._posts, CLOSE_BOUND_S)


def _owed(at_ms: int, key: str, count: int) -> Note:
    name, _space, about = key.partition(" ")
    return Note(at_ms, name, about=about, more=count)
