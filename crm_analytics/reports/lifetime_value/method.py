"""How the lifetime-value report was made, and its numbers for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.kpis import FACTS_VERSION
from crm_analytics.pages import blocks
from crm_analytics.reports.lifetime_value.report import SmallValueReport, UnpricedReport, ValueReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.handed_in import disagreement, earlier_run
from crm_analytics.reports.shared.null_worlds import wrong
from crm_analytics.reports.shared.plans import WORKS
from crm_analytics.reports.shared.section import section
from crm_analytics.reports.shared.tiles import effect_words, interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.holdout import Evidence


@section(small=small_form.method)
def method(report: ValueReport | UnpricedReport) -> Block:
    """Definitions, models, discounting, evidence, and what is missing."""
    t, counts = report.t, report.base.counts
    said = {
        "data": t(
            "method.data_text",
            rows=counts["rows"],
            first=report.base.first_day,
            last=report.base.day,
            rejected=counts["rejected"],
            returns=counts["returns"],
        ),
        "order": t("method.order_text"),
        **({"dates": t("lede.dates", span=report.odd_dates)} if report.odd_dates else {}),
        "value": t("method.value_text", span=report.span)
        if isinstance(report, ValueReport)
        else t("lede.no_money"),
        **_discounted(report),
        "models": _models(report),
        "sources": t("method.sources_text"),
        "fits": t("method.fits_text"),
        "intervals": t("method.intervals_text"),
        "cohorts": _cohorts(report),
        "season": _season(report),
        "words": t("method.words_text", gaps=report.plan.given.definitions.gaps),
        "worth": t("method.worth_text", weeks=WORKS[0], effect=effect_words(t, report.plan)),
        "previous": earlier_run(t, report.handed),
        **disagreement(t, report.handed, "lifetime_value", report.plan.actions),
        "not_here": t("method.not_here_text"),
    }
    return blocks.method(
        {t(f"method.{term}"): text for term, text in said.items()} | wrong(t, "lifetime_value")
    )


def _discounted(report: ValueReport | UnpricedReport) -> dict[str, str]:
    if not isinstance(report, ValueReport):
        return {}
    value = report.forecast.value
    bounds = interval(report.t, value.lower, value.upper, report.currency)
    slots = {"rate": report.rate, "value": value.mean, "interval": bounds, "paid": report.timing}
    return {"discounted": report.t("method.discounted_text", **slots)}


def _models(report: ValueReport | UnpricedReport) -> str:
    """Each with its parameters; where a fit cannot be trusted, that it cannot."""
    found = report.forecast
    used = {"purchases": found.model, "spend": found.spend, "status": found.status}
    said = {
        what: report.t(
            "method.fitted",
            model=model.LABEL,
            params=", ".join(f"{name} {value:.3g}" for name, value in model.params.items()),
        )
        if model.diagnosis.converged
        else report.t("method.not_fitted", model=model.LABEL)
        for what, model in used.items()
    }
    return report.t("method.models_text", **said)


def _cohorts(report: ValueReport | UnpricedReport) -> str:
    found = report.details.cohorts
    if found is None:
        return report.t("method.cohorts_none")
    if found.choice == "pooled":
        return report.t("method.cohorts_same")
    return report.t("method.cohorts_apart", p=found.p)


def _season(report: ValueReport | UnpricedReport) -> str:
    season = report.details.season
    if not season.known:
        return report.t("method.season_unknown")
    return report.t("method.season_known", years=season.years)


def _small_record(report: SmallValueReport) -> Block:
    facts = {"facts_version": FACTS_VERSION, **report.facts, "textbook_value": report.textbook.value}
    return blocks.record(**facts)


@section(small=_small_record)
def record(report: ValueReport | UnpricedReport) -> Block:
    """The key figures, for machines and for tests."""
    found, plan = report.forecast, report.plan
    facts: dict[str, Any] = {
        "facts_version": FACTS_VERSION,
        **report.facts,
        "textbook_value": report.textbook.value,
        "purchases_to_come": found.purchases.mean,
        "still_customers": found.alive,
    }
    facts |= {name: value for kpi in report.kpis.values() for name, value in kpi.facts().items()}
    if isinstance(report, ValueReport):
        facts |= _money(report)
    facts |= {
        **{f"bg_{name}": value for name, value in found.model.params.items()},
        "bg_converged": found.model.diagnosis.converged,
        "bg_log_likelihood": found.model.log_likelihood,
        "mbg_log_likelihood": found.status.log_likelihood,
        "buyers_13_weeks": report.details.chances["buyers"].sum(),
        "at_risk_days": plan.given.definitions.at_risk_days,
        "lapsed_days": plan.given.definitions.lapsed_days,
        "contact_effect": plan.effect.value,
        "contact_cost": plan.cost.amount,
    }
    if report.evidence is not None:
        facts |= _tested(report.evidence)
    return blocks.record(**facts)


def _money(report: ValueReport) -> dict[str, Any]:
    found, details = report.forecast, report.details
    facts: dict[str, Any] = {
        "value_discounted": found.value.mean,
        "value_discounted_lower": found.value.lower,
        "value_discounted_upper": found.value.upper,
        "value_by_chosen": details.chosen.mean if details.chosen else found.value.mean,
        "top_fifth_value_share": found.tiers.spread.top_share,
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
