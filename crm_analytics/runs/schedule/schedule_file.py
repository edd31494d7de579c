"""`crm.toml`: which reports are made every night, from which sources, for which day.

Example::

    out = "reports"
    workers = 2
    keep = 12

    [source.shop]
    path = "data/cdnow"
    oldest_data = "3d"

    [[report]]
    name = "segments"
    source = "shop"
    as_of = "last full month"
    parameters = { bins = 5 }

    [mail]
    to = ["boss@shop.example"]
    from = "crm@shop.example"

    [[list]]
    name = "weekly"
    source = "shop"
    lists = ["birthday", "win_back"]

Paths are meant from the folder of the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crm_analytics.errors import CrmError, ParameterError, nearest
from crm_analytics.runs import version_query
from crm_analytics.runs.catalogue.catalogue import report_name
from crm_analytics.runs.catalogue.parameter_rules import short
from crm_analytics.runs.look import BrandTable, look_of
from crm_analytics.runs.plan import RunRequest
from crm_analytics.runs.schedule import list_jobs, relative_days, score_jobs
from crm_analytics.runs.schedule.list_jobs import ListTable, ScheduledList, wave_request
from crm_analytics.runs.schedule.own_rules import RuleTable, TargetTable, Where, checked_rules
from crm_analytics.runs.schedule.score_jobs import ScheduledScore, ScoreTable, score_request
from crm_analytics.runs.schedule.settings import read_settings
from crm_analytics.runs.telling import settings
from crm_analytics.runs.telling.settings import MailTable, NotifyTable
from crm_analytics.tables.named_sources import ref_of
from crm_analytics.tables.project import project_folder

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class SourceTable(BaseModel):
    """A table `[source.NAME]`."""

    model_config = _STRICT
    path: str = ""
    url: str = ""
    mapping: str = ""
    oldest_data: str = ""
    version_query: str = ""
    network: bool = False
    max_rejected: Annotated[float, Field(ge=0, le=1)] | None = None
    keep_rows: bool = False
    where: dict[str, Where] = {}


class ReportTable(BaseModel):
    """A table `[[report]]`."""

    model_config = _STRICT
    name: str
    source: str
    as_of: str | date = relative_days.LAST_DAY
    parameters: dict[str, str | int | float | bool | list[str]] = {}
    where: dict[str, Where] = {}
    slug: str | None = None
    limit_seconds: Annotated[float, Field(gt=0, le=366 * 86_400)] | None = None
    limit_memory_mb: Annotated[int, Field(ge=512)] | None = None


class ScheduleTable(BaseModel):
    """The whole file."""

    model_config = _STRICT
    out: str = "reports"
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    keep: Annotated[int, Field(ge=1)] = 12
    language: str = ""
    brand: BrandTable | None = None
    prometheus: str = ""
    source: dict[str, SourceTable]
    mail: MailTable | None = None
    notify: NotifyTable | None = None
    report: list[ReportTable] = []
    lists: Annotated[list[ListTable], Field(alias="list")] = []
    score: list[ScoreTable] = []
    segment: list[RuleTable] = []
    stage: list[RuleTable] = []
    target: list[TargetTable] = []


_ALLOWED = {
    **settings.ALLOWED,
    "brand": 'a table [brand] with colour = "#0b5cad", logo = "logo.png" or both',
    "workers": "a whole number 1..64",
    "network": "true or false",
    "keep_rows": "true or false",
    "max_rejected": "a share of rows or of money between 0 and 1, such as 0.1",
    "keep": "a whole number from 1",
    "source": "a table such as [source.shop]",
    "report": "one table or more, each begun by [[report]]",
    **list_jobs.ALLOWED,
    **score_jobs.ALLOWED,
    "parameters": "a table such as { bins = 5 }, with texts, numbers, true, false or lists of texts",
    "as_of": "a day like 2026-01-31, 'last day', 'last full month', 'last full week', or a span like '-1w'",
    "segment": "one table or more, each begun by [[segment]]",
    "stage": "one table or more, each begun by [[stage]]",
    "target": "one table or more, each begun by [[target]]",
    "kpi": "the name of a key figure, such as bought_again",
    "at_least": "a number; a share is one between 0 and 1",
    "at_most": "a number; a share is one between 0 and 1",
    "since": 'a day in quotes, such as "2026-04-01"',
    "play": "a text",
    "limit_seconds": "a number above 0, of a year at most",
    "limit_memory_mb": "a whole number from 512",
}


_ROWS = {
    "report": ReportTable, "list": ListTable, "score": ScoreTable, "segment": RuleTable, "stage": RuleTable,
    "target": TargetTable,
}  # fmt: skip
_TABLES = {"mail": MailTable, "notify": NotifyTable, "brand": BrandTable}


@dataclass(frozen=True)
class ScheduledReport:
    """One `[[report]]`: where it stands, how its day was said, and the request it comes to."""

    where: str
    source: str
    as_of: str
    request: RunRequest


@dataclass(frozen=True)
class Schedule:
    """A `crm.toml`, read and made absolute."""

    path: Path
    out: Path
    workers: int
    today: date
    reports: tuple[ScheduledReport, ...]
    lists: tuple[ScheduledList, ...] = ()
    language: str = ""
    mail: MailTable | None = None
    notify: NotifyTable | None = None
    prometheus: Path | None = None
    scores: tuple[ScheduledScore, ...] = ()

    @property
    def _requests(self) -> list[Any]:
        reports: list[Any] = [one.request for one in self.reports]
        return [*reports, *(one.request for one in self.lists), *(one.request for one in self.scores)]

    @property
    def now(self) -> datetime:
        """When it is run."""
        found: datetime = self._requests[0].now
        return found

    @property
    def force(self) -> bool:
        """Whether its user insists."""
        return any(request.force for request in self._requests)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


def read_schedule(path: Path, now: datetime, *, wait: float = 0, force: bool = False) -> Schedule:
    """Read a `crm.toml` strictly.

    Parameters
    ----------
    path : the file
    now : when it is run; relative days are counted from it
    wait, force : for every request

    Raises
    ------
    ParameterError : it cannot be read, or something in it is unknown or not allowed; says where, and the
        nearest name.
    """
    path = path.expanduser().resolve()
    table = _validated(read_settings(path), path.name)
    folder, root = path.parent, project_folder(path.parent)
    out = (folder / Path(table.out).expanduser()).resolve()
    sources = {name: _source(name, one, folder, root) for name, one in table.source.items()}
    for name, request in sources.items():
        data = request.data.path  # type: ignore[union-attr]
        if data is not None and data.is_dir() and out.is_relative_to(data.resolve()):
            raise ParameterError(
                f"{path.name}: out = {short(table.out)} lies inside the data of [source.{name}]; "
                "reports would be read as data"
            )
    look = look_of(table.language, table.brand, folder, path.name)
    rules = checked_rules(table.segment, table.stage, table.target, path.name)
    every: dict[str, Any] = {
        "look": look,
        "rules": rules,
        "now": now,
        "out": out,
        "keep": table.keep,
        "wait": wait,
        "force": force,
    }
    sources = {name: replace(request, **every) for name, request in sources.items()}
    reports = [
        _report(one, _source_of(one, sources, where), where, folder)
        for where, one in _placed(table.report, f"{path.name}, [[report]]")
    ]
    lists = [
        ScheduledList(
            where, one.source, str(one.as_of), wave_request(one, _source_of(one, sources, where), where)
        )
        for where, one in _placed(table.lists, f"{path.name}, [[list]]")
    ]
    scores = [
        ScheduledScore(
            where, one.source, str(one.as_of),
            score_request(one, _source_of(one, sources, where), where, folder),
        )
        for where, one in _placed(table.score, f"{path.name}, [[score]]")
    ]  # fmt: skip
    _check_telling(table, path.name)
    return Schedule(
        path,
        out,
        table.workers,
        now.date(),
        tuple(reports),
        tuple(lists),
        scores=tuple(scores),
        language=table.language,
        mail=_absolute(table.mail, folder),
        notify=table.notify,
        prometheus=_monitor_file(table.prometheus, folder, path.name),
    )


def _check_telling(table: ScheduleTable, name: str) -> None:
    """Refuse what `[mail]` and `[notify]` may not say."""
    if table.mail is not None:
        settings.check_mail(table.mail, f"{name}, [mail]")
        known = {report_name(Path(one.name)) for one in table.report}
        for wanted in table.mail.reports:
            if wanted not in known:
                near = nearest(wanted, known) or "."
                raise ParameterError(f"{name}, [mail]: there is no report {short(wanted)}{near}")
    if table.notify is not None:
        settings.check_notify(table.notify, table.mail, f"{name}, [notify]")
        try:
            _ = relative_days.days_of(table.notify.stale) if table.notify.stale else 0
        except ParameterError as error:
            raise ParameterError(f"{name}, [notify]: stale: {error}") from None


def _monitor_file(given: str, folder: Path, name: str) -> Path | None:
    if not given:
        return None
    path = (folder / Path(given).expanduser()).resolve()
    if path.suffix != ".prom":  # the collector reads no other, and no page is overwritten by a slip
        raise ParameterError(f'{name}: prometheus = {short(given)}: it must be a file such as "crm.prom"')
    return path


def _absolute(mail: MailTable | None, folder: Path) -> MailTable | None:
    if mail is None or not mail.ca_file:
        return mail
    return mail.model_copy(update={"ca_file": str(folder / Path(mail.ca_file).expanduser())})


def _placed(tables: Sequence[Any], kind: str) -> list[tuple[str, Any]]:
    """Each table with where it stands, for messages."""
    named = [getattr(one, "name", getattr(one, "what", "")) for one in tables]
    return [(f"{kind} {n} ({name})", one) for n, (name, one) in enumerate(zip(named, tables, strict=True), 1)]


def _source_of(
    one: ReportTable | ListTable | ScoreTable, sources: Mapping[str, RunRequest], where: str
) -> RunRequest:
    if one.source not in sources:
        known = ", ".join(sources) or "none"
        near = nearest(one.source, sources) or "."
        raise ParameterError(f"{where}: there is no source {short(one.source)}{near} Known: {known}")
    return sources[one.source]


def _validated(content: dict[str, Any], name: str) -> ScheduleTable:
    try:
        table = ScheduleTable.model_validate(content)
        if not table.report and not table.lists and not table.score:
            raise ParameterError(f"{name}: report is missing; it must be {_ALLOWED['report']}")
        return table
    except ValidationError as error:
        # An unknown key explains a missing one: it comes first.
        found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise ParameterError(_in_words(found[0], content, name)) from None


def _in_words(error: Any, content: dict[str, Any], name: str) -> str:
    place, model = list(error["loc"]), ScheduleTable
    where: list[str] = [name]
    if place[0] == "source" and len(place) > 1:
        where.append(f"[source.{place[1]}]")
        model, place = SourceTable, place[2:]  # type: ignore[assignment]
    elif place[0] in _TABLES and len(place) > 1:
        where.append(f"[{place[0]}]")
        model, place = _TABLES[str(place[0])], place[1:]  # type: ignore[assignment]
    elif place[0] in _ROWS and len(place) > 1:
        row = content[place[0]][place[1]]
        which = f" ({row['name']})" if isinstance(row, dict) and "name" in row else ""
        where.append(f"[[{place[0]}]] {place[1] + 1}{which}")
        model, place = _ROWS[place[0]], place[2:]  # type: ignore[assignment]
    start = ", ".join(where)
    key = str(place[0]) if place else ""
    if error["type"] == "extra_forbidden":
        names = [field.alias or name for name, field in model.model_fields.items()]
        known, near = ", ".join(names), nearest(key, names) or "."
        return f"{start}: there is no key {short(key)}{near} Known: {known}"
    if error["type"] == "missing":
        return f"{start}: {key} is missing; it must be {_ALLOWED.get(key, 'a text')}"
    if not place:
        return f"{start}: it must be a table"
    named = ".".join(str(p) for p in place[:2])
    return f"{start}: {named} = {short(error['input'])}: it must be {_ALLOWED.get(key, 'a text')}"


def _source(name: str, table: SourceTable, folder: Path, root: Path) -> RunRequest:
    where = f"[source.{name}]"
    ref = ref_of(table.model_dump(), name, folder, root)
    if any("\0" in text for text in (table.path, table.url, table.mapping)):
        raise ParameterError(f"{where}: a path or url holds a null character, which no system takes")
    if table.version_query and table.path:
        raise ParameterError(f"{where}: version_query is for a url; files are watched by size and time")
    if table.version_query:
        try:
            version_query.check(table.version_query)
        except ParameterError as error:
            raise ParameterError(f"{where}: {error}") from None
    try:
        oldest = relative_days.days_of(table.oldest_data) if table.oldest_data else None
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from None
    mapping = folder / Path(table.mapping).expanduser() if table.mapping else None
    if mapping is not None and not mapping.is_file():
        raise ParameterError(f"{where}: there is no mapping {table.mapping}")
    return RunRequest(
        report="",
        now=datetime.min,
        data=ref,
        mapping=mapping,
        oldest_days=oldest,
        version_query=table.version_query,
        max_rejected=table.max_rejected,
        keep_rows=table.keep_rows,
        where=dict(table.where),
        root=root,
    )


def _report(one: ReportTable, request: RunRequest, where: str, folder: Path) -> ScheduledReport:
    as_of = one.as_of if isinstance(one.as_of, str) else one.as_of.isoformat()
    notebook = one.name.endswith(".ipynb") or "/" in one.name
    try:
        day = relative_days.resolve(as_of, request.now.date())
        request = replace(
            request,
            report=str((folder / Path(one.name).expanduser()).resolve()) if notebook else one.name,
            as_of=day,
            parameters=dict(one.parameters),
            where={**request.where, **one.where},
            slug=one.slug,
            limit_seconds=one.limit_seconds,
            limit_memory_mb=one.limit_memory_mb,
        )
    except CrmError as error:
        raise ParameterError(f"{where}: {error}") from None
    return ScheduledReport(where, one.source, as_of, request)
