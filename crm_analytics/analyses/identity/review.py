"""Pairs that a person should look at, and why each was thought of; why a record is where it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.identity.clusters import LARGEST
from crm_analytics.analyses.identity.match_fields import TEXTS
from crm_analytics.analyses.identity.memory import BY_MODEL, TO_REVIEW, Memory
from crm_analytics.analyses.identity.weights import probability_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crm_analytics.tables.customer_base import CustomerBase

COLUMNS = ["record_l", "record_r", "weight", "probability", "reasons"]


def review_list(memory: Memory) -> pd.DataFrame:
    """Pairs a little too light to be joined unasked, the nearest to the threshold first.

    Returns
    -------
    record_l, record_r, weight (bits), probability, reasons (JSON: bits by field, the prior among them; they
    sum to the weight); pairs that somebody decided, and records that are one person anyway, are left out
    """
    pairs = memory.as_map().pairs
    near = pairs[pairs["state"] == TO_REVIEW]
    near = near.assign(probability=probability_of(near["weight"]))
    return near.sort_values(["weight", "record_l", "record_r"], ascending=[False, True, True],
                            ignore_index=True)[COLUMNS]  # fmt: skip


def reasons_of(row: Mapping[Any, Any]) -> dict[str, float]:
    """The reasons of a pair as bits by field, the strongest first.

    >>> reasons_of({"reasons": '{"prior": -8.0, "mail": 9.5, "city": 1.0}'})
    {'mail': 9.5, 'prior': -8.0, 'city': 1.0}
    """
    found = json.loads(str(row["reasons"]))
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))


def compared_fields(base: CustomerBase, pairs: pd.DataFrame) -> dict[tuple[str, str], dict[str, list[str]]]:
    """What the source has of both records of each pair, by field; a field that neither has is left out.

    It shows people: call it only for somebody who asked to see them.

    >>> from crm_analytics import CustomerBase
    >>> people = pd.DataFrame(
    ...     {"customer_id": ["a", "b"], "first_name": ["Ada", "Ada"], "city": ["Ulm", None]})
    >>> sales = pd.DataFrame({"customer_id": ["a", "b"], "transaction_date": ["2026-03-01"] * 2,
    ...     "unit_spend": [5.0, 9.0]})
    >>> base = CustomerBase.open({"customers": people, "transactions": sales}, today="2026-03-03")
    >>> compared_fields(base, pd.DataFrame({"record_l": ["a"], "record_r": ["b"]}))
    {('a', 'b'): {'first_name': ['Ada', 'Ada'], 'city': ['Ulm', '']}}
    """
    rows = base.records
    both = list(zip(pairs["record_l"], pairs["record_r"], strict=True))
    if rows is None:
        return {pair: {} for pair in both}
    fields = [name for name in (*TEXTS, "birth_date", "created_at") if name in rows.columns]
    wanted = sorted({record for pair in both for record in pair})
    known = base.collect(rows.filter(rows.customer_id.isin(wanted)).select("customer_id", *fields))
    texts = (
        known.set_index("customer_id").astype("object").where(lambda table: table.notna(), "").astype("str")
    )
    texts = texts.reindex(wanted, fill_value="")
    return {
        (one, other): {
            name: [texts.loc[one, name], texts.loc[other, name]]
            for name in fields
            if texts.loc[one, name] or texts.loc[other, name]
        }
        for one, other in both
    }


def explained(memory: Memory, one: str) -> pd.DataFrame:
    """Why the records of a person are together: record_l, record_r, found_by, weight, reasons.

    Decisions are found by "decision"; pairs that did not join by themselves are left out.
    """
    mine = set(memory.records_of(one))
    pairs = memory.pairs
    strong = (pairs["found_by"] != BY_MODEL) | (pairs["weight"] >= memory.threshold)
    inside = pairs["record_l"].isin(mine) & pairs["record_r"].isin(mine)
    said = memory.decisions[memory.decisions["record_l"].isin(mine) & memory.decisions["record_r"].isin(mine)]
    said = said.assign(found_by="decision: " + said["verdict"], weight=0.0, reasons="{}")
    found = pd.concat([said[pairs.columns], pairs[strong & inside]])
    return found.sort_values(["record_l", "record_r", "found_by"], ignore_index=True)


def trail(memory: Memory, one: str) -> pd.DataFrame:
    """Every id that the records of a person ever had: record_id, person_id, since, until, why."""
    mine = memory.records_of(one)
    spans = memory.spans[memory.spans["record_id"].isin(mine)]
    return spans.sort_values(["from_night", "record_id"], ignore_index=True).drop(
        columns=["from_night", "to_night"]
    )


def too_large(memory: Memory) -> pd.Series:
    """Records by person, of people with more than `LARGEST`: chains of chance pairs grow so."""
    counts = memory.records["person_id"].value_counts()
    return counts[counts > LARGEST]
