"""How a help desk did in a span of days: counts, times, shares with intervals, and tickets left open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.exact_moments import exact_mean, exact_variance
from crm_analytics.analyses.intervals import Z95, wilson
from crm_analytics.analyses.rating_scales import SATISFIED, Scale, scale_of
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.service.tickets import Tickets

TIMES = ("reply", "first_resolution", "resolution")
SHARES = ("one_touch", "reopened", "reassigned", "complaint", "satisfied")


@dataclass(frozen=True)
class Share:
    """A share of tickets: how many, of how many that tell, with its 95 % interval (Wilson)."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        """None where no ticket tells."""
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 %."""
        return wilson(self.k, self.n)


@dataclass(frozen=True, eq=False)
class Summary(ObjectCard):
    """Tickets opened in a span of days.

    Attributes
    ----------
    opened, solved, replied, broken : tickets
    times : time, clock ("calendar", "business"), tickets, median, p90 (minutes)
    shares : by name of `SHARES`
    satisfaction : mean on its own scale, with its 95 % interval and answers; None without
    """

    opened: int
    solved: int
    replied: int
    broken: int
    times: pd.DataFrame
    shares: dict[str, Share]
    satisfaction: tuple[float, float, float, int] | None

    def median(self, time: str, clock: str = "calendar") -> float | None:
        """Median minutes of a time; None where no ticket has it."""
        rows = self.times[(self.times["time"] == time) & (self.times["clock"] == clock)]
        found = None if rows.empty else rows.iloc[0]["median"]
        return None if found is None or pd.isna(found) else float(found)


def satisfaction_scale(given: Tickets) -> Scale | None:
    """The scale that customers answer on, from all answers up to the day."""
    score = given.each.satisfaction_score
    row = given.each.aggregate(low=score.min(), high=score.max()).to_pyarrow().to_pylist()[0]
    return scale_of(row["low"], row["high"])


def summarise(given: Tickets, start: date | None = None, end: date | None = None) -> Summary:
    """Tickets opened in ``(start, end]``; without ends, all up to the day.

    Times of tickets that are still open are not in the medians, which are therefore those of tickets that
    were answered or solved: of a span that ends today the slow ones are still to come.
    """
    each = given.each
    if start is not None:
        each = each.filter(each.day > ibis.literal(start))
    if end is not None:
        each = each.filter(each.day <= ibis.literal(end))
    clocks = ("calendar", "business") if given.schedules else ("calendar",)
    columns = {
        (t, clock): f"{t}_minutes" if clock == "calendar" else f"{t}_business_minutes"
        for t in TIMES
        for clock in clocks
    }
    wanted: dict[str, ir.Value] = {
        "opened": each.count(), "solved": each.is_solved.sum(), "broken": each.is_broken.sum(),
        "replied": each.first_reply_at.count(),
    }  # fmt: skip
    for column in columns.values():
        wanted |= {f"{column}_n": each[column].count(), f"{column}_50": each[column].quantile(0.5)}
        wanted[f"{column}_90"] = each[column].quantile(0.9)
    scale = satisfaction_scale(given)
    told = each.satisfaction_score
    flags = {
        "one_touch": (each.one_touch, each.is_solved & each.one_touch.notnull()),
        "reopened": (each.reopened, each.is_solved & each.reopened.notnull()),
        "reassigned": (each.reassigned, each.is_solved & each.reassigned.notnull()),
        "complaint": (each.is_complaint, ibis.literal("is_complaint" in given.has)),
        "satisfied": (told >= (scale.of(SATISFIED) if scale else math.inf), told.notnull()),
    }
    for name, (flag, of) in flags.items():
        wanted |= {f"{name}_k": each.count(where=flag & of), f"{name}_n": each.count(where=of)}
    wanted |= {"score": exact_mean(told), "spread": exact_variance(told), "scored": told.count()}
    row = each.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    rows = [
        {"time": t, "clock": clock, "tickets": int(row[f"{c}_n"]), "median": row[f"{c}_50"],
         "p90": row[f"{c}_90"]}
        for (t, clock), c in columns.items()
    ]  # fmt: skip
    shares = {name: Share(int(row[f"{name}_k"] or 0), int(row[f"{name}_n"] or 0)) for name in SHARES}
    opened, solved, replied, broken = (int(row[n] or 0) for n in ("opened", "solved", "replied", "broken"))
    return Summary(opened, solved, replied, broken, pd.DataFrame(rows), shares, _mean(row))


def _mean(row: dict[str, float]) -> tuple[float, float, float, int] | None:
    n = int(row["scored"] or 0)
    if n < 2:
        return None
    from scipy.stats import t

    half = float(t.ppf(0.975, n - 1)) * math.sqrt(max(row["spread"], 0.0) / n)
    return float(row["score"]), float(row["score"]) - half, float(row["score"]) + half, n


def backlog(given: Tickets, weeks: int = 52) -> pd.DataFrame:
    """Tickets opened and solved each week, and those open at its end; the last week ends at the day.

    A ticket is open until it was solved for the last time. One that was reopened was closed in between: that
    is not known, and it counts as open.

    Returns
    -------
    week_end, opened, solved, open
    """
    end = given.base.day
    each = given.each.filter(~given.each.is_broken)
    last = ibis.literal(end)

    def weekly(day: ir.DateValue, table: ir.Table) -> dict[int, int]:
        ago = last.delta(day, unit="day").cast("int64")
        number = ibis.least((ago / 7).floor().cast("int64"), ibis.literal(weeks, "int64"))
        counted = table.group_by(week=number).aggregate(n=table.count())
        return {int(r["week"]): int(r["n"]) for r in counted.to_pyarrow().to_pylist()}

    solved = each.filter(each.is_solved)
    opened = weekly(each.day, each)
    closed = weekly(solved.last_solved_at.date(), solved)
    rows, before = [], opened.get(weeks, 0) - closed.get(weeks, 0)
    for week in range(weeks - 1, -1, -1):
        before += opened.get(week, 0) - closed.get(week, 0)
        rows.append(
            {"week_end": pd.Timestamp(end - timedelta(days=7 * week)), "opened": opened.get(week, 0),
             "solved": closed.get(week, 0), "open": before}
        )  # fmt: skip
    return pd.DataFrame(rows)


def rate_interval(count: float, exposure: float) -> tuple[float, float]:
    """95 % interval of a rate from a Poisson count (Garwood 1936, *Biometrika* 28, 437-442), exact.

    >>> [round(x, 2) for x in rate_interval(10, 1)]
    [4.8, 18.39]
    """
    from scipy.stats import chi2

    if exposure <= 0:
        return 0.0, math.inf
    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low / exposure, float(chi2.ppf(0.975, 2 * count + 2)) / 2 / exposure


def ratio_change(now: float, before: float) -> tuple[float, float, float] | None:
    """Relative change of two Poisson counts with its 95 % interval, on the log scale; None where one is 0."""
    if now <= 0 or before <= 0:
        return None
    ratio, error = now / before, Z95 * math.sqrt(1 / now + 1 / before)
    return ratio - 1, ratio * math.exp(-error) - 1, ratio * math.exp(error) - 1
