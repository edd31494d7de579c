"""Pictures of how a forecast held: tracking, holdout, calibration, ranking, drift and season."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.btyd.checks.calibration import Calibration, InSampleCounts
from crm_analytics.analyses.btyd.checks.cohort_effects import CohortEffects
from crm_analytics.analyses.btyd.checks.comparison import Comparison
from crm_analytics.analyses.btyd.checks.drift import Drift
from crm_analytics.analyses.btyd.checks.evidence import Evidence
from crm_analytics.analyses.btyd.checks.ranking_curve import Ranking
from crm_analytics.analyses.btyd.checks.seasonal import Season, SeasonalTracking
from crm_analytics.analyses.btyd.covariates.covariates import CovariateFit
from crm_analytics.analyses.btyd.forecasts.purchase_probability import Reliability
from crm_analytics.analyses.btyd.purchases.regularity import Regularity
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import figures

LATE = "There is no holdout to show."


def tenths(found: Calibration) -> Picture:
    """Predicted and actual purchases by tenths of customers, lowest forecast first."""
    return _calibrated(found, found.by_tenth, "tenths of customers by forecast")


def frequency(found: Calibration) -> Picture:
    """The same by repeat purchases before the day."""
    return _calibrated(found, found.by_frequency, "repeat purchases before")


def silence(found: Calibration) -> Picture:
    """The same by the time since the last purchase."""
    return _calibrated(found, found.by_silence, "time since the last purchase")


def cohorts(found: Calibration) -> Picture:
    """The same by the month of the first purchase."""
    return _calibrated(found, found.by_cohort, "first purchase")


def ranking(found: Calibration) -> Picture:
    """Which share of the purchases that came was made by the customers with the highest forecasts."""
    return curve(found.ranking)


def curve(found: Ranking) -> Picture:
    """Share of purchases by share of customers, highest forecast first; grey is the perfect order."""
    return Picture(
        frame=found.curve,
        title=f"Purchases by customers, highest forecast first (Gini {found.gini:.2f})",
        draw=lambda f: figures.lines(
            f, "customers", ["purchases", "perfect"], names={"purchases": "forecast", "perfect": "perfect"},
            context=("perfect",), x_title="share of customers", fmt="percent:0",
        ),
        empty=LATE,
    )  # fmt: skip


def tracking(found: Evidence) -> Picture:
    """Repeat purchases period by period, actual and expected; the line is the day of the fit."""
    return _tracked(found.tracking, "", "Repeat purchases by period")


def cumulative(found: Evidence) -> Picture:
    """The same added up from the first day on."""
    return _tracked(found.tracking, "cumulative_", "Repeat purchases so far")


def bands(found: Evidence) -> Picture:
    """Mean purchases of the holdout by purchases before it, actual and expected."""
    return Picture(
        frame=found.bands,
        title="Purchases per customer in the holdout, by purchases before",
        draw=lambda f: figures.columns(
            f, "band", ["actual", "expected"], x_title="repeat purchases before", fmt="number:1"
        ),
        empty=LATE,
    )


def baselines(found: Evidence) -> Picture:
    """Forecasts that need no model beside the model's."""
    return Picture(
        frame=found.baselines,
        title=f"Forecasts of the holdout; {found.actual:,} purchases came",
        draw=lambda f: figures.bars(f, "baseline", "forecast", fmt="count"),
        empty=LATE,
    )


def holdout(found: Comparison) -> Picture:
    """Forecast of each model with its interval, against what came."""
    return Picture(
        frame=found.holdout,
        title=f"Forecasts of {found.t:.4g} units; the line is what came",
        draw=lambda f: figures.intervals(
            f, "model", "forecast", "lower", "upper", float(found.actual), reference_label="came",
            highlight=[found.winner], fmt="count",
        ),
        empty=LATE,
    )  # fmt: skip


def scores(found: Comparison) -> Picture:
    """Log score of each model customer by customer: higher (nearer to 0) is better."""
    frame = found.holdout.dropna(subset=["log_score"])
    return Picture(
        frame=frame[["model", "log_score", "crps"]].reset_index(drop=True),
        title="Mean log score in the holdout",
        draw=lambda f: figures.bars(f, "model", "log_score", fmt="number:3"),
        empty=LATE,
    )


def money(found: Comparison) -> Picture:
    """Spend in the holdout by each method, against what came."""
    frame = found.money
    return Picture(
        frame=frame,
        title="Spend in the holdout; the line is what came",
        draw=lambda f: figures.intervals(
            f, "method", "forecast", "lower", "upper", float(f["actual"].iloc[0]), reference_label="came",
            fmt="money",
        ),
        empty="The comparison was made without money.",
    )  # fmt: skip


