"""Pictures of contract models: how many are still there after each renewal."""

from __future__ import annotations

from crm_analytics.analyses.btyd.contracts.contract_models import ContractModel
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import figures


def survival(model: ContractModel, *, periods: int = 12) -> Picture:
    """Share of contracts still running after each renewal, with the interval of the parameters."""
    frame = model.survival_table(periods)
    band = ("lower", "upper") if frame["lower"].notna().any() else None
    return Picture(
        frame=frame,
        title=f"Contracts still running, by {model.LABEL}",
        draw=lambda f: figures.lines(
            f, "t", ["survival"], band, names={"survival": model.LABEL}, x_title="renewals", fmt="percent:0"
        ),
    )


def retention(model: ContractModel, *, periods: int = 12) -> Picture:
    """Share of the running contracts that is renewed each time: it rises, as the loyal stay."""
    frame = model.survival_table(periods).dropna(subset=["retention"]).reset_index(drop=True)
    return Picture(
        frame=frame,
        title=f"Renewals, by {model.LABEL}",
        draw=lambda f: figures.lines(
            f, "t", ["retention"], names={"retention": model.LABEL}, x_title="renewal", fmt="percent:0"
        ),
    )
