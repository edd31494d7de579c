"""How often each kind of finding is claimed where there is nothing, and found where there is something.

``python -m benchmarks.nulls [--runs 20] [--only WORDS] [--out docs/findings-results.md]`` draws the worlds of
`tests/nulls/worlds.py` and asks each page what it claims of them.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

from crm_analytics.analyses.intervals import wilson
from tests.nulls.probes import PROBES, Probe, World
from tests.nulls.worlds import open_base

HEAD = """# How often a finding is wrong

Each kind of finding on each page, in small made-up companies in which it is not there (*null worlds*) and in
which it is (*there*). A finding should be claimed in at most 5 of 100 null worlds. Made by
`python -m benchmarks.nulls --runs {runs} --out docs/findings-results.md`; the worlds are those of
`tests/nulls/worlds.py`, where each kind and link is described.

| page | finding | world | runs | claimed | share, 95 % interval |
|---|---|---|---|---|---|
"""


def counts(probes: Sequence[Probe], runs: int, first: int = 0) -> dict[tuple[str, World], int]:
    """In how many runs of a world each finding is claimed; a world is drawn once for all who ask it."""
    worlds = dict.fromkeys(world for probe in probes for world in (*probe.nulls, *probe.theres))
    found = {(probe.finding, world): 0 for probe in probes for world in (*probe.nulls, *probe.theres)}
    for world in worlds:
        make, kind, link = world
        asked = [probe for probe in probes if (probe.finding, world) in found]
        for seed in range(first, first + runs):
            base = open_base(make(seed, kind, link))
            for probe in asked:
                found[probe.finding, world] += bool(probe.claims(base))
    return found


def lines(probe: Probe, found: dict[tuple[str, World], int], runs: int) -> list[str]:
    """Rows of the table: every world of a probe, and the sum of the null ones."""
    rows = []
    for worlds, sort in ((probe.nulls, "null"), (probe.theres, "there")):
        rows += [_row(probe, f"{sort}: {named(w)}", runs, found[probe.finding, w]) for w in worlds]
    total = sum(found[probe.finding, world] for world in probe.nulls)
    return [*rows, _row(probe, "**null, all**", runs * len(probe.nulls), total)]


def named(world: World) -> str:
    """A world in words."""
    make, kind, link = world
    return f"{make.__name__}, {kind}{', ' + link if link else ''}"


def _row(probe: Probe, world: str, runs: int, count: int) -> str:
    low, high = wilson(count, runs)
    share = f"{count / runs:.0%} ({low:.0%} to {high:.0%})"
    return f"| {probe.page} | {probe.finding} | {world} | {runs} | {count} | {share} |"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    asked = [probe for probe in PROBES if given.only in f"{probe.page}: {probe.finding}"]
    found = counts(asked, given.runs)
    rows = [row for probe in asked for row in lines(probe, found, given.runs)]
    print("\n".join(rows))
    if given.out:
        given.out.write_text(HEAD.format(runs=given.runs) + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
