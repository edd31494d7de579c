"""Pictures of campaigns: Qini curve, uplift by tenth, effects by campaign and segment, sizes of lists."""

from __future__ import annotations

import pandas as pd

from crm_analytics.analyses.campaigns.lists.lists import Lists
from crm_analytics.analyses.campaigns.measurement.evaluation import Evaluation
from crm_analytics.analyses.campaigns.measurement.qini import Qini
from crm_analytics.analyses.campaigns.measurement.uplift import Uplift
from crm_analytics.analyses.plots import Picture, one_of
from crm_analytics.pages import figures

NOTHING = "No campaign could be measured."


def curve(found: Qini) -> Picture:
    """What contacting brings by the share contacted, best first; grey is a blind choice."""
    return Picture(
        frame=found.curve,
        title=f"Gained by share contacted (Qini {found.coefficient:.3g})",
        draw=lambda f: figures.lines(
            f, "share", ["gained", "random"], ("lower", "upper"), names={"random": "blindly"},
            context=("random",), x_title="share of members contacted, best first", zero=False,
        ),
        empty=NOTHING,
    )  # fmt: skip


def qini(found: Uplift) -> Picture:
    """The Qini curve of the cross-fitted scores."""
    return curve(found.qini)


def deciles(found: Uplift) -> Picture:
    """Uplift that was predicted and seen, by tenths of members; the highest scores first."""
    return Picture(
        frame=found.deciles,
        title="Uplift by tenths of members, seen and predicted",
        draw=lambda f: figures.columns(
            f.assign(decile=f["decile"].astype(str)), "decile", ["observed", "predicted"],
            {"observed": "seen"}, x_title="tenths, highest score first", fmt="number:2",
        ),
        empty=NOTHING,
    )  # fmt: skip


def pooled(found: Evaluation) -> Picture:
    """Effect on each outcome, all campaigns together, with its interval."""
    return _effects(found.pooled, "outcome", "Effect of a contact, all campaigns")


def campaigns(found: Evaluation, *, outcome: str = "") -> Picture:
    """Effect of each campaign on one outcome; the intervals hold together."""
    return _effects(_of(found.campaigns, outcome), "campaign", "Effect by campaign")


def segments(found: Evaluation, *, outcome: str = "") -> Picture:
    """Effect in each segment on one outcome; the intervals hold together."""
    return _effects(_of(found.segments, outcome), "segment", "Effect by segment")


def sizes(found: Lists) -> Picture:
    """How many customers are on each list, and how many of them are contacted."""
    members = found.members
    counted = members.group_by("list").aggregate(
        due=members.count(), contacted=(members.treatment == "treated").sum()
    )
    frame = found.base.collect(counted.order_by(counted.due.desc(), "list"))
    frame["contacted"] = frame["contacted"].fillna(0)
    return Picture(
        frame=frame,
        title="Customers on each list: contacted, and due",
        draw=lambda f: figures.bars(f, "list", "contacted", "due", fmt="count"),
        empty="No customer is due.",
    )


def _of(frame: pd.DataFrame, outcome: str) -> pd.DataFrame:
    if frame.empty or "outcome" not in frame:
        return frame
    known = list(dict.fromkeys(frame["outcome"].astype(str)))
    if outcome:
        one_of("outcome", outcome, known)
    return frame[frame["outcome"].astype(str) == (outcome or known[0])].reset_index(drop=True)


def _effects(frame: pd.DataFrame, label: str, title: str) -> Picture:
    names = label if label in frame else next((c for c in ("name", "campaign_id") if c in frame), label)
    outcome = (
        f": {frame['outcome'].iloc[0]}" if label != "outcome" and len(frame) and "outcome" in frame else ""
    )
    return Picture(
        frame=frame,
        title=f"{title}{outcome}",
        draw=lambda f: figures.intervals(f, names, "adjusted", "adjusted_lower", "adjusted_upper", 0),
        empty=NOTHING,
    )
