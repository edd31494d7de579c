"""Groups that a page showed, by which its next run knows which ones stay merged.

A group that was too small and becomes large enough would tell of the few who joined it: the page before
showed the others with them. So a page records which groups it showed, and the next shows no further ones.
A name of a group is recorded as a digest: what stands in the data may be hostile, and facts go everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from crm_analytics.reports.shared.handed_in import HandedIn

FACT = "group_"


def group_facts(sizes: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """Facts for the record: how many customers stood in each group of an attribute.

    >>> group_facts([("region", "north", 40)])
    {'group_505f99b67c548b2a': 40}
    """
    return {_name(attribute, group): int(n) for attribute, group, n in sizes}


def groups_before(handed: HandedIn, present: Mapping[str, Iterable[str]]) -> pd.DataFrame | None:
    """Which of the groups that are there now the last run showed: attribute, group, customers (then).

    Parameters
    ----------
    present : groups by attribute

    Returns
    -------
    None where there was no run, or one that showed none.

    >>> from crm_analytics.reports.shared.handed_in import HandedIn
    >>> handed = HandedIn(({"facts": group_facts([("region", "north", 40)])},))
    >>> groups_before(handed, {"region": ["north", "south"]}).to_dict("records")
    [{'attribute': 'region', 'group': 'north', 'customers': 40}]
    """
    facts = dict(handed.previous[0]["facts"]) if handed.previous else {}
    if not any(name.startswith(FACT) for name in facts):
        return None
    rows = [
        (attribute, group, facts[name])
        for attribute, groups in present.items()
        for group in groups
        if (name := _name(attribute, group)) in facts
    ]
    return pd.DataFrame(rows, columns=["attribute", "group", "customers"])


def _name(attribute: str, group: str) -> str:
    return FACT + hashlib.sha256(f"{attribute}\x1f{group}".encode()).hexdigest()[:16]
