"""Business minutes: Zendesk's published ticket, clocks that change, holidays, and laws."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.service import business_time as clock
from crm_analytics.analyses.service.schedules import Schedule, parse_schedules
from crm_analytics.errors import ParameterError

CHICAGO = Schedule.from_sunday(
    "level 1 chicago",
    [(720, 1560), (2160, 3000), (3600, 4440), (5040, 5880), (6480, 7320), (7920, 8760), (9360, 10200)],
)
SAN_FRANCISCO = Schedule.from_sunday(
    "level 2 san francisco", [(2340, 2910), (3780, 4350), (5220, 5790), (6660, 7230), (8100, 8670)]
)
# Ticket 941606 as published (dbt_zendesk, decision log, "Business Time Metrics").
CREATED, REPLIED = "2020-09-29 17:01:38", "2020-09-30 19:01:46"
MOVED = "2020-09-30 19:01:25"


@pytest.fixture(scope="module")
def base():
    frame = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2020-01-01"], "unit_spend": [1.0]})
    return CustomerBase.open(frame, today="2027-01-01")


def spans(base, *rows):
    frame = pd.DataFrame(rows, columns=["ticket_id", "start", "end"])
    frame[["start", "end"]] = frame[["start", "end"]].apply(pd.to_datetime)
    return base.to_engine(frame.astype({"start": "datetime64[us]", "end": "datetime64[us]"}))


def open_minutes(base, schedule, start, end, zone=""):
    table = spans(base, ("T", start, end)).mutate(schedule=clock.ibis.literal(schedule.name))
    found = clock.business_minutes(base, table, [schedule], pairs=[("start", "end", "open")], zone=zone)
    return base.collect(found)["open"].iloc[0]


def of_ticket(base, created, rule):
    assigned = pd.DataFrame(
        {
            "ticket_id": ["941606"] * 2,
            "at": pd.to_datetime([CREATED, MOVED]).astype("datetime64[us]"),
            "schedule": [CHICAGO.name, SAN_FRANCISCO.name],
        }
    )
    found = clock.by_schedule_history(
        base, spans(base, ("941606", created, REPLIED)), base.to_engine(assigned),
        [CHICAGO, SAN_FRANCISCO], rule=rule,
    )  # fmt: skip
    return base.collect(found)["business_minutes"].iloc[0]


@pytest.mark.parametrize(
    ("rule", "published"), [(clock.ALL_SCHEDULES, "959.46"), (clock.LAST_SCHEDULE, "689.46")]
)
def test_first_reply_of_ticket_941606_matches_zendesk_decision_log(base, rule, published):
    # The log writes minutes.seconds (19:01:46 is "5461.46") and takes the opening at the next whole minute.
    minutes, seconds = published.split(".")
    found = of_ticket(base, "2020-09-29 17:02:00", rule)
    assert round(found * 60) == int(minutes) * 60 + int(seconds)


def test_to_the_second_the_ticket_has_22_seconds_more(base):
    assert of_ticket(base, CREATED, clock.ALL_SCHEDULES) == pytest.approx(960 + 8 / 60, abs=1e-6)
    assert of_ticket(base, CREATED, clock.LAST_SCHEDULE) == pytest.approx(690 + 8 / 60, abs=1e-6)


def by_hand(schedule, start, end, zone):
    """Second by second on the schedule's own clock, without anything of the code under test."""
    here, utc = ZoneInfo(schedule.zone), ZoneInfo("UTC")
    first = start.replace(tzinfo=ZoneInfo(zone)).astimezone(utc)
    last = end.replace(tzinfo=ZoneInfo(zone)).astimezone(utc)
    off, step, total = schedule.closed, timedelta(minutes=1), 0
    while first < last:
        local = first.astimezone(here)
        minute = local.weekday() * 1440 + local.hour * 60 + local.minute
        is_open = any(a <= minute + shift < b for a, b in schedule.week for shift in (0, 10080))
        total += is_open and local.date() not in off
        first += step
    return total


