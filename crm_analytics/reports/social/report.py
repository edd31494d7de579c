"""What the social report is made from, and when it takes its small form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.contact_effect import STATED, UNKNOWN, ContactCost, ContactEffect
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import with_targets
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.overview import overview
from crm_analytics.analyses.social.centrality import DAMPING
from crm_analytics.analyses.social.engagement import engagement
from crm_analytics.analyses.social.influence import Influence, influence
from crm_analytics.analyses.social.kpis import of_queue, of_response, of_voice
from crm_analytics.analyses.social.lead_lag import LeadLag, lead_lag
from crm_analytics.analyses.social.mentions import Mentions, mentions
from crm_analytics.analyses.social.response import Response, response, waiting, waiting_summary
from crm_analytics.analyses.social.volume import Voice, voice
from crm_analytics.errors import DataError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import FOLDER
from crm_analytics.reports.shared.customer_names import pseudonyms_of
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, nothing_yet, too_small
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.tables.export import write_csv

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.pages.blocks import Block
    from crm_analytics.tables.customer_base import CustomerBase

LEAST = 30  # mentions of our brand, from which the report says more than how many there are
LIST = "mentions_waiting"


@dataclass(frozen=True, kw_only=True, eq=False)
class SocialReport(Report):
    """Everything the sections show."""

    t: Sentences
    plan: Plans
    said: Mentions
    voice: Voice
    response: Response | None
    queue: pd.DataFrame | None  # the most urgent first: no text, no handle
    queue_summary: pd.DataFrame | None
    engagement: pd.DataFrame
    influence: Influence | None
    moves: LeadLag | None
    kpis: dict[str, Kpi]
    actions: tuple[Action, ...]
    handed: HandedIn


def prepare(
    base: CustomerBase,
    *,
    brand: str = "",
    damping: float = DAMPING,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> SocialReport | SmallReport:
    """Read the mentions of a base and measure what is said of it.

    Parameters
    ----------
    brand : our own; by default found in the data
    damping : of influence, 0 to .95
    compare_to : length of a period ("-13w")
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    arguments.share("damping", damping, 0.95)
    if small := too_small(base, show_customers, language=language):
        return small
    said = _enough(base, brand)
    if said is None:
        return SmallReport(
            base=base,
            show_customers=show_customers,
            language=language,
            seen=overview(base),
            nothing=catalogue(language, __file__, base.currency)(
                "nothing" if "mentions" in base.tables else "none"
            ),
            table="mentions",
        )
    missing: dict[str, str] = {}
    spoken, replied, waits = voice(said, compare_to), response(said, compare_to), waiting(said)
    waits = None if waits is None else base.materialise(waits)
    queue = None if waits is None else _queue(base, waits, show_customers)
    kpis = [*of_voice(spoken, compare_to), of_response(replied, compare_to), of_queue(waits)]
    found = _actions(queue)
    if run and queue is not None and len(queue):
        _write(queue, Path(run) / FOLDER)
    return SocialReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=Plans(
            Measured(base, compare_to),
            ContactEffect(0.0, 0.0, 0.0, STATED),
            ContactCost(None, UNKNOWN),
            None,
            (),
        ),
        said=said,
        voice=spoken,
        response=replied,
        queue=queue,
        queue_summary=None if waits is None else waiting_summary(base, waits),
        engagement=engagement(said),
        influence=attempt(missing, "influence", partial(influence, said, _worth(base), damping)),
        moves=attempt(missing, "moves", partial(lead_lag, said, spoken.weeks)),
        kpis=with_targets(base, kpis),
        actions=found,
        handed=handed_in(run),
    )


def _enough(base: CustomerBase, brand: str) -> Mentions | None:
    try:
        said = mentions(base, brand)
    except DataError:
        return None
    n = int(said.ours.count().to_pyarrow().as_py())
    return said if n >= LEAST else None


def _worth(base: CustomerBase) -> ir.Table:
    """What known customers bought so far, as the value of whoever is answered by them."""
    history = base.purchase_history
    return history.select("customer_id", value=history.revenue.cast("float64"))


def _queue(base: CustomerBase, waits: ir.Table, show_customers: bool) -> pd.DataFrame:
    """mention, customer (pseudonyms, unless names are allowed), platform, topic, urgency, reach, days."""
    columns = ["mention_id", "customer_id", "platform", "topic", "urgency", "reach", "days"]
    found = base.collect(waits.order_by("place").select(*columns))
    named = show_customers or base.show_customers
    for column in ("mention_id", "customer_id"):
        known = found[column].notna()
        names = found.loc[known, column].astype("str")
        found[column] = pd.Series("", index=found.index, dtype="str").mask(
            known, names if named else pseudonyms_of(names)
        )
    return found.rename(columns={"mention_id": "mention", "customer_id": "customer"})


def _actions(queue: pd.DataFrame | None) -> tuple[Action, ...]:
    if queue is None or not len(queue):
        return ()
    whom = {"mention": ("waiting",)}
    return (Action("answer_mentions", "service", "prepare", whom, len(queue), LIST),)


def _write(queue: pd.DataFrame, folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    write_csv(queue, folder / f"{LIST}.csv")
    queue.to_parquet(folder / f"{LIST}.parquet", index=False)


def not_yet(message: str) -> Callable[[SmallReport], Block]:
    """A section's small form: its own sentence that it cannot be told, and from how many customers it can."""

    def said(report: SmallReport) -> Block:
        t = catalogue(report.language, __file__, report.base.currency)
        return nothing_yet(report, t(f"{message}.none"))

    return said
