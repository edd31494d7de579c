"""A run before anything heavy begins: which report, which values, which source, which place."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import CrmError, DataError, ParameterError, in_words
from crm_analytics.pages import locales
from crm_analytics.runs.catalogue.catalogue import Report, find_report
from crm_analytics.runs.catalogue.parameter_rules import Value
from crm_analytics.runs.look import Look, read_look
from crm_analytics.runs.publishing import (
    identity_store,
    kept_rows,
    publish,
    published_tree,
    wave_memory,
)
from crm_analytics.runs.publishing.manifest import digest
from crm_analytics.runs.publishing.publish import UNDATED, Place, check_slug
from crm_analytics.runs.schedule import relative_days
from crm_analytics.tables.account import MAX_REJECTED
from crm_analytics.tables.named_sources import filter_of, find_source
from crm_analytics.tables.project import limited_memory, project_folder
from crm_analytics.tables.project_key import read_key
from crm_analytics.tables.source_ref import MAPPING_FILE, SourceRef

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.row_store import RowStore


@dataclass(frozen=True)
class RunRequest:
    """What somebody asks for.

    Parameters
    ----------
    report : a name ("segments") or the path of a notebook
    now : when it is asked for; runs are named and ages counted by it, analyses never see it
    data : a file, a folder, the name of a source in `crm.toml` or of a folder in the project's `data/`, or a
        connection's URL; empty for what the notebook's parameters cell says
    mapping : a `mapping.toml`; None for the one beside the data
    as_of : ISO day; empty for the last day in the data
    parameters : by name; texts are converted to the declared kinds
    rules : of segments and stages, as `CustomerBase.with_rules` takes them
    where : a filter of the base, as `CustomerBase.filter` takes it; empty for everybody
    slug : folder and link of this run; None for the day and a hash of what differs from the defaults
    out : folder of the reports
    force : run although nothing has changed
    keep : how many runs of a slug stay
    limit_seconds : wall time of the notebook; None for no limit
    limit_memory_mb : megabytes of data the notebook's process may hold; None for no limit
    wait : seconds to wait for another run of the same report and slug
    max_rejected : share of broken rows, or of their money, above which the source is refused, 0..1;
        None for what `crm.toml` says of the source, else `MAX_REJECTED`
    oldest_days : days that the newest row of the source may lie back; None for any
    version_query : of a connection: SQL whose answer changes when the data do
    keep_rows : accepted purchase lines stay for the next night, which reads only files that are new
    root : the project's folder; None for that of the caller's
    look : language, colour and logo; None for what the project's `crm.toml` says, and of the language the
        source's mapping
    """

    report: str
    now: datetime
    data: str | SourceRef = ""
    mapping: Path | None = None
    as_of: str = ""
    parameters: dict[str, object] = field(default_factory=dict)
    slug: str | None = None
    out: Path = Path("reports")
    force: bool = False
    keep: int = 12
    limit_seconds: float | None = None
    limit_memory_mb: int | None = None
    wait: float = 0
    max_rejected: float | None = None
    oldest_days: int | None = None
    version_query: str = ""
    keep_rows: bool = False
    root: Path | None = None
    look: Look | None = None
    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day of `now`."""
        return self.now.date()


@dataclass(frozen=True)
class Plan:
    """A request that can be carried out, as far as can be told without the data."""

    request: RunRequest
    report: Report
    values: dict[str, Value]
    source: SourceRef
    as_of: str
    slug: str | None  # None until the day is known
    out: Path
    root: Path
    look: Look = Look()  # noqa: RUF009 - frozen

    @property
    def source_name(self) -> str:
        """What may be told of the source."""
        return self.source.name

    @property
    def where_text(self) -> str:
        """The filter as it was asked for, in one spelling; empty without one."""
        where = self.request.where
        return json.dumps({k: where[k] for k in sorted(where)}, default=str) if where else ""

    def place(self, day: str | None) -> Place:
        """Where the run goes: by its slug, or by the day and what differs from the defaults."""
        return Place(self.out, self.report.name, self.slug or self.default_slug(day))

    def default_slug(self, day: str | None) -> str:
        """``1997-09-30``, or ``1997-09-30-1a2b3c4d`` where parameters differ from the defaults."""
        if day is None:
            return UNDATED
        return day if not self.varied else f"{day}-{digest(self.varied)[:8]}"

    @property
    def varied(self) -> dict[str, Value]:
        """Parameters that differ from the defaults; the language of the project is one."""
        changed = self.report.parameters.changed(self.values)
        if self.look.language and changed.get("language") == self.look.language:
            changed.pop("language")
        return {**changed, " where": self.where_text} if self.request.where else changed


