"""The manager's layer of the profiles report: what moved, who customers are, what to do with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.comparison import YEAR
from crm_analytics.analyses.evidence import may_claim, told
from crm_analytics.analyses.portfolio.portfolio import BELOW_ZERO, GROWABLE
from crm_analytics.analyses.profiling.demography import REST
from crm_analytics.analyses.profiling.favourites import FAVOURITE
from crm_analytics.pages import blocks, words
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.spoken import segment_name
from crm_analytics.reports.shared.tiles import action_of, glossary_of, interval, tile
from crm_analytics.reports.shared.trends import past_of

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.pages.blocks import Block

WORTH_IT = 0.01  # share of the money to come lost with customers below zero, from which it is a finding
NEWS = 0.05  # a segment that changed by less is no news, however sure
APART = 0.05  # difference between a group's share of revenue and of customers from which it is worth a word
WORDS = (
    "segment", "at_risk", "lapsed", "silent", "value_to_come", "margin", "contact_cost", "contact_effect",
)  # fmt: skip
OWN_WORDS = ("most_valuable", "most_growable", "below_zero", "ceiling", "need")


@section(small=small_form.headline)
def headline(report: ProfilesReport) -> Block:
    """The segment that clearly gained or lost most; where none did, who will bring next year's money."""
    return blocks.headline(_news(report), _lede(report), language=report.language, title=report.t("title"))


def _news(report: ProfilesReport) -> str:
    t, row, found = report.t, _moved_most(report), report.portfolio
    if row is not None and report.migration is not None:
        counts = report.migration.net
        return t(
            "headline.moved", segment=segment_name(t, row["segment"]), day=report.migration.then,
            now=row["now"] / counts["now"].sum(), then=row["before"] / counts["before"].sum(),
        )  # fmt: skip
    if found is not None and found.top_share is not None:
        share, low, high = found.top_share
        message = "headline.margin" if found.has_margin else "headline.revenue"
        return t(message, share=share, interval=interval(t, low, high, "percent:0"))
    best = report.best
    return t("headline.best", segment=segment_name(t, best["segment"]), people=best["customer_share"],
             share=best["revenue_share"])  # fmt: skip


def _moved_most(report: ProfilesReport) -> pd.Series | None:
    """The segment whose gain or loss, beyond the growth of the base, weighs most in revenue."""
    moves = report.migration
    if moves is None or (moves.now - moves.then).days < YEAR:
        return None  # against another season: no news
    net = moves.net[(moves.net["before"] > 0) & told(moves.net["clear"], "")]
    net = net.assign(beyond=net["net"] - net["growth"])
    net = net[net["beyond"].abs() >= NEWS * net["before"]]
    if net.empty:
        return None
    table = report.scores.segments.set_index("segment")
    each = table["revenue"] / table["customers"].where(table["customers"] > 0)
    weight = net["beyond"].abs() * net["segment"].map(each).fillna(0.0).astype("float64")
    return net.iloc[int(weight.to_numpy().argmax())]


def _lede(report: ProfilesReport) -> list[str]:
    t, moves, found, said = report.t, report.migration, report.portfolio, []
    if moves is not None:
        share, low, high, _ = moves.stayed
        bounds = interval(t, low, high, "percent:0")
        said.append(t("lede.stayed", share=share, day=moves.then, interval=bounds))
    if found is not None:
        if found.top_share is not None and _moved_most(report) is not None:
            share, low, high = found.top_share
            bounds = interval(t, low, high, "percent:0")
            said.append(
                t("lede.margin" if found.has_margin else "lede.revenue", share=share, interval=bounds)
            )
        grow = found.groups[found.groups["group"] == GROWABLE].iloc[0]
        if grow["customers"]:
            each = float(grow["gap"]) / float(grow["customers"])
            said.append(t("lede.growable", n=grow["customers"], value=grow["gap"], each=each))
    else:
        said.append(t("lede.no_forecast"))
    return said


@section(small=small_form.kpis)
def kpis(report: ProfilesReport) -> Block:
    """What customers will bring, in total and each, how much hangs on the top fifth, and who stayed."""
    t, found = report.t, report.kpis
    names = ["value_to_come", "value_per_customer", "top_fifth_revenue_share"]
    if found["value_to_come"].value is None:
        names = ["revenue_to_date", "bought_again", "top_fifth_revenue_share"]
    past = past_of(report)
    last = tile(t, found["customers_bought"], past=past)
    if report.migration is not None:
        share, low, high, n = report.migration.stayed
        note = t("tile.of", n=n, interval=interval(t, low, high, "percent:0"))
        last = blocks.kpi(t("tile.stayed"), words.percent(share, 0), note=note)
    return blocks.kpis(*(tile(t, found[name], past=past) for name in names), last)


@section(small=small_form.thanks)
def actions(report: ProfilesReport) -> Block:
    """What to do next, the most to gain first."""
    t = report.t
    items = [action_of(t, action, report.plan) for action in report.actions if action.customers]
    if not items:
        items = [blocks.action(t("action.nothing.do"), t("action.nothing.why"))]
    return blocks.actions(*items[: blocks.MOST_ACTIONS])


