"""What season and rolling origins add to the lifetime-value report, in processor time of one process.

``python -m benchmarks.forecast_speed [--data company] [--rounds 3]`` prints both medians and their ratio.
Without them stand the same models, in calendar time, with no earlier day tried.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.btyd.checks import seasonal
from crm_analytics.analyses.forecasting import business_time, foundation, ways
from crm_analytics.reports import lifetime_value

MOST = 3.0  # times the time without


@contextmanager
def plain_forecasts() -> Iterator[None]:
    """Neither a season nor an earlier day."""
    none = business_time.BusinessTime(seasonal._none("left out"), is_used=False)
    empty = pd.DataFrame(columns=ways.COLUMNS)
    with (
        patch.object(ways, "business_time", lambda *_: none),
        patch.object(foundation, "trials", lambda *_: empty),
    ):
        yield


def seconds(data: str, day: dt.date) -> float:
    """Processor time of the report's numbers, from a base opened anew: nothing is kept from before."""
    base = CustomerBase.open(data).as_of(day)
    began = time.process_time()
    lifetime_value.prepare(base)
    return time.process_time() - began


def compare(data: str, rounds: int) -> float:
    """Print both medians and give back the ratio."""
    day = CustomerBase.open(data).day
    seconds(data, day)  # imports and the disk's cache
    taken: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(rounds):
        taken["with"].append(seconds(data, day))
        with plain_forecasts():
            taken["without"].append(seconds(data, day))
    middle = {name: statistics.median(found) for name, found in taken.items()}
    ratio = middle["with"] / middle["without"]
    print(f"{data}: {middle['with']:.1f} s with, {middle['without']:.1f} s without: {ratio:.2f} times")
    print(f"the goal is at most {MOST:.0f}: {'reached' if ratio <= MOST else 'not reached'}")
    return ratio


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="company")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    compare(given.data, given.rounds)


if __name__ == "__main__":
    main()
