"""Engagement by platform: likes, shares and comments for each impression, as they stand today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.clustered_ratio import ratio_of, summed

if TYPE_CHECKING:
    from crm_analytics.analyses.social.mentions import Mentions

COLUMNS = ["platform", "posts", "impressions", "engagement", "lower", "upper"]


def engagement(said: Mentions, owned: bool = False) -> pd.DataFrame:
    """(likes + shares + comments) / impressions, with its 95 % interval over authors.

    Parameters
    ----------
    owned : of our own posts (posts are the draw then); by default of what others wrote of our brand

    Returns
    -------
    platform, posts, impressions, engagement, lower, upper; the most impressions first; no rows where the
    source tells no impressions. A rate above 1 can be.
    """
    rows = said.owned if owned else said.ours
    rows = rows.filter(rows.impressions > 0)
    rows = rows.mutate(acts=rows.likes + rows.shares + rows.comments)
    cluster = "mention_id" if owned else "writer"
    sums = summed(said.base, rows, cluster, "acts", "impressions", ["platform"])
    posts = said.base.collect(rows.group_by("platform").aggregate(posts=rows.count()))
    found = []
    for row in sums.merge(posts, on="platform").to_dict("records"):
        rate = ratio_of(row)
        low = None if rate.lower is None else max(rate.lower, 0.0)
        found.append((row["platform"], row["posts"], row["bottom"], rate.value, low, rate.upper))
    frame = pd.DataFrame(found, columns=COLUMNS)
    return frame.sort_values(["impressions", "platform"], ascending=[False, True], ignore_index=True)
