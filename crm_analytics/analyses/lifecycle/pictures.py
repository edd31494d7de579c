"""Pictures of the lifecycle: stages, moves between them, how long they last, and what comes."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.lifecycle.chain_fit import FittedChain
from crm_analytics.analyses.lifecycle.dwell_times import Dwell
from crm_analytics.analyses.lifecycle.flows import Flows
from crm_analytics.analyses.lifecycle.forecasting import Forecast
from crm_analytics.analyses.lifecycle.stage_history import Stages
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import composed_figures, figures

NOBODY = "No customer is in a stage."


def sizes(stages: Stages) -> Picture:
    """Customers in each stage."""
    return Picture(
        frame=stages.sizes[["stage", "customers", "share", "median_days"]],
        title="Customers by stage",
        draw=lambda f: figures.bars(f, "stage", "customers", fmt="count"),
        empty=NOBODY,
    )


def flows(found: Flows) -> Picture:
    """From which stage to which: blue who moved, grey who stayed."""
    frame = found.moves[["from_stage", "to_stage", "customers", "share", "lower", "upper"]]
    return Picture(
        frame=frame[frame["customers"] > 0].reset_index(drop=True),
        title=f"Stages on {found.then} and on {found.now}",
        draw=lambda f: composed_figures.flows(f, "from_stage", "to_stage", "customers"),
        empty=NOBODY,
    )


def matrix(found: Flows) -> Picture:
    """Share of each stage's customers by where they are now."""
    return Picture(
        frame=found.matrix(),
        title=f"Where customers of {found.then} were on {found.now}",
        draw=lambda f: figures.heatmap(f, fmt="percent:0"),
        empty=NOBODY,
    )


def net(found: Flows) -> Picture:
    """Net change of each stage, beside that of the span before."""
    earlier = found.sizes["earlier_net"].notna().any()
    return Picture(
        frame=found.sizes,
        title=f"Net change of stages since {found.then}, customers",
        draw=lambda f: figures.bars(f, "stage", "net", "earlier_net" if earlier else None, fmt="count"),
        empty=NOBODY,
    )


def curves(found: Dwell) -> Picture:
    """Share of customers still in each stage, by days in it; at most the six stages with most customers."""
    most = found.stages.nlargest(6, "spells")["stage"]
    wide = found.curves.pivot_table(index="days", columns="stage", values="staying", aggfunc="last")
    wide = wide.reindex(columns=[stage for stage in most if stage in wide]).ffill().fillna(1.0).reset_index()
    wide.columns = pd.Index([str(name) for name in wide.columns])
    return Picture(
        frame=wide,
        title="Share still in the stage",
        draw=lambda f: figures.lines(
            f, "days", [c for c in f.columns if c != "days"], x_title="days in the stage", fmt="percent:0"
        ),
        empty="No stage has begun.",
    )


def medians(found: Dwell) -> Picture:
    """Median days in each stage with their interval; stages that half have not left are missing."""
    return Picture(
        frame=found.stages.dropna(subset=["median_days"]).reset_index(drop=True),
        title="Median days in a stage",
        draw=lambda f: figures.intervals(f, "stage", "median_days", "lower", "upper", fmt="count"),
        empty="Half have left no stage yet.",
    )


def forecast(found: Forecast) -> Picture:
    """Size of each stage at the end of the last period, with its interval; grey is the size now."""
    frame = found.sizes
    last = frame[frame["period"] == frame["period"].max()].reset_index(drop=True)
    day = last["day"].iloc[0] if len(last) else ""
    return Picture(
        frame=last,
        title=f"Customers by stage expected on {day}",
        draw=lambda f: figures.intervals(f, "stage", "customers", "lower", "upper", fmt="count"),
        empty=NOBODY,
    )


def ahead(found: FittedChain) -> Picture:
    """Value still to come by periods since the last purchase, with its interval."""
    return Picture(
        frame=found.states,
        title="Value still to come, by periods since the last purchase",
        draw=lambda f: figures.lines(
            f, "recency", ["ahead"], ("ahead_lower", "ahead_upper"), names={"ahead": "value to come"},
            x_title="periods since the last purchase", fmt="money",
        ),
        empty="Nobody has bought.",
    )  # fmt: skip


def returning(found: FittedChain) -> Picture:
    """Chance to buy in the next period by periods since the last purchase, with its interval."""
    return Picture(
        frame=found.states,
        title="Chance to buy in the next period",
        draw=lambda f: figures.lines(
            f, "recency", ["p"], ("lower", "upper"), names={"p": "buy"},
            x_title="periods since the last purchase", fmt="percent:0",
        ),
        empty="Nobody has bought.",
    )  # fmt: skip
