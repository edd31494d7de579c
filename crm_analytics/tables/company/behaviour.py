"""What customers do: when they buy, complain and leave."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Calendar


def make_orders(
    chance: np.random.Generator, truth: pd.DataFrame, calendar: Calendar
) -> tuple[pd.DataFrame, np.ndarray]:
    """Orders without any campaign (who, at, complaint), and the day each customer leaves.

    The hazard of leaving is multiplied after the first complaint; who has left buys nothing.
    """
    who, at = _wanted(chance, truth, calendar)
    risk = np.array([s.complaint for s in plan.SEGMENTS])[truth["segment"].to_numpy()[who]]
    complaint = chance.random(len(who)) < risk
    joined = truth["joined"].to_numpy()
    first = np.full(len(truth), np.inf)
    np.minimum.at(first, who[complaint], at[complaint] + 0.01)
    leaves = _leaves(chance.exponential(size=len(truth)), truth["hazard"].to_numpy(), joined, first)
    stays = (at <= leaves[who]) & (at < calendar.days)
    orders = pd.DataFrame({"who": who[stays], "at": at[stays], "complaint": complaint[stays]})
    return orders, leaves


def _wanted(
    chance: np.random.Generator, truth: pd.DataFrame, calendar: Calendar
) -> tuple[np.ndarray, np.ndarray]:
    """Every purchase of customers that never left: a Poisson process thinned by season and weekday."""
    segment, joined = truth["segment"].to_numpy(), truth["joined"].to_numpy()
    most = calendar.weight.max(axis=1)[segment]
    rate = np.where(truth["bought"], truth["rate"], 0.0)
    count = chance.poisson(rate * most * (calendar.days - joined))
    who = np.repeat(np.arange(len(truth)), count)
    at = joined[who] + chance.random(len(who)) * (calendar.days - joined[who])
    weight = calendar.weight[segment[who], calendar.day(at)]
    kept = chance.random(len(who)) * most[who] < weight
    first = np.flatnonzero(truth["bought"])
    who, at = np.append(first, who[kept]), np.append(joined[first] + 0.002, at[kept])
    order = np.lexsort((at, who))
    return who[order], at[order]


def _leaves(
    patience: np.ndarray, hazard: np.ndarray, joined: np.ndarray, complained: np.ndarray
) -> np.ndarray:
    """When the hazard, multiplied after the complaint, has used up an exponential patience."""
    plain = joined + patience / hazard
    rest = patience - hazard * (np.where(np.isfinite(complained), complained, 0.0) - joined)
    after = complained + rest / (plan.COMPLAINT_HAZARD * hazard)
    return np.where(plain <= complained, plain, after)
