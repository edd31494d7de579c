"""How often each kind of finding is claimed where there is nothing, and found where there is something.

``python -m benchmarks.nulls [--runs 20] [--first 0] [--only WORDS] [--add] [--write]`` draws the worlds of
`tests/nulls`, asks each page what it claims of them, and prints the counts by world. ``--write`` puts them
into `crm_analytics/analyses/error_rates.csv`, from which pages and docs/findings-results.md take them, in
place of what was there of the same kinds; with ``--add`` on top of it.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from crm_analytics.analyses.error_rates import TABLE, Trials, trials
from crm_analytics.analyses.intervals import wilson
from crm_analytics.pages.sentences import sentences
from crm_analytics.reports.shared.spoken import SHARED
from tests.nulls.probes import PROBES, Probe, World
from tests.nulls.worlds import open_base

DOCS = Path(__file__).parents[1] / "docs" / "findings-results.md"
BEFORE = "## Before anything was mended"  # what stands from here on in the docs is kept
HEAD = """# How often a finding is wrong

Each kind of finding on each page, in small made-up companies in which it is not there (*null worlds*) and in
which it is (*there*). A finding should be claimed in at most 5 of 100 null worlds. The worlds are those of
`tests/nulls`, where each kind and link is described; `python -m benchmarks.nulls --write` counts anew, and
`crm_analytics/analyses/error_rates.csv` holds the counts for the pages.

Together {claimed} of {worlds} null worlds had a finding claimed: {share:.1%} ({low:.1%} to {high:.1%}).
Where runs are few, the intervals are wide. Seeds begin at 0. Rows on products, service, voice, social and
referrals come from 3 to 5 runs a world; holidays and movers outside the season
were counted before their mending, which claims no more. That a channel adds orders can only be claimed where
campaigns had controls; its null worlds have none yet. Rows on voice, on moves between stages, on active
customers and on months were counted on 2 December, 3 runs a world. Counts, such as how many customers a
segment gained, stand in no null world.

| kind | finding | null worlds: claimed | share, 95 % interval | there: found | share, 95 % interval |
|---|---|---|---|---|---|
"""


def counts(probes: Sequence[Probe], runs: int, first: int = 0) -> dict[tuple[str, World], int]:
    """In how many runs of a world each finding is claimed; a world is drawn once for all who ask it."""
    worlds = dict.fromkeys(world for probe in probes for world in (*probe.nulls, *probe.theres))
    found = {(probe.kind, world): 0 for probe in probes for world in (*probe.nulls, *probe.theres)}
    for world in worlds:
        make, kind, link = world
        asked = [probe for probe in probes if (probe.kind, world) in found]
        for seed in range(first, first + runs):
            base = open_base(make(seed, kind, link))
            for probe in asked:
                found[probe.kind, world] += bool(probe.claims(base))
    return found


def named(world: World) -> str:
    """A world in words."""
    make, kind, link = world
    return f"{make.__name__}, {kind}{', ' + link if link else ''}"


def summed(probe: Probe, found: Mapping[tuple[str, World], int], runs: int) -> Trials:
    """The counts of a kind over its worlds."""
    claimed, seen = (
        sum(found[probe.kind, world] for world in worlds) for worlds in (probe.nulls, probe.theres)
    )
    return Trials(probe.kind, runs * len(probe.nulls), claimed, runs * len(probe.theres), seen)


def added(one: Trials, other: Trials | None) -> Trials:
    """Two runs with seeds of their own, as one."""
    if other is None:
        return one
    return Trials(
        one.kind, one.worlds + other.worlds, one.claimed + other.claimed, one.there + other.there,
        one.found + other.found,
    )  # fmt: skip


def write(rows: Mapping[str, Trials]) -> None:
    """The counts for the pages, and the table for people."""
    order = {probe.kind: place for place, probe in enumerate(PROBES)}
    kept = sorted(rows.values(), key=lambda row: order[row.kind])
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["kind", "worlds", "claimed", "there", "found"])
        lines.writerows([row.kind, row.worlds, row.claimed, row.there, row.found] for row in kept)
    before = DOCS.read_text(encoding="utf-8").partition(BEFORE)
    DOCS.write_text(table(kept) + "\n" + before[1] + before[2], encoding="utf-8")


def table(rows: Sequence[Trials]) -> str:
    """The page of the docs without what was before."""
    say = sentences("en", (SHARED,), "")
    claimed, worlds = sum(row.claimed for row in rows), sum(row.worlds for row in rows)
    low, high = wilson(claimed, worlds)
    share = claimed / worlds
    head = HEAD.format(claimed=claimed, worlds=worlds, share=share, low=low, high=high)
    said = [
        (row.kind, say(f"kind.{row.kind}"), _of(row.claimed, row.worlds), _of(row.found, row.there))
        for row in rows
    ]
    return head + "".join(f"| {' | '.join(cells)} |\n" for cells in said)


def _of(count: int, runs: int) -> str:
    if not runs:
        return "– | –"
    low, high = wilson(count, runs)
    return f"{count} of {runs} | {count / runs:.0%} ({low:.0%} to {high:.0%})"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed of the first run")
    parser.add_argument("--only", default="", help="part of the name of a kind")
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    asked = [probe for probe in PROBES if given.only in probe.kind]
    found = counts(asked, given.runs, given.first)
    for (kind, world), n in found.items():
        print(f"{kind}, {named(world)}: {n} of {given.runs}")
    if given.write:
        known = dict(trials())
        new = {probe.kind: summed(probe, found, given.runs) for probe in asked}
        new = {kind: added(row, known.get(kind) if given.add else None) for kind, row in new.items()}
        write(known | new)


if __name__ == "__main__":
    main()