@dataclass(frozen=True)
class OpenedData:
    """A checked source, cut at the day and saved where the notebook finds it."""

    folder: Path
    day: date
    label: str
    data_hash: str
    rows: int
    rejected: int
    customers: int
    first_day: date | None
    last_day: date | None
    newest_day: date  # of the whole source
    has_future: bool = False  # rows after today were set aside: tomorrow they count
    timezone: str = ""  # on whose clock days are counted
    filtered_by: str = ""  # the filter in words
    conditions: tuple[list[Any], ...] = ()  # and as `Condition.as_list` gives it
    cautions: tuple[str, ...] = ()  # on the data, before any number
    reading: str = ""  # how much of the source was read, where rows are kept
    files: dict[str, list[Any]] = field(default_factory=dict)  # of `unchanged.read_stamps`
    timings: dict[str, float] = field(default_factory=dict)  # seconds: check, cut

    def facts(self) -> dict[str, Any]:
        """What the manifest says of the data."""
        return {
            "label": self.label,
            "hash": self.data_hash,
            "rows": self.rows,
            "rejected": self.rejected,
            "customers": self.customers,
            "first_day": self.first_day,
            "last_day": self.last_day,
            "newest_day": self.newest_day,
            "timezone": self.timezone,
            "cautions": list(self.cautions),
            **({"where": list(self.conditions)} if self.conditions else {}),
        }


def plan_run(request: RunRequest) -> Plan:
    """Check all that can be checked without the data.

    Raises
    ------
    ParameterError : report, parameter, day, slug, or folder; nothing has been started or written.
    """
    root = request.root or project_folder()
    report = find_report(request.report, root)
    declared = report.parameters
    if "data" not in declared:
        raise ParameterError(
            f'{report.path.name}: the parameters cell must declare `data: str = ""`; `crm new` shows how'
        )
    for name in ("data", "as_of"):
        if name in request.parameters:
            raise ParameterError(f"{name} is given with --{name.replace('_', '-')}, not with -p")
    given: dict[str, object] = dict(request.parameters)
    if request.data:
        given["data"] = str(getattr(request.data, "name", request.data))
    if request.as_of and "as_of" in declared:
        given["as_of"] = request.as_of
    look = request.look or read_look(root)
    if look.language and "language" in declared and "language" not in given:
        given["language"] = look.language
    values = declared.check(given)
    as_of = request.as_of or str(values.get("as_of", ""))
    _check_day(as_of)
    out = request.out.expanduser().resolve()
    request, source = _source_of(request, values["data"], root)
    _check_apart(out, source)
    published_tree.check(out, root, name=report.name, origin=report.origin(root), force=request.force)
    if read_key(root) is None:  # the run would make a new one
        published_tree.check_key(out, root, None)
    slug = check_slug(request.slug) if request.slug is not None else None
    said = "language" in given or "language" not in declared
    if spoken := "" if said else _language_of(source, request.mapping):
        look, values = replace(look, language=spoken), {**values, "language": spoken}
    plan = Plan(request, report, {**values, "data": source.name}, source, as_of, slug, out, root, look)
    return replace(plan, slug=slug or (plan.default_slug(as_of) if as_of else None))


def _language_of(source: SourceRef, mapping: Path | None) -> str:
    """What the mapping of a source says of its language, where pages are written in it; else empty."""
    from crm_analytics.tables.mapping import mapping_content

    files = source.watched(mapping)
    path = files.get("the mapping", files.get(MAPPING_FILE))
    said: object = ""
    if path is not None:
        with suppress(CrmError):  # told when the data are opened
            said = mapping_content(path).get("language")
    return str(said) if said in locales.LANGUAGES else ""


def _check_day(as_of: str) -> None:
    try:
        if as_of and not (re.fullmatch(r"\d{4}-\d{2}-\d{2}", as_of) and date.fromisoformat(as_of)):
            raise ValueError(as_of)
    except ValueError:
        raise ParameterError(f"--as-of expects a day like 2026-01-31, got {as_of[:40]!r}") from None


def _source_of(request: RunRequest, data: object, root: Path) -> tuple[RunRequest, SourceRef]:
    """The source, and the request with what `crm.toml` says of a source it names."""
    name = request.data or str(data)
    if not name:
        raise ParameterError("which data? Give a file, a folder or a name with --data, such as --data cdnow")
    found = find_source(name, root)
    if not found.settings:
        return request, found.ref
    oldest = str(found.settings.get("oldest_data", ""))
    return replace(
        request,
        mapping=request.mapping or found.mapping,
        oldest_days=request.oldest_days or (relative_days.days_of(oldest) if oldest else None),
        version_query=request.version_query or str(found.settings.get("version_query", "")),
        keep_rows=request.keep_rows or found.settings.get("keep_rows") is True,
        where={**filter_of(found), **request.where},
        max_rejected=_share(request.max_rejected, found.settings.get("max_rejected"), name),
    ), found.ref


