"""Progress is for people: a line after two seconds in a terminal, nothing for machines."""

from __future__ import annotations

import contextlib
import io
import time

import pytest

from crm_analytics.analyses import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.delenv(progress.DISPLAY, raising=False)
    monkeypatch.setattr(progress, "PATIENCE", 0.02)
    monkeypatch.setattr(progress, "TICK", 0.01)
    return screen


def work(screen: io.StringIO | None = None) -> str:
    """Until something is said, at most five seconds; without a screen, for long enough that it would be."""
    until = time.monotonic() + (5.0 if screen else 0.2)
    while time.monotonic() < until and not (screen and screen.getvalue()):
        time.sleep(0.01)
    return "done"


def test_who_waits_in_a_terminal_is_told(terminal):
    with contextlib.redirect_stderr(terminal):
        assert progress.watched("Learning who leaves")(work)(terminal) == "done"
    assert "Learning who leaves … 00:00" in terminal.getvalue()


def test_the_line_is_gone_when_it_is_done(terminal):
    with contextlib.redirect_stderr(terminal), progress.watching("Counting"):
        work(terminal)
    assert terminal.getvalue().rstrip(" ").endswith("\r")


def test_short_work_says_nothing(terminal, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 60)
    with contextlib.redirect_stderr(terminal), progress.watching("Counting"):
        pass
    assert terminal.getvalue() == ""


def test_only_the_outermost_work_is_told(terminal):
    with contextlib.redirect_stderr(terminal), progress.watching("Outer"), progress.watching("Inner"):
        work(terminal)
    assert "Outer" in terminal.getvalue()
    assert "Inner" not in terminal.getvalue()


@pytest.mark.parametrize("form", ["page", "text"])
def test_a_report_says_nothing(terminal, monkeypatch, form):
    monkeypatch.setenv(progress.DISPLAY, form)
    with contextlib.redirect_stderr(terminal), progress.watching("Counting"):
        work()
    assert terminal.getvalue() == ""


def test_a_scheduler_sees_nothing(terminal):
    quiet = io.StringIO()
    with contextlib.redirect_stderr(quiet), progress.watching("Counting"):
        work()
    assert quiet.getvalue() == terminal.getvalue() == ""


def test_a_notebook_is_told(terminal, monkeypatch):
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    with contextlib.redirect_stderr(terminal):
        assert not progress.somebody_waits()
        monkeypatch.setattr(Terminal, "__module__", "ipykernel.iostream")
        assert progress.somebody_waits()


def test_an_error_goes_through_and_ends_the_line(terminal):
    def fails() -> None:
        work(terminal)
        raise ValueError("no")

    with contextlib.redirect_stderr(terminal), pytest.raises(ValueError, match="no"):
        progress.watched("Counting")(fails)()
    assert terminal.getvalue().rstrip(" ").endswith("\r")
    said = terminal.getvalue()
    time.sleep(0.05)
    assert terminal.getvalue() == said
