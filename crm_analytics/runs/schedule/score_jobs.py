"""`[[score]]` of a `crm.toml`: which rows leave for a warehouse, and where to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from crm_analytics.errors import CrmError, ParameterError
from crm_analytics.runs.schedule import relative_days
from crm_analytics.runs.schedule.own_rules import Where, rules_of_source
from crm_analytics.runs.score_run import ScoreRequest
from crm_analytics.tables.named_sources import check_exists, filter_of, find_source
from crm_analytics.tables.project import project_folder
from crm_analytics.tables.source_ref import SourceRef
from crm_analytics.tables.warehouse_target import target_of

if TYPE_CHECKING:
    from crm_analytics.runs.plan import RunRequest

TABLES = {"scores": "crm_scores", "kpis": "crm_kpis", "lists": "crm_lists"}  # where none is named


class ScoreTable(BaseModel):
    """A table `[[score]]`."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    source: str
    to: str
    what: Literal["scores", "kpis", "lists"] = "scores"
    as_of: str | date = relative_days.LAST_DAY
    where: dict[str, Where] = {}
    names: list[str] = []
    pseudonyms: bool = False


ALLOWED = {
    "score": "one table or more, each begun by [[score]]",
    "to": "a text such as 'scores.parquet', 'shop.duckdb::scores' or '$DATABASE_URL::marts.scores'",
    "what": "'scores', 'kpis' or 'lists'",
    "names": 'names of key figures or lists, such as ["revenue", "buyers"]',
    "pseudonyms": "true or false",
}


@dataclass(frozen=True)
class ScheduledScore:
    """One `[[score]]`: where it stands, its source's name, how its day was said, and the request."""

    where: str
    source: str
    as_of: str
    request: ScoreRequest


def score_request(one: ScoreTable, run: RunRequest, where: str, folder: Path) -> ScoreRequest:
    """The request that a `[[score]]` comes to.

    Parameters
    ----------
    run : of its source
    folder : of the file, where relative paths begin

    Raises
    ------
    ParameterError : a place, a name, a day; says where
    """
    as_of = one.as_of if isinstance(one.as_of, str) else one.as_of.isoformat()
    try:
        assert run.root is not None
        assert isinstance(run.data, SourceRef)
        return ScoreRequest(
            what=one.what,
            to=target_of(one.to, table=TABLES[one.what], folder=folder, source=run.data),
            now=run.now,
            data=run.data,
            out=run.out,
            root=run.root,
            mapping=run.mapping,
            as_of=relative_days.resolve(as_of, run.today),
            where={**run.where, **one.where},
            rules=run.rules,
            names=_names(one.what, one.names),
            pseudonyms=one.pseudonyms,
            oldest_days=run.oldest_days,
            max_rejected=run.max_rejected,
            wait=run.wait,
            force=run.force,
        )
    except CrmError as error:
        raise ParameterError(f"{where}: {error}") from None


def request_of(
    *,
    now: datetime,
    data: str,
    target: str,
    what: str,
    names: Sequence[str],
    mapping: Path | None,
    as_of: str,
    where: Mapping[str, Any],
    pseudonyms: bool,
    out: Path,
    force: bool,
) -> ScoreRequest:
    """The request that a command comes to; what `crm.toml` says of a source it names counts.

    Raises
    ------
    ParameterError : a place, a name, a day.
    """
    root = project_folder()
    found = find_source(data, root)
    check_exists(found.ref, root)
    oldest = str(found.settings.get("oldest_data", ""))
    return ScoreRequest(
        what=what,
        to=target_of(target, table=TABLES[what], source=found.ref),
        now=now,
        data=found.ref,
        out=out.expanduser().resolve(),
        root=root,
        mapping=mapping or found.mapping,
        as_of=relative_days.resolve(as_of, now.date()) if as_of else "",
        where={**filter_of(found), **where},
        names=_names(what, names),
        pseudonyms=pseudonyms,
        oldest_days=relative_days.days_of(oldest) if oldest else None,
        rules=rules_of_source(data, root),
        max_rejected=found.settings.get("max_rejected"),
        force=force,
    )


def _names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names of key figures or lists, known before anything is opened."""
    if what == "lists" and names:
        from crm_analytics.analyses import campaigns

        campaigns.chosen(names)
    elif what == "kpis" and names:
        from crm_analytics.analyses.kpis import check_names

        check_names(names)
    elif names:
        raise ParameterError("scores are written whole: names are for kpis and lists")
    return tuple(names)
