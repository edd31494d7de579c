"""`[notify]`: who is told what, and that a notifier which fails or hangs fails no run."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from crm_analytics.errors import ParameterError
from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.result import RunResult
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.runs.telling.night_events import events_of
from crm_analytics.runs.telling.night_telling import tell_night
from crm_analytics.runs.telling.notices import Event, Notice, body_of, notify
from crm_analytics.runs.telling.settings import MailTable, NotifyTable, check_notify
from tests.faults.scene import Scene
from tests.runs.mail_room import MailRoom

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
HEAD = (
    '[source.shop]\npath = "data/shop"\noldest_data = "36500d"\n[[report]]\nname = "tiny"\nsource = "shop"\n'
)
SECRET = "T0P-SECRET"


class Chat:
    """A webhook on this machine."""

    def __init__(self, hang: float = 0, status: int = 200, to: str = "") -> None:
        self.got: list[Any] = []
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                chat.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                time.sleep(hang)
                self.send_response(status)
                if to:
                    self.send_header("Location", to)
                self.end_headers()

            def do_GET(self) -> None:
                chat.got.append("GET")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/{SECRET}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    made = Chat()
    monkeypatch.setenv("CHAT", made.address)
    yield made
    made.close()


EVENT = Event(
    "failure", "tiny", "one", "not made (exit 3). <b>the</b> @channel *file* is [gone](http://evil.example)"
)
NOTICE = Notice("crm.toml", 3, NOW, [EVENT])


def table(**more: Any) -> NotifyTable:
    return NotifyTable(**{"seconds": 1, **more})


@pytest.mark.parametrize("form", ["slack", "teams"])
def test_webhook_gets_its_form_with_no_live_mark_in_it(chat: Chat, form: str, tmp_path: Path) -> None:
    assert notify(NOTICE, table(webhook="$CHAT", form=form), None, tmp_path) == []
    (body,) = chat.got
    assert body == json.loads(json.dumps(body_of(NOTICE, form)))
    text = json.dumps(body)
    assert "not made (exit 3)" in text
    assert "&lt;b&gt;" in text
    assert not re.search(r"@channel|\*file|\[gone|<b>", text)
    if form == "teams":
        (card,) = body["attachments"]
        assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert card["content"]["body"][0]["text"].startswith("CRM reports (crm.toml): 1 not made")


def test_command_gets_json_and_no_shell(tmp_path: Path) -> None:
    program = "import json,sys; open('got.json','w').write(json.dumps([json.load(sys.stdin), sys.argv[1]]))"
    told = notify(
        NOTICE, table(command=[sys.executable, "-c", program, "$(id); x"], seconds=20), None, tmp_path
    )
    assert told == []
    got, argument = json.loads((tmp_path / "got.json").read_text())
    assert argument == "$(id); x"
    assert (got["exit_code"], got["events"][0]["kind"]) == (3, "failure")


def test_mail_goes_to_its_own_addresses(tmp_path: Path) -> None:
    with MailRoom() as room:
        mail = MailTable(
            to=["boss@shop.example"],
            sender="crm@shop.example",
            host="127.0.0.1",
            port=room.port,
            security="none",
        )
        assert notify(NOTICE, table(mail=["ops@shop.example"], seconds=5), mail, tmp_path) == []
    (taken,) = room.taken
    assert taken.to == ["ops@shop.example"]
    assert b"Subject: CRM reports (crm.toml): 1 not made" in taken.content


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"hang": 20}, "no answer in time"),
        ({"status": 500}, "the server answers 500"),
        ({"status": 302, "to": "http://127.0.0.1:9/elsewhere"}, "the server answers 302"),
    ],
    ids=["hangs", "fails", "leads elsewhere"],
)
def test_webhook_that_fails_says_so_without_its_address(
    made: dict, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat(**made)
    monkeypatch.setenv("CHAT", chat.address)
    began = time.monotonic()
    (said,) = notify(NOTICE, table(webhook="$CHAT"), None, tmp_path)
    chat.close()
    assert words in said
    assert SECRET not in said
    assert time.monotonic() - began < 10


def test_all_that_can_go_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = Chat()
    chat.close()
    monkeypatch.setenv("CHAT", chat.address)
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    said = notify(NOTICE, table(webhook="$CHAT", command=sleeper), None, tmp_path)
    assert said == ["[notify] webhook: it cannot be reached", "[notify] command: no answer in time"]
    assert notify(NOTICE, table(command=[str(tmp_path / "none")]), None, tmp_path) == [
        "[notify] command: there is no such program, or it may not be run"
    ]
    failing = [sys.executable, "-c", "raise SystemExit(9)"]
    assert notify(NOTICE, table(command=failing, seconds=20), None, tmp_path) == [
        "[notify] command: it ended with 9"
    ]
    monkeypatch.setenv("CHAT", "http://chat.example/hook")
    (words,) = notify(NOTICE, table(webhook="$CHAT"), None, tmp_path)
    assert "must begin with https://" in words
    monkeypatch.delenv("CHAT")
    (words,) = notify(NOTICE, table(webhook="$CHAT"), None, tmp_path)
    assert "CHAT is not set" in words


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"webhook": "https://hooks.example/T0P-SECRET"}, 'write "\\$NAME" here'),
        ({}, "it tells nobody"),
        ({"mail": ["ops@shop.example"]}, r"needs a table \[mail\] with a host"),
    ],
)
def test_notify_table_says_what_is_wrong(more: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        check_notify(table(**more), None, "crm.toml, [notify]")
    assert SECRET not in str(caught.value)


# --- events -------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Scene.make(tmp_path / "p")
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return tmp_path / "p"


def result(status: Status = Status.DONE, **more: Any) -> RunResult:
    given = {"name": "tiny", "slug": "one", "exit_code": 0, "message": "Run", "seconds": 1.0, **more}
    return RunResult(status=status, **given)


def published(project: Path, facts: dict[str, Any], day: str, moment: datetime, headline: str) -> Path:
    """A good run in its place, by the parts that events read."""
    about = {
        "report": "tiny", "slug": "one", "status": "done", "as_of": day, "parameters": {"number": 0},
        "message": headline, "facts": facts, "data": {"source": "shop"},
    }  # fmt: skip
    files = {"page.html": b"x", "manifest.json": publish.as_json(about)}
    place = publish.Place(project / "reports", "tiny", "one")
    run = publish.run_id(moment, "0" * 8)
    return publish.publish(place, run, files, {"day": day, "status": "done"}, 12)


def schedule(project: Path, more: str = "") -> Any:
    (project / "crm.toml").write_text(HEAD.replace("[source", more + "[source", 1))
    return read_schedule(project / "crm.toml", NOW)


SHARE = {"bought_again": 0.5, "bought_again_n": 2_000, "rows": 5_000}


@pytest.mark.parametrize(
    ("facts", "headline", "clear"),
    [
        (SHARE | {"bought_again": 0.4}, "Fewer come back", True),
        (SHARE | {"bought_again": 0.4}, "As ever", False),  # the headline says what it said before
        (SHARE | {"bought_again": 0.495}, "Fewer come back", False),  # may be chance
        (SHARE | {"rows": 9_000}, "Fewer come back", False),  # there are always more rows
    ],
)
def test_only_a_clear_change_of_a_headline_is_news(
    project: Path, facts: dict, headline: str, clear: bool
) -> None:
    published(project, SHARE, "2026-03-02", NOW - timedelta(days=1), "As ever")
    folder = published(project, facts, "2026-03-03", NOW, headline)
    found = events_of(schedule(project), {0: result(run_folder=folder)}, ["change"])
    if not clear:
        assert found == []
        return
    (event,) = found
    assert event.text == "Fewer come back (since 2026-03-02: bought again -20 %)"


def test_failures_and_old_pages_are_events_and_busy_ones_are_not(project: Path) -> None:
    published(project, SHARE, "2026-02-20", NOW, "As ever")
    failed = result(Status.FAILED, exit_code=3, message="the file is gone")
    made = schedule(project)
    kinds = ["failure", "staleness", "change"]
    assert [e.kind for e in events_of(made, {0: failed}, kinds, "3d")] == ["failure", "staleness"]
    assert [e.kind for e in events_of(made, {0: failed}, ["staleness"], "12d")] == []
    (old,) = events_of(made, {0: failed}, ["staleness"], "11d")
    assert old.text == "the page shows data of 2026-02-20, 12 days old; at most 11 are wanted"
    assert events_of(made, {0: result(Status.LOCKED, exit_code=75)}, ["failure"]) == []
    assert [e.kind for e in events_of(made, {0: result(Status.UNCHANGED)}, kinds, "3d")] == ["staleness"]


def test_night_with_a_dead_notifier_says_so_and_nothing_else(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = '[notify]\nwebhook = "$CHAT"\nseconds = 1\n'
    monkeypatch.setenv("CHAT", "http://127.0.0.1:9/x")
    failed = {0: result(Status.FAILED, exit_code=3, message="gone")}
    assert tell_night(schedule(project, more), failed, 3, 1.0) == ("[notify] webhook: it cannot be reached",)
    assert tell_night(schedule(project, more), {0: result()}, 0, 1.0) == ()
    assert tell_night(schedule(project), failed, 3, 1.0) == ()
    assert "CHAT" in os.environ


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[notify]\nwebhok = "x"\n', r"\[notify\]: there is no key 'webhok'; did you mean 'webhook'"),
        ('[notify]\non = ["fire"]\ncommand = ["x"]\n', 'some of "failure"'),
        ('[notify]\nstale = "soon"\ncommand = ["x"]\n', r"\[notify\]: stale"),
        ('[mail]\nto = ["a@b.example"]\n', r"\[mail\]: from is missing"),
        ('[mail]\nto = ["a@b.example"]\nfrom = "c@d.example"\nreports = ["tinny"]\n', "did you mean 'tiny'"),
    ],
)
def test_file_says_what_is_wrong(project: Path, more: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        schedule(project, more)
