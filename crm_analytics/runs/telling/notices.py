"""Events of a night, and those who are told of them: a webhook, a command, addresses.

Each of them has its own time limit and runs in a thread or process of its own: one that fails or hangs fails
no run. Addresses of webhooks are secrets, and no message here shows one.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import CrmError
from crm_analytics.runs.publishing.manifest import digest, published_words
from crm_analytics.runs.telling import mail_server
from crm_analytics.runs.telling.letters import Posted
from crm_analytics.runs.telling.settings import MailTable, NotifyTable, webhook_address

if TYPE_CHECKING:
    from datetime import datetime

MOST = 20  # events in one message
_LONGEST = 500


@dataclass(frozen=True)
class Event:
    """Something that is worth a message.

    Parameters
    ----------
    kind : "failure", "staleness" or "change"
    report, slug : which page
    text : one sentence, fit for everybody
    """

    kind: str
    report: str
    slug: str
    text: str

    def line(self) -> str:
        """For a chat."""
        return f"{self.report} {self.slug}".strip() + f": {self.text}"


@dataclass(frozen=True)
class Notice:
    """All events of one night.

    Parameters
    ----------
    schedule : the file's name
    exit_code : of the run
    moment : when it began
    """

    schedule: str
    exit_code: int
    moment: datetime
    events: Sequence[Event]

    @property
    def title(self) -> str:
        """One line."""
        kinds = [event.kind for event in self.events]
        words = {"failure": "not made", "staleness": "too old", "change": "clearly changed"}
        counts = [f"{kinds.count(kind)} {words[kind]}" for kind in words if kind in kinds]
        return _one_line(f"CRM reports ({self.schedule}): {', '.join(counts)}")

    @property
    def lines(self) -> list[str]:
        """One per event."""
        told = [_one_line(event.line()) for event in self.events[:MOST]]
        more = len(self.events) - MOST
        return told + ([f"and {more} more"] if more > 0 else [])

    def json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "title": self.title,
            "schedule": _one_line(self.schedule),
            "exit_code": self.exit_code,
            "began": self.moment.isoformat(timespec="seconds"),
            "events": [
                {
                    "kind": e.kind,
                    "report": _one_line(e.report),
                    "slug": _one_line(e.slug),
                    "text": _one_line(e.text),
                }
                for e in self.events
            ],
        }


def _one_line(text: str) -> str:
    """Words fit for everybody, without line ends: a name cannot add a line, or a header, of its own."""
    return " ".join(published_words(text).split())[:_LONGEST]


def notify(notice: Notice, table: NotifyTable, mail: MailTable | None, folder: Path) -> list[str]:
    """Tell all that `[notify]` names. Nothing is raised.

    Parameters
    ----------
    folder : that the command runs in

    Returns
    -------
    what could not be told, one sentence each, without secrets
    """
    ways: dict[str, Callable[[], None]] = {}
    if table.webhook:
        ways["webhook"] = lambda: post(webhook_address(table), body_of(notice, table.form), table.seconds)
    if table.command:
        ways["command"] = lambda: call(table.command, notice, table.seconds, folder)
    if table.mail and mail is not None:
        ways["mail"] = lambda: _mail(notice, table, mail)
    return _side_by_side(ways, table.seconds)


def _side_by_side(ways: Mapping[str, Callable[[], None]], seconds: float) -> list[str]:
    """Take all ways at once; what went wrong with each, as far as it is known in time."""
    trouble: dict[str, str] = {}

    def take(name: str, way: Callable[[], None]) -> None:
        try:
            way()
            trouble[name] = ""
        except Exception as error:
            trouble[name] = _in_words(error)

    threads = [threading.Thread(target=take, args=each, daemon=True) for each in ways.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 2)  # a little more than each has for itself
    late = f"no answer within {seconds:g} seconds"
    said = {name: trouble.get(name, late) for name in ways}
    return [f"[notify] {name}: {words}" for name, words in said.items() if words]


def body_of(notice: Notice, form: str) -> dict[str, Any]:
    """What a chat's webhook takes.

    Parameters
    ----------
    form : "slack" (a text) or "teams" (an adaptive card)
    """
    lines = [_plain(line) for line in notice.lines]
    if form == "slack":
        return {"text": "\n".join([_plain(notice.title), *(f"• {line}" for line in lines)])}
    blocks = [{"type": "TextBlock", "text": _plain(notice.title), "weight": "bolder", "wrap": True}]
    blocks += [{"type": "TextBlock", "text": line, "wrap": True} for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _plain(text: str) -> str:
    """Text in which a chat finds no link, mention or format: Slack's three escapes, Markdown's marks."""
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, entity)
    return "".join(" " if c in "*_`~[]@" else c for c in text)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message goes where its user said, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def post(address: str, body: Mapping[str, Any], seconds: float) -> None:
    """Send JSON to a webhook.

    Raises
    ------
    OSError : it does not answer, or answers with an error.
    """
    request = urllib.request.Request(  # noqa: S310 - https, or this machine: see `webhook_address`
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=seconds) as answer:
        answer.read(1_000)


def call(command: Sequence[str], notice: Notice, seconds: float, folder: Path) -> None:
    """Run a program with the events as JSON on its standard input; no shell reads them.

    Raises
    ------
    OSError : there is no such program, it fails, or it does not end in time (then it is ended).
    """
    process = subprocess.Popen(
        [*command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=folder, start_new_session=True,
    )  # fmt: skip
    try:
        process.communicate(json.dumps(notice.json()).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise TimeoutError from None
    if process.returncode:
        raise ChildProcessError(f"it ended with {process.returncode}")


def _mail(notice: Notice, table: NotifyTable, mail: MailTable) -> None:
    """A short mail, sent at once and kept nowhere: the failure pages and the index say the same."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = notice.title[:180]
    message["From"] = Address("crm-analytics", addr_spec=mail.sender)
    message["To"] = [Address(addr_spec=one) for one in table.mail]
    message["Date"] = format_datetime(notice.moment)
    mark = digest("notify", notice.json())[:24]
    message["Message-ID"] = f"<{mark}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join([notice.title, "", *notice.lines]) + "\n", cte="quoted-printable")
    letter = Posted(Path(os.devnull) / "none", mail.sender, tuple(table.mail), message.as_bytes())
    words = mail_server.send([letter], mail.model_copy(update={"seconds": table.seconds}))
    if words:
        raise ConnectionError(words)


def _in_words(error: Exception) -> str:
    """What kept it from being told; a library's own words may repeat the address, and are left out."""
    match error:
        case CrmError() | ChildProcessError() | ConnectionError() if error.args and isinstance(
            error.args[0], str
        ):
            return str(error)
        case urllib.error.HTTPError():
            return f"the server answers {error.code}"
        case TimeoutError():
            return "no answer in time"
        case FileNotFoundError() | PermissionError():
            return "there is no such program, or it may not be run"
        case urllib.error.URLError() if isinstance(error.reason, TimeoutError):
            return "no answer in time"
        case urllib.error.URLError() if isinstance(error.reason, ssl.SSLError):
            return "the certificate of the server is not trusted"
        case urllib.error.URLError():
            return "it cannot be reached"
    return f"it failed ({type(error).__name__})"
