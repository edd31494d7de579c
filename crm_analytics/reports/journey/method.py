"""How the journey report was made, and its numbers for machines."""

from __future__ import annotations

from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.journey.report import JourneyReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import TITLE, wrong
from crm_analytics.reports.shared.section import section


@section(small=small_form.method)
def method(report: JourneyReport) -> Block:
    """Definitions of step, journey, visit and stage, what is left out, what it cannot tell."""
    now, days = report.now, words.number(report.within, 0)
    return blocks.method(
        {
            "Data": report.method["Data"],
            "Period": f"Steps after {words.date(now.after)}, up to {words.date(now.journey.base.day)}.",
            "Step": f"A row of {words.listing(now.journey.sources)}. What was sent to customers is none. A "
            "purchase that was tracked and is in the transactions too is one step. Steps at the same second "
            "are ordered by table, then row id, then name.",
            "Journey": "All steps of a customer in the period. A visitor is joined to the customer "
            "customer_identities knows; else the visitor is a journey of its own "
            f"({words.count(now.visitors)} of {words.count(now.journey.count())}), and one person may be "
            "several.",
            "Visit": f"Steps of a journey without a silence of more than "
            f"{words.number(now.journey.session_minutes, 0)} minutes.",
            "Stages": "The event's own stage; a purchase is the stage purchase; other steps lie before it "
            "until the first purchase and after it from then on (Lemon & Verhoef 2016; map after Bernard & "
            "Andritsos 2017).",
            "Goes on": f"""Only who reached a stage at least {days} days before the end counts, so that
                everybody had {days} days. From the purchase on, the next step is another purchase.""",
            "Funnel": f"""Steps in order, others between allowed, within {days} days of the first; any
                beginning counts. The last days of the period had less time.""",
            "Intervals": "95 %: Wilson for shares, Newcombe for differences.",
            TITLE: wrong("journey"),
            "Not in here": """Why somebody left; what nobody recorded; whether a step causes a purchase.
                Money at stake assumes that others would spend like those who went on.""",
        }
    )


@section(small=small_form.record)
def record(report: JourneyReport) -> Block:
    """The key numbers, for machines and for tests."""
    now = report.now
    facts = report.facts | {
        "journeys": now.journey.count(),
        "visitors": now.visitors,
        "steps": int(now.events["steps"].sum()),
    }
    for row in now.map.stages.to_dict("records"):
        facts[f"{row['stage']}_reached"] = int(row["reached"])
        facts[f"{row['stage']}_of"] = int(row["of"])
        facts[f"{row['stage']}_went_on"] = int(row["went_on"])
    if now.funnel is not None:
        facts |= {f"funnel_{k}": int(n) for k, n in enumerate(now.funnel["reached"], 1)}
    return blocks.record(**facts)
