"""What each page claims of a base, as yes or no: one function per kind of finding.

A probe asks what the page's sentence rests on, without a kernel and without a page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns as past_campaigns
from crm_analytics.analyses import churn, cohorts, lifecycle, rfm
from crm_analytics.analyses.attribution.incremental import incremental
from crm_analytics.analyses.audit import acquisition, sources_apart
from crm_analytics.analyses.campaigns.incentives.membership import membership
from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE
from crm_analytics.analyses.churn.measures.subgroups import subgroups
from crm_analytics.analyses.definitions import definitions
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.drivers import by_attribute, leaving_by_attribute
from crm_analytics.analyses.journey import journey
from crm_analytics.analyses.journey.before_purchase import before_purchase
from crm_analytics.analyses.profiling import NoStructureError, favourites, habits_by_demography, needs, traits
from crm_analytics.analyses.profiling.demography import composition
from crm_analytics.errors import DataError, NotEnoughData
from tests.nulls import worlds
from tests.nulls.bazaar import bazaar, large_bazaar, long_bazaar
from tests.nulls.bazaar_probes import (
    ALONE,
    CLAIMS,
    LARGE,
    LONG,
    OF_PRODUCTS,
    PLANTED,
    THERE,
    active_changed,
    claims,
)
from tests.nulls.turnover import turnover

Make = Callable[..., dict[str, pd.DataFrame]]
World = tuple[Make, str, str]  # generator, kind, link
WINDOW = 120  # days without a purchase that count as having left


@dataclass(frozen=True)
class Probe:
    """One kind of finding.

    kind : "page.finding", of `analyses.error_rates`
    claims : whether it is claimed of a base
    nulls, theres : worlds in which it is not there, and in which it is
    """

    kind: str
    claims: Callable[[CustomerBase], bool]
    nulls: tuple[World, ...]
    theres: tuple[World, ...]


def _clear(table: pd.DataFrame) -> bool:
    return bool(len(table) and (table["clear"] & (table["difference"] > 0)).any())


def segment_habit(base: CustomerBase) -> bool:
    """Profiles: what sets segments apart."""
    then = rfm.score(base.earlier("-26w"))
    since = base.materialise(favourites(base, ON_A_PAGE, since=then.base.day))
    return _clear(traits(base, then.customers, since))


def personal_habit(base: CustomerBase) -> bool:
    """Profiles: which habits go with whom."""
    habits = base.materialise(favourites(base, ON_A_PAGE))
    return any(_clear(table) for table in habits_by_demography(base, habits).values())


def clusters(base: CustomerBase) -> bool:
    """Profiles: groups of customers who want the same."""
    try:
        return len(needs(base).profile) > 1
    except (NoStructureError, DataError):
        return False


def buyers_apart(base: CustomerBase) -> bool:
    """Journey: what buyers do differently."""
    try:
        return bool(before_purchase(journey(base)).events["clear"].any())
    except NotEnoughData:
        return False


def stages_moved(base: CustomerBase) -> bool:
    """Lifecycle: moves between stages are more or less frequent than before."""
    staged = lifecycle.stages(base, lifecycle.shared_rules(definitions(base)))  # those of the page
    found = lifecycle.flows(staged, "-13w")
    moves = found.moves
    return bool((moves["clear"] & ~moves["thin"] & (moves["from_stage"] != moves["to_stage"])).any())


_LAST: list[tuple[CustomerBase, churn.Churn | None]] = []  # of the base asked last: four findings rest on it


def _trained(base: CustomerBase) -> churn.Churn | None:
    if not _LAST or _LAST[0][0] is not base:
        try:
            made = churn.train(base, WINDOW)
        except DataError:
            made = None
        _LAST[:] = [(base, made)]
    return _LAST[0][1]


def leaving_reasons(base: CustomerBase) -> bool:
    """Churn: what tells leavers."""
    trained = _trained(base)
    if trained is None or trained.reasons is None:
        return False
    return trained.tells and bool((trained.reasons["lower"] > 0).any())


def good_grade(base: CustomerBase) -> bool:
    """Churn: the model is better than the rule of thumb."""
    trained = _trained(base)
    return trained is not None and trained.grade is not None and trained.grade.letter != "C"


def worth_contacting(base: CustomerBase) -> bool:
    """Churn: contact those with most at risk."""
    trained = _trained(base)
    if trained is None:
        return False
    held = trained.held_out
    curve = churn.profit_curve(
        held.left, held.score, held.value * 0.4, 0.5, 0.0, success=0.2, by=held.score * held.value, seed=1
    )
    return bool(trained.tells and curve.pays and (curve.lifts or curve.is_everybody))


def misjudged(base: CustomerBase) -> bool:
    """Churn: some groups are misjudged."""
    trained = _trained(base)
    if trained is None:
        return False
    held = trained.held_out
    return bool(subgroups(held.left, held.score, held.people).table["differs"].any())


def lapses_faster(base: CustomerBase) -> bool:
    """Churn: customers of a group lapse faster, or slower, than all others."""
    return bool(leaving_by_attribute(base, WINDOW)["clear"].any())


def people_apart(base: CustomerBase) -> bool:
    """Profiles: people of a kind bring more than their share of customers."""
    table = composition(base)
    return bool((table["clear"] & (table["revenue_share"] > table["share"])).any())


def moved_most(base: CustomerBase) -> bool:
    """Campaigns: a segment is moved most; write to them first."""
    found = past_campaigns.evaluate(base, learner=None).segments
    orders = found[found["outcome"] == "orders"]
    return bool(((orders["verdict"] == MORE) & orders["stands_out"]).any())


def campaign_works(base: CustomerBase) -> bool:
    """Campaigns: past campaigns brought more, or less."""
    return past_campaigns.evaluate(base, learner=None).effect("orders")["verdict"] in (MORE, LESS)


def ranking_works(base: CustomerBase) -> bool:
    """Campaigns: contact those with the highest uplift first."""
    found = past_campaigns.evaluate(base).uplift
    return found is not None and found.pays


def members_differ(base: CustomerBase) -> bool:
    """Campaigns: members buy again more, or less often."""
    found = membership(base)
    if found is None:
        return False
    return found.set_index("outcome")["verdict"]["repeat_orders"] in (MORE, LESS)


def cohort_differs(base: CustomerBase) -> bool:
    """Audit: newer customers come back more, or less."""
    found = cohorts.cohorts(base)
    pairs = [one for one in (found.newest, found.recent) if one is not None]
    return any(one.retention_differs or one.value_differs for one in pairs)


def retention_fades(base: CustomerBase) -> bool:
    """Audit: the same customers buy less often as they age."""
    found = cohorts.cohorts(base).fading
    return found is not None and found.upper < 0


def driver_named(base: CustomerBase) -> bool:
    """Audit: some customers changed otherwise than the others."""
    return bool(by_attribute(base)["clear"].any())


def source_differs(base: CustomerBase) -> bool:
    """Audit: customers of a source bring more, or less."""
    found = acquisition(base)
    return found is not None and bool(sources_apart(found.sources)["clear"].any())


def channel_earns(base: CustomerBase) -> bool:
    """Channels: a channel is shown to add or to cost orders."""
    return bool(incremental(base)["verdict"].isin([MORE, LESS]).any())


def _of(make: Make, link: str = "", kinds: tuple[str, ...] = worlds.KINDS) -> tuple[World, ...]:
    return tuple((make, kind, link) for kind in kinds)


_TASTES = tuple((worlds.shop, "equal", link) for link in ("category", "channel", "price", "weekday"))
_STEADY = ("equal", "season", "growth")
_SHOPS, _LARGE = _of(worlds.shop), _of(worlds.large_shop, kinds=_STEADY)
_LEAVING = _of(worlds.large_shop, kinds=("unlike",))
_EQUAL = _of(worlds.shop, kinds=("equal",))
_VISITS = _of(worlds.visits, kinds=("equal", "unlike", "season"))
_REVIEWS = ((worlds.visits, "equal", "review"), (worlds.visits, "unlike", "review"))
_PAST = tuple((worlds.campaigns, kind, link) for kind in ("equal", "unlike") for link in ("", "all"))
_OFTEN = ((worlds.campaigns, "equal", "often"),)


def _linked(link: str) -> tuple[World, ...]:
    return ((worlds.shop, "equal", link),)


def _shop_of(kind: str) -> Make:
    return large_bazaar if kind in LARGE else long_bazaar if kind in LONG else bazaar


def _market(kind: str) -> tuple[World, ...]:
    alike = _of(_shop_of(kind), kinds=tuple(one for one in worlds.KINDS if one != THERE.get(kind)))
    return (*alike, (bazaar, "unlike", "tastes")) if kind in OF_PRODUCTS else alike


def _planted(kind: str) -> tuple[World, ...]:
    if kind in THERE:
        return _of(_shop_of(kind), kinds=(THERE[kind],))
    if kind in ALONE:
        return _of(_shop_of(kind), ALONE[kind], ("equal",))
    return ((bazaar, "equal", "all"),) if kind in PLANTED else ()


PROBES = (
    Probe("profiles.segment_habit", segment_habit, _SHOPS, _TASTES),
    Probe("profiles.region_habit", personal_habit,
          (*_SHOPS, *_linked("region rate")), _linked("region")),
    Probe("profiles.people_bring_more", people_apart, _SHOPS, _linked("region rate")),
    Probe("profiles.needs_groups", clusters, _SHOPS, _linked("tastes")),
    Probe("journey.buyers_apart", buyers_apart, _VISITS, _REVIEWS),
    Probe("lifecycle.move_changed", stages_moved,
          _of(turnover), _of(turnover, "deserted", ("equal", "unlike"))),
    Probe("churn.signs", leaving_reasons, _LARGE, _LEAVING),
    Probe("churn.group_lapses_faster", lapses_faster, _SHOPS, _linked("deserted")),
    Probe("churn.grade", good_grade, _LARGE, _LEAVING),
    Probe("churn.contact_pays", worth_contacting, _LARGE, _LEAVING),
    Probe("churn.group_misjudged", misjudged, (*_LARGE, *_LEAVING), ()),
    Probe("campaigns.campaign_works", campaign_works,
          _of(worlds.campaigns, kinds=("equal", "unlike")), ((worlds.campaigns, "equal", "all"),)),
    Probe("campaigns.segment_moved_most", moved_most, _PAST, _OFTEN),
    Probe("campaigns.ranking_pays", ranking_works, _PAST, _OFTEN),
    Probe("campaigns.members_differ", members_differ, _SHOPS, _linked("tier")),
    Probe("audit.newer_differ", cohort_differs,
          _of(worlds.shop, kinds=("equal", "unlike", "growth")), _linked("cohort")),
    Probe("audit.retention_fades", retention_fades, _EQUAL, _of(worlds.shop, kinds=("unlike",))),
    Probe("audit.source_differs", source_differs, _SHOPS, _linked("source")),
    Probe("audit.driver", driver_named, _SHOPS, _linked("manager")),
    Probe("channels.channel_works", channel_earns,
          _of(worlds.clicks, kinds=("equal", "unlike")), ()),
    Probe("lifecycle.active_changed", active_changed,
          _of(turnover, kinds=("equal", "unlike", "season")), _of(turnover, "fewer join", ("equal",))),
    *(Probe(kind, partial(claims, kind), _market(kind), _planted(kind)) for kind in CLAIMS),
)  # fmt: skip
