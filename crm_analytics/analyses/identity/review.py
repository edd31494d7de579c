"""Pairs that a person should look at, and why each was thought of; why a record is where it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.identity.clusters import LARGEST
from crm_analytics.analyses.identity.memory import BY_MODEL, TO_REVIEW, Memory
from crm_analytics.analyses.identity.weights import probability_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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
