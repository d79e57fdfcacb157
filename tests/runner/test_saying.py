"""Standard error that nobody reads stops nobody."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runner.saying import say


@contextmanager
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard error is a pipe; yields the end it is read from. Not as a fixture: pytest puts its own in between."""
    theirs, ours = os.pipe()
    with open(ours, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield theirs


def test_a_full_pipe_makes_nobody_wait_and_takes_lines_again_once_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 MB into 64 kB that nobody reads, in a thread so that standing still would be seen."""
    with piped(monkeypatch) as reader:
        os.set_blocking(reader, False)
        talking = threading.Thread(target=lambda: [say("x" * 999 + "\n") for _ in range(1_000)], daemon=True)
        talking.start()
        talking.join(5.0)
        assert not talking.is_alive()
        assert len(os.read(reader, 1_000_000)) >= 4_096
        say("as ever: ü\n")
        assert os.read(reader, 1_000_000).endswith("as ever: ü\n".encode())


def test_a_reader_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with piped(monkeypatch) as reader:
        os.close(reader)
        say("nobody hears this\n")


def test_a_stream_that_is_no_file_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    say("heard\n")
    assert capsys.readouterr().err == "heard\n"
