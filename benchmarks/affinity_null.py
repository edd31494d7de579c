"""How often affinity is claimed where there is none: ``python -m benchmarks.affinity_null [--runs 1000]``.

Half of the shops have baskets of very different sizes, half have products of very different popularity; in
none does one product draw another. A run counts if any pair has another verdict than "not shown".
"""

from __future__ import annotations

import argparse

from crm_analytics import CustomerBase
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.products.affinity import NOTHING, affinity
from tests.analyses.products.worlds import independent_baskets

KINDS = ("sizes", "chances")


def false_runs(kind: str, runs: int, first: int = 0) -> int:
    """Runs with any affinity."""
    count = 0
    for seed in range(first, first + runs):
        base = CustomerBase.open(independent_baskets(seed, kind), today="2026-01-01")
        count += bool((affinity(base).pairs["verdict"] != NOTHING).any())
    return count


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000)
    given = parser.parse_args()
    each = given.runs // len(KINDS)
    print("| baskets | runs | with any affinity | share, 95 % interval |\n|---|---|---|---|")
    for kind in KINDS:
        found = false_runs(kind, each)
        low, high = wilson(found, each)
        print(f"| {kind} | {each} | {found} | {found / each:.1%} ({low:.1%} to {high:.1%}) |", flush=True)


if __name__ == "__main__":
    main()
