"""How many will leave, and how far off that may be by how the model erred before."""

from __future__ import annotations

from dataclasses import dataclass

from crm_analytics.analyses.churn.measures.measures import calibration_error
from crm_analytics.analyses.churn.training import Churn
from crm_analytics.reports.churn.report import ChurnReport


@dataclass(frozen=True)
class Expected:
    """Leavers among those still here, and the money they take along.

    here : customers still here
    many, low, high : expected to leave, and the range
    money : of the leavers
    """

    here: int
    many: float
    low: float
    high: float
    money: float


def expected(report: ChurnReport, trained: Churn) -> Expected:
    """The sum of the chances, and as much to either side as the method was off a customer in a window before.

    To either side, because the same error does not come back: fewer leave in a window before Christmas than
    in one after it, and a sum put right by the first would be wrong by twice as much in the second.
    """
    table = report.there
    here, many = int(table["customers"].sum()), float(table["leaving"].sum())
    off = here * _off(trained)
    money = float(table["value_at_risk"].sum())
    return Expected(here, many, max(many - off, 0.0), min(many + off, float(here)), money)


def tested(trained: Churn) -> bool:
    """Whether the window held out was another than those learnt from."""
    return len(trained.windows) > 1


def _off(trained: Churn) -> float:
    """The largest error a customer, of the last window the end of its 95 % interval."""
    last = calibration_error(trained.held_out.left, trained.held_out.score)
    own = trained.evidence[trained.evidence["method"] == trained.method]
    before = ((own["left"] - own["expected"]) / own["n"]).abs().max()
    return max(abs(last.lower), abs(last.upper), float(before))
