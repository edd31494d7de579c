"""Who answers campaigns: by recency, frequency and value at the sending, and by region, age and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.campaigns import response_by_group
from crm_analytics.analyses.campaigns.measurement.treatment_effects import NO_EFFECT, TOO_LITTLE
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.profiling.demography import REST, demography
from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.campaigns.report import FEW, HUNDRED, UNMEASURED, CampaignsReport
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.campaigns import Evaluation
    from crm_analytics.pages.blocks import Block

OF = {"r_score": "recency", "f_score": "frequency", "m_score": "value"}
TRAITS, CHANNEL = ("region", "age"), "acquisition_channel"
GROUPS = {"region": "region", "age": "age", CHANNEL: "won by"}
SHOWN = ["who", "treated", "control", "treated_mean", "control_mean", "effect", "points", "verdict"]


@section("Who answers", part="waves", needs=UNMEASURED, small=FEW)
def who_answers(report: CampaignsReport, found: Evaluation) -> Block:
    """Share that bought in the window by score and by group: treated beside controls."""
    scores = found.response[found.response["outcome"] == "conversion"]
    best = scores[scores["measure"] == "r_score"].nlargest(1, "score").iloc[0]
    scores = scores.assign(
        who=[f"{OF[m]} {s:.0f}" for m, s in zip(scores["measure"], scores["score"], strict=True)]
    )
    recency = scores[scores["measure"] == "r_score"].rename(
        columns={"treated_mean": "treated share", "control_mean": "control share"}
    )
    groups = by_group(found)
    clear = ~scores["verdict"].isin([NO_EFFECT, TOO_LITTLE])
    told = "" if clear.any() else "; no score shows a difference made by the mail"
    digits = 0 if abs(best["treated_mean"] - best["control_mean"]) >= 0.02 else 1
    if scores["adjusted_lower"].isna().all():
        told = "; too little happened to tell what the mail did"
    return blocks.chart(
        figures.columns(
            recency, "who", ["treated share", "control share"],
            {"treated share": "treated", "control share": "control"}, fmt="percent:0",
        ),
        finding=f"Of those who bought last, {words.percent(best['treated_mean'], digits)} answered, and "
        f"{words.percent(best['control_mean'], digits)} of the controls bought as well{told}",
        data=_rows(pd.concat([scores, groups])),
        caption="Share that bought in the campaign's window, by score on the day before the sending (5: "
        "latest, most often, most spent; 0: had never bought). A high share is no effect: the controls "
        f"bought, too.{_about(groups)}",
        formats=dict.fromkeys(("treated_mean", "control_mean", "effect"), "percent")
        | {"points": "interval:number:1"},
    )  # fmt: skip


def by_group(found: Evaluation) -> pd.DataFrame:
    """Response by region, age and the channel that won them, with `who` in words; empty without any."""
    # Region and age together, as two tables of one person's traits could be taken from each other; a channel
    # is no trait.
    asked = [people for names in (TRAITS, (CHANNEL,)) if (people := _people(found, names)) is not None]
    known = sum(len(people.columns) - 1 for people in asked)
    tables = [response_by_group(found.waves, people, level=1 - (1 - found.level) / known) for people in asked]
    tables = [one for one in tables if not one.empty]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables)
    table = table[table["outcome"] == "conversion"]
    told = table.assign(
        who=[f"{GROUPS[a]}: {g}" for a, g in zip(table["attribute"], table["group"], strict=True)],
        place=table["attribute"].map(list(GROUPS).index),
        rest=table["group"].isin(REST),
        younger=~table["group"].str.startswith("under "),
    )
    return told.sort_values(["place", "rest", "younger", "group"], ignore_index=True)


def _people(found: Evaluation, names: tuple[str, ...]) -> ir.Table | None:
    people = demography(found.waves.base, names)
    for name in () if people is None else people.columns[1:]:
        people = shared(people, name, ON_A_PAGE)  # a name of few may be one of them, in the wrong field
    return people


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    ends = (HUNDRED * table["adjusted_lower"], HUNDRED * table["adjusted_upper"])
    points = blocks.together(*ends)
    shown = table.drop(columns="effect").rename(columns={"adjusted": "effect"}).assign(points=points)
    return shown[SHOWN].reset_index(drop=True)


def _about(groups: pd.DataFrame) -> str:
    if groups.empty:
        return ""
    return """ Region, age on the last day and channel as the customers table says them; groups with few
        members are among the others. The intervals of all groups hold together with 95 %."""
