"""Scores by night: one `[[score]]` or `crm score`, written whole or not at all, and the same twice."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crm_analytics
from crm_analytics.errors import CrmError, DataError, LockedError, in_words
from crm_analytics.pages.status import Status
from crm_analytics.runs import unchanged
from crm_analytics.runs.publishing import (
    identity_store,
    publish,
    published_tree,
    score_places,
    suppressions,
    wave_memory,
)
from crm_analytics.runs.publishing.manifest import digest, versions
from crm_analytics.runs.publishing.result import RunResult
from crm_analytics.tables.account import MAX_REJECTED
from crm_analytics.tables.export import pseudonyms
from crm_analytics.tables.source_ref import SourceRef
from crm_analytics.tables.warehouse_target import Target

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.runs.job import Progress, Workshop
    from crm_analytics.tables.customer_base import CustomerBase

NAME = "scores"
KEYS = {"scores": ("customer_id",), "kpis": ("kpi",), "lists": ("list", "customer_id")}


@dataclass(frozen=True)
class ScoreRequest:
    """Rows that shall leave.

    Parameters
    ----------
    what : "scores" (a row per customer), "kpis", "lists" (who is on a contact list, and who is control)
    to : where to
    now : when it is asked for; ages are counted by it, analyses never see it
    data, mapping, as_of, out, root, where, oldest_days, max_rejected, force, wait : as in `RunRequest`
    rules : of segments and stages, as `CustomerBase.with_rules` takes them
    names : of key figures or lists; empty for the usual ones
    pseudonyms : in place of the ids of the source
    """

    what: str
    to: Target
    now: datetime
    data: SourceRef
    out: Path
    root: Path
    mapping: Path | None = None
    as_of: str = ""
    where: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    pseudonyms: bool = False
    oldest_days: int | None = None
    max_rejected: float | None = None
    wait: float = 0
    force: bool = False

    @property
    def today(self) -> date:
        """The day of `now`."""
        return self.now.date()

    @property
    def place(self) -> publish.Place:
        """What it holds while it runs."""
        return publish.Place(self.out, NAME, digest(self.to.name, self.what)[:16])

    @property
    def made_of(self) -> str:
        """Digest of all that the rows are made from but the data."""
        asked = (
            self.what,
            self.as_of,
            self.where,
            self.rules,
            self.names,
            self.data.name,
            self.data.identity,
        )
        who = identity_store.stamp(self.out, self.data.name), sorted(suppressions.tokens(self.out))
        return digest(*asked, *who, versions(), unchanged.package_digest())[:32]


@dataclass(frozen=True)
class ScoreDecision:
    """What is to be done about rows that shall leave: nothing (there is a result), or a write, and why."""

    request: ScoreRequest
    result: RunResult | None = None
    problem: CrmError | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """For the line it gets."""
        return NAME

    @property
    def slug(self) -> str:
        """Where the rows go."""
        return self.request.to.name

    @property
    def key(self) -> Any:
        """Of the source: a worker that opened it before opens it faster."""
        return (self.request.data, self.request.mapping, self.request.as_of)

    @property
    def lane(self) -> str:
        """Writes to one place go one after the other."""
        return f"scores to {self.request.to.name}"

    @property
    def after(self) -> tuple[str, ...]:
        """Scores are told nothing by reports."""
        return ()

    @property
    def limit_seconds(self) -> float | None:
        """Scores have no limit of their own."""
        return None

    def failing(self, error: CrmError) -> ScoreDecision:
        """The same, known to fail."""
        return ScoreDecision(self.request, problem=error)

    def run(self, workshop: Workshop, progress: Progress | None = None) -> RunResult:
        """Write the rows; they have no cells to tell of."""
        return write_scores(self, workshop.kept)


def decide_scores(request: ScoreRequest) -> ScoreDecision:
    """Whether the rows are there already; without opening the data."""
    if request.force:
        return ScoreDecision(request, why="forced")
    if request.data.is_connection:
        return ScoreDecision(request, why="a connection is always asked")
    try:
        before = score_places.made_before(request.out, _place(request), request.made_of)
    except CrmError as error:
        return ScoreDecision(request, problem=error, why=str(error))
    if before is None or before.get("stamps") != _stamps(request):
        return ScoreDecision(request, why="not written yet" if before is None else "the data changed")
    if before.get("today") not in ("", request.today.isoformat()):
        return ScoreDecision(request, why="rows after the day of the last run were left out then")
    told = f"the rows of {before['day']} are there"
    result = _result(request, Status.UNCHANGED, 0.0, day=before["day"], message=told)
    return ScoreDecision(request, result, why="nothing changed")


def write_scores(decision: ScoreDecision, kept: Path | None = None) -> RunResult:
    """Compute the rows and write them; errors of this package are told in the result and not raised.

    Parameters
    ----------
    kept : where the results of this night are kept, if anywhere
    """
    request, began = decision.request, time.perf_counter()
    try:
        with publish.locked(request.place, request.wait):
            if decision.problem is not None:
                raise decision.problem
            return _written(request, began, kept)
    except LockedError as error:
        return _failed(request, error, began, Status.LOCKED)
    except CrmError as error:
        trace = "".join(traceback.format_exception(error)) if error.__cause__ is not None else ""
        return _failed(request, error, began, trace=trace)
    except Exception as error:
        return _failed(request, in_words(error), began, trace="".join(traceback.format_exception(error)))


def _written(request: ScoreRequest, began: float, kept: Path | None) -> RunResult:
    published_tree.check(request.out, request.root, force=request.force)
    key = published_tree.key_for(request.out, request.root)
    stamps = _stamps(request)
    base, gone, today = _opened(request, key, stamps)
    base = base.keeping(kept)
    rows, note = _ROWS_OF[request.what](base, request, key)
    if request.pseudonyms and "customer_id" in rows.columns:
        rows, gone = _called(base, rows, key), [one for one in pseudonyms(gone, key) if one]
    published_tree.claim(request.out, request.root, key=key)
    score_places.remember(request.out, _place(request))
    version = f"crm-analytics {crm_analytics.__version__} ({unchanged.package_digest()[:12]})"
    n = base.to_warehouse(
        request.to, rows, key=KEYS[request.what], source=request.data.name, model_version=version, gone=gone
    )
    day = base.day.isoformat()
    made = {request.made_of: {"stamps": stamps, "day": day, "today": today}}
    score_places.remember(request.out, replace(_place(request), made=made))
    only = f", only {base.filtered_by}" if base.conditions else ""
    message = f"{n:,} rows of {day} are in {request.to.name}{only}"
    return _result(request, Status.DONE, began, day=day, message=message, note=note)


def _opened(request: ScoreRequest, key: bytes, stamps: dict[str, Any]) -> tuple[CustomerBase, list[str], str]:
    """The base to be scored; ids of whom it must not know any more; today, where rows came later."""
    from crm_analytics.tables.customer_base import CustomerBase

    most = MAX_REJECTED if request.max_rejected is None else request.max_rejected
    base = CustomerBase.open(request.data, mapping=request.mapping, today=request.today, max_rejected=most)
    unchanged.check_at_rest(stamps, _stamps(request), request.data.name)
    age = (request.today - base.day).days
    if request.oldest_days is not None and age > request.oldest_days:
        raise DataError(
            f"the newest row of {request.data.name} is of {base.day}, {age:,} days before {request.today}; "
            f"at most {request.oldest_days:,} are allowed (oldest_data). Find out why no newer rows came"
        )
    later = base.rejected["rule"].astype("str").str.contains("after today").any()
    base = identity_store.applied(base, request.out, request.data.name, key)
    base, gone = wave_memory.without_forgotten(base, request.out, request.root)
    base = base.as_of(request.as_of)
    base = base.filter(request.where) if request.where else base
    base = base.with_rules(**request.rules)
    return base, gone, request.today.isoformat() if later else ""


def _scores(base: CustomerBase, request: ScoreRequest, key: bytes) -> tuple[ir.Table, str]:
    from crm_analytics.analyses.scores import customer_scores

    found = customer_scores(base)
    told = [f"{part} is left empty: {why}" for part, why in found.missing.items()]
    if base.rules and found.unmatched:
        told.append(f"rules that fit nobody: {', '.join(found.unmatched)}")
    return found.table, "\n  ".join(told)


def _kpis(base: CustomerBase, request: ScoreRequest, key: bytes) -> tuple[ir.Table, str]:
    from crm_analytics.analyses.scores import kpi_rows
    from crm_analytics.analyses.scores.kpi_rows import DEFAULT

    return base.to_engine(kpi_rows(base, request.names or DEFAULT)), ""


def _lists(base: CustomerBase, request: ScoreRequest, key: bytes) -> tuple[ir.Table, str]:
    """Who is due, as the next wave would have it; nobody counts as contacted for it."""
    from crm_analytics.analyses import campaigns
    from crm_analytics.analyses.audiences import spared_of

    rules = campaigns.chosen(request.names or None)
    scores, why = campaigns.leaving(base) if any(r.needs_scores for r in rules) else (None, "")
    issued = campaigns.issued(base, published_tree.waves_in(request.out), key)
    wave = campaigns.lists(
        base, rules, scores=scores, issued=issued, barred=wave_memory.barred(request.out, base, key),
        spared=spared_of(base),
    )  # fmt: skip
    told = [*([f"save: {why}"] if why else []), *(f"{n} left out: {w}" for n, w in wave.left_out.items())]
    return wave.members, "; ".join(told)


_ROWS_OF: dict[str, Callable[[CustomerBase, ScoreRequest, bytes], tuple[ir.Table, str]]] = {
    "scores": _scores, "kpis": _kpis, "lists": _lists,
}  # fmt: skip


def _called(base: CustomerBase, rows: ir.Table, key: bytes) -> ir.Table:
    """Customers by their pseudonyms; the only step in which each id passes through Python."""
    import pandas as pd

    ids = base.collect(rows.select("customer_id").distinct())
    brought = base.to_engine(ids.assign(called=pd.Series(pseudonyms(ids["customer_id"], key), ids.index)))
    joined = rows.left_join(brought, "customer_id")
    return joined.select(**{c: joined.called if c == "customer_id" else rows[c] for c in rows.columns})


def _place(request: ScoreRequest) -> score_places.ScorePlace:
    people = "customer_id" in KEYS[request.what]
    return score_places.place_of(
        request.out, request.to, request.data.name, has_customers=people, called=request.pseudonyms and people
    )


def _stamps(request: ScoreRequest) -> dict[str, Any]:
    files = unchanged.watched(request.data, request.mapping)
    return {name: list(unchanged.stamp(path)) for name, path in files.items()}


def _failed(
    request: ScoreRequest, error: CrmError, began: float, status: Status = Status.FAILED, trace: str = ""
) -> RunResult:
    made = _result(request, status, began, message=str(error))
    return replace(made, exit_code=error.exit_code, traceback=trace)


def _result(
    request: ScoreRequest, status: Status, began: float, *, message: str, day: str = "", note: str = ""
) -> RunResult:
    seconds = time.perf_counter() - began if began else 0.0
    return RunResult(
        name=NAME, slug=request.to.name, status=status, exit_code=0, message=message, seconds=seconds,
        day=day, note=note,
    )  # fmt: skip
