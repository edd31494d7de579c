"""Pictures of channels: what each is credited with, where it stands in a path, what it costs and brings."""

from __future__ import annotations

from collections.abc import Sequence

from crm_analytics.analyses.attribution.channel_paths import ChannelPaths
from crm_analytics.analyses.attribution.economics import Economics
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import figures

UNTRACKED = "No purchase has a touch."
MODELS = ("markov", "last")


def channels(found: ChannelPaths, *, models: Sequence[str] = MODELS) -> Picture:
    """Conversions that each channel is credited with, by one or more models."""
    credit = found.attribute(list(models))
    wide = credit.pivot(index="channel", columns="model", values="conversions").reindex(columns=list(models))
    frame = wide.sort_values(models[0], ascending=False).rename_axis(columns=None).reset_index()
    return Picture(
        frame=frame,
        title="Purchases by channel that is credited",
        draw=lambda f: (
            figures.bars(f, "channel", models[0], models[1] if len(models) == 2 else None, fmt="count")
            if len(models) <= 2
            else figures.columns(f, "channel", list(models), fmt="count")
        ),
        empty=UNTRACKED,
    )


def roles(found: ChannelPaths) -> Picture:
    """How often each channel begins, assists and ends a path to a purchase."""
    return Picture(
        frame=found.roles(),
        title="Where channels stand in paths to a purchase",
        draw=lambda f: figures.columns(f, "channel", ["begins", "assists", "ends"], fmt="count"),
        empty=UNTRACKED,
    )


def profit(found: Economics) -> Picture:
    """Profit of each channel: from the lowest to the highest of all models, the dot between them."""
    rows = found.channels.dropna(subset=["profit_low", "profit_high"])
    frame = rows.assign(middle=(rows["profit_low"] + rows["profit_high"]) / 2).reset_index(drop=True)
    return Picture(
        frame=frame,
        title="Profit by channel, over all models of credit",
        draw=lambda f: figures.intervals(f, "channel", "middle", "profit_low", "profit_high", 0, fmt="money"),
        empty="No channel has a spend.",
    )


def spend(found: Economics) -> Picture:
    """Spend of each channel."""
    return Picture(
        frame=found.channels.dropna(subset=["spend"]).reset_index(drop=True),
        title="Spend by channel",
        draw=lambda f: figures.bars(f, "channel", "spend", fmt="money"),
        empty="No channel has a spend.",
    )
