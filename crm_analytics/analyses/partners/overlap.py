"""How many customers we share with each partner, what they buy, and who is new: counts that hide the few."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.cell_suppression import ALL, FRESH, HIDDEN, suppress
from crm_analytics.analyses.disclosure import OTHERS
from crm_analytics.analyses.partners.matching import POPULATIONS
from crm_analytics.analyses.profiling.favourites import favourites

if TYPE_CHECKING:
    from crm_analytics.analyses.partners.matching import Matched
    from crm_analytics.tables.customer_base import CustomerBase

SHARED, NEW = "shared", "new"  # one of our customers; not one of ours
UNSAID = "unsaid"  # the partner, or our data, name no category
ATTRIBUTES = ["known", "population", "category", "favourite"]
TABLES = (("known", "population"), ("known", "category"), ("known", "favourite"), ("known",), ())
MOST_NAMES = 6  # categories that are named; the rest are the others
OTHER = "other"  # a population that the contract does not name


def overlap(
    base: CustomerBase, matched: Matched, *, k: int = 10, before: Mapping[str, float | None] | None = None
) -> pd.DataFrame:
    """Publishable counts of each partner's records with consent.

    Parameters
    ----------
    k : see `cell_suppression.suppress`
    before : what the publication before showed, by `key_of`; None: hidden

    Returns
    -------
    one row per published number: partner_id, known ("shared", "new"), population (customer, prospect,
    opportunity), category (the partner's), favourite (our category that a shared customer buys most), each
    ``"*"`` where it is summed over, value (NaN: hidden), state. Partners are counted apart: no number sums
    over two of them, because people they share would count twice.
    """
    cells = _cells(base, matched, k, before or {})
    parts = []
    for partner in matched.partners["partner_id"]:
        mine = _every(cells[cells["partner_id"] == partner])
        found = suppress(mine, TABLES, k=k)
        if before:
            found = suppress(mine, TABLES, k=k, before=_as_before(found, partner, before))
        found.insert(0, "partner_id", partner)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def key_of(partner: str, known: str, population: str, category: str, favourite: str) -> str:
    """A short name of one number, which says nothing of what it counts but to whoever knows that already."""
    said = "\x1f".join((partner, known, population, category, favourite))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def keys_of(found: pd.DataFrame) -> list[str]:
    """`key_of` for each row that `overlap` gave."""
    return [key_of(*map(str, row)) for row in found[["partner_id", *ATTRIBUTES]].itertuples(index=False)]


def _as_before(found: pd.DataFrame, partner: str, before: Mapping[str, float | None]) -> pd.DataFrame:
    keys = keys_of(found.assign(partner_id=partner))
    known = [key in before for key in keys]
    value = [before.get(key) for key in keys]
    state = [HIDDEN if one is None else FRESH for one in value]
    return found.assign(value=pd.Series(value, dtype="float64"), state=state)[known]


def number(found: pd.DataFrame, partner: str, **where: str) -> float | None:
    """One published number of a partner; None where it is hidden, 0 where there is nobody."""
    wanted = {name: where.get(name, ALL) for name in ATTRIBUTES}
    rows = found[found["partner_id"] == partner]
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    if rows.empty:
        return 0.0
    value = rows["value"].iloc[0]
    return None if pd.isna(value) else float(value)


def _cells(base: CustomerBase, matched: Matched, k: int, before: Mapping[str, float | None]) -> pd.DataFrame:
    """People by partner and attributes, counted in the engine."""
    records = matched.records
    known = records.customer_id.notnull().ifelse(SHARED, NEW)
    population = records.population.isin(list(POPULATIONS)).ifelse(records.population, OTHER)
    table = records.mutate(known=known, population=population, category=records.category.fill_null(UNSAID))
    liked = favourites(base)
    if "category" in liked.columns:
        mine = liked.select("customer_id", favourite=liked.category)
        table = table.left_join(mine, "customer_id").drop("customer_id_right")
    else:
        table = table.mutate(favourite=ibis.null("string"))
    favourite = (table.known == SHARED).ifelse(table.favourite.fill_null(UNSAID), "-")
    table = table.mutate(favourite=favourite)
    keys = ["partner_id", *ATTRIBUTES]
    counted = base.collect(table.group_by(keys).aggregate(people=table.count()).order_by(keys))
    for name in ("category", "favourite"):
        counted[name] = _named(counted, name, k, before)
    return counted.groupby(keys, as_index=False, sort=False)[["people"]].sum()


def _named(counted: pd.DataFrame, name: str, k: int, before: Mapping[str, float | None]) -> pd.Series:
    """The most common categories by name, the rest as others: a name that few share may be one of them.

    What was named before stays named, and nothing else is, so that the others stay the same sum.
    """
    by_name = counted[counted[name] != "-"].groupby(name)["people"].sum()
    order = by_name[by_name >= k].sort_index().sort_values(ascending=False, kind="stable")
    common = set(order.index[:MOST_NAMES])
    if before:
        partners = counted["partner_id"].unique()
        common = {value for value in by_name.index if _was_named(name, str(value), partners, before)}
    return counted[name].where(counted[name].isin({*common, UNSAID, "-"}), OTHERS)


def _was_named(name: str, value: str, partners: Iterable[str], before: Mapping[str, float | None]) -> bool:
    rest = [value if other == name else ALL for other in ATTRIBUTES[1:]]
    return any(key_of(p, known, *rest) in before for p in partners for known in (SHARED, NEW))


def _every(cells: pd.DataFrame) -> pd.DataFrame:
    """With a row for each combination, because nobody is told which ones are empty."""
    populations = sorted(cells["population"].unique())
    categories = sorted(cells["category"].unique())
    liked = sorted(set(cells["favourite"]) - {"-"})
    product = itertools.product
    rows = [(NEW, *rest, "-") for rest in product(populations, categories)]
    rows += [(SHARED, *rest) for rest in product(populations, categories, liked)]
    full = pd.DataFrame(rows, columns=ATTRIBUTES, dtype="object")
    counts = cells[[*ATTRIBUTES, "people"]]
    merged = full.merge(counts, on=ATTRIBUTES, how="left")
    return merged.assign(people=merged["people"].fillna(0).astype("int64"))