@section(small=small_form.regulars)
def findings(report: ProfilesReport) -> Block:
    """What the report found, each with the way to its proof."""
    found = [_who(report), _taste(report), _mark(report), _below_zero(report), _needs(report)]
    return blocks.findings(*found)


def _who(report: ProfilesReport) -> dict[str, str]:
    """The group of people that brings most beyond its share of customers."""
    t, table = report.t, report.people
    if table.empty:
        return blocks.finding(t("finding.no_people"), "people")
    known = table[~table["group"].isin(REST) & told(table["clear"], "profiles.people_bring_more")]
    apart = known["revenue_share"] - known["share"]
    if known.empty or apart.max() < APART:
        return blocks.finding(t("finding.people_alike"), "people")
    row = known.iloc[int(apart.to_numpy().argmax())]
    name = words.clean(row["group"], 24)
    slots = {"share": row["share"], "revenue": row["revenue_share"], "group": name}
    return blocks.finding(t(f"finding.{row['attribute']}", **slots), "people")


def _taste(report: ProfilesReport) -> dict[str, str]:
    t = report.t
    if report.taste is None:
        return blocks.finding(t("finding.no_products"), "likes")
    what, share = report.taste
    name = segment_name(t, report.best["segment"])
    if share < FAVOURITE:
        return blocks.finding(t("finding.taste_broad", segment=name[:30], share=share), "likes")
    return blocks.finding(
        t("finding.taste", segment=name[:30], what=words.clean(what, 30), share=share), "likes"
    )


def _mark(report: ProfilesReport) -> dict[str, str]:
    t, table = report.t, report.traits
    if table is None:
        return blocks.finding(t("finding.no_mark"), "apart")
    clear = (
        table[told(table["clear"], "profiles.segment_habit") & (table["difference"] > 0)]
        if len(table)
        else table
    )
    if clear.empty:
        return blocks.finding(t("finding.mark_none"), "apart")
    row = clear.iloc[0]
    text = habit(report, row, segment_name(t, row["segment"]))
    return blocks.finding(text, "apart", shorter=t("finding.mark_long"))


def habit(report: ProfilesReport, row: pd.Series, group: str) -> str:
    """One habit of a group against all others, as a sentence."""
    t, attribute, level = report.t, str(row["attribute"]), str(row["level"])
    slots: dict[str, Any] = {
        "group": group,
        "share": row["share"],
        "elsewhere": row["elsewhere"],
        "level": level,
    }
    if attribute == "deal_prone":
        attribute = "deal_often" if level.lower() == "true" else "deal_seldom"
    if attribute == "weekday" and t.knows(f"weekday.{level}"):
        slots["level"] = t(f"weekday.{level}")
    return t.of(f"habit.{attribute}", slots)


def _below_zero(report: ProfilesReport) -> dict[str, str]:
    t, found = report.t, report.portfolio
    if found is None or not found.has_margin:
        return blocks.finding(t("finding.no_margin"), "worth")
    low = found.groups[found.groups["group"] == BELOW_ZERO].iloc[0]
    if not low["customers"]:
        return blocks.finding(t("finding.nobody_below"), "worth")
    lost, whole = -float(low["value"]), float(found.groups["value"].clip(lower=0).sum())
    if lost < WORTH_IT * whole:
        return blocks.finding(t("finding.few_below", value=lost), "worth")
    return blocks.finding(t("finding.below", n=low["customers"], value=lost), "worth")


def _needs(report: ProfilesReport) -> dict[str, str]:
    t, found = report.t, report.needs
    if found is None or not may_claim("profiles.needs_groups"):
        known = "category" in report.favourites.columns
        return blocks.finding(t("finding.needs_none" if known else "finding.no_needs"), "needs")
    top = found.profile.iloc[0]
    name = words.clean(need_name(report, top["need"]), 24)
    return blocks.finding(t("finding.needs", n=len(found.profile), name=name, share=top["share"]), "needs")


def need_name(report: ProfilesReport, name: object) -> str:
    """What a group of needs is called: a category of the data, or a word of the catalogue."""
    return report.said("need", name)


@section(small=small_form.glossary)
def glossary(report: ProfilesReport) -> Block:
    """The words of the page, and each segment in a sentence."""
    t, found = report.t, report.plan.given.definitions
    said = {t(f"own_word.{name}"): t(f"own_meaning.{name}") for name in OWN_WORDS}
    for name in report.scores.segments.loc[report.scores.segments["customers"] > 0, "segment"]:
        message = f"segment_is.{'_'.join(str(name).lower().replace('-', ' ').split())}"
        if t.knows(message) and found.at_risk_days is not None:
            said[segment_name(t, name)] = t.of(message, {"at_risk_days": found.at_risk_days})
    return blocks.glossary(said | glossary_of(t, found, WORDS))
