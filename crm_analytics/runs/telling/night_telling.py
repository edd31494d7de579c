"""At the end of a night: mails written and sent, messages sent, the file for monitors replaced.

Whatever goes wrong here is said in words and changes neither what was published nor the exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crm_analytics.errors import CrmError, in_words
from crm_analytics.pages.status import Status
from crm_analytics.runs.catalogue.catalogue import find_report
from crm_analytics.runs.telling import letters, mail_server, monitor_file, notices
from crm_analytics.runs.telling.letters import FailedReport, Posted
from crm_analytics.runs.telling.night_events import events_of, is_failure

if TYPE_CHECKING:
    from crm_analytics.runs.publishing.result import RunResult
    from crm_analytics.runs.schedule.schedule_file import Schedule


def tell_night(
    schedule: Schedule, results: Mapping[int, RunResult], exit_code: int, seconds: float
) -> tuple[str, ...]:
    """Tell all that the schedule names.

    Parameters
    ----------
    results : by number; reports first, then lists
    exit_code, seconds : of the run

    Returns
    -------
    what a person at the terminal should know: mails that were written, and what could not be told
    """
    parts: list[tuple[str, Callable[[], list[str]]]] = []
    if schedule.mail is not None:
        parts.append(("[mail]", lambda: _mail(schedule, results)))
    if schedule.notify is not None:
        parts.append(("[notify]", lambda: _notify(schedule, results, exit_code)))
    if schedule.prometheus is not None:
        parts.append(("prometheus", lambda: _monitor(schedule, results, exit_code, seconds)))
    told = []
    for name, part in parts:
        try:
            told += part()
        except Exception as error:
            told.append(f"{name}: {in_words(error)}")
    return tuple(told)


def _monitor(
    schedule: Schedule, results: Mapping[int, RunResult], exit_code: int, seconds: float
) -> list[str]:
    assert schedule.prometheus is not None
    monitor_file.write(schedule.prometheus, schedule, results, exit_code, seconds)
    return []


def _mail(schedule: Schedule, results: Mapping[int, RunResult]) -> list[str]:
    mail, out = schedule.mail, schedule.out
    assert mail is not None
    written: list[Posted] = []
    said: list[str] = []
    for number, result in sorted(results.items()):
        try:
            letters.sweep(out, result)
            if is_failure(result):
                if mail.failures:
                    failed = FailedReport(result, *_names(schedule, number))
                    written.append(
                        letters.write_failure(failed, out, mail, schedule.now, schedule.language or "en")
                    )
            elif _is_news(result) and result.run_folder is not None and result.name in mailed(schedule):
                written.append(letters.write_letter(result.run_folder, mail, schedule.now))
        except CrmError as error:
            said.append(f"[mail]: {result.name} {result.slug}: {error}")
    if not written:
        return said
    trouble = mail_server.send(written, mail)
    return [*said, kept_in_words(written, trouble, out, sent=bool(mail.host))]


def mailed(schedule: Schedule) -> set[str]:
    """The names of the reports that are mailed."""
    assert schedule.mail is not None
    names = {find_report(one.request.report, one.request.root).name for one in schedule.reports}
    return set(schedule.mail.reports) or names


def kept_in_words(written: list[Posted], trouble: str, out: Path, *, sent: bool) -> str:
    """What became of mails: how many went out, and where the others are.

    Parameters
    ----------
    trouble : of `mail_server.send`
    sent : whether there is a server at all
    """
    kept = [letter.path for letter in written if letter.path.exists()]
    count = f"{len(written)} mail" + ("s" if len(written) != 1 else "")
    if not kept:
        return f"[mail]: {count} sent" + (f"; {trouble}" if trouble else "")
    first = kept[0].relative_to(out) if kept[0].is_relative_to(out) else kept[0]
    more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
    if not sent:
        return f"[mail]: {count} written: {first}{more}"
    return (
        f"[mail]: {len(kept)} of {count} not sent: {trouble}. Kept as {first}{more}; "
        "`crm mail --unsent` sends what is kept"
    )


def _is_news(result: RunResult) -> bool:
    return result.status in (Status.DONE, Status.THIN)


def _names(schedule: Schedule, number: int) -> tuple[str, str]:
    """Title and source of a report or list, for people."""
    if number >= len(schedule.reports):
        one = schedule.lists[number - len(schedule.reports)]
        return "Contact lists", one.source
    report = schedule.reports[number]
    with suppress(CrmError):
        return find_report(report.request.report, report.request.root).title, report.source
    return report.request.report, report.source


def _notify(schedule: Schedule, results: Mapping[int, RunResult], exit_code: int) -> list[str]:
    table = schedule.notify
    assert table is not None
    events = events_of(schedule, results, table.on, table.stale)
    if not events:
        return []
    notice = notices.Notice(schedule.path.name, exit_code, schedule.now, events)
    return notices.notify(notice, table, schedule.mail, schedule.path.parent)
