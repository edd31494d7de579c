"""Mails of a night as files: ``runs/<id>/mail/unsent.eml``, which becomes ``sent.eml`` once it is sent.

A mail says what its page says and stands in the folder of its run: it is pruned and erased with it. Both
files are for their owner alone. A run that left no folder has its mail below ``reports/.crm/mail/``, where
the next good run of the same report takes it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import ParameterError
from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import publish, published_look
from crm_analytics.runs.publishing.manifest import digest, published_words
from crm_analytics.runs.publishing.published_tree import FOLDER
from crm_analytics.runs.run_files import next_step
from crm_analytics.tables.regular_files import read_bytes, read_record

if TYPE_CHECKING:
    from crm_analytics.pages.letter import Letter, LetterContext
    from crm_analytics.runs.publishing.result import RunResult
    from crm_analytics.runs.telling.settings import MailTable

UNSENT, SENT = "unsent.eml", "sent.eml"
MAIL = "mail"
PRIVATE = 0o600


@dataclass(frozen=True)
class Posted:
    """A mail that lies in a file."""

    path: Path
    sender: str
    to: tuple[str, ...]
    content: bytes

    @property
    def sent(self) -> Path:
        """Where it lies once it has gone out."""
        return self.path.with_name(SENT)

    def mark_sent(self) -> None:
        """It has gone out: the file is called so from now on."""
        with suppress(OSError):
            self.path.replace(self.sent)


def write_letter(run: Path, mail: MailTable, moment: datetime) -> Posted:
    """The mail of a published run, as a file in its folder.

    Parameters
    ----------
    run : the folder of a good run
    moment : stands in the mail as its date

    Raises
    ------
    ParameterError : the run has no record or no notebook.
    PublishError : the file cannot be written.
    """
    from crm_analytics.pages.letter import letter
    from crm_analytics.runs.kernels import engine

    engine.import_notebook_tools()
    import nbformat

    about = _record(run)
    try:
        notebook = nbformat.reads(read_bytes(run / "notebook.ipynb").decode("utf-8"), 4)
    except (OSError, ValueError) as error:
        raise ParameterError(f"the notebook of {run.name} cannot be read ({type(error).__name__})") from None
    context = _context(run, about, mail)
    message = _message(letter(notebook, context), mail, moment, f"{run.name}.{run.parents[1].name}")
    if mail.attach:
        name = f"{about['report']}-{about['slug']}.html"
        page = read_bytes(run / "page.html")
        message.add_attachment(page, "text", "html", filename=name, params={"charset": "utf-8"})
        message.set_boundary(f"=_crm_{digest(run.name, 'attached')[:24]}")
    return _put(run / MAIL / UNSENT, message, mail)


@dataclass(frozen=True)
class FailedReport:
    """What a mail says of a report that could not be made: its title and its source, for people."""

    result: RunResult
    title: str
    source: str


def write_failure(
    failed: FailedReport, out: Path, mail: MailTable, moment: datetime, language: str
) -> Posted:
    """The mail that a report could not be made, as a file.

    Raises
    ------
    PublishError : the file cannot be written.
    """
    result = failed.result
    from crm_analytics.pages.letter import LetterContext, failure_letter
    from crm_analytics.runs.publishing.index import last_good

    day = date.fromisoformat(result.day) if result.day else None
    place = result.page.relative_to(out).as_posix() if result.page else f"{result.name}/{result.slug}"
    context = LetterContext(label=failed.source, day=day, place=place, link=_link(mail, place))
    made = failure_letter(
        heading=failed.title, what=published_words(result.message), context=context, language=language,
        next_step=next_step(result.exit_code, language),
        good=last_good(out, result.name, result.slug) is not None,
    )  # fmt: skip
    folder = result.run_folder / MAIL if result.run_folder else _homeless(out, result)
    return _put(folder / UNSENT, _message(made, mail, moment, f"{result.name}.{result.slug}"), mail)


def unsent(out: Path) -> Iterator[Posted]:
    """Mails below a folder of reports that have not gone out, the oldest run first."""
    from email.parser import BytesHeaderParser

    paths = [*out.glob(f"*/*/runs/*/{MAIL}/{UNSENT}"), *(out / FOLDER / MAIL).glob(f"*/{UNSENT}")]
    for path in sorted(paths, key=lambda p: (p.parent.parent.name, str(p))):
        if any(part.startswith(".part-") for part in path.parts):
            continue
        with suppress(OSError):
            content = read_bytes(path)
            head = BytesHeaderParser(policy=SMTP).parsebytes(content)
            to = tuple(a.addr_spec for a in head["To"].addresses)
            yield Posted(path, head["From"].addresses[0].addr_spec, to, content)


def sweep(out: Path, result: RunResult) -> None:
    """Take away the mail of an earlier failure that had no folder: the report has been made since."""
    import shutil

    if result.status.good:
        shutil.rmtree(_homeless(out, result), ignore_errors=True)


def _homeless(out: Path, result: RunResult) -> Path:
    return out / FOLDER / MAIL / f"{result.name}--{result.slug or publish.UNDATED}"


def _context(run: Path, about: dict[str, Any], mail: MailTable) -> LetterContext:
    from crm_analytics.pages.letter import LetterContext

    place = f"{about['report']}/{about['slug']}/report.html"
    day = date.fromisoformat(about["as_of"]) if about.get("as_of") else None
    label = str(about["data"].get("label") or about["data"].get("source", ""))
    accent = published_look.of_tree(run.parents[3]).brand.accent or LetterContext.accent
    link = _link(mail, place)
    return LetterContext(label=label, day=day, place=place, link=link, attached=mail.attach, accent=accent)


def _record(run: Path) -> dict[str, Any]:
    try:
        about = read_record(run / "manifest.json")
        if about["status"] != Status.FAILED:
            return dict(about)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ParameterError(f"{run.name} is no run with a page: it has nothing to be mailed")


def _link(mail: MailTable, place: str) -> str:
    return f"{mail.link.rstrip('/')}/{place}" if mail.link else ""


def _message(made: Letter, mail: MailTable, moment: datetime, name: str) -> EmailMessage:
    """The same letter, addresses and moment give the same bytes."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = made.subject
    message["From"] = Address("crm-analytics", addr_spec=mail.sender)
    message["To"] = [Address(addr_spec=one) for one in mail.to]
    message["Date"] = format_datetime(moment)
    mark = digest(name, mail.to, moment.isoformat())[:24]
    message["Message-ID"] = f"<{mark}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(made.text, cte="quoted-printable")
    message.add_alternative(made.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_crm_{mark}")
    return message


def _put(path: Path, message: EmailMessage, mail: MailTable) -> Posted:
    content = message.as_bytes()
    with publish.in_words(path):
        publish.make_folder(path.parent)
        path.parent.chmod(0o700)
        publish.replace_file(path, content)
        path.chmod(PRIVATE)
    return Posted(path, mail.sender, tuple(mail.to), content)
