"""Response by region, age and channel, in groups that tell of nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.campaigns import response_by_group
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.profiling.demography import REST, demography
from crm_analytics.reports.shared.group_sizes import groups_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.campaigns import Evaluation
    from crm_analytics.reports.shared.handed_in import HandedIn

TRAITS, CHANNEL = ("region", "age"), "acquisition_channel"
GROUPS = (*TRAITS, CHANNEL)


def by_group(found: Evaluation, handed: HandedIn) -> pd.DataFrame:
    """Response by region, age and the channel that won them; groups merged on the page before stay merged.

    Returns
    -------
    attribute, group and the columns of `response_by_group` for the share that bought; empty without any
    """
    # Region and age together, as two tables of one person's traits could be taken from each other; a channel
    # is no trait.
    asked = [people for names in (TRAITS, (CHANNEL,)) if (people := _people(found, names)) is not None]
    known = sum(len(people.columns) - 1 for people in asked)
    tables = []
    for people in asked:
        present = {name: _names(found, people, name) for name in people.columns[1:]}
        level, before = 1 - (1 - found.level) / known, groups_before(handed, present)
        tables.append(response_by_group(found.waves, people, level=level, before=before))
    tables = [one for one in tables if not one.empty]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables)
    table = table[table["outcome"] == "conversion"]
    told = table.assign(
        place=table["attribute"].map(list(GROUPS).index),
        rest=table["group"].isin(REST),
        younger=~table["group"].str.startswith("under "),
    )
    return told.sort_values(["place", "rest", "younger", "group"], ignore_index=True)


def _names(found: Evaluation, people: ir.Table, name: str) -> list[str]:
    rows = people.select(group=people[name].cast("string")).distinct().order_by("group")
    return found.waves.base.collect(rows)["group"].dropna().astype("str").tolist()


def _people(found: Evaluation, names: tuple[str, ...]) -> ir.Table | None:
    people = demography(found.waves.base, names)
    for name in () if people is None else people.columns[1:]:
        people = shared(people, name, ON_A_PAGE)  # a name of few may be one of them, in the wrong field
    return people
