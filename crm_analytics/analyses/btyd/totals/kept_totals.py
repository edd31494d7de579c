"""Totals that many pages of a night want: the first computes one, the others read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pandas as pd

from crm_analytics.analyses.btyd.fitting.summary import Summary
from crm_analytics.analyses.btyd.totals.uncertainty import TotalForecast
from crm_analytics.tables.kept_results import digest_of


def once_a_night(source: Any, asked: tuple[Any, ...], make: Callable[[], TotalForecast]) -> TotalForecast:
    """A total of the customers of a summary, kept with its base (`CustomerBase.remember`).

    Parameters
    ----------
    source : a summary of a base; of anything else the total is made each time
    asked : all it depends on but the customers: models, discounts, intervals, numbers, words
    make : computes it
    """
    if not isinstance(source, Summary) or source.base is None:
        return make()
    whole = source.whole.cells if source.whole else None
    key = ("total", digest_of((*asked, source.cells, source.cell_days, whole)))
    return source.base.remember(
        key,
        make,
        lambda total: {"total": pd.DataFrame([asdict(total)])},
        lambda kept: TotalForecast(**kept["total"].to_dict("records")[0]),
    )
