"""Pictures of churn: gains, calibration, reasons, profit, and how long customers stay away."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.churn.measures.measures import calibration as calibrated
from crm_analytics.analyses.churn.measures.measures import gains as gained
from crm_analytics.analyses.churn.measures.profit import ProfitCurve
from crm_analytics.analyses.churn.model.contributions import Contributions
from crm_analytics.analyses.churn.survival.definition import Definition
from crm_analytics.analyses.churn.survival.survival import Survival
from crm_analytics.analyses.churn.training import Churn
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import figures

MOST_FEATURES = 12


def gains(found: Churn) -> Picture:
    """Share of the leavers among the customers with the highest chance; grey is a blind choice."""
    held = found.held_out
    table = gained(held.left, held.score)
    whole = pd.concat([pd.DataFrame({c: [0.0] for c in table.columns}), table], ignore_index=True)
    whole["blindly"] = whole["customers_share"]
    return Picture(
        frame=whole,
        title="Leavers found by share of customers, highest chance first",
        draw=lambda f: figures.lines(
            f, "customers_share", ["leavers_share", "blindly"], ("lower", "upper"),
            names={"leavers_share": "leavers found"}, context=("blindly",), x_title="share of the customers",
            fmt="percent:0",
        ),
    )  # fmt: skip


def calibration(found: Churn) -> Picture:
    """Chance that was said and share that left, by tenths of the held-out customers."""
    held = found.held_out
    frame = calibrated(held.left, held.score)
    return Picture(
        frame=frame.assign(tenth=[str(n + 1) for n in range(len(frame))]),
        title="Chance said and share who left, held-out customers",
        draw=lambda f: figures.columns(
            f, "tenth", ["left_share", "predicted"], {"left_share": "left", "predicted": "said"},
            x_title="tenths of the customers, lowest chance first", fmt="percent:0",
        ),
    )  # fmt: skip


def reasons(found: Churn) -> Picture:
    """What the model goes by: AUC lost when one feature is shuffled, with its interval."""
    frame = pd.DataFrame() if found.reasons is None else found.reasons.head(MOST_FEATURES)
    return Picture(
        frame=frame,
        title="AUC lost without a feature",
        draw=lambda f: figures.intervals(f, "feature", "auc_lost", "lower", "upper", 0, fmt="number:3"),
        empty="There is no model, only the rule of days since the last purchase.",
    )


def evidence(found: Churn) -> Picture:
    """AUC with its interval on each window that was held out."""
    frame = found.evidence.assign(
        window=found.evidence["until"].astype(str) + " " + found.evidence["method"].astype(str)
    )
    return Picture(
        frame=frame,
        title="AUC by window that was held out; 0.5 is chance",
        draw=lambda f: figures.intervals(f, "window", "auc", "auc_lower", "auc_upper", 0.5, fmt="number:2"),
    )


def profit(found: ProfitCurve) -> Picture:
    """Profit of a campaign by the share of customers contacted, with its interval."""
    return Picture(
        frame=found.table,
        title="Profit by share contacted",
        draw=lambda f: figures.lines(
            f, "customers_share", ["profit"], ("lower", "upper"), x_title="share of the customers",
            fmt="money", zero=False,
        ),
    )  # fmt: skip


def contributions(found: Contributions) -> Picture:
    """Mean size of each feature's contribution to the log-odds of leaving (Shapley), over customers."""
    mean = found.frame.abs().mean().sort_values(ascending=False, kind="stable").head(MOST_FEATURES)
    return Picture(
        frame=pd.DataFrame({"feature": mean.index.astype(str), "mean_contribution": mean.to_numpy()}),
        title="Mean contribution to the log-odds of leaving",
        draw=lambda f: figures.bars(f, "feature", "mean_contribution", fmt="number:2"),
        empty="No customer was scored.",
    )


def curves(found: Survival) -> Picture:
    """How long nothing happens, a curve for each group, at most six."""
    groups = found.groups.nlargest(6, "n")["group"].tolist()
    wide = found.curves.pivot_table(index="time", columns="group", values="survival", aggfunc="last")
    wide = wide.reindex(columns=groups).ffill().fillna(1.0).reset_index()
    wide.columns = pd.Index([str(name) for name in wide.columns])
    return Picture(
        frame=wide,
        title=f"Share without {found.event}",
        draw=lambda f: figures.lines(
            f, "time", [c for c in f.columns if c != "time"], x_title="days", fmt="percent:0"
        ),
        empty="No group has anybody.",
    )


def gaps(found: Definition) -> Picture:
    """Share still away by days since a purchase, with its interval; the line is the window."""
    return Picture(
        frame=found.table,
        title="Share of customers still away",
        draw=lambda f: figures.lines(
            f, "days", ["still_away"], ("lower", "upper"), names={"still_away": "still away"},
            mark=found.window, mark_label="window", x_title="days since a purchase", fmt="percent:0",
        ),
    )  # fmt: skip
