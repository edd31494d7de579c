"""Whether the arms of a campaign were drawn as planned and were alike before it.

Source: Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments", KDD,
2156-2164 (a mismatch is reported below a small p, since it makes every other number doubtful).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences
from crm_analytics.errors import ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves

DOUBT = 0.001  # p below which a ratio or a difference before is no chance
ROUND = (0.1, 0.2, 0.25, 0.3, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9)  # shares that people plan
AS_PLANNED = "arms alike"
MISMATCH = "sample ratio mismatch"
DIFFERED = "the arms differed before"
_PAST = {"orders_before": "orders_before", "spend_before": "spend_before"}


def balance(waves: Waves, control_share: float | None = None) -> pd.DataFrame:
    """Each campaign's arms against the plan, and against each other before the sending.

    Parameters
    ----------
    control_share : planned share of the controls, between 0 and 1; default that of all campaigns together,
        which finds a campaign that is unlike the others, not a fault they share. A campaign that is unlike
        the others, and in keeping with a round share such as 20 %, is taken to be planned so

    Returns
    -------
    campaign_id (None: in total), treated, control, control_share, planned_share, ratio_p (chi-squared),
    orders_before, orders_before_lower, orders_before_upper, spend_before, ... (treated less control, 95 %),
    before_p (the smaller of both, doubled), verdict

    Raises
    ------
    ParameterError : `control_share` is not between 0 and 1.
    """
    if control_share is not None and not 0 < control_share < 1:
        raise ParameterError(f"control_share lies between 0 and 1, got {control_share}")
    none = dict.fromkeys(_PAST, 0.0)
    each = differences(waves.base, waves.rows, _PAST, none, by=("campaign_id",))
    whole = differences(waves.base, waves.rows, _PAST, none)
    arms = waves.campaigns.set_index("campaign_id")[["treated", "control"]]
    all_treated, all_control = int(arms["treated"].sum()), int(arms["control"].sum())
    counts: list[tuple[str | None, int, int]] = [(None, all_treated, all_control)]
    counts += [(str(name), int(t), int(c)) for name, (t, c) in zip(arms.index, arms.to_numpy(), strict=True)]
    planned = control_share or all_control / (all_treated + all_control)
    limit, rows = DOUBT / len(arms), []
    for name, treated, control in counts:
        found = (
            (whole if name is None else each[each["campaign_id"] == name])
            .set_index("outcome")
            .to_dict("index")
        )
        tested = control_share is not None or (name is not None and len(arms) > 1)
        plan = planned if control_share else _planned(treated, control, planned, limit)
        ratio_p = _ratio_p(treated, control, plan) if tested else np.nan
        before_p = float(np.fmin(1.0, 2 * np.fmin.reduce([row["p"] for row in found.values()])))
        verdict = MISMATCH if ratio_p < limit else DIFFERED if before_p < limit else AS_PLANNED
        gaps: dict[str, float] = {}
        for y in _PAST:
            ends = zip(("", "_lower", "_upper"), ("effect", "lower", "upper"), strict=True)
            gaps |= {f"{y}{end}": found[y][column] for end, column in ends}
        told = (name, treated, control, control / (treated + control), plan if tested else np.nan)
        rows.append((*told, ratio_p, *gaps.values(), before_p, verdict))
    names = [f"{y}{end}" for y in _PAST for end in ("", "_lower", "_upper")]
    head = ["campaign_id", "treated", "control", "control_share", "planned_share", "ratio_p"]
    return pd.DataFrame(rows, columns=[*head, *names, "before_p", "verdict"])


def _planned(treated: int, control: int, usual: float, limit: float) -> float:
    """The share that was planned, where nobody states it: the usual one, or a round one that fits."""
    if _ratio_p(treated, control, usual) >= limit:
        return usual
    nearest = min(ROUND, key=lambda share: abs(share - control / (treated + control)))
    return nearest if _ratio_p(treated, control, nearest) >= limit else usual


def _ratio_p(treated: int, control: int, share: float) -> float:
    expected = np.array([1 - share, share]) * (treated + control)
    return float(stats.chisquare([treated, control], expected).pvalue)
