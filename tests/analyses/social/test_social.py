"""Mentions: who counts, sentiment, share of voice, replies, the queue, influence, lead and lag."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from crm_analytics import CustomerBase
from crm_analytics.analyses.clustered_ratio import ratio_of, summed
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.social.centrality import hubbell, katz, out_degree
from crm_analytics.analyses.social.engagement import engagement
from crm_analytics.analyses.social.facts import mention_facts
from crm_analytics.analyses.social.influence import answers, influence
from crm_analytics.analyses.social.lead_lag import correlations, lead_lag
from crm_analytics.analyses.social.mentions import mentions
from crm_analytics.analyses.social.response import response, waiting, waiting_summary
from crm_analytics.analyses.social.vader import english_sentiment
from crm_analytics.analyses.social.volume import voice, worst_topic
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

TODAY = "2026-07-01"
KITE = nx.krackhardt_kite_graph()


def opened(rows: pd.DataFrame, **tables: pd.DataFrame) -> CustomerBase:
    sales = pd.DataFrame(
        {"customer_id": ["ann", "bo"], "transaction_date": ["2025-01-01", "2026-06-30"], "unit_spend": 9.0}
    )
    return CustomerBase.open({"transactions": sales, "mentions": rows, **tables}, today=TODAY)


def said(n: int, **columns: object) -> pd.DataFrame:
    """n mentions by n authors in the last days."""
    frame = pd.DataFrame(
        {"mention_id": [f"m{i}" for i in range(n)], "platform": "x",
         "author_handle": [f"@u{i}" for i in range(n)],
         "created_timestamp": pd.Timestamp("2026-06-20") + pd.to_timedelta(np.arange(n) % 7, unit="D")}
    )  # fmt: skip
    return frame.assign(**columns)


# --- centrality -------------------------------------------------------------------------------------------


def test_krackhardt_kite_matches_the_published_degrees_and_networkx() -> None:
    """Krackhardt (1990), ASQ 35: Diane is linked to six, Fernando and Garth to five, Jane to one."""
    matrix = sparse.csr_array(nx.to_scipy_sparse_array(KITE, dtype=float))
    assert out_degree(matrix).tolist() == [4, 4, 3, 6, 3, 5, 5, 3, 2, 1]
    beta = 0.5 / 6  # damping .5 below the largest row sum, Diane's
    ours = katz(matrix, 0.5)
    theirs = nx.katz_centrality_numpy(KITE, alpha=beta, beta=1.0, normalized=False)
    assert ours + 1 == pytest.approx(list(theirs.values()), abs=1e-10)
    dense = np.linalg.inv(np.eye(10) - beta * nx.to_numpy_array(KITE)) @ np.ones(10)
    assert hubbell(matrix, 0.5) == pytest.approx(dense, abs=1e-10)
    assert int(np.argmax(ours)) == 3


def test_no_damping_leaves_everybody_their_own_voice() -> None:
    matrix = sparse.csr_array(np.array([[0, 3.0], [1.0, 0]]))
    assert hubbell(matrix, 0.0).tolist() == [1, 1]
    assert hubbell(sparse.csr_array((3, 3))).tolist() == [1, 1, 1]
    with pytest.raises(ParameterError, match="damping = 1"):
        hubbell(matrix, 1)


def test_renaming_nodes_renames_their_influence() -> None:
    draw = np.random.default_rng(2)
    dense = draw.poisson(0.2, (30, 30)).astype(float)
    order = draw.permutation(30)
    one = hubbell(sparse.csr_array(dense), 0.8)
    assert hubbell(sparse.csr_array(dense[np.ix_(order, order)]), 0.8) == pytest.approx(one[order])


# --- clusters ---------------------------------------------------------------------------------------------


def test_one_author_with_many_mentions_makes_no_number_sure() -> None:
    base = opened(said(3))
    many = pd.DataFrame({"who": ["a"] * 100 + list("bcdefghijk"), "hit": [1] * 100 + [0] * 10, "one": 1})
    found = ratio_of(summed(base, base.to_engine(many), "who", "hit", "one").iloc[0], is_share=True)
    alone = wilson(100, 110)
    assert found.upper - found.lower > 3 * (alone[1] - alone[0])
    single = many.assign(who=[str(i) for i in range(110)])
    plain = ratio_of(summed(base, base.to_engine(single), "who", "hit", "one").iloc[0], is_share=True)
    assert (plain.lower, plain.upper) == pytest.approx(alone, abs=0.005)


# --- who counts -------------------------------------------------------------------------------------------


def test_a_bot_with_half_of_all_mentions_is_set_aside_and_told() -> None:
    people = said(60, sentiment=0.5)
    bot = said(60, sentiment=-1.0).assign(author_handle="@Bot", mention_id=[f"b{i}" for i in range(60)])
    found = mentions(opened(pd.concat([people, bot])))
    assert (found.authors_aside, found.mentions_aside, found.total) == (1, 60, 120)
    assert voice(found).now.sentiment.value == pytest.approx(0.5)
    assert voice(found).now.mentions == 60


def test_mentions_without_an_author_count_and_are_told() -> None:
    rows = said(40).assign(author_handle=[None] * 30 + [f"@u{i}" for i in range(10)])
    found = mentions(opened(rows))
    assert (found.without_author, found.authors_aside) == (30, 0)
    assert voice(found).now.authors == 40  # each of nobody's mentions is one draw


def test_authors_are_customers_only_where_identities_say_so() -> None:
    rows = said(6).assign(author_handle=["@Ann ", "ann", "@bo", "@shared", "@guess", "@ann"])
    rows.loc[5, "platform"] = "facebook"
    known = pd.DataFrame(
        [("1", "ann", "X", "@ANN", 1.0), ("2", "bo", "mail", "@bo", 1.0), ("3", "ann", "x", "shared", 1.0),
         ("4", "bo", "x", "shared", 1.0), ("5", "bo", "x", "guess", 0.6)],
        columns=["identity_id", "customer_id", "source_system", "id_value", "match_probability"],
    ).assign(id_type=["social_handle", "email", *["social_handle"] * 3])  # fmt: skip
    base = opened(rows, customer_identities=known)
    found = base.collect(mentions(base).rows.order_by("mention_id"))
    assert found["customer_id"].fillna("").tolist() == ["ann", "ann", "", "", "", ""]
    facts = base.collect(mention_facts(base))
    assert facts.set_index("customer_id")["mentions"].to_dict() == {"ann": 2}


@pytest.mark.parametrize(("end", "scores"), [(1, [0.5, -0.5]), (5, [2.5, -4.0]), (100, [80.0, -20.0])])
def test_scores_of_any_scale_come_to_one(end: int, scores: list[float]) -> None:
    found = mentions(opened(said(40, sentiment=np.tile(scores, 20))))
    assert found.scale == end
    assert voice(found).now.sentiment.value == pytest.approx(np.mean(scores) / end)


def test_any_script_and_emoji_pass() -> None:
    names = ["@日本", "@Ünïcödé", "@😀", "@\u202eevil", "", "@ "]
    rows = said(6, message="😡 плохо", topic="доставка").assign(author_handle=names)
    found = mentions(opened(rows))
    assert found.without_author == 2
    assert voice(found).topics["topic"].tolist() == ["доставка"]


def test_a_topic_of_few_authors_is_not_named() -> None:
    rows = said(40, topic="delivery")
    rows.loc[:3, "topic"] = "my neighbour"
    assert set(voice(mentions(opened(rows))).topics["topic"]) == {"delivery", "others"}


def test_own_brand_is_that_of_own_posts_and_these_are_not_counted() -> None:
    rows = pd.concat([said(30, brand="Rival", is_owned=False), said(10, brand="Us", is_owned=False)])
    posts = said(2, brand="Us", is_owned=True)
    found = mentions(opened(pd.concat([rows, posts]).assign(mention_id=[f"k{i}" for i in range(42)])))
    assert found.brand == "Us"
    assert found.total == 40
    share = voice(found).now.share_of_voice
    assert share.value == pytest.approx(0.25)
    assert voice(found).brands["mentions"].sum() == 40
    assert voice(mentions(found.base, "Rival")).now.share_of_voice.value == pytest.approx(0.75)


# --- replies ----------------------------------------------------------------------------------------------


def test_no_reply_yet_is_not_zero() -> None:
    rows = said(40)
    sent = rows["created_timestamp"]
    rows["replied_at"] = (sent + pd.Timedelta(hours=5)).where(np.arange(40) < 24)
    found = response(mentions(opened(rows)))
    assert found.median_hours == 5
    rows["replied_at"] = rows["replied_at"].where(np.arange(40) < 10)
    assert response(mentions(opened(rows))).median_hours is None
    assert response(mentions(opened(said(40)))) is None


def test_replies_after_the_day_are_not_known_on_it() -> None:
    rows = said(40)
    rows["replied_at"] = pd.Timestamp("2026-06-29")
    base = opened(rows)
    then = base.as_of("2026-06-28")
    assert base.collect(waiting(mentions(then))).shape[0] == 40
    assert base.collect(waiting(mentions(base))).shape[0] == 0


def test_queue_is_by_urgency_and_then_by_reach() -> None:
    rows = said(40, sentiment=0.5, followers=10, replied_at=pd.NaT)
    rows.loc[7, ["sentiment", "followers"]] = [-0.9, 5]
    rows.loc[8, ["sentiment", "followers"]] = [-0.5, 5000]
    rows["customer_id"] = None
    rows.loc[[7, 9], "customer_id"] = "ann"
    base = opened(rows)
    found = base.collect(waiting(mentions(base)).order_by("place"))
    assert found["mention_id"].head(3).tolist() == ["m7", "m8", "m9"]
    assert waiting_summary(base, waiting(mentions(base)))["mentions"].tolist() == [1, 1, 1, 37]


def test_a_complaint_becomes_a_ticket_of_the_same_customer_within_a_week() -> None:
    rows = said(4, sentiment=-0.8, replied_at=pd.NaT).assign(
        customer_id=["ann", "ann", "bo", None], ticket_id=None
    )
    rows["created_timestamp"] = pd.to_datetime(["2026-06-01", "2026-05-01", "2026-06-01", "2026-06-01"])
    tickets = pd.DataFrame(
        {"ticket_id": ["t"], "customer_id": ["ann"], "created_at": ["2026-06-05"], "is_complaint": [True]}
    )
    found = response(mentions(opened(rows, tickets=tickets))).to_ticket
    assert (found.top, found.bottom) == (1, 3)


def test_engagement_is_acts_over_impressions() -> None:
    rows = said(40, likes=3, shares=1, comments=1, impressions=np.tile([100, 300], 20))
    found = engagement(mentions(opened(rows))).iloc[0]
    assert found["engagement"] == pytest.approx(200 / 8000)
    assert found["lower"] < found["engagement"] < found["upper"]


# --- influence and lead ------------------------------------------------------------------------------------


def test_values_of_influencers_are_those_of_the_influenced() -> None:
    draw = np.random.default_rng(6)
    n = 400
    rows = said(n).assign(author_handle=[f"@u{i}" for i in draw.integers(0, 40, n)])
    rows["created_timestamp"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) // 3, unit="D")
    rows["in_reply_to"] = [f"m{i}" if i % 2 else f"@U{i % 40}" for i in draw.integers(0, n, n)]
    rows["customer_id"] = [f"c{h[2:]}" for h in rows["author_handle"]]
    base = opened(rows)
    found = mentions(base)
    clv = base.to_engine(pd.DataFrame({"customer_id": [f"c{i}" for i in range(40)], "value": 10.0}))
    scored = influence(found, clv)
    table = base.collect(scored.authors)
    who_answers = base.collect(answers(found))["by"].nunique()
    assert table["value"].sum() == pytest.approx(10.0 * who_answers)
    assert table["answers"].sum() == scored.answers
    assert scored.used in ("Hubbell", "answers")
    assert scored.gain_lower <= scored.gain <= scored.gain_upper


def test_too_few_answers_says_how_many_are_needed() -> None:
    with pytest.raises(NotEnoughData, match="Influence needs at least 100"):
        influence(mentions(opened(said(40))))


def test_a_planted_lead_is_found_at_its_lag() -> None:
    draw = np.random.default_rng(1)
    talk = np.exp(2 + 0.4 * draw.normal(size=160))
    sales = np.exp(4 + 0.3 * np.roll(np.log(talk), 3) + 0.1 * draw.normal(size=160))
    assert correlations(talk, sales).clear[0] == 3
    assert correlations(sales, talk).clear[0] == -3


def test_a_base_without_mentions_says_which_table_is_missing() -> None:
    base = CustomerBase.open(
        pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1.0]}),
        today=TODAY,
    )
    with pytest.raises(DataError, match="'mentions'"):
        mentions(base)
    assert mention_facts(base) is None


# --- planted truth ----------------------------------------------------------------------------------------


def test_demo_company_recovers_planted_truth(demo_company: CustomerBase) -> None:
    found = mentions(demo_company)
    rows = demo_company.collect(found.rows)
    spoken = voice(found, "-52w")
    bad = spoken.now.negative
    # a fifth is bad by lot, and whoever complained is; a bad one scores -.55 +- .25, so 88 % stand below -.25
    assert bad.lower < 0.88 * (0.2 + 0.8 * 0.025) < bad.upper
    mean = spoken.now.sentiment
    assert mean.lower < 0.6 - 1.15 * (0.2 + 0.8 * 0.025) < mean.upper
    replied = response(found, "-52w")
    assert replied.negative_answered.lower < 0.6 < replied.negative_answered.upper
    assert replied.answered.value < 0.25  # good ones are never answered
    assert len(rows) == found.total
    assert worst_topic(spoken.topics, mean.value) is None  # topics are drawn by lot
    assert lead_lag(found, spoken.weeks).weeks > 100


def test_order_of_rows_and_later_rows_change_nothing(small_company: CustomerBase) -> None:
    used = ("transactions", "mentions", "tickets", "customer_identities")
    tables = {n: small_company.collect(t) for n, t in small_company.tables.items() if n in used}
    day, end = "2025-06-30", pd.Timestamp("2025-07-01")
    talk = tables["mentions"]
    spoilt = talk.assign(
        sentiment=talk["sentiment"].where(talk["created_timestamp"] < end, -1.0),
        replied_at=talk["replied_at"].where(talk["replied_at"] < end, pd.Timestamp("2025-12-30")),
    )
    mixed = {n: f.sample(frac=1, random_state=4) for n, f in tables.items()}
    every = (tables, mixed, tables | {"mentions": spoilt})
    first, *others = (summary(CustomerBase.open(t, today="2026-01-01").as_of(day)) for t in every)
    assert all(one == first for one in others)


def summary(base: CustomerBase) -> tuple[str, ...]:
    found = mentions(base)
    spoken, replied = voice(found), response(found)
    queue = base.collect(waiting(found).order_by("place"))
    facts = base.collect(mention_facts(base).order_by("customer_id"))
    frames = (spoken.weeks, spoken.topics, queue, facts)
    return (repr(spoken.now), repr(replied), *(frame.to_csv() for frame in frames))


# --- VADER ------------------------------------------------------------------------------------------------


def test_vader_matches_its_published_examples_and_leaves_what_is_missing() -> None:
    """The examples of the README of VADER (Hutto & Gilbert 2014)."""
    pytest.importorskip("vaderSentiment")
    texts = pd.Series(
        ["VADER is smart, handsome, and funny.", "Today SUX!", None, "日本語"], index=[4, 5, 6, 7]
    )
    found = english_sentiment(texts)
    assert found.round(4).iloc[:2].tolist() == [0.8316, -0.5461]
    assert np.isnan(found.loc[6])
    assert found.loc[7] == 0
