"""`crm mail`: a published report as a mail, and mails that could not be sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crm_analytics.cli.console import echo_json, now, say
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.runs.schedule.schedule_file import Schedule
    from crm_analytics.runs.telling.letters import Posted


@click.command()
@click.argument("pages", nargs=-1, metavar="[NAME/SLUG ...]")
@click.option("--config", type=click.Path(path_type=Path), default=Path("crm.toml"), show_default=True)
@click.option("--send", is_flag=True, help="Send them by the server of [mail], too.")
@click.option("--unsent", is_flag=True, help="Send all mails that are kept because they could not be sent.")
def mail(*, pages: tuple[str, ...], config: Path, send: bool, unsent: bool) -> int:
    """Write published reports as mails: headline, key figures, actions and findings.

    Addresses and server stand in the table [mail] of CONFIG, the password in the environment. With it
    `crm run` writes and sends a mail for each report that it makes, and for each that fails.

    \b
    crm mail segments/1998-06-30            write reports/segments/1998-06-30/runs/.../mail/unsent.eml
    crm mail segments/1998-06-30 --send     and send it
    crm mail --unsent                       send what is kept
    """  # noqa: D301
    from crm_analytics.runs.publishing.run_diff import find_run
    from crm_analytics.runs.schedule.schedule_file import read_schedule
    from crm_analytics.runs.telling import letters

    if bool(pages) == unsent:
        raise click.UsageError("name reports as NAME/SLUG, or give --unsent", click.get_current_context())
    schedule = read_schedule(config, now())
    if schedule.mail is None:
        raise ParameterError(f'{config.name} has no table [mail]: it needs to = ["..."] and from = "..."')
    if (send or unsent) and not schedule.mail.host:
        raise ParameterError(f"{config.name}, [mail]: sending needs a host")
    if unsent:
        return _tell(list(letters.unsent(schedule.out)), schedule, send=True)
    runs = [find_run(schedule.out, page) for page in pages]
    places = [schedule.out / run.report / run.slug / "runs" / run.run for run in runs]
    return _tell([letters.write_letter(one, schedule.mail, now()) for one in places], schedule, send=send)


def _tell(written: list[Posted], schedule: Schedule, *, send: bool) -> int:
    """Send where it is asked for, and say what became of each; 6 where one could not be sent."""
    from crm_analytics.runs.telling import mail_server
    from crm_analytics.runs.telling.night_telling import kept_in_words

    assert schedule.mail is not None
    trouble = mail_server.send(written, schedule.mail) if send else ""
    for letter in written:
        kept = letter.path.exists()
        path = letter.path if kept else letter.sent
        echo_json({"mail": str(path), "status": "written" if kept else "sent"})
    if not written:
        say("no mail is kept that was not sent")
        return 0
    say(kept_in_words(written, trouble, schedule.out, sent=send), "red" if trouble else "green")
    return 6 if trouble else 0
