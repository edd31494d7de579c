"""Tickets with broken, missing and odd times; targets at the priority that applied; backlog; repeats."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import service
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.service import business_time as clock
from crm_analytics.errors import DataError, ParameterError

NIGHT = service.parse_schedules("always")
SALES = pd.DataFrame(
    {"customer_id": ["a", "b"], "transaction_date": ["2025-01-01", "2025-12-31"], "unit_spend": [10.0, 20.0]}
)


def opened(*rows, **more):
    tickets = pd.DataFrame([{"customer_id": "a", **row} for row in rows])
    tickets.insert(0, "ticket_id", [f"T{n}" for n in range(len(tickets))])
    return CustomerBase.open({"transactions": SALES, "tickets": tickets, **more}, today="2026-06-01")


def events(base, *rows):
    columns = ["ticket_id", "at", "kind", "value", "is_public", "author"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["at"] = pd.to_datetime(frame["at"]).astype("datetime64[us]")
    frame["is_public"] = frame["is_public"].astype("boolean")
    return base.to_engine(frame.astype(dict.fromkeys(("ticket_id", "kind", "value", "author"), "string")))


def each(found):
    return found.base.collect(found.each).set_index("ticket_id").sort_index()


def test_a_ticket_closed_before_it_was_opened_is_counted_and_has_no_times_law():
    base = opened(
        {"created_at": "2025-03-02", "first_reply_at": "2025-03-02 01:00", "last_solved_at": "2025-03-01"},
        {"created_at": "2025-03-02", "first_reply_at": "2025-03-02 01:00", "last_solved_at": "2025-03-03"},
    )
    found = service.tickets(base, NIGHT)
    rows = each(found)
    assert rows["is_broken"].tolist() == [True, False]
    assert rows["reply_minutes"].isna().tolist() == [True, False]
    assert rows["resolution_minutes"].tolist()[1] == 1440
    summary = service.summarise(found)
    assert (summary.opened, summary.broken) == (2, 1)
    assert summary.median("reply") == 60


def test_no_reply_yet_is_unknown_and_not_zero():
    base = opened({"created_at": "2025-03-02", "first_reply_at": None, "last_solved_at": None})
    found = service.tickets(base, NIGHT)
    rows = each(found)
    assert rows["reply_minutes"].isna().all()
    assert rows["reply_business_minutes"].isna().all()
    assert service.summarise(found).median("reply", "business") is None
    assert rows["is_open"].all()


def test_an_internal_comment_is_no_reply_law():
    base = opened({"created_at": "2025-03-03 08:00", "first_reply_at": "2025-03-03 08:05"})
    history = events(
        base,
        ("T0", "2025-03-03 08:00", "comment", None, True, "customer"),
        ("T0", "2025-03-03 08:05", "comment", None, False, "agent"),
        ("T0", "2025-03-03 08:20", "comment", None, True, "customer"),
        ("T0", "2025-03-03 09:00", "comment", None, True, "agent"),
        ("T0", "2025-03-03 07:00", "comment", None, True, "agent"),  # before it was opened
    )
    rows = each(service.tickets(base, NIGHT, history=history))
    assert rows["reply_minutes"].tolist() == [60]
    assert rows["reply_business_minutes"].tolist() == [60]
    assert rows["replies"].tolist() == [1]


def test_a_comment_after_the_day_is_invisible_law():
    base = opened({"created_at": "2025-03-03 08:00"}, {"created_at": "2025-12-30 08:00"})
    history = events(
        base,
        ("T0", "2025-03-05 09:00", "comment", None, True, "agent"),
        ("T0", "2025-03-03 08:00", "comment", None, True, "customer"),
    )
    then = each(service.tickets(base.as_of("2025-03-04"), history=history))
    assert then["reply_minutes"].isna().all()
    assert each(service.tickets(base, history=history))["reply_minutes"].iloc[0] == 2 * 1440 + 60


def test_a_ticket_that_moves_between_schedules_follows_the_rule_it_is_asked_for():
    base = opened({"created_at": "2020-09-29 17:02:00", "first_reply_at": "2020-09-30 19:01:46"})
    from tests.analyses.service.test_business_time import CHICAGO, MOVED, SAN_FRANCISCO

    history = events(
        base,
        ("T0", "2020-09-29 17:02:00", "schedule", CHICAGO.name, None, None),
        ("T0", MOVED, "schedule", SAN_FRANCISCO.name, None, None),
    )
    for rule, minutes in ((clock.ALL_SCHEDULES, 959 + 46 / 60), (clock.LAST_SCHEDULE, 689 + 46 / 60)):
        rows = each(service.tickets(base, [CHICAGO, SAN_FRANCISCO], history=history, rule=rule))
        assert rows["reply_business_minutes"].iloc[0] == pytest.approx(minutes, abs=1e-6)


def test_a_ticket_is_on_the_schedule_named_like_its_channel():
    base = opened(
        {"created_at": "2025-03-03 06:00", "first_reply_at": "2025-03-03 10:00", "channel": "Phone"},
        {"created_at": "2025-03-03 06:00", "first_reply_at": "2025-03-03 10:00", "channel": "mail"},
    )
    schedules = service.parse_schedules("desk: Mon-Fri 09:00-17:00 | phone: Mon-Sun 08:00-20:00")
    assert each(service.tickets(base, schedules))["reply_business_minutes"].tolist() == [120, 60]


def test_a_target_counts_at_the_priority_that_applied():
    base = opened(
        {"created_at": "2025-03-03 08:00", "first_reply_at": "2025-03-03 10:00", "priority": "urgent"},
        {"created_at": "2025-03-03 08:00", "first_reply_at": "2025-03-03 10:00", "priority": "urgent"},
    )
    history = events(
        base,
        ("T0", "2025-03-03 07:59", "priority", "low", None, None),
        ("T0", "2025-03-03 08:00", "priority", "normal", None, None),
        ("T0", "2025-03-03 09:30", "priority", "urgent", None, None),
    )
    targets = service.parse_targets("urgent 1h, normal 4h")
    kept = base.collect(service.sla(service.tickets(base), targets, history=history)).set_index("ticket_id")
    assert kept.loc["T0", ["priority", "missed"]].tolist() == ["normal", False]
    assert kept.loc["T1", ["priority", "missed"]].tolist() == ["urgent", True]


def test_a_breach_is_at_the_first_due_time_that_was_missed():
    base = opened(
        {"created_at": "2025-03-03 08:00", "first_reply_at": "2025-03-05", "sla_due_at": "2025-03-04"},
        {"created_at": "2025-03-03 08:00", "first_reply_at": "2025-03-03 09:00", "sla_due_at": "2025-03-04"},
        {"created_at": "2025-12-31 08:00", "first_reply_at": None, "sla_due_at": "2026-01-04"},
        {"created_at": "2025-12-01 08:00", "first_reply_at": None, "sla_due_at": "2025-12-04"},
    )
    history = events(
        base,
        ("T0", "2025-03-03 08:00", "sla_due", "2025-03-04 12:00:00", None, None),
        ("T0", "2025-03-03 08:00", "sla_due", "2025-03-06 12:00:00", None, None),
        ("T0", "2025-03-03 08:00", "sla_due", "no time", None, None),
    )
    found = service.tickets(base)
    kept = base.collect(service.sla(found, history=history)).set_index("ticket_id").sort_index()
    assert kept["missed"].tolist()[:2] == [True, False]
    assert kept["breached_at"].iloc[0] == pd.Timestamp("2025-03-04")
    assert pd.isna(kept.loc["T2", "missed"])  # not due yet
    assert kept.loc["T3", "missed"]  # nobody replied
    table = service.sla_by_priority(found, service.sla(found, history=history))
    assert table[["due", "kept"]].to_numpy().tolist() == [[3, 1]]


def test_without_targets_and_due_times_it_says_so():
    base = opened({"created_at": "2025-03-03"})
    with pytest.raises(DataError, match="no targets"):
        service.sla(service.tickets(base))
    with pytest.raises(ParameterError, match="'soon' is no target"):
        service.parse_targets("high 4h, soon")
    with pytest.raises(ParameterError, match="unknown rule"):
        service.tickets(base, rule="first")


def test_backlog_adds_up_law(small_company):
    found = service.tickets(small_company)
    table = service.backlog(found, 40)
    rows = each(found)
    for end, still in zip(table["week_end"], table["open"], strict=True):
        midnight = end + pd.Timedelta(days=1)
        there = rows["created_at"] < midnight
        done = rows["last_solved_at"].notna() & (rows["last_solved_at"] < midnight)
        assert still == int((there & ~done).sum())
    assert table["open"].diff().iloc[1:].tolist() == (table["opened"] - table["solved"]).iloc[1:].tolist()


def test_rows_and_facts_after_the_day_are_invisible_law(small_company):
    day = "2025-03-31"
    past = service.summarise(service.tickets(small_company.as_of(day)))
    rows = each(service.tickets(small_company))
    assert past.opened == int((rows["created_at"] < "2025-04-01").sum())
    assert past.solved == int((rows["last_solved_at"] < "2025-04-01").sum())


def test_repeats_match_a_count_by_hand():
    base = opened(
        {"created_at": "2025-03-01", "type": "broken", "is_complaint": True},
        {"created_at": "2025-03-20", "type": "broken", "is_complaint": True},
        {"created_at": "2025-03-21", "type": "question", "is_complaint": False},
        {"created_at": "2025-06-01", "type": "broken", "is_complaint": True},
        {"created_at": "2025-12-20", "type": "broken", "is_complaint": True},  # not followed for 30 days
        {"created_at": "2025-12-21", "type": "late", "is_complaint": True},
    )
    found = service.repeats(service.tickets(base))
    assert (found.share, found.tickets, found.customers) == (1 / 4, 4, 1)
    again = base.collect(service.with_repeated_problem(service.tickets(base)))
    assert again[["complaints", "open_tickets"]].to_numpy().tolist() == [[2, 6]]


def test_what_the_source_does_not_tell_is_refused_in_every_figure():
    base = opened({"created_at": "2025-12-03"})
    names = ["first_reply_hours", "ticket_satisfaction", "sla_kept_share", "ticket_cost",
                         "one_touch_share", "tickets_open"]  # fmt: skip
    found = measure(Measured(base), names)
    assert all(kpi.value is None and kpi.refusal for kpi in found.values())
    none = CustomerBase.open({"transactions": SALES}, today="2026-06-01")
    assert all(k.value is None for k in measure(Measured(none), [*names, "tickets_opened"]).values())


@pytest.mark.parametrize(
    ("scores", "satisfied"), [([1, 0, 1], 2), ([5, 4, 2], 2), ([10, 8, 2], 2), ([-3, 2, 5], 0)]
)
def test_satisfaction_is_read_on_its_own_scale(scores, satisfied):
    base = opened(
        *(
            {"created_at": "2025-03-01", "last_solved_at": "2025-03-02", "satisfaction_score": s}
            for s in scores
        )
    )
    assert service.summarise(service.tickets(base)).shares["satisfied"].k == satisfied
