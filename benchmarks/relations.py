"""Social and referral models where there is nothing to find, and VADER on its authors' own tweets.

``python -m benchmarks.relations nulls [--worlds N] [--into FILE]`` draws companies in which nothing has an
effect (whoever is referred, invites, speaks or answers is drawn by lot) and prints how often each analysis
claims one. ``python -m benchmarks.relations vader FOLDER`` reads ``tweets_GroundTruth.txt`` and its kin of
Hutto & Gilbert (2014), which stand in the source package of vaderSentiment 3.3.2 and are not shipped here,
and fails where the published correlation of tweets is missed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.referral.invitations import invitations
from crm_analytics.analyses.referral.likelihood import MODEL, referral_likelihood
from crm_analytics.analyses.referral.referred_customers import referred_customers
from crm_analytics.analyses.social.influence import HUBBELL, influence
from crm_analytics.analyses.social.lead_lag import lead_lag
from crm_analytics.analyses.social.mentions import mentions
from crm_analytics.analyses.social.vader import english_sentiment
from crm_analytics.analyses.social.volume import voice, worst_topic

CUSTOMERS, AUTHORS = 400, 200
DAYS = pd.date_range("2023-01-01", "2025-12-31")
PUBLISHED = {"tweets": 0.872}  # of a list of sentences and its mean rating by people


def null_world(seed: int) -> CustomerBase:
    """A company without any effect: rates differ between customers, and moods between authors."""
    draw = np.random.default_rng(seed)
    start = draw.integers(0, 700, CUSTOMERS)
    rate = draw.gamma(1.2, 4.0, CUSTOMERS)
    count = 1 + draw.poisson(rate)
    who = np.repeat(np.arange(CUSTOMERS), count)
    day = start[who] + (draw.random(len(who)) * (len(DAYS) - start[who])).astype(int)
    day[np.append(0, np.cumsum(count)[:-1])] = start
    names = np.array([f"n{i}" for i in range(CUSTOMERS)], object)
    sales = pd.DataFrame({"customer_id": names[who], "transaction_date": DAYS[day], "unit_spend": 10.0})
    return CustomerBase.open(
        {"transactions": sales, "referrals": _referrals(draw, names, start), "mentions": _mentions(draw)},
        today="2026-01-01",
    )


def _referrals(draw: np.random.Generator, names: np.ndarray, start: np.ndarray) -> pd.DataFrame:
    """A fifth of all were brought by any earlier customer, by lot; and as many vain invitations by lot."""
    order = np.argsort(start, kind="stable")
    came = draw.choice(np.flatnonzero(start > 30), CUSTOMERS // 5, replace=False)
    earlier = np.searchsorted(start[order], start[came] - 5)
    giver = order[(draw.random(len(came)) * earlier).astype(int)]
    # a day by lot, and then anybody who is a customer on it: no customer invites more often than another
    sent = draw.integers(30, len(DAYS), 400)
    vain = order[(draw.random(400) * np.searchsorted(start[order], sent)).astype(int)]
    return pd.DataFrame(
        {"referrer_customer_id": names[np.append(giver, vain)],
         "referred_customer_id": np.append(names[came], np.full(len(vain), None, object)),
         "invited_at": DAYS[np.append(start[came] - 1, sent)],
         "converted_at": pd.Series(DAYS[np.append(start[came], sent)]).where(
             np.arange(len(came) + len(vain)) < len(came))}
    )  # fmt: skip


def _mentions(draw: np.random.Generator) -> pd.DataFrame:
    """Authors with moods and activity of their own, who answer one another by lot."""
    mood, busy = draw.normal(0.1, 0.3, AUTHORS), draw.gamma(1.0, 1.0, AUTHORS)
    n = 1000
    who = draw.choice(AUTHORS, n, p=busy / busy.sum())
    at = np.sort(draw.integers(0, len(DAYS), n))
    to = (draw.random(n) * np.arange(n)).astype(int)
    return pd.DataFrame(
        {"mention_id": [f"m{i}" for i in range(n)], "created_timestamp": DAYS[at], "platform": "x",
         "author_handle": [f"a{i}" for i in who],
         "topic": np.array(list("pqrs"), object)[draw.integers(0, 4, n)],
         "sentiment": np.clip(mood[who] + draw.normal(0, 0.3, n), -1, 1),
         "in_reply_to": np.where(draw.random(n) < 0.6, [f"m{i}" for i in to], None)}
    )  # fmt: skip


def claims(base: CustomerBase) -> dict[str, bool]:
    """What each analysis claims of a base."""
    row = referred_customers(invitations(base)).of("revenue")
    said = mentions(base)
    spoken = voice(said, "-26w")
    change = spoken.sentiment_change
    assert change is not None
    return {
        "referred customers spend more or less": not row["lower"] <= 0 <= row["upper"],
        "the model of who refers next beats both rules": referral_likelihood(base).used == MODEL,
        "mentions sound better or worse": not change[1] <= 0 <= change[2],
        "a topic sounds worse than the rest": worst_topic(spoken.topics, spoken.now.sentiment.value)
        is not None,
        "Hubbell beats the number of answers": influence(said).used == HUBBELL,
        "mentions and sales move together": bool(lead_lag(said, spoken.weeks).clear),
    }


def nulls(worlds: int, first: int, into: Path | None) -> Iterator[str]:
    """A table: how often each claim is made. Worlds that stand in `into` are not drawn again."""
    found = pd.read_csv(into, index_col="seed").to_dict("index") if into and into.exists() else {}
    for seed in range(first, first + worlds):
        if seed not in found:
            found[seed] = claims(null_world(seed))
            if into:
                pd.DataFrame.from_dict(found, orient="index").rename_axis("seed").to_csv(into)
    table = pd.DataFrame.from_dict(found, orient="index")
    yield "| claim | worlds | made | share | 95 % interval |"
    yield "|---|---|---|---|---|"
    for name in table:
        k, n = int(table[name].sum()), len(table)
        low, high = wilson(k, n)
        yield f"| {name} | {n} | {k} | {k / n:.3f} | {low:.3f} to {high:.3f} |"


def vader(folder: Path) -> Iterator[str]:
    """A table: correlation of VADER's score with the mean rating of twenty people."""
    yield "| texts | n | r published | r |"
    yield "|---|---|---|---|"
    for path in sorted(folder.glob("*_GroundTruth.txt")):
        name = path.name.removesuffix("_GroundTruth.txt")
        frame = pd.read_csv(
            path, sep="\t", header=None, names=["id", "mean", "text"], quoting=3, encoding="latin-1"
        )
        r = float(np.corrcoef(english_sentiment(frame["text"]), frame["mean"])[0, 1])
        known = PUBLISHED.get(name)
        yield f"| {name} | {len(frame)} | {'' if known is None else known} | {r:.4f} |"
        if known is not None and abs(r - known) > 0.01:
            raise SystemExit(f"{name}: r = {r:.4f}, published {known}")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    null = kinds.add_parser("nulls")
    null.add_argument("--worlds", type=int, default=100)
    null.add_argument("--first", type=int, default=1)
    null.add_argument("--into", type=Path, help="a CSV file that keeps the worlds made so far")
    kinds.add_parser("vader").add_argument("folder", type=Path)
    given = parser.parse_args()
    rows = vader(given.folder) if given.kind == "vader" else nulls(given.worlds, given.first, given.into)
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