def _share(asked: float | None, of_the_source: object, name: object) -> float | None:
    if asked is not None or of_the_source is None:
        return asked
    if type(of_the_source) not in (int, float) or not 0 <= of_the_source <= 1:  # type: ignore[operator]
        raise ParameterError(f"[source.{name}]: max_rejected must be a share between 0 and 1, such as 0.1")
    return float(of_the_source)  # type: ignore[arg-type]


def _check_apart(out: Path, source: SourceRef) -> None:
    """Reports must not land where they would be read as data."""
    path = source.path
    if path is not None and path.is_dir() and out.is_relative_to(path.resolve()):
        raise ParameterError(f"the reports would be written into the data: --out {out} lies inside {path}")


def check_age(plan: Plan, newest: date) -> None:
    """Refuse data whose newest row lies further back than the request allows.

    Raises
    ------
    DataError : it does.
    """
    allowed, age = plan.request.oldest_days, (plan.request.today - newest).days
    if allowed is not None and age > allowed:
        raise DataError(
            f"the newest row of {plan.source_name} is of {newest}, {age:,} days before {plan.request.today}; "
            f"at most {allowed:,} are allowed (oldest_data). Find out why no newer rows came, or allow more"
        )


def _filtered(base: CustomerBase, plan: Plan) -> CustomerBase:
    """The base as the filter of the request cuts it.

    Raises
    ------
    DataError : so few customers fit that a total of the page would be one person's.
    """
    if not plan.request.where:
        return base
    from crm_analytics.analyses.disclosure import ON_A_PAGE

    cut = base.filter(plan.request.where)
    few = cut.counts["customers"] < ON_A_PAGE and not base.show_customers
    if few:
        raise DataError(
            f"fewer than {ON_A_PAGE} customers fit the filter ({cut.filtered_by}): a page about them would "
            "tell of single persons. Widen the filter, or say show_customers = true in mapping.toml"
        )
    return cut


def _store(plan: Plan) -> RowStore | None:
    """Where rows are kept from one night to the next; None where they are not."""
    if not plan.request.keep_rows:
        return None
    store = kept_rows.store_of(plan.out, plan.source_name, read_key(plan.root))
    with publish.in_words(store.folder):
        publish.make_folder(store.folder.parent)
    return store


def open_data(plan: Plan, folder: Path, kept: Path) -> OpenedData:
    """Open, check and cut the source; save what is left in `folder`, to keep its results in `kept`.

    Raises
    ------
    DataError : the source, a rule of the contract, or the day.
    """
    from crm_analytics.tables.customer_base import CustomerBase

    try:
        asked, began = plan.request, time.perf_counter()
        with limited_memory(asked.limit_memory_mb):
            most = MAX_REJECTED if asked.max_rejected is None else asked.max_rejected
            base = CustomerBase.open(
                plan.source, mapping=asked.mapping, today=asked.today, max_rejected=most, store=_store(plan)
            )
        base = identity_store.applied(base, plan.out, plan.source_name, read_key(plan.root))
        base, _ = wave_memory.without_forgotten(base, plan.out, plan.root)
        newest, rules = base.day, base.rejected["rule"].astype("str")
        checked = time.perf_counter()
        check_age(plan, newest)
        base = _filtered(base.as_of(plan.as_of), plan).with_rules(**asked.rules)
        base.keeping(kept).save(folder)
        counts = base.counts
        return OpenedData(
            folder=folder,
            day=base.day,
            label=base.label,
            data_hash=base.data_hash,
            rows=counts["rows"],
            rejected=counts["rejected"],
            customers=counts["customers"],
            first_day=counts["first_day"],
            last_day=counts["last_day"],
            newest_day=newest,
            has_future=bool(rules.str.contains("after today").any()),
            timezone=base.timezone,
            filtered_by=base.filtered_by,
            conditions=tuple(one.as_list() for one in base.conditions),
            cautions=base.cautions,
            timings={"check": checked - began, "cut": time.perf_counter() - checked},
            reading=base.snapshot.reading,
        )
    except CrmError:
        raise
    except Exception as error:
        known = in_words(error)
        if type(known) is not CrmError:
            raise known from error
        raise DataError(
            f"{plan.source_name} cannot be opened ({type(error).__name__}). Try `crm check`, "
            "or --debug for Python's own words"
        ) from error
