"""`[[list]]` of a `crm.toml`: which contact lists are made, and under which conditions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from crm_analytics.errors import CrmError, ParameterError
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.wave_folders import LISTS
from crm_analytics.runs.schedule import relative_days
from crm_analytics.tables.source_ref import SourceRef

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns import Terms
    from crm_analytics.runs.plan import RunRequest

Filter = str | int | bool | list[str] | list[int]
Share = Annotated[float, Field(ge=0, le=1)]


class ListTable(BaseModel):
    """A table `[[list]]`; what is left out is as in `campaigns.Terms`."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    name: str
    source: str
    as_of: str | date = relative_days.LAST_DAY
    lists: list[str] = []
    every: str = ""
    days: int | None = None
    channels: list[str] | None = None
    assumed: list[str] | None = None
    cap: int | None = None
    cap_days: int | None = None
    holdout: float | None = None
    salt: str | None = None
    margin: Share | None = None
    contact_cost: Annotated[float, Field(ge=0)] | None = None
    response: Share | dict[str, Share] | None = None
    where: dict[str, Filter] | None = None
    top: int | None = None
    one_action: bool | None = None
    show_customers: bool = False


ALLOWED = {
    "list": "one table or more, each begun by [[list]]",
    "lists": 'names of lists, such as ["birthday", "win_back"]',
    "every": "a span such as '7d': how long a wave lasts",
    "days": "a whole number 1..180",
    "channels": 'a list such as ["email", "post"]',
    "assumed": 'a list such as ["post"]',
    "cap": "a whole number from 1",
    "cap_days": "a whole number from 1",
    "holdout": "a share 0..0.9",
    "margin": "a share 0..1",
    "contact_cost": "an amount from 0",
    "response": "a share 0..1, or a table such as { birthday = 0.1 }",
    "where": 'a table such as { region = "North", age = [30, 49] }',
    "top": "a whole number from 1",
    "one_action": "true or false",
    "show_customers": "true or false",
}
_TERMS = (
    "days",
    "cap",
    "cap_days",
    "holdout",
    "salt",
    "margin",
    "contact_cost",
    "response",
    "top",
    "one_action",
)


@dataclass(frozen=True)
class WaveRequest:
    """A wave of contact lists that is asked for.

    Parameters
    ----------
    name : of the lists; a folder under `reports/lists/`
    now : when it is run
    rules : names of lists; empty for all
    terms : channels, caps, control group, money
    every : days from one wave to the next
    show_customers : ids and addresses in the files instead of pseudonyms
    own_rules : of segments and stages, as `CustomerBase.with_rules` takes them
    where : the filter of the source, as `CustomerBase.filter` takes it
    others : as in `RunRequest`
    """

    name: str
    now: datetime
    data: SourceRef
    out: Path
    root: Path
    terms: Terms
    rules: tuple[str, ...] = ()
    every: int = 7
    mapping: Path | None = None
    as_of: str = ""
    oldest_days: int | None = None
    show_customers: bool = False
    wait: float = 0
    force: bool = False
    own_rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day of `now`."""
        return self.now.date()

    @property
    def place(self) -> publish.Place:
        """Where its waves are."""
        return publish.Place(self.out, LISTS, self.name)


@dataclass(frozen=True)
class ScheduledList:
    """One `[[list]]`: where it stands, its source's name, how its day was said, and the request."""

    where: str
    source: str
    as_of: str
    request: WaveRequest


def wave_request(one: ListTable, run: RunRequest, where: str) -> WaveRequest:
    """The request that a `[[list]]` comes to.

    Parameters
    ----------
    run : of its source

    Raises
    ------
    ParameterError : a day, a list, a term; says where
    """
    from crm_analytics.analyses import campaigns

    as_of = one.as_of if isinstance(one.as_of, str) else one.as_of.isoformat()
    try:
        publish.check_slug(one.name)
        campaigns.chosen(one.lists or None)
        given: dict[str, Any] = {n: v for n in _TERMS if (v := getattr(one, n)) is not None}
        for name in ("channels", "assumed"):
            if (several := getattr(one, name)) is not None:
                given[name] = tuple(several)
        terms = campaigns.Terms(**given, where=dict(one.where or {}))
        terms.check_lists(rule.name for rule in campaigns.RULES)
        assert run.root is not None
        assert isinstance(run.data, SourceRef)
        return WaveRequest(
            one.name, run.now, run.data, run.out, run.root, terms,
            tuple(one.lists),
            relative_days.days_of(one.every, "every") if one.every else terms.days,
            run.mapping,
            relative_days.resolve(as_of, run.today),
            run.oldest_days,
            one.show_customers,
            run.wait,
            run.force,
            run.rules,
            run.where,
        )  # fmt: skip
    except CrmError as error:
        raise ParameterError(f"{where}: {error}") from None
