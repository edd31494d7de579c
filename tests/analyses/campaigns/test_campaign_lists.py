"""Campaign lists: who is due, who is suppressed, who is control; and their laws on the demo company."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns import Previous, Terms, chosen
from crm_analytics.errors import DataError, ParameterError

DAY = date(2026, 2, 25)


def same_birthday(n: int) -> list[str]:
    """The same day of different years: one date that many share would stand for "unknown"."""
    return [f"{1950 + i % 50}-02-27" for i in range(n)]


def sales(rows: list[tuple[str, str, float]], **more: list) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return frame.assign(**more)


def opened(**tables: pd.DataFrame) -> CustomerBase:
    return CustomerBase.open(tables, today="2026-12-31")


def people(**columns: list) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    told = {"customer_id": [f"c{i}" for i in range(n)], "consent_email": [True] * n}
    return pd.DataFrame(told | columns)


def due(base: CustomerBase, name: str, **terms) -> dict[str, dict]:
    wave = campaigns.lists(base, chosen([name]), Terms(holdout=0, **terms))
    return {row["customer_id"]: row for row in base.collect(wave.members).to_dict("records")}


LAST_DAY_SOLD = [("c0", "2026-02-25", 10.0)]


@pytest.fixture(scope="module")
def birthdays() -> CustomerBase:
    born = ["1990-02-26", "1990-02-25", "1988-02-29", "1990-03-04", "1990-03-05", "1990-01-02", None]
    return opened(transactions=sales(LAST_DAY_SOLD), customers=people(birth_date=born))


def test_birthday_takes_the_days_after_the_day_and_29_february_on_the_28th(birthdays):
    found = due(birthdays, "birthday", days=7)
    assert {k: v["due_on"].date() for k, v in found.items()} == {
        "c0": date(2026, 2, 26), "c2": date(2026, 2, 28), "c3": date(2026, 3, 4),
    }  # fmt: skip


def test_birthday_on_29_february_is_that_day_in_a_leap_year():
    base = opened(
        transactions=sales([("c0", "2024-02-27", 1.0)]), customers=people(birth_date=["1988-02-29"])
    )
    assert due(base, "birthday")["c0"]["due_on"].date() == date(2024, 2, 29)


def test_birthday_goes_over_the_turn_of_the_year():
    base = opened(
        transactions=sales([("c0", "2025-12-29", 1.0)]),
        customers=people(birth_date=["1990-01-03", "1990-12-29"]),
    )
    assert {k: v["due_on"].date() for k, v in due(base, "birthday").items()} == {"c0": date(2026, 1, 3)}


def test_anniversary_and_welcome_go_by_the_first_purchase():
    base = opened(transactions=sales([
        ("old", "2024-02-27", 5.0), ("old", "2025-06-01", 5.0), ("new", "2026-02-20", 5.0),
        ("c0", "2026-02-25", 1.0), ("mid", "2025-02-18", 5.0), ("edge", "2026-02-18", 5.0),
    ]))  # fmt: skip
    assert set(due(base, "anniversary", assumed=("post",))) == {"old"}
    assert set(due(base, "welcome", assumed=("post",))) == {"new", "c0"}


def test_a_late_wave_reaches_back_to_the_end_of_the_last_but_not_for_ever():
    born = [f"1990-{(DAY + timedelta(days=ahead)).strftime('%m-%d')}" for ahead in (-40, -30, -2, 0, 1, 8)]
    base = opened(transactions=sales([*LAST_DAY_SOLD, ("c1", "2026-02-15", 1.0)]),
                  customers=people(birth_date=born))  # fmt: skip

    def found(name: str, previous: Previous | None) -> set[str]:
        wave = campaigns.lists(base, chosen([name]), Terms(holdout=0), previous=previous)
        return set(base.collect(wave.members)["customer_id"])

    assert found("birthday", None) == {"c4"}
    assert found("birthday", Previous(DAY - timedelta(days=7), 7)) == {"c4"}
    assert found("birthday", Previous(DAY - timedelta(days=9), 7)) == {"c3", "c4"}
    assert found("birthday", Previous(DAY - timedelta(days=10), 7)) == {"c2", "c3", "c4"}
    assert found("birthday", Previous(DAY - timedelta(days=400), 7)) == {"c1", "c2", "c3", "c4"}
    assert found("welcome", Previous(DAY - timedelta(days=7), 7)) == {"c0"}
    assert found("welcome", Previous(DAY - timedelta(days=11), 7)) == {"c0", "c1"}


def test_vip_are_a_twentieth_and_a_crowd_at_the_cut_is_not_among_them():
    def best(spends: list[float]) -> set[str]:
        base = opened(transactions=sales([(f"c{k}", "2026-02-25", one) for k, one in enumerate(spends)]))
        return set(due(base, "vip", assumed=("post",)))

    assert best([10.0] * 40) == set()
    assert best([99.0, *[10.0] * 39]) == {"c0"}
    assert best([50.0, 50.0, 50.0, *range(1, 38)]) == {"c0", "c1", "c2"}
    assert best([*[50.0] * 5, *range(1, 36)]) == set()
    assert best([float(k) for k in range(1, 41)]) == {"c38", "c39"}


def test_reward_due_when_a_tenth_order_fell_into_the_wave():
    days = [(DAY - timedelta(days=30 * k)).isoformat() for k in range(10)]
    rows = [("ten", day, 1.0) for day in days] + [("nine", day, 1.0) for day in days[:9]]
    late = [("then", (DAY - timedelta(days=30 * k + 10)).isoformat(), 1.0) for k in range(10)]
    base = opened(transactions=sales(rows + late))
    assert set(due(base, "reward_due", assumed=("post",))) == {"ten"}


def test_win_back_when_silent_for_one_and_a_half_own_gaps():
    gaps = {"silent": 46, "soon": 44, "two": 400}
    rows = [(who, (DAY - timedelta(days=away + 30 * k)).isoformat(), 5.0)
            for who, away in gaps.items() for k in range(3 if who != "two" else 2)]  # fmt: skip
    base = opened(transactions=sales([*rows, ("c0", DAY.isoformat(), 1.0)]))
    assert set(due(base, "win_back", assumed=("post",))) == {"silent"}


def test_replenishment_is_due_by_the_product_and_not_once_bought_again():
    rows = [("a", "2026-01-31", 5.0), ("b", "2026-01-31", 5.0), ("b", "2026-02-20", 5.0),
            ("c", "2026-01-01", 5.0), ("c0", "2026-02-25", 1.0)]  # fmt: skip
    lines = sales(rows, product_id=["coffee", "coffee", "coffee", "coffee", "mug"])
    products = pd.DataFrame({"product_id": ["coffee", "mug"], "replenishment_days": [28.0, None]})
    found = due(opened(transactions=lines, products=products), "replenishment_due", assumed=("post",))
    assert {k: (v["item"], v["due_on"].date()) for k, v in found.items()} == {
        "a": ("coffee", date(2026, 2, 28))
    }


def test_next_product_is_the_usual_one_when_its_own_gap_is_over():
    def bought(who: str, first: int, gap: int, times: int) -> list[tuple[str, str, float]]:
        return [(who, (DAY - timedelta(days=first + gap * k)).isoformat(), 4.0) for k in range(times)]

    rows = bought("due", 25, 20, 3) + bought("early", 15, 20, 3) + bought("given up", 45, 20, 3)
    rows += [*bought("twice", 25, 20, 2), ("c0", DAY.isoformat(), 1.0)]
    base = opened(transactions=sales(rows, product_id=["tea"] * len(rows)))
    found = due(base, "next_product", assumed=("post",))
    assert {k: v["item"] for k, v in found.items()} == {"due": "tea"}


def tickets(rows: list[tuple[str, str, str | None, bool]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(f"t{i}", *row) for i, row in enumerate(rows)],
        columns=["ticket_id", "customer_id", "created_at", "first_solved_at", "is_complaint"],
    )


def test_complaint_recovery_until_something_is_bought_again():
    complaints = tickets([
        ("sore", "2026-02-01", "2026-02-10", True), ("back", "2026-02-01", "2026-02-10", True),
        ("asked", "2026-02-01", "2026-02-10", False), ("old", "2025-10-01", "2025-11-01", True),
        ("open", "2026-02-20", None, True),
    ])  # fmt: skip
    rows = [(who, "2026-01-15", 5.0) for who in ("sore", "back", "asked", "old", "open")]
    base = opened(
        transactions=sales([*rows, ("back", "2026-02-15", 5.0), *LAST_DAY_SOLD]), tickets=complaints
    )
    assert set(due(base, "complaint_recovery", assumed=("post",))) == {"sore"}


def test_a_solution_told_after_the_day_does_not_count_as_solved():
    complaints = tickets([("sore", "2026-02-01", "2026-02-20", True)])
    base = opened(transactions=sales([("sore", "2026-01-15", 5.0), *LAST_DAY_SOLD]), tickets=complaints)
    past = base.as_of("2026-02-15")
    assert not due(past, "complaint_recovery", assumed=("post",))
    silent = campaigns.lists(past, chosen(["welcome"]), Terms(days=60, holdout=0, assumed=("post",)))
    assert past.collect(silent.members)["suppressed_by"].tolist() == ["open ticket"]


def test_referral_is_asked_of_promoters_whose_latest_answer_holds():
    answers = [("yes", "2026-02-01", 9.0), ("was", "2026-01-05", 10.0), ("was", "2026-02-01", 6.0),
               ("no", "2026-02-01", 8.0), ("old", "2025-09-01", 10.0),
               ("sore", "2026-02-01", 10.0)]  # fmt: skip
    survey = pd.DataFrame(answers, columns=["customer_id", "responded_at", "score"]).assign(
        respondent_id=lambda f: f["customer_id"], instrument="nps", question="recommend?"
    )
    rows = [(who, "2026-01-15", 5.0) for who in ("yes", "was", "no", "old", "sore")]
    base = opened(
        transactions=sales([*rows, *LAST_DAY_SOLD]), survey_responses=survey,
        tickets=tickets([("sore", "2026-02-10", "2026-02-11", True)]),
    )  # fmt: skip
    assert set(due(base, "referral_ask", assumed=("post",))) == {"yes"}


def test_every_step_keeps_out_whom_it_should():
    n = 8
    listed = people(
        birth_date=same_birthday(n),
        consent_email=[True, True, False, None, True, True, True, True],
        do_not_contact=[False, True, *[False] * 6],
        closed_at=["2026-01-01", *[None] * 7],
        email=["a@b.example"] * 6 + [None, "a@b.example"],
    )
    members = pd.DataFrame({
        "member_id": ["1", "2"], "campaign_id": ["x", "x"], "customer_id": ["c5", "c7"],
        "treatment": ["treated", "control"], "sent_at": ["2026-02-10", "2026-02-10"],
    })  # fmt: skip
    base = opened(
        transactions=sales(LAST_DAY_SOLD), customers=listed, campaign_members=members,
        tickets=tickets([("c4", "2026-02-20", None, False)]),
    )  # fmt: skip
    found = due(base, "birthday")
    assert {k: v["suppressed_by"] for k, v in found.items() if isinstance(v["suppressed_by"], str)} == {
        "c0": "account closed", "c1": "do not contact", "c2": "no channel with consent",
        "c3": "no channel with consent", "c4": "open ticket", "c5": "contacted lately",
        "c6": "no channel with consent",
    }  # fmt: skip
    assert found["c7"]["treatment"] == "treated"


def test_channel_is_the_first_with_consent_and_an_unsubscription_ends_the_digital_ones():
    listed = people(
        birth_date=same_birthday(3), consent_email=[True, False, True], consent_sms=[True, True, True],
        consent_post=[True, False, True],
    )  # fmt: skip
    gone = pd.DataFrame({
        "campaign_id": ["x"], "customer_id": ["c2"], "treatment": ["treated"], "sent_at": ["2025-01-01"],
        "unsubscribed_at": ["2025-01-02"],
    })  # fmt: skip
    base = opened(transactions=sales(LAST_DAY_SOLD), customers=listed, campaign_members=gone)
    assert {k: v["channel"] for k, v in due(base, "birthday").items()} == {
        "c0": "email",
        "c1": "sms",
        "c2": "post",
    }
    other = due(base, "birthday", channels=("sms", "email"))
    assert other["c0"]["channel"] == "sms"


def test_nobody_is_contacted_without_a_recorded_consent():
    base = opened(transactions=sales([("a", "2026-02-24", 5.0), *LAST_DAY_SOLD]))
    assert {v["suppressed_by"] for v in due(base, "welcome").values()} == {"no channel with consent"}
    assert {v["channel"] for v in due(base, "welcome", assumed=("post",)).values()} == {"post"}


def test_who_was_on_a_list_lately_is_not_on_it_again_and_controls_count_as_on_it(birthdays):
    earlier = birthdays.to_engine(pd.DataFrame({
        "list": ["birthday", "birthday", "welcome"], "customer_id": ["c0", "c2", "c3"],
        "issued_on": pd.to_datetime(["2025-08-01"] * 3),
        "treatment": ["treated", "control", "treated"],
    }))  # fmt: skip
    earlier = earlier.mutate(issued_on=earlier.issued_on.cast("date"))
    wave = campaigns.lists(birthdays, chosen(["birthday"]), Terms(holdout=0), issued=earlier)
    found = birthdays.collect(wave.members).set_index("customer_id")["suppressed_by"]
    assert found["c0"] == found["c2"] == "was on this list lately"
    assert pd.isna(found["c3"])


def issued_to(base: CustomerBase, *rows: tuple[str, str, str, str]):
    """Earlier waves: list, customer_id, issued_on, treatment; all of the folder "weekly"."""
    told = pd.DataFrame(rows, columns=["list", "customer_id", "issued_on", "treatment"]).assign(
        lists="weekly"
    )
    table = base.to_engine(told.assign(issued_on=pd.to_datetime(told["issued_on"])))
    return table.mutate(issued_on=table.issued_on.cast("date"))


def kept_out(base: CustomerBase, issued=None, **terms) -> dict[str, str | None]:
    wave = campaigns.lists(base, chosen(["birthday"]), Terms(holdout=0, **terms), issued=issued)
    rows = base.collect(wave.members).to_dict("records")
    return {r["customer_id"]: r["suppressed_by"] if pd.notna(r["suppressed_by"]) else None for r in rows}


RUNS = "control of a wave that is still running"


def test_issued_contacts_count_for_the_cap_and_controls_of_waves_that_are_over_do_not(birthdays):
    earlier = issued_to(
        birthdays, ("vip", "c0", "2026-02-20", "treated"), ("vip", "c2", "2026-02-11", "control")
    )
    assert kept_out(birthdays, earlier) == {"c0": "contacted lately", "c2": None, "c3": None}


def test_other_lists_reach_both_arms_of_a_running_wave_alike(birthdays):
    arms = ("vip", "c0", "2026-02-12", "treated"), ("vip", "c2", "2026-02-12", "control")
    earlier = issued_to(birthdays, *arms)
    assert kept_out(birthdays, earlier) == {"c0": "contacted lately", "c2": RUNS, "c3": None}
    assert kept_out(birthdays, earlier, cap=2) == {"c0": None, "c2": None, "c3": None}
    assert kept_out(birthdays, earlier, cap_days=7) == {"c0": None, "c2": None, "c3": None}
    wave = campaigns.lists(birthdays, chosen(["birthday"]), issued=earlier)
    table = campaigns.summary(wave)
    assert (table["due"] == table["suppressed"] + table["control"] + table["treated"]).all()


def test_two_contacts_of_one_day_are_two(birthdays):
    earlier = issued_to(
        birthdays, ("vip", "c0", "2026-02-20", "treated"), ("welcome", "c0", "2026-02-20", "treated")
    )
    assert kept_out(birthdays, earlier, cap=2)["c0"] == "contacted lately"
    assert kept_out(birthdays, earlier, cap=3)["c0"] is None


def with_members(campaign: str, **columns: list) -> CustomerBase:
    n = len(next(iter(columns.values())))
    told = {"campaign_id": [campaign] * n, "customer_id": [f"c{i}" for i in range(n)]}
    plan = {"campaign_id": [campaign], "start_date": ["2026-02-18"]}
    return opened(
        transactions=sales(LAST_DAY_SOLD),
        customers=people(birth_date=same_birthday(4)),
        campaigns=pd.DataFrame(plan),
        campaign_members=pd.DataFrame(told | columns),
    )


def test_a_wave_that_came_back_as_a_campaign_is_one_contact_and_another_is_a_second():
    arms = ["treated", "control"]
    base = with_members("list:weekly:vip:2026-02-18", treatment=arms, sent_at=["2026-02-18"] * 2)
    same = issued_to(base, ("vip", "c0", "2026-02-18", "treated"), ("vip", "c1", "2026-02-18", "control"))
    assert kept_out(base, same, cap=2) == dict.fromkeys(("c0", "c1", "c2", "c3"))
    assert kept_out(base, same)["c1"] == RUNS
    other = issued_to(base, ("vip", "c0", "2026-02-19", "treated"))
    assert kept_out(base, other, cap=2)["c0"] == "contacted lately"


@pytest.mark.parametrize("sent", [{}, {"sent_at": [None, None]}], ids=["no column", "empty"])
def test_members_without_a_time_of_sending_count_from_their_campaigns_start(sent):
    base = with_members("x", treatment=["treated", "control"], **sent)
    assert kept_out(base) == {"c0": "contacted lately", "c1": RUNS, "c2": None, "c3": None}
    assert kept_out(base, cap_days=7)["c0"] is None


def test_filter_by_region_and_age():
    listed = people(birth_date=["1990-02-27", "2001-02-27", "1990-02-27", None], region=["N", "N", "S", "N"])
    base = opened(transactions=sales(LAST_DAY_SOLD), customers=listed)
    assert set(due(base, "birthday", where={"region": "N", "age": (30, 40)})) == {"c0"}
    assert set(due(base, "birthday", where={"region": ["N", "S"]})) == {"c0", "c1", "c2"}
    with pytest.raises(ParameterError, match=r"unknown column 'regio'.*region"):
        due(base, "birthday", where={"regio": "N"})
    with pytest.raises(ParameterError, match="two whole numbers"):
        due(base, "birthday", where={"age": 30})


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"days": 0}, "days = 0: a whole number, 1 to 180"),
        ({"holdout": 1.0}, "holdout = 1.0: a share from 0 to 0.9"),
        ({"channels": ("mail",)}, "unknown channel 'mail'.*email"),
        ({"channels": ("email", "email")}, "none twice"),
        ({"response": {"birthday": 2.0}}, "birthday = 2.0: a share from 0 to 1"),
        ({"contact_cost": -1.0}, "cannot be negative"),
        ({"contact_cost": float("nan")}, "contact_cost = nan: an amount"),
        ({"contact_cost": float("inf")}, "contact_cost = inf: an amount"),
        ({"cap": "2"}, "cap = '2': a whole number, 1 to 1000"),
        ({"days": 7.5}, "days = 7.5: a whole number, 1 to 180"),
        ({"top": True}, "top = True: a whole number, 1 or more"),
        ({"holdout": "0.1"}, "holdout = '0.1': a share from 0 to 0.9"),
        ({"response": {"birthday": None}}, "birthday = None: a share"),
        ({"channels": "email"}, "channels = 'email': a list of channels, such as "),
        ({"channels": None}, "channels = None: a list of channels"),
        ({"where": {"region": 5}}, 'where: region is a text, got 5. Say region = "5"'),
        ({"where": {"region": ["N", None]}}, "where: region is a text, got None"),
        ({"where": {"region": []}}, "where: region is a text, got nothing"),
        ({"where": {"do_not_contact": 1}}, "do_not_contact is true or false, got 1. Say .* = true"),
        ({"where": {"birth_date": "1990-02-27"}}, "birth_date is a date.*age"),
        ({"where": {"age": "39"}}, "two whole numbers"),
        ({"where": {"age": (30, 39.5)}}, "two whole numbers"),
    ],
)
def test_terms_say_what_is_wrong_with_them(terms, words):
    with pytest.raises(ParameterError, match=words):
        Terms(**terms)


def test_a_response_of_an_unknown_list_says_the_nearest(birthdays):
    terms = Terms(response={"birtday": 0.06, "welcome": 0.1})
    with pytest.raises(ParameterError, match="response: unknown list 'birtday'; did you mean 'birthday'"):
        campaigns.lists(birthdays, chosen(["welcome"]), terms)


def test_a_filter_by_a_column_that_the_source_has_not_says_so(birthdays):
    with pytest.raises(ParameterError, match="where: region: the customers of this source have no column"):
        due(birthdays, "birthday", where={"region": "N"})
    base = opened(transactions=sales(LAST_DAY_SOLD), customers=people(region=["N"]))
    with pytest.raises(ParameterError, match=r"where: age: .* no column 'birth_date'"):
        due(base, "welcome", where={"age": (30, 39)})


def test_an_unknown_list_and_a_source_without_any_say_so():
    with pytest.raises(ParameterError, match=r"unknown list 'birthdays'.*birthday"):
        chosen(["birthdays"])
    base = opened(transactions=sales(LAST_DAY_SOLD))
    with pytest.raises(DataError, match="birthday: this needs the table 'customers'"):
        campaigns.lists(base, chosen(["birthday"]))


MONEY = {"margin": 0.4, "contact_cost": 0.5, "response": 0.05}


@pytest.fixture(scope="module")
def wave(demo_company):
    return campaigns.lists(demo_company, terms=Terms(holdout=0.2, **MONEY))


def test_treated_suppressed_and_control_are_all_who_are_due(wave):
    table = campaigns.summary(wave)
    assert (table["due"] == table["suppressed"] + table["control"] + table["treated"]).all()
    assert table["due"].sum() == wave.members.count().to_pyarrow().as_py()
    steps = campaigns.waterfall(wave)
    for _, mine in steps.groupby("list"):
        assert mine["left"].iloc[-1] == mine["customers"].iloc[0] - mine["customers"].iloc[1:-1].sum()
    sizes = pd.Series(campaigns.overlap(wave).to_numpy().diagonal(), index=table["list"])
    assert (sizes.to_numpy() == table["due"].to_numpy()).all()


def test_nobody_has_two_next_actions_and_controls_are_never_listed(wave, demo_company):
    found = demo_company.collect(wave.members)
    treated = found[found["treatment"] == "treated"]
    assert len(treated)
    assert treated["customer_id"].is_unique
    control = found[found["treatment"] == "control"]
    assert not set(zip(control["list"], control["customer_id"], strict=True)) & set(
        zip(treated["list"], treated["customer_id"], strict=True)
    )


def test_the_list_of_the_highest_expected_value_wins(wave, demo_company):
    found = demo_company.collect(
        wave.members.filter(
            wave.members.suppressed_by.isin(["on another list"]) | wave.members.treatment.notnull()
        )
    )
    best = found.groupby("customer_id")["expected_value"].max()
    kept = found[found["treatment"].notna()].set_index("customer_id")["expected_value"]
    assert (kept >= best[kept.index] - 1e-9).all()


def test_control_is_a_stable_share(wave, demo_company):
    found = demo_company.collect(wave.members.filter(wave.members.treatment.notnull()))
    share = (found["treatment"] == "control").mean()
    assert abs(share - 0.2) < 4 * (0.2 * 0.8 / len(found)) ** 0.5
    again = campaigns.lists(
        demo_company.as_of(demo_company.day - timedelta(days=1)), terms=Terms(holdout=0.2, **MONEY)
    )
    then = again.base.collect(again.members.filter(again.members.treatment.notnull()))
    both = found.merge(then, on=["list", "customer_id"])
    assert len(both) > 100
    assert (both["treatment_x"] == both["treatment_y"]).all()


def test_expected_value_is_response_times_margin_times_the_mean_order_less_the_contact(wave, demo_company):
    found = demo_company.collect(wave.members)
    wanted = (0.05 * 0.4 * found["order_value"] - 0.5).round(4)
    assert (found["expected_value"] - wanted).abs().max() < 1e-3
    assert (found.loc[found["suppressed_by"] == "not worth the contact", "expected_value"] <= 0).all()


def test_top_leaves_the_most_worth(demo_company):
    few = campaigns.lists(demo_company, chosen(["vip", "win_back"]), Terms(holdout=0, top=10, **MONEY))
    table = campaigns.summary(few)
    assert table["treated"].tolist() == [10, 10]
    found = demo_company.collect(few.members)
    kept = found[found["treatment"].notna()].groupby("list")["expected_value"].min()
    gone = found[found["suppressed_by"] == "beyond the top"].groupby("list")["expected_value"].max()
    assert (kept >= gone).all()


def test_saved_is_what_contacting_those_kept_out_would_have_cost(wave):
    steps = campaigns.waterfall(wave).query("list == ''")
    kept_out = steps[~steps["step"].isin(["due", "treated"])]
    assert kept_out["saved"].tolist() == (0.5 * kept_out["customers"]).tolist()


def test_birthdays_are_those_of_the_people_table(wave, demo_company):
    born = demo_company.collect(demo_company.customers.select("customer_id", "birth_date"))
    coming = {(demo_company.day + timedelta(days=k)).strftime("%m-%d") for k in range(1, 8)}
    wanted = set(
        born.loc[pd.to_datetime(born["birth_date"]).dt.strftime("%m-%d").isin(coming), "customer_id"]
    )
    found = demo_company.collect(wave.members.filter(wave.members["list"] == "birthday"))
    assert set(found["customer_id"]) == wanted
    assert wanted
