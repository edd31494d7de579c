"""What public holidays do to sales: the day itself, and the seven days before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses.intervals import benjamini_hochberg
from crm_analytics.errors import NotEnoughData, ParameterError, nearest
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

DAYS = 180  # of data, below which no ordinary day is known
AROUND = 4  # weeks before and after, whose same weekdays say what an ordinary day is
NEAREST = 2  # weeks of them on either side that tell whether a season begins or ends there
BEFORE = 7  # days counted as the run-up
LEVEL = 0.05
MOST = 0.5  # share of the customers whose country decides for the base


@dataclass(frozen=True, eq=False)
class HolidayEffects(ObjectCard):
    """Sales on and before public holidays against the same weekdays of the weeks around.

    Attributes
    ----------
    country : ISO 3166 alpha-2 code
    table : holiday, window ("on the day" or "week before"), occurrences, sold, expected, ratio, lower, upper
        (95 %, from what ordinary days, or weeks, scatter), p_adjusted (that so much lies beyond the weeks
        before and those after; Benjamini & Hochberg over the table), clear; largest effect first. Ratio 0 is
        a closed day. A holiday seen once is one occurrence of it: a campaign of that week looks the same
    """

    country: str
    table: pd.DataFrame


def holiday_effects(daily: pd.Series, country: str, language: str = "en_US") -> HolidayEffects:
    """Measure each holiday of a country.

    Parameters
    ----------
    daily : `daily.daily(base)`
    country : alpha-2 code ("DE"), e.g. of `country_of`
    language : of the holidays' names, "de" or "en_US"; another where the country's calendar has not got it

    Raises
    ------
    ParameterError : no calendar of that country is known.
    NotEnoughData : fewer than `DAYS` days.
    """
    if len(daily) < DAYS:
        raise NotEnoughData("the effect of holidays", len(daily), DAYS, "days")
    days = pd.DatetimeIndex(daily.index)
    named = _holidays(days, country, language)
    frame = pd.DataFrame({"day": days, "sold": daily.to_numpy(float), "holiday": named})
    special = _near(frame["holiday"].notna().to_numpy())
    around = [week for week in range(-AROUND, AROUND + 1) if week]
    earlier, later = range(1, NEAREST + 1), range(-NEAREST, 0)
    for name, weeks in (("earlier", earlier), ("later", later), ("expected", around)):
        frame[name] = _ordinary(frame["sold"].to_numpy(), special, weeks)
    rows = []
    for window, length in (("on the day", 1), ("week before", BEFORE)):
        series = [frame[name] for name in ("sold", "expected", "earlier", "later")]
        if length > 1:
            series = [one.rolling(length).sum().shift(1) for one in series]
        sold, due, *sides = series
        ordinary = _scatter(sold.to_numpy(), due.to_numpy(), special)
        for name in frame["holiday"].dropna().sort_values().unique():
            at = frame["holiday"] == name
            beside = np.stack([one[at].to_numpy() for one in sides])
            row = _effect(sold[at].to_numpy(), due[at].to_numpy(), beside, ordinary)
            rows.append({"holiday": name, "window": window, **row})
    columns = ["holiday", "window", "occurrences", "sold", "expected", "ratio", "lower", "upper", "p"]
    table = pd.DataFrame([r for r in rows if r["occurrences"]], columns=columns)
    table["p_adjusted"] = benjamini_hochberg(table["p"].to_numpy(float))
    table["clear"] = table["p_adjusted"] < LEVEL
    table["size"] = np.abs(np.log(table["ratio"].to_numpy(float).clip(1e-6)))
    table = table.sort_values("size", ascending=False, kind="stable", ignore_index=True)
    return HolidayEffects(country.upper(), table.drop(columns=["p", "size"]))


def country_of(base: CustomerBase) -> str | None:
    """The country half of the customers or more live in, as alpha-2 code; None where that is not known."""
    people = base.tables.get("customers")
    if people is None or "country" not in people.columns:
        return None
    known = people.filter(people.country.notnull())
    counted = base.collect(known.group_by("country").aggregate(n=known.count()))
    if counted.empty or counted["n"].max() < MOST * counted["n"].sum():
        return None
    return _code(str(counted["country"].iloc[int(counted["n"].to_numpy().argmax())]))


def _code(name: str) -> str | None:
    """Alpha-2 code of a code or an English name; None where no calendar of it is known."""
    from holidays.registry import COUNTRIES

    text = name.strip().lower().replace(" ", "_")
    for module, (_, two, *others) in COUNTRIES.items():
        if text == module or text.upper() in (two, *others):
            return str(two)
    return None


def _holidays(days: pd.DatetimeIndex, country: str, language: str) -> list[str | None]:
    import holidays

    known = holidays.list_supported_countries()
    if country.upper() not in known:
        raise ParameterError(
            f"no calendar of the country '{country}' is known{nearest(country, known)}; give its two letters"
        )
    years = range(int(days[0].year), int(days[-1].year) + 1)
    found = holidays.country_holidays(country.upper(), years=years, language=language)
    return [found.get(day.date()) for day in days]


def _near(special: np.ndarray) -> np.ndarray:
    """Holidays and the days beside them."""
    wide = special.copy()
    wide[1:] |= special[:-1]
    wide[:-1] |= special[1:]
    return wide


def _ordinary(sold: np.ndarray, special: np.ndarray, weeks: Iterable[int]) -> np.ndarray:
    """Mean of the same weekday some weeks before (below 0: after), leaving out holidays."""
    total, seen = np.zeros(len(sold)), np.zeros(len(sold))
    usual = np.where(special, 0.0, sold)
    for shift in (7 * week for week in weeks):
        moved = np.roll(usual, shift)
        there = np.roll(~special, shift).astype(float)
        edge = slice(0, shift) if shift > 0 else slice(shift, None)
        moved[edge], there[edge] = 0.0, 0.0
        total, seen = total + moved, seen + there
    return np.divide(total, seen, out=np.full(len(sold), np.nan), where=seen > 0)


def _scatter(sold: np.ndarray, due: np.ndarray, special: np.ndarray) -> float:
    """Variance of (sold - expected) over expected, on ordinary days."""
    use = ~special & np.isfinite(due) & (due > 0) & np.isfinite(sold)
    return float(((sold[use] - due[use]) ** 2 / due[use]).mean()) if use.sum() > 1 else np.nan


def _effect(sold: np.ndarray, due: np.ndarray, sides: np.ndarray, ordinary: float) -> dict[str, float]:
    """What came against what was due. Where a season begins or ends at a holiday, the weeks before and those
    after differ, and either may be ordinary: only what lies beyond both is an effect of the holiday.
    """
    use = np.isfinite(due) & (due > 0) & np.isfinite(sold)
    came, expected, n = float(sold[use].sum()), float(due[use].sum()), int(use.sum())
    if not n or not np.isfinite(ordinary):
        return {"occurrences": 0}
    error = np.sqrt(ordinary * expected)
    half = float(stats.norm.ppf(1 - LEVEL / 2)) * error
    sides = np.where(np.isfinite(sides), sides, due)[:, use].sum(axis=1)
    beyond = abs(came - float(np.clip(came, min(sides.min(), expected), max(sides.max(), expected))))
    return {
        "occurrences": n,
        "sold": came,
        "expected": expected,
        "ratio": came / expected,
        "lower": max(0.0, came - half) / expected,
        "upper": (came + half) / expected,
        "p": float(2 * stats.norm.sf(beyond / error)) if error > 0 else 1.0,
    }
