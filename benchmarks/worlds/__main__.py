"""Draw the businesses, forecast them at several days, and write what held.

nice -n 15 python -m benchmarks.worlds                                   # print
nice -n 15 python -m benchmarks.worlds --write docs/forecast-worlds.md   # the committed table
nice -n 15 python -m benchmarks.worlds --worlds gifts box --seeds 1      # a part
"""

from __future__ import annotations

import argparse
import logging
import warnings
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmarks.worlds import rivals
from benchmarks.worlds.business import Business
from benchmarks.worlds.contracts import BOX
from benchmarks.worlds.page import markdown
from benchmarks.worlds.shops import SHOPS
from benchmarks.worlds.standing import standing

WORLDS: dict[str, Business] = {one.name: one for one in (*SHOPS, BOX)}
DAYS = (729, 1003, 1368)  # 31 December of the second year, end of September of the third and fourth
HORIZONS = (13, 52)
SEEDS = 3
DRAWS = 60  # futures of the oracle


def cases(
    names: list[str], seeds: int, keep: Path | None = None, known: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Every forecast of every business, day, seed and horizon beside what came; kept as they are made.

    Parameters
    ----------
    known : cases of an earlier run; rivals, which do not change, are not forecast again
    """
    rows: list[dict[str, object]] = []
    for name in names:
        for seed in range(1, seeds + 1):
            drawn = WORLDS[name].draw(seed)
            whole = rivals.base_of(drawn)
            for day in DAYS:
                base = whole.as_of(rivals.day_of(day))
                came = {weeks: drawn.came(day, weeks) for weeks in HORIZONS}
                said = rivals.page(base, HORIZONS)
                if known is None:
                    said += rivals.todays(base, HORIZONS)
                    said += rivals.last_year(drawn, day, HORIZONS)
                    said += rivals.oracle(drawn, day, HORIZONS, DRAWS)
                found = [{**asdict(one), "came": came[one.weeks][one.what]} for one in said]
                found += standing(whole, drawn, day)
                rows += [{"world": name, "seed": seed, "day": day, **one} for one in found]
            logging.info("%s, seed %s", name, seed)
            if keep is not None:
                pd.DataFrame(rows).to_csv(keep, index=False)
    table = pd.DataFrame(rows)
    if known is not None:
        others = known[(known["rival"] != "page") & known["world"].isin(names) & (known["seed"] <= seeds)]
        table = pd.concat([table, others], ignore_index=True)
    return table


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--keep", type=Path, help="a CSV of all cases")
    parser.add_argument("--known", type=Path, help="such a CSV: only the page is forecast again")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("crm_analytics").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    found = cases(given.worlds, given.seeds, given.keep, pd.read_csv(given.known) if given.known else None)
    text = markdown(found, {name: WORLDS[name].story for name in given.worlds})
    if given.write:
        given.write.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
