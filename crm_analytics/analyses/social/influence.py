"""Whose word is answered, whether a centrality knows that better than a plain count, and what it is worth.

The value of an influencer is the lifetime value of the known customers who answer them, each customer's value
split among all whom they answer: the values of all influencers add up to those of the influenced. Source:
V. Kumar, V. Bhaskaran, R. Mirchandani & M. Shah (2013), *Marketing Science* 32(2), 194-212.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from scipy import sparse

from crm_analytics.analyses.social.centrality import DAMPING, hubbell, out_degree
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from crm_analytics.analyses.social.mentions import Mentions

LEAST = 50  # answers between known authors, in each half
TOP = 0.10  # share of authors who are looked at
DRAWS, SEED = 400, 20131  # of the bootstrap over authors who answer
HUBBELL, COUNT = "Hubbell", "answers"


@dataclass(frozen=True, eq=False)
class Influence(ObjectCard):
    """Who is answered.

    Attributes
    ----------
    authors : Ibis: author, customer_id (or NULL), answers (out-degree), influence (Hubbell), value (of the
        customers who answer them; NULL without values)
    used : `HUBBELL` where it beats the count of answers in the half that was held out, else `COUNT`
    captured : way, share, lower, upper: of the later answers, those that went to the tenth that led before
    gain, gain_lower, gain_upper : Hubbell's share less the count's
    damping : of Hubbell's index
    answers : between known authors, on all days
    """

    authors: ir.Table
    used: str
    captured: pd.DataFrame
    gain: float
    gain_lower: float
    gain_upper: float
    damping: float
    answers: int


def answers(said: Mentions) -> ir.Table:
    """One row per answer between two known authors: author (who was answered), by (who answered), day.

    `in_reply_to` may hold a mention or a handle. Nobody answers themselves.
    """
    rows = said.rows
    asked = rows.filter(rows.author.notnull(), rows.in_reply_to.notnull())
    asked = asked.select("day", by="author", to="in_reply_to")
    posts = rows.filter(rows.author.notnull(), rows.mention_id.notnull())
    posts = posts.select(to="mention_id", wrote="author")
    handles = rows.filter(rows.author.notnull()).select(handle="author").distinct()
    found = asked.left_join(posts, "to").drop("to_right")
    found = found.mutate(handle=found.to.strip().lower().re_replace("^@+", ""))
    found = found.left_join(handles.mutate(known=handles.handle), "handle").drop("handle_right")
    found = found.select("day", "by", author=found.wrote.fill_null(found.known))
    return found.filter(found.author.notnull() & (found.author != found.by))


def influence(said: Mentions, clv: ir.Table | None = None, damping: float = DAMPING) -> Influence:
    """Rank authors, prove the ranking on later answers, and value it.

    Parameters
    ----------
    clv : customer_id, value; without it nothing is valued
    damping : see `centrality.hubbell`

    Raises
    ------
    NotEnoughData : fewer than `LEAST` answers between known authors in one half of the days.
    """
    base = said.base
    rows = base.materialise(answers(said))
    n = int(rows.count().to_pyarrow().as_py())
    if n < 2 * LEAST:
        raise NotEnoughData("Influence", n, 2 * LEAST, "answers between known authors")
    nodes = rows.select("author").union(rows.select(author="by"), distinct=True)
    nodes = base.materialise(nodes.mutate(code=ibis.row_number().over(order_by=nodes.author).cast("int64")))
    middle = _middle(said, rows)
    old = _edges(said, rows.filter(rows.day <= ibis.literal(middle)), nodes)
    new = _edges(said, rows.filter(rows.day > ibis.literal(middle)), nodes)
    if min(old["n"].sum(), new["n"].sum()) < LEAST:
        least = int(min(old["n"].sum(), new["n"].sum()))
        raise NotEnoughData("Influence", least, LEAST, "answers in each half of the days")
    size = int(nodes.count().to_pyarrow().as_py())
    captured, gain = _proof(old, new, size, damping)
    whole = pd.concat([old, new]).groupby(["to", "by"], as_index=False)[["n"]].sum()
    matrix = _matrix(whole, size)
    scores = pd.DataFrame(
        {"code": np.arange(size), "answers": out_degree(matrix), "influence": hubbell(matrix, damping)}
    )
    authors = nodes.inner_join(base.to_engine(scores), "code")
    who = said.rows.filter(said.rows.author.notnull()).group_by("author").aggregate(
        customer_id=lambda t: t.customer_id.max()
    )  # fmt: skip
    authors = authors.left_join(who, "author").drop("author_right")
    worth = _worth(rows, authors, clv)
    authors = authors.left_join(worth, "author").drop("author_right", "code")
    used = HUBBELL if gain[1] > 0 else COUNT
    return Influence(base.materialise(authors), used, captured, *gain, damping, n)


def _middle(said: Mentions, rows: ir.Table) -> object:
    first = rows.day.min().to_pyarrow().as_py()
    return first + timedelta(days=(said.base.day - first).days // 2)


def _edges(said: Mentions, rows: ir.Table, nodes: ir.Table) -> pd.DataFrame:
    pairs = rows.group_by(["author", "by"]).aggregate(n=rows.count())
    pairs = pairs.inner_join(nodes.select("author", to="code"), "author")
    pairs = pairs.inner_join(nodes.select(by="author", other="code"), "by")
    found = said.base.collect(pairs.select("to", "n", by="other").order_by(["to", "by"]))
    return found.astype("int64")


def _matrix(edges: pd.DataFrame, size: int) -> sparse.csr_array:
    places = (edges["to"].to_numpy(), edges["by"].to_numpy())
    return sparse.csr_array((edges["n"].to_numpy(float), places), shape=(size, size))


def _proof(
    old: pd.DataFrame, new: pd.DataFrame, size: int, damping: float
) -> tuple[pd.DataFrame, tuple[float, float, float]]:
    """What the leaders of the first half got of the answers of the second; those who answer are drawn."""
    matrix = _matrix(old, size)
    ways = {HUBBELL: hubbell(matrix, damping), COUNT: out_degree(matrix)}
    top = {name: _leaders(score, ways[COUNT]) for name, score in ways.items()}
    # sums by who answers: of all their answers, and of those to the leaders of each way
    total = np.bincount(new["by"], weights=new["n"], minlength=size)
    hits = {
        name: np.bincount(new["by"], weights=new["n"] * chosen[new["to"]], minlength=size)
        for name, chosen in top.items()
    }
    active = np.flatnonzero(total)
    draw = np.random.default_rng(SEED)
    weights = draw.multinomial(len(active), np.full(len(active), 1 / len(active)), DRAWS)
    whole = weights @ total[active]
    shares = {name: weights @ h[active] / whole for name, h in hits.items()}
    rows = [
        (name, float(hits[name].sum() / total.sum()), *np.quantile(shares[name], [0.025, 0.975]))
        for name in ways
    ]
    gap = shares[HUBBELL] - shares[COUNT]
    low, high = np.quantile(gap, [0.025, 0.975])
    frame = pd.DataFrame(rows, columns=["way", "share", "lower", "upper"])
    return frame, (rows[0][1] - rows[1][1], float(low), float(high))


def _leaders(score: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first tenth of those who were answered at all, as shares: ties at the border share a place."""
    size = max(1, round(TOP * int((count > 0).sum())))
    order = np.sort(score)[::-1]
    border = order[size - 1]
    above, ties = score > border, score == border
    return above + ties * ((size - above.sum()) / ties.sum())


def _worth(rows: ir.Table, authors: ir.Table, clv: ir.Table | None) -> ir.Table:
    pairs = rows.group_by(["author", "by"]).aggregate(n=rows.count())
    if clv is None:
        return pairs.select("author").distinct().mutate(value=ibis.null("float64"))
    pairs = pairs.mutate(share=pairs.n / pairs.n.sum().over(group_by=pairs.by))
    theirs = authors.filter(authors.customer_id.notnull()).select(by="author", customer_id="customer_id")
    both = pairs.inner_join(theirs, "by").inner_join(clv.select("customer_id", worth="value"), "customer_id")
    part = (both.share * both.worth.cast("float64")).round(6).cast("decimal(28, 6)")
    return both.mutate(part=part).group_by("author").aggregate(value=lambda t: t.part.sum().cast("float64"))
