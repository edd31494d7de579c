"""Mails of a night: what they hold, where they lie, and what happens where no server takes them."""

from __future__ import annotations

import email
import json
import re
import shutil
import stat
import time
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from crm_analytics import cli
from crm_analytics.errors import ParameterError
from crm_analytics.pages import blocks
from crm_analytics.pages.letter import LARGEST, LetterContext, failure_letter, letter
from crm_analytics.runs.telling import mail_server
from crm_analytics.runs.telling.letters import Posted
from crm_analytics.runs.telling.settings import MailTable, check_mail
from tests.faults.scene import Scene
from tests.runs.mail_room import MailRoom, certificate

CONFIG = """\
[source.shop]
path = "data/shop"
[mail]
to = ["boss@shop.example", "two@shop.example"]
from = "crm@shop.example"
seconds = 5
MORE
[[report]]
name = "tiny"
source = "shop"
slug = "good"
[[report]]
name = "tiny"
source = "shop"
slug = "bad"
parameters = { mode = "raises" }
"""
PASSWORD = "s3cret-of-the-post"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night with one good and one failed report, its mails written and not sent."""
    root = tmp_path_factory.mktemp("made") / "p"
    Scene.make(root)
    (root / "crm.toml").write_text(CONFIG.replace("MORE", ""))
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", str(root / "crm.toml")])
    assert stopped.value.code == 4
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the working folder."""
    root = tmp_path / "p"
    shutil.copytree(made, root)
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    return root


def configure(project: Path, more: str) -> None:
    (project / "crm.toml").write_text(CONFIG.replace("MORE", more))


def server(room: MailRoom) -> str:
    return f'host = "127.0.0.1"\nport = {room.port}\nsecurity = "none"'


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict], str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capfd.readouterr()
    return int(stopped.value.code or 0), [json.loads(line) for line in out.splitlines()], err


def mails(project: Path, name: str = "unsent.eml") -> dict[str, Path]:
    return {path.parents[3].name: path for path in project.glob(f"reports/*/*/runs/*/mail/{name}")}


