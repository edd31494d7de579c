"""Pictures of cohorts: heat maps by age, how a cohort ages, and what cohorts add up to."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.cohorts.cohort_comparison import Comparison
from crm_analytics.analyses.cohorts.cohorts import Cohorts
from crm_analytics.analyses.cohorts.triangles import NOBODY
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import cohort_figures, figures

MOST_COHORTS = 18  # rows of a heat map, the newest ones
YOUNG = "No cohort has lived a whole period yet."
PARTS = 5  # of a column, the oldest cohorts taken together


def retention(found: Cohorts) -> Picture:
    """Share of each cohort that bought, by age; a period that is not whole is hatched."""
    cells = found.retention[found.retention["age"] > 0]
    return _triangle(found, cells, "share", "Who bought again, by age", "percent:0")


def returned(found: Cohorts) -> Picture:
    """Share of each cohort that has bought on a second day by that age."""
    return _triangle(found, found.retention, "returned_share", "Who has come back by then", "percent:0")


def revenue(found: Cohorts) -> Picture:
    """Revenue per customer of the cohort in each period, by age."""
    return _triangle(found, found.revenue, "revenue_per_customer", "Revenue per customer, by age", "compact")


def value(found: Cohorts) -> Picture:
    """Revenue per customer since the first purchase, by age."""
    cells = found.cumulative_value
    return _triangle(found, cells, "value_per_customer", "Revenue per customer so far, by age", "compact")


def curve(found: Cohorts) -> Picture:
    """How a cohort ages: the share that bought at each age with its interval, all cohorts added up."""
    frame = found.ageing[found.ageing["age"] > 0].reset_index(drop=True)
    return Picture(
        frame=frame,
        title="Share of a cohort that buys, by age",
        draw=lambda f: figures.lines(
            f, "age", ["share"], ("lower", "upper"), names={"share": "bought"}, x_title=_ages(found),
            fmt="percent:0",
        ),
        empty=YOUNG,
    )  # fmt: skip


def whole(found: Cohorts) -> Picture:
    """The C3: revenue of each period by when its customers were won."""
    cells = found.whole
    kept = [name for name in sorted(cells["cohort"].unique()) if name != NOBODY]
    older = kept[: max(0, len(kept) - PARTS + 1)]
    won = dict.fromkeys(older, f"{older[0]} to {older[-1]}") if len(older) > 1 else {}
    parts = cells.assign(won=cells["cohort"].map(lambda name: won.get(name, name)))
    frame = parts.groupby(["period", "won"])["revenue"].sum().reset_index()
    partial = set(cells.loc[cells["partial"].astype(bool), "period"])
    return Picture(
        frame=frame,
        title=f"Revenue by {found.every}, by when its customers were won",
        draw=lambda f: cohort_figures.stack(
            f, "period", "won", "revenue", partial=partial, quiet=NOBODY, fmt="money"
        ),
        empty=YOUNG,
    )


def ages(found: Comparison) -> Picture:
    """Newer cohorts against earlier ones: share that bought, at equal age."""
    return _sides(found, ("share", "lower", "upper"), "Share that bought, by age", "percent:0")


def values(found: Comparison) -> Picture:
    """The same for the revenue per customer since the first purchase."""
    columns = ("value_per_customer", "value_lower", "value_upper")
    return _sides(found, columns, "Revenue per customer so far, by age", "money")


def _sides(found: Comparison, columns: tuple[str, str, str], title: str, fmt: str) -> Picture:
    return Picture(
        frame=found.by_age,
        title=title,
        draw=lambda f: cohort_figures.ribbons(
            f, "age", *columns, names=(_named(found.newer), _named(found.earlier)), fmt=fmt
        ),
        empty=YOUNG,
    )


def _named(labels: tuple[str, ...]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"


def _triangle(found: Cohorts, cells: pd.DataFrame, value: str, title: str, fmt: str) -> Picture:
    newest = sorted(cells["cohort"].unique())[-MOST_COHORTS:]
    frame = cells[cells["cohort"].isin(newest)].reset_index(drop=True)
    return Picture(
        frame=frame,
        title=title,
        draw=lambda f: cohort_figures.triangle(
            f, "cohort", "age", value, "partial", aside="left_truncated", x_title=_ages(found), fmt=fmt
        ),
        empty=YOUNG,
    )


def _ages(found: Cohorts) -> str:
    return f"{found.every}s since the first purchase"
