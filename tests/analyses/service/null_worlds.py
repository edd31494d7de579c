"""How often quick help is said to change something, in shops where it does and where it does not.

    python -m tests.analyses.service.null_worlds

prints the table of docs/service.md. The shops are those of `worlds`: frequent customers are helped more
quickly, so that a plain comparison of shares misleads. In the last row the desk knows who they are by
something that is not in the data: there no comparison of the past can be enough.
"""

from __future__ import annotations

import sys

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.evidence import Evidence
from crm_analytics.analyses.service.recovery import COVARIATES, complaints_followed, from_cells
from tests.analyses.service.worlds import HIDDEN, SEEN, shop

FIRST, WORLDS, CUSTOMERS, AT_ONCE = 10_000, 200, 400, 25  # seeds that nothing was tried on
CASES = ((0.0, SEEN), (0.5, SEEN), (0.0, HIDDEN))


def measured(effect: float, worlds: int, first: int, served: str = SEEN) -> pd.DataFrame:
    """One row per world: shown, alike, value, lower, upper, plain (difference without matching), shown_plain.

    The worlds stand in one base; the comparison is made world by world.
    """
    parts = [shop(CUSTOMERS, effect, seed, served) for seed in range(first, first + worlds)]
    tables = {name: pd.concat([p[name] for p in parts], ignore_index=True) for name in parts[0]}
    base = CustomerBase.open(tables, today="2026-12-01")
    each = base.collect(complaints_followed(base, 2, 90))
    each["world"] = each["customer_id"].str.extract(r"s(\d+)-", expand=False)
    rows = []
    for _, mine in each.groupby("world"):
        cells = mine.groupby([*COVARIATES, "helped"], as_index=False).agg(
            n=("after", "size"), after=("after", "sum"), before=("before", "sum")
        )
        found = from_cells(cells)
        side = mine.groupby("helped")["after"].agg(["mean", "size"])
        p, n = side["mean"], side["size"]
        error = 1.96 * float((p * (1 - p) / n).sum()) ** 0.5
        plain = float(p[True] - p[False])
        rows.append(
            {"shown": found.evidence is Evidence.SHOWN, "alike": found.is_alike, "value": found.effect.value,
             "lower": found.effect.lower, "upper": found.effect.upper, "plain": plain,
             "shown_plain": abs(plain) > error}
        )  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    """Print the table."""
    print("| quick help keeps | helped first | worlds | shown | placebo finds something | shown unmatched |")
    print("|---|---|---|---|---|---|")
    for effect, served in CASES:
        found = pd.DataFrame()
        for first in range(FIRST, FIRST + WORLDS, AT_ONCE):
            found = pd.concat([found, measured(effect, AT_ONCE, first, served)], ignore_index=True)
            print(_row(effect, served, found), file=sys.stderr, flush=True)  # it takes minutes
        print(_row(effect, served, found), flush=True)


def _row(effect: float, served: str, found: pd.DataFrame) -> str:
    shares = found["shown"].mean(), 1 - found["alike"].mean(), found["shown_plain"].mean()
    told = " | ".join(f"{share:.1%}" for share in shares)
    return f"| {effect:.0%} of those who leave | {served} | {len(found)} | {told} |"


if __name__ == "__main__":
    main()
