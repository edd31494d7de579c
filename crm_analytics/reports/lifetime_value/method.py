"""How the lifetime-value report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.btyd import GammaGamma
from crm_analytics.pages import blocks, words
from crm_analytics.reports.lifetime_value.report import SmallValueReport, UnpricedReport, ValueReport
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.holdout import Evidence
    from crm_analytics.reports.lifetime_value.report import Purchases

_PAID = {
    "start": "each period paid at its start",
    "mid": "each period paid in its middle",
    "end": "each period paid at its end",
    "continuous": "paid continuously",
}


@section()
def method(report: ValueReport | UnpricedReport | SmallValueReport) -> Block:
    """Definitions, models, discounting, evidence, and what is missing."""
    items = report.method
    if not isinstance(report, SmallValueReport) and report.dates:
        items["Dates"] = report.dates
    items["Textbook value"] = (
        "Average purchase value × purchases a year of an active customer × lifespan, one over the churn from "
        f"one {report.textbook.period} to the next. Revenue, undiscounted."
    )
    if isinstance(report, SmallValueReport):
        items["Not in here"] = f"Forecasts: {report.reason}."
        return blocks.method(items)
    items |= {
        "Value to come": _value(report),
        **_models(report.forecast),
        "Two fits": "The forecast is fitted at the day. The evidence is fitted a holdout before it, knowing "
        "nothing of what came, and held against it.",
        "Intervals": _intervals(report),
        "One model for all": _cohorts(report),
        "Season": f"{report.details.season.words} The value is that of a horizon without season.",
        "Not in here": "Margin, cost of contact, inflation, and any change in prices or service.",
    }
    return blocks.method(items)


def _value(report: ValueReport | UnpricedReport) -> str:
    if isinstance(report, UnpricedReport):
        return f"Not told. {report.reason}"
    compared = f" {report.not_compared}" if report.not_compared else ""
    return (
        f"Revenue expected from today's customers in the next {report.span}, discounted at "
        f"{words.percent(report.rate)} a year (annual effective), {_PAID[report.timing]}. What they spent so "
        f"far is not in it, nor are customers still to be won.{compared}"
    )


def _models(found: Purchases) -> dict[str, str]:
    """Each with its parameters; where a fit cannot be trusted, with the reason in place of them."""
    used = {"Purchases": found.model, "Spend": found.spend, "Who is still there": found.status}
    said = {
        what: f"{model.LABEL} ({_parameters(model.params)}){_unit(model)}, by maximum likelihood."
        if model.diagnosis.converged
        else f"{model.LABEL}, whose parameters are not shown. {model.diagnosis.message}"
        for what, model in used.items()
    }
    return said | {
        "Models": "Pareto/NBD, NBD and simple rules stand beside these, and MBG/CNBD-k where customers buy "
        "more regularly than at random. Schmittlein, Morrison & Colombo 1987; Fader, Hardie & Lee 2005; "
        "Fader & Hardie 2013; Batislam, Denizel & Filiztekin 2007; Platzer & Reutterer 2016."
    }


def _unit(model: object) -> str:
    return "" if isinstance(model, GammaGamma) else ", in weeks"


def _intervals(report: ValueReport | UnpricedReport) -> str:
    # the note of the value holds that of the purchases, too
    note = report.forecast.value.note if isinstance(report, ValueReport) else report.forecast.purchases.note
    return (
        "95 %, from the uncertainty of the parameters and from chance together, by simulation (400 draws, "
        f"fixed seed). That the model itself may be wrong is not in them: the evidence shows it. {note}"
    )


def _cohorts(report: ValueReport | UnpricedReport) -> str:
    found = report.details.cohorts
    if found is None:
        return "Too few customers were won at different times to ask whether they differ."
    return f"By month or quarter of the first purchase, with MBG/NBD. {' '.join(found.words)}"


def _parameters(params: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in params.items())


@section()
def record(report: ValueReport | UnpricedReport | SmallValueReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts = report.facts | {"textbook_value": report.textbook.value}
    if isinstance(report, SmallValueReport):
        return blocks.record(**facts)
    if isinstance(report, ValueReport):
        facts |= _money(report)
    found = report.forecast
    facts |= {
        "purchases": found.purchases.mean,
        "alive": found.alive,
        **{f"bg_{name}": value for name, value in found.model.params.items()},
        "bg_converged": found.model.diagnosis.converged,
        "bg_log_likelihood": found.model.log_likelihood,
        "mbg_log_likelihood": found.status.log_likelihood,
        "buyers_13_weeks": report.details.chances["buyers"].sum(),
    }
    if report.evidence is not None:
        facts |= _tested(report.evidence)
    return blocks.record(**facts)


def _money(report: ValueReport) -> dict[str, Any]:
    found, details = report.forecast, report.details
    facts: dict[str, Any] = {
        "value": found.value.mean,
        "value_lower": found.value.lower,
        "value_upper": found.value.upper,
        "value_by_chosen": details.chosen.mean if details.chosen else found.value.mean,
        "top_fifth_share": found.tiers.spread.top_share,
    }
    if details.dependence is not None:
        facts["spearman"] = details.dependence.test.spearman
        facts["spend_by_band_change"] = details.dependence.change
        facts["value_by_bands"] = details.banded_value
    return facts


def _tested(evidence: Evidence) -> dict[str, Any]:
    tested = evidence.model
    return {
        "holdout_actual": tested.actual,
        "holdout_forecast": tested.total.mean,
        "holdout_lower": tested.total.lower,
        "holdout_upper": tested.total.upper,
        "holdout_covered": bool(tested.covered),
        "best_in_sample": evidence.comparison.best_in_sample,
        "chosen": evidence.comparison.winner,
        "brier": evidence.chances.brier,
    }
