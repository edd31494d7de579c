"""Surveys: published numbers, three scales, one respondent fifty times, planted truth, hostile texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import voice
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.tables.company import plan

DAY = "2025-12-31"


def opened(rows, customers=None, sales=None):
    """A base with answers; each row has respondent, score and whatever else."""
    frame = pd.DataFrame(
        [{"instrument": "nps", "question": "q", "responded_at": "2025-12-01", **row} for row in rows]
    )
    frame["customer_id"] = frame.get("customer_id", frame["respondent_id"])
    frame.insert(0, "response_id", [f"R{n}" for n in range(len(frame))])
    bought = sales or [(who, "2025-11-01", 10.0) for who in sorted(set(frame["respondent_id"].dropna()))]
    transactions = pd.DataFrame(
        [*bought, ("last", DAY, 1.0)], columns=["customer_id", "transaction_date", "unit_spend"]
    )
    tables = {"transactions": transactions, "survey_responses": frame}
    if customers is not None:
        tables["customers"] = customers
    return CustomerBase.open(tables, today="2026-06-01")


def people(*scores, **more):
    return [{"respondent_id": f"p{n}", "score": s, **more} for n, s in enumerate(scores)]


def test_nps_of_60_20_20_matches_40_plus_minus_15_7():
    found = voice.net_promoter_score(60, 20, 20)
    assert found.value == pytest.approx(40)
    assert round(found.upper - 40, 1) == round(40 - found.lower, 1) == 15.7
    base = opened(people(*[10] * 60, *[7] * 20, *[3] * 20))
    again = voice.score(voice.answers(base), voice.NPS)
    assert (again.value, again.n, round(again.upper - 40, 1)) == (pytest.approx(40), 100, 15.7)


def test_interval_of_equal_answers_is_not_empty_and_stays_in_points_law():
    for counts in ((30, 0, 0), (0, 30, 0), (0, 0, 30), (1, 0, 0)):
        found = voice.net_promoter_score(*counts)
        assert -100 <= found.lower <= found.value <= found.upper <= 100
        assert found.upper - found.lower > 5
    with pytest.raises(NotEnoughData):
        voice.net_promoter_score(0, 0, 0)


def test_nps_interval_holds_the_truth_as_often_as_it_says_law():
    chance = np.random.default_rng(7)
    drawn = chance.multinomial(80, (0.5, 0.3, 0.2), 4000)
    held = [f.lower <= 30 <= f.upper for f in (voice.net_promoter_score(*row) for row in drawn)]
    assert 0.93 < np.mean(held) < 0.97


def test_one_respondent_fifty_times_is_one_person_law():
    rows = people(*[9] * 20)
    loud = [
        {"respondent_id": "loud", "score": 0, "responded_at": f"2025-11-{1 + n % 28:02d} {n // 28:02d}:00"}
        for n in range(50)
    ]
    quiet = voice.score(voice.answers(opened(rows)), voice.NPS)
    found = voice.answers(opened([*rows, *loud]))
    assert (found.given, found.repeated) == (70, 49)
    both = voice.score(found, voice.NPS)
    assert (quiet.n, both.n) == (20, 21)
    assert both.value == pytest.approx(100 * (20 - 1) / 21)


def test_three_scales_stand_together_as_shares_law():
    rows = [
        *people(5, 4, 2, 1, instrument="csat", question="a", scale_min=1, scale_max=5),
        *[r | {"respondent_id": "b" + r["respondent_id"]}
          for r in people(7, 6, 3, 1, instrument="csat", question="b", scale_min=1, scale_max=7)],
        *[r | {"respondent_id": "c" + r["respondent_id"]}
          for r in people(10, 8, 3, 0, instrument="csat", question="c", scale_min=0, scale_max=10)],
    ]  # fmt: skip
    found = voice.score(voice.answers(opened(rows)), voice.CSAT)
    assert (found.value, found.n) == (0.5, 12)


def test_a_scale_that_is_not_told_is_the_usual_one_of_the_question():
    rows = [
        *people(*[9] * 9, 10),
        *people(4, 5, instrument="csat", question="stars"),
        *people(7, 5, instrument="ces", question="easy"),
        *people(80, 100, instrument="mood", question="percent"),
        *people(-5, 12345, instrument="odd", question="odd"),
    ]
    found = voice.answers(opened(rows))
    ends = found.base.collect(found.each.group_by("instrument").aggregate(high=found.each.high.max()))
    high = ends.set_index("instrument")["high"]
    assert high[["nps", "csat", "ces", "mood"]].tolist() == [10, 5, 7, 100]
    assert pd.isna(high["odd"])
    assert found.without_scale == 2


def test_an_answer_outside_its_scale_is_set_aside_and_counted():
    rows = people(*[9] * 12, 99, scale_min=0, scale_max=10)
    found = voice.answers(opened(rows))
    assert found.off_scale == 1
    assert voice.score(found, voice.NPS).n == 12


def test_recommendation_on_another_scale_is_left_out_of_nps():
    rows = [*people(*[9] * 12, scale_min=0, scale_max=10),
            {"respondent_id": "five", "score": 5, "scale_min": 1, "scale_max": 5}]  # fmt: skip
    found = voice.score(voice.answers(opened(rows)), voice.NPS)
    assert (found.n, found.left_out) == (12, 1)


def test_groups_of_fewer_than_ten_people_are_not_shown_law():
    base = opened(people(*[9] * 25))
    ids = pd.DataFrame({"customer_id": [f"p{n}" for n in range(25)],
                        "segment": ["few"] * 9 + ["some"] * 16})  # fmt: skip
    shown = voice.scores_by_group(voice.answers(base), voice.NPS, base.to_engine(ids))
    assert shown["segment"].tolist() == ["some"]
    assert shown["n"].tolist() == [16]


def test_weighting_takes_back_a_planted_bias_recovers_planted_truth():
    chance = np.random.default_rng(3)
    happy = np.arange(2000) < 600  # the happy third likes to answer
    answers = chance.random(2000) < np.where(happy, 0.6, 0.1)
    score = np.where(chance.random(2000) < np.where(happy, 0.8, 0.2), 10, 3)
    rows = [{"respondent_id": f"p{n}", "score": int(score[n]), "scale_min": 0, "scale_max": 10}
            for n in np.flatnonzero(answers)]  # fmt: skip
    sales = [(f"p{n}", "2025-11-01", 10.0) for n in range(2000)]
    base = opened(rows, sales=sales)
    groups = pd.DataFrame({"customer_id": [f"p{n}" for n in range(2000)],
                           "segment": np.where(happy, "happy", "other")})  # fmt: skip
    given = voice.answers(base)
    found = voice.response_bias(given, base.to_engine(groups), pd.Timestamp("2025-01-01").date())
    truth = 100 * (0.3 * (0.8 - 0.2) + 0.7 * (0.2 - 0.8))
    assert found.weighted.lower <= truth <= found.weighted.upper
    assert found.plain.lower > truth  # as answered, it is far too good
    assert abs(found.rate - answers.mean()) < 1e-9
    row = found.groups.set_index("segment").loc["happy"]
    assert row["lower"] > 0


def test_company_says_how_it_came_as_honestly_as_planted_recovers_planted_truth(demo_company):
    share, low, high, n = voice.agreement(voice.heard_from(voice.answers(demo_company)))
    # whoever is not honest says "referral", which is true of some
    truth = plan.HEARD_HONEST + (1 - plan.HEARD_HONEST) * plan.WORD_OF_MOUTH
    assert low <= truth <= high, (share, n)


def test_a_complaint_lowers_the_answers_of_the_company_recovers_planted_truth(demo_company):
    found = voice.score_drivers(voice.answers(demo_company), voice.NPS).set_index("driver")
    assert found.loc["complaint", "clear"]
    assert found.loc["complaint", "upper"] < 0
    assert not found.loc["regular", "clear"]  # nothing planted


def test_reasons_with_the_name_of_a_customer_or_of_few_people_are_not_shown_law():
    texts = ["Quality"] * 12 + ["price"] * 8 + ["Miller sent me"] * 9 + ["secret"] * 4
    rows = [{"respondent_id": f"p{n}", "instrument": "reason", "score": None, "text": text}
            for n, text in enumerate(texts)]  # fmt: skip
    customers = pd.DataFrame({"customer_id": ["p0"], "last_name": ["Miller"]})
    base = opened(rows, customers)
    given = voice.answers(base)
    groups = base.to_engine(pd.DataFrame({"customer_id": ["p0"], "segment": ["x"]}))
    shown = voice.stated_reasons(given, groups).set_index("reason")["people"].to_dict()
    assert shown == {"quality": 12, "price": 8, "": 13}


HOSTILE = [
    "<script>alert('broken')</script>",
    "mail anna.smith@example.com",
    "ring +49 151 2345678",
    "💚💚",
    "=",
]


def texts_of(base, rows):
    frame = pd.DataFrame(rows, columns=["person", "text"])
    return base.to_engine(frame)


def test_topics_show_words_of_ten_people_and_nobodys_name_law():
    chance = np.random.default_rng(1)
    rows = []
    for n in range(300):
        topic = ("late parcel delivery", "broken cup glass", "verspätete Lieferung Päckchen")[n % 3]
        extra = ["Kowalski", f"secret{n}", chance.choice(HOSTILE)]
        rows.append((f"p{n}", f"{topic} {' '.join(extra)}"))
    rows += [("loud", "password hunter") for _ in range(60)]  # one person, sixty times
    customers = pd.DataFrame({"customer_id": ["p1"], "last_name": ["Kowalski"]})
    base = opened(people(*[9] * 12), customers)
    found = voice.topics(base, texts_of(base, rows))
    words = {word for topic in found.table["words"] for word in topic}
    assert {"parcel", "broken", "lieferung"} <= words
    assert not words & {
        "kowalski",
        "password",
        "hunter",
        "script",
        "alert",
        "anna",
        "smith",
        "example",
    }
    assert (found.table["people"] >= 10).all()


def test_topics_of_too_few_texts_or_without_shared_words_say_so():
    base = opened(people(*[9] * 12))
    with pytest.raises(NotEnoughData, match="200 texts"):
        voice.topics(base, texts_of(base, [(f"p{n}", "late parcel") for n in range(199)]))
    with pytest.raises(NotEnoughData, match="200 texts"):
        voice.topics(base, texts_of(base, [("loud", "late parcel")] * 300))
    with pytest.raises(NotEnoughData, match="words that ten people share"):
        voice.topics(base, texts_of(base, [(f"p{n}", f"無料配送{chr(0x4E00 + n)}") for n in range(300)]))


def test_answers_after_the_day_are_invisible_law(small_company):
    day = "2025-03-31"
    past = voice.answers(small_company.as_of(day))
    table = small_company.collect(small_company.tables["survey_responses"])
    assert past.given == int((table["responded_at"] < "2025-04-01").sum())


def test_without_answers_every_figure_is_refused_and_says_why():
    sales = pd.DataFrame({"customer_id": ["a"], "transaction_date": [DAY], "unit_spend": [5.0]})
    base = CustomerBase.open(sales, today="2026-06-01")
    with pytest.raises(DataError, match="survey_responses"):
        voice.answers(base)
    found = measure(
        Measured(base), ["net_promoter_score", "satisfied_answers", "ease_score", "response_rate"]
    )
    assert all(kpi.value is None and kpi.refusal for kpi in found.values())


def test_difference_of_two_scores_says_what_chance_may_bring():
    now, then = voice.net_promoter_score(60, 20, 20), voice.net_promoter_score(50, 30, 20)
    change, low, high = voice.difference(now, then)
    assert change == pytest.approx(10)
    assert low < 0 < high
