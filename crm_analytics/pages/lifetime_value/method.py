"""How the lifetime-value report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.analyses import btyd
from crm_analytics.pages import blocks, provenance, words
from crm_analytics.pages.lifetime_value.report import SmallValueReport, ValueReport

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block

_PAID = {
    "start": "each period paid at its start",
    "mid": "each period paid in its middle",
    "end": "each period paid at its end",
    "continuous": "paid continuously",
}


def method(report: ValueReport | SmallValueReport) -> Block:
    """Definitions, models, discounting, evidence, and what is missing."""
    items = {"Data": provenance.data(report.base), "Order": provenance.ORDER}
    items["Textbook value"] = (
        "Average purchase value × purchases a year of an active customer × lifespan, one over the churn from "
        f"one {report.textbook.period} to the next. Revenue, undiscounted."
    )
    if isinstance(report, SmallValueReport):
        items["Not in here"] = f"Forecasts: {report.reason}."
        return blocks.method(items)
    model, spend = report.forecast.model, report.forecast.spend
    items |= {
        "Value to come": f"Revenue expected from today's customers in the next {report.span}, discounted at "
        f"{words.percent(report.rate)} a year (annual effective), {_PAID[report.timing]}. What they spent so "
        "far is not in it, nor are customers still to be won.",
        "Models": f"BG/NBD for purchases ({_parameters(model.params)}), Gamma-Gamma for spend "
        f"({_parameters(spend.params)}), in weeks, by maximum likelihood; MBG/NBD for who is still there; "
        "Pareto/NBD and simple rules stand beside them. Schmittlein, Morrison & Colombo 1987; Fader, Hardie "
        "& Lee 2005; Fader & Hardie 2013; Batislam, Denizel & Filiztekin 2007.",
        "Two fits": "The forecast is fitted at the day. The evidence is fitted a holdout before it, knowing "
        "nothing of what came, and held against it.",
        "Intervals": "95 %, from the uncertainty of the parameters and from chance together, by simulation "
        "(400 draws, fixed seed). That the model itself may be wrong is not in them: the evidence shows it.",
        "One model for all": _cohorts(report),
        "Season": f"{report.details.season.words} The value is that of a horizon without season.",
        "Not in here": "Margin, cost of contact, inflation, and any change in prices or service.",
    }
    found = report.forecast
    doubts = [m.diagnosis.message for m in (model, spend, found.status) if not m.diagnosis.converged]
    notes = dict.fromkeys([btyd.cadence(report.base), found.value.note, found.purchases.note, *doubts])
    if any(notes):
        items["Mind"] = " ".join(note for note in notes if note)
    return blocks.method(items)


def _cohorts(report: ValueReport) -> str:
    found = report.details.cohorts
    if found is None:
        return "Too few customers were won at different times to ask whether they differ."
    return f"By month or quarter of the first purchase, with MBG/NBD. {' '.join(found.words)}"


def _parameters(params: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in params.items())


def record(report: ValueReport | SmallValueReport) -> Block:
    """The key numbers, for machines and for tests."""
    counts = report.base.counts
    facts = {
        "day": report.base.day,
        "rows": counts["rows"],
        "customers": counts["customers"],
        "textbook_value": report.textbook.value,
    }
    if isinstance(report, SmallValueReport):
        return blocks.record(**facts)
    found = report.forecast
    facts |= {
        "value": found.value.mean,
        "value_lower": found.value.lower,
        "value_upper": found.value.upper,
        "purchases": found.purchases.mean,
        "alive": found.tiers.alive,
        "top_fifth_share": found.tiers.spread.top_share,
        **{f"bg_{name}": value for name, value in found.model.params.items()},
        "bg_log_likelihood": found.model.log_likelihood,
        "mbg_log_likelihood": found.status.log_likelihood,
        "spearman": report.details.dependence.test.spearman,
        "spend_by_band_change": report.details.dependence.change,
        "buyers_13_weeks": report.details.chances["buyers"].sum(),
    }
    if report.evidence is not None:
        tested = report.evidence.model
        facts |= {
            "holdout_actual": tested.actual,
            "holdout_forecast": tested.total.mean,
            "holdout_lower": tested.total.lower,
            "holdout_upper": tested.total.upper,
            "holdout_covered": bool(tested.covered),
            "best_in_sample": report.evidence.comparison.best_in_sample,
            "chosen": report.evidence.comparison.winner,
            "brier": report.evidence.chances.brier,
        }
    return blocks.record(**facts)
