"""When a base sells: one index per base and day, the week, holidays and the weeks ahead."""

from crm_analytics.analyses.calendar.daily import MEASURES, daily, daily_by
from crm_analytics.analyses.calendar.decomposition import Decomposition, classical, stl
from crm_analytics.analyses.calendar.outlook import Outlook, outlook
from crm_analytics.analyses.calendar.pay_days import PayDays, pay_days
from crm_analytics.analyses.calendar.public_holidays import HolidayEffects, country_of, holiday_effects
from crm_analytics.analyses.calendar.seasonal_index import SeasonalIndex, seasonal_index
from crm_analytics.analyses.calendar.trading_calendar import Calendar, calendar, calendar_of
from crm_analytics.analyses.calendar.week_pattern import WeekPattern, week_pattern
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "MEASURES",
    "Calendar",
    "Decomposition",
    "HolidayEffects",
    "Outlook",
    "PayDays",
    "SeasonalIndex",
    "WeekPattern",
    "calendar",
    "calendar_of",
    "classical",
    "country_of",
    "daily",
    "daily_by",
    "holiday_effects",
    "outlook",
    "pay_days",
    "seasonal_index",
    "stl",
    "week_pattern",
]

know_names(globals())