CASES = [
    ("Mon-Fri 09:00-17:00 zone Europe/Berlin", "2025-03-28 16:00", "2025-03-31 10:00", "Europe/Berlin"),
    ("always zone Europe/Berlin", "2025-03-29 12:00", "2025-03-30 12:00", "Europe/Berlin"),  # 23 hours
    ("always zone America/Chicago", "2025-11-01 12:00", "2025-11-02 12:00", "America/Chicago"),  # 25 hours
    ("Mon-Sun 22:00-06:00 zone Europe/Berlin", "2025-10-25 20:00", "2025-10-27 07:30", "UTC"),
    ("Mon-Fri 09:00-12:00,13:00-17:00; Sat 10:00-14:00 zone Asia/Kolkata closed 2025-06-04",
     "2025-06-02 00:17", "2025-06-09 11:11", "America/New_York"),
    ("Sun 20:00-04:00", "2025-06-01 19:00", "2025-06-02 09:00", "UTC"),
    ("Mon-Fri 09:00-17:00 zone UTC-08:00", "2025-06-02 00:00", "2025-06-03 00:00", "UTC"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "start", "end", "zone"), CASES)
def test_open_minutes_match_a_count_minute_by_minute(base, text, start, end, zone):
    schedule = Schedule.parse(text)
    begin, finish = datetime.fromisoformat(start), datetime.fromisoformat(end)
    hand = Schedule.parse(text.replace("UTC-08:00", "Etc/GMT+8"))
    assert open_minutes(base, schedule, start, end, zone) == by_hand(hand, begin, finish, zone)


def test_days_of_23_and_25_hours_are_as_long_as_they_are(base):
    always = Schedule.parse("always zone Europe/Berlin")
    assert open_minutes(base, always, "2025-03-30 00:00", "2025-03-31 00:00", "Europe/Berlin") == 23 * 60
    assert open_minutes(base, always, "2025-10-26 00:00", "2025-10-27 00:00", "Europe/Berlin") == 25 * 60


def test_open_minutes_of_parts_add_up_to_the_whole_law(base):
    schedule = Schedule.parse("Mon-Fri 08:30-12:15,13:00-18:00 zone Europe/Berlin holidays DE-BE")
    cuts = ["2024-12-20 11:11:11.25", "2024-12-25 09:00", "2025-01-01 03:00", "2025-04-01 17:59:59"]
    parts = sum(open_minutes(base, schedule, a, b) for a, b in itertools.pairwise(cuts))
    assert parts == pytest.approx(open_minutes(base, schedule, cuts[0], cuts[-1]), abs=1e-6)


def test_holidays_match_the_public_calendar_and_without_them_it_works_too(base):
    with_them = Schedule.parse("Mon-Sun 00:00-24:00 holidays DE-BY")
    without = Schedule.parse("Mon-Sun 00:00-24:00")
    start, end = "2025-01-01 00:00", "2026-01-01 00:00"
    missing = open_minutes(base, without, start, end) - open_minutes(base, with_them, start, end)
    assert missing == 1440 * len(holidays.country_holidays("DE", subdiv="BY", years=2025))
    assert with_them.days_off(date(2025, 1, 1), date(2025, 12, 31)) > without.closed


def test_an_end_before_its_start_is_unknown_and_not_zero(base):
    schedule = Schedule.parse("always")
    assert pd.isna(open_minutes(base, schedule, "2025-01-02 00:00", "2025-01-01 00:00"))
    assert open_minutes(base, schedule, "2025-01-02 00:00", "2025-01-02 00:00") == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Mon-Fri 09:00-17:00 | Sat 10:00-12:00", "needs a name"),
        ("Mox 09:00-17:00", "'Mox' is no day of the week"),
        ("Mon 9-17", "'9-17' are no hours"),
        ("Mon", "is no day with hours"),
        ("", "no hours"),
        ("Mon 09:00-17:00 zone Europe/Berln", "did you mean"),
        ("Mon 09:00-17:00 holidays DE-XX", "no part 'XX'"),
        ("Mon 09:00-17:00 closed 24.12.2026", "no day like"),
        ("a: Mon 09:00-17:00 | a: Mon 09:00-17:00", "the same name"),
    ],
)
def test_a_schedule_that_cannot_be_read_says_which_part(text, says):
    with pytest.raises(ParameterError, match=says):
        parse_schedules(text)