def read(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def test_mails_of_a_night_lie_in_their_runs_for_their_owner_alone(project: Path) -> None:
    found = mails(project)
    assert set(found) == {"good", "bad"}
    for path in found.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    good = read(found["good"].read_bytes())
    assert good["Subject"] == "Run 0 of 20 rows"
    assert good["To"] == "boss@shop.example, two@shop.example"
    assert [part.get_content_type() for part in good.iter_parts()] == ["text/plain", "text/html"]
    assert "tiny/good/report.html" in good.get_body(("plain",)).get_content()
    bad = read(found["bad"].read_bytes())
    assert bad["Subject"] == "Not made: Tiny, shop"
    assert "ValueError" in bad.get_body(("html",)).get_content()
    assert "told to" not in bad.as_string()  # Python's own words may hold a customer


def test_night_sends_and_the_next_one_has_nothing_to_send(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POST", PASSWORD)
    with MailRoom(certificate=certificate(project), password=PASSWORD) as room:
        configure(
            project,
            f'host = "127.0.0.1"\nport = {room.port}\nuser = "crm"\npassword = "$POST"\nca_file = "crt"',
        )
        code, lines, said = call(capfd, "run", "--force", "--only", "tiny/good")
        assert (code, lines[-1]["told"]) == (0, ["[mail]: 1 mail sent"])
        (mail,) = room.taken
        assert (mail.to, mail.user, mail.encrypted) == (
            ["boss@shop.example", "two@shop.example"],
            "crm",
            True,
        )
        assert read(mail.content)["Subject"] == "Run 0 of 20 rows"
        assert room.greeted == ["shop.example"] * 2  # and not the name of this machine
        code, lines, _ = call(capfd, "run", "--only", "tiny/good")
        assert "told" not in lines[-1]  # unchanged: no news
        assert len(room.taken) == 1
        code, lines, said = call(capfd, "mail", "--unsent")  # those that the module's night kept
        assert (code, [line["status"] for line in lines]) == (0, ["sent", "sent"])
        assert len(room.taken) == 3
        assert call(capfd, "mail", "--unsent")[1] == []
    assert PASSWORD not in said
    for path in (project / "reports").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_server_down_leaves_exit_code_and_file(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with MailRoom() as room:
        port = room.port
    configure(project, f'host = "127.0.0.1"\nport = {port}')
    code, lines, said = call(capfd, "run", "--force", "--only", "tiny/good")
    assert code == lines[-1]["exit_code"] == 0
    (told,) = lines[-1]["told"]
    assert f"1 of 1 mail not sent: no mail server takes calls at 127.0.0.1, port {port}" in told
    assert said.rstrip().splitlines()[-1] == told
    kept = re.search(r"Kept as (\S+);", told)
    assert kept
    assert (project / "reports" / kept[1]).is_file()


def test_mail_command_writes_and_sends_one(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with MailRoom() as room:
        configure(project, server(room) + '\nlink = "https://share.example/crm"\nattach = true')
        code, (line,), _ = call(capfd, "mail", "tiny/good")
        assert (code, line["status"], room.taken) == (0, "written", [])
        code, (line,), _ = call(capfd, "mail", "tiny/good", "--send")
        assert (code, line["status"]) == (0, "sent")
    mail = read(room.taken[0].content)
    assert "https://share.example/crm/tiny/good/report.html" in mail.get_body(("html",)).get_content()
    (page,) = mail.iter_attachments()
    assert page.get_content() == (project / "reports/tiny/good/report.html").read_text()
    assert page.get_filename() == "tiny-good.html"
    configure(project, "")
    assert "needs a host" in call(capfd, "mail", "tiny/good", "--send")[2]
    assert call(capfd, "mail", "tiny/bad")[0] == 2


# --- the letter ---------------------------------------------------------------------------------------------


def notebook(*shown: blocks.Block, title: str = "Segments") -> nbformat.NotebookNode:
    new = nbformat.v4
    cells = [new.new_markdown_cell(f"# {title}")]
    for block in shown:
        data = {"application/vnd.crm-analytics.block+json": block.to_json()}
        cells.append(new.new_code_cell(outputs=[new.new_output("display_data", data=data)]))
    return new.new_notebook(cells=cells)


class Tags(HTMLParser):
    """The tags and attributes that a mail program would see."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [name for name, _ in attrs]


HOSTILE = '<script>alert("x")</script><img src=http://evil.example/p.png>' + "W" * 200
CONTEXT = LetterContext(label=HOSTILE, day=None, place="segments/x/report.html")


def test_html_is_small_escaped_and_asks_for_nothing_law() -> None:
    sentence = ("& " + HOSTILE) * 20
    action = blocks.action(sentence, who=sentence, why=sentence)
    made = letter(
        notebook(
            blocks.headline(sentence, sentence),
            blocks.kpis(*[blocks.kpi(HOSTILE, "1", note=sentence)] * 4),
            blocks.actions(*[action] * 3),
            blocks.findings(*[blocks.finding(HOSTILE[:80], "x")] * 5),
        ),
        CONTEXT,
    )
    assert len(made.html.encode()) <= LARGEST
    tags = Tags()
    tags.feed(made.html)
    assert not tags.names & {"script", "img", "link", "style", "iframe", "form", "svg", "object"}
    assert not [name for name in tags.attributes if name in ("src", "href") or name.startswith("on")]
    assert "url(" not in made.html
    assert "\n" not in made.subject
    assert len(made.subject) <= 180


def test_subject_with_line_breaks_makes_no_header_law() -> None:
    made = failure_letter(
        heading="A\r\nBcc: all@shop.example", what="x", next_step="y", context=CONTEXT, good=True
    )
    assert made.subject.startswith("Not made: A Bcc: all@shop.example, ")
    german = failure_letter(
        heading="Segmente", what="x", next_step="y", context=CONTEXT, good=False, language="de"
    )
    assert 'lang="de"' in german.html
    assert "Es gibt noch keinen früheren Bericht" in german.text


# --- servers that misbehave ---------------------------------------------------------------------------------


def post(folder: Path, name: str = "one") -> Posted:
    path = folder / name / "unsent.eml"
    path.parent.mkdir()
    path.write_bytes(b"Subject: x\r\n\r\nx\r\n")
    return Posted(path, "crm@shop.example", ("boss@shop.example",), path.read_bytes())


def table(room: MailRoom, **more: object) -> MailTable:
    given = {"security": "none", **more}
    return MailTable(
        to=["boss@shop.example"], sender="crm@shop.example", host="127.0.0.1", port=room.port, **given
    )


@pytest.mark.parametrize(
    ("room", "more", "words"),
    [
        (MailRoom(hang=30), {"seconds": 1}, "within 1 seconds|does not answer"),
        (MailRoom(refused=("boss@shop.example",)), {}, "refused addresses of 1 of 1 mails"),
        (MailRoom(password="x"), {}, r"refuses"),
        (MailRoom(password="x"), {"user": "crm", "password": "$POST"}, r"user and the password \(535\)"),
        (MailRoom(), {"user": "crm", "password": "$NOT_SET_HERE"}, "NOT_SET_HERE is not set"),
        (MailRoom(), {"security": "starttls"}, "does not offer what crm.toml asks for"),
        (MailRoom(), {"security": "ssl", "seconds": 3}, "does not speak TLS|within 3 seconds"),
    ],
    ids=["hangs", "refuses", "locked", "wrong password", "no variable", "no tls", "no ssl"],
)
def test_server_that_does_not_take_it_says_why(
    room: MailRoom, more: dict, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POST", "wrong-word")
    letter_ = post(tmp_path)
    began = time.monotonic()
    with room:
        said = mail_server.send([letter_], table(room, **more))
    assert re.search(words, said)
    assert letter_.path.exists()
    assert "wrong-word" not in said
    assert "boss@" not in said
    assert time.monotonic() - began < 15


def test_certificate_that_nobody_knows_is_not_trusted(tmp_path: Path) -> None:
    with MailRoom(certificate=certificate(tmp_path)) as room:
        said = mail_server.send([post(tmp_path)], table(room, security="starttls"))
        assert "is not trusted" in said
        assert room.taken == []


GOOD = {"to": ["a@b.example"], "sender": "c@d.example"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"password": "s3cret", "user": "x"}, 'write "\\$NAME" here'),
        ({"to": ["a@b.example\nBcc: c@d.example"]}, "is no mail address"),
        ({"sender": "nobody"}, "is no mail address"),
        ({"password": "$P"}, "without user"),
        ({"password": "$P", "user": "x", "security": "none", "host": "smtp.example"}, "in the clear"),
        ({"link": "javascript:alert(1)"}, "link must begin with"),
        ({"host": "smtp://smtp.example"}, "host is a name"),
    ],
)
def test_mail_table_says_what_is_wrong(more: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        check_mail(MailTable(**{**GOOD, **more}), "crm.toml, [mail]")
    assert "s3cret" not in str(caught.value)