def counts(found: InSampleCounts) -> Picture:
    """Customers by repeat purchases, actual and expected."""
    return Picture(
        frame=found.table,
        title="Customers by repeat purchases",
        draw=lambda f: figures.columns(
            f, "frequency", ["actual", "expected"], x_title="repeat purchases", fmt="count"
        ),
    )


def reliability(found: Reliability) -> Picture:
    """Share who bought with its interval, by the chance that was said."""
    frame = found.table
    return Picture(
        frame=frame,
        title="Who bought, by tenths of the chance said",
        draw=lambda f: figures.columns(
            f.assign(group=f["group"].astype(str)), "group", ["actual", "predicted"], fmt="percent:0",
            x_title="tenths of customers, lowest chance first",
        ),
        empty=LATE,
    )  # fmt: skip


def cusum(found: Drift) -> Picture:
    """Actual less expected purchases since the fit, added up, with the limits of an alarm."""
    frame = found.tracking.assign(
        lower=-2 * found.tracking["standard_error"], upper=2 * found.tracking["standard_error"]
    )
    return Picture(
        frame=frame,
        title="Purchases beyond what was expected since the fit; band: two standard errors",
        draw=lambda f: figures.lines(
            f, "day", ["cusum"], ("lower", "upper"), names={"cusum": "actual less expected"}, zero=False
        ),
        empty="No period has passed since the fit.",
    )


def months(found: Season) -> Picture:
    """Index of each month with its interval; 1 is what the model expects."""
    return Picture(
        frame=found.months,
        title="Repeat purchases by month against the model (1 = as expected)",
        draw=lambda f: figures.intervals(
            f.assign(month=f["month"].astype(str)), "month", "index", "lower", "upper", 1.0, fmt="number:2"
        ),
        empty=found.words or "The season is not known.",
    )


def seasonal(found: SeasonalTracking) -> Picture:
    """Repeat purchases by period, expected with and without season."""
    return Picture(
        frame=found.table,
        title="Repeat purchases by period, with and without season",
        draw=lambda f: figures.lines(
            f, "day", ["seasonal", "actual", "expected"], context=("actual", "expected"), fmt="count"
        ),
        empty=LATE,
    )


def _calibrated(found: Calibration, frame: pd.DataFrame, title: str) -> Picture:
    return Picture(
        frame=frame,
        title=f"Purchases by {title}: predicted and actual",
        draw=lambda f: figures.columns(
            f.assign(group=f["group"].astype(str)),
            "group",
            ["actual", "predicted"],
            x_title=title,
            fmt="count",
        ),
        empty=LATE,
    )


def _tracked(frame: pd.DataFrame, kind: str, title: str) -> Picture:
    started = frame.loc[~frame["holdout"].astype(bool), "day"]
    return Picture(
        frame=frame,
        title=title,
        draw=lambda f: figures.lines(
            f, "day", [f"{kind}expected", f"{kind}actual"],
            names={f"{kind}expected": "expected", f"{kind}actual": "actual"}, context=(f"{kind}actual",),
            mark=started.iloc[-1] if len(started) else None, mark_label="fitted", fmt="count",
        ),
        empty=LATE,
    )  # fmt: skip


def leaving(found: CohortEffects) -> Picture:
    """How readily the customers of each cohort leave, fitted alone, with its interval."""
    return _by_cohort(found, "leaving")


def buying(found: CohortEffects) -> Picture:
    """How often the customers of each cohort buy while they are there, fitted alone, with its interval."""
    return _by_cohort(found, "buying")


def coefficients(found: CovariateFit) -> Picture:
    """What each covariate does to buying and to leaving, with its interval; 0 is nothing."""
    table = found.coefficients
    names = table["covariate"].astype(str) + " on " + table["process"].astype(str)
    return Picture(
        frame=table.assign(what=names),
        title="Coefficients of the covariates; 0 is no effect",
        draw=lambda f: figures.intervals(f, "what", "coefficient", "lower", "upper", 0, fmt="number:2"),
        empty="The model has no covariates.",
    )


def gains(found: Regularity) -> Picture:
    """Log-likelihood of each regularity k over that of chance purchases (k = 1)."""
    return Picture(
        frame=found.table,
        title=f"Log-likelihood over k = 1; the best is k = {found.k}",
        draw=lambda f: figures.columns(
            f.assign(k=f["k"].astype(str)),
            "k",
            ["gain"],
            highlight=[str(found.k)],
            x_title="k",
            fmt="number:1",
        ),
    )


def _by_cohort(found: CohortEffects, what: str) -> Picture:
    frame = found.table.dropna(subset=[what]).reset_index(drop=True)
    return Picture(
        frame=frame.assign(cohort=frame["cohort"].astype(str)),
        title=f"Rate of {what} by cohort",
        draw=lambda f: figures.intervals(f, "cohort", what, f"{what}_lower", f"{what}_upper"),
        empty="No cohort is large enough for a model of its own.",
    )
