"""Who will buy soon, whether such chances came true, and whether busy customers spend more on a purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.pages import blocks, figures, words
from crm_analytics.reports.lifetime_value.report import UnpricedReport, ValueReport
from crm_analytics.reports.shared.section import section

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd import Dependence
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.lifetime_value.forecast import Forecast

_SMALL = blocks.note(
    "Chances of buying come with the models",
    "They need a hundred customers, thirty of whom have come back.",
)
_SMALL_SPEND = blocks.note(
    "Whether busy customers spend more is asked later",
    "It needs thirty customers who have bought on more than one day.",
)


@section("Who will buy next", small=_SMALL)
def who_will_buy(report: ValueReport | UnpricedReport) -> Block:
    """Customers by the chance that they buy in the next quarter, beside that of being there at all."""
    chances = report.details.chances
    customers, buyers = chances["customers"].sum(), chances["buyers"].sum()
    frame = chances.assign(
        share_of_buyers=chances["buyers"] / buyers if buyers else 0.0,
        customer_share=chances["customers"] / customers,
    )
    likely = frame.iloc[:2][["customers", "buyers"]].sum()
    return blocks.chart(
        figures.bars(frame, y="chance", x="share_of_buyers", context="customer_share", fmt="percent:0"),
        finding=f"About {words.count(buyers)} of {words.plural(customers, 'customer')} will buy in the next "
        f"13 weeks; of {words.plural(likely['customers'], 'customer')} it is likelier than not",
        data=frame[["chance", "customers", "buyers", "alive"]],
        caption="Colour: share of the customers who will buy; grey: share of all customers. By MBG/NBD. "
        "Whether somebody is still there is never seen, whether somebody buys is: so decide by this chance. "
        f"Those likelier to buy than not hold {words.count(likely['buyers'])} of the buyers. "
        + _came_true(report),
        formats=dict.fromkeys(("buyers", "alive"), "count"),
    )


def _came_true(report: ValueReport | UnpricedReport) -> str:
    """Whether such chances came true in the holdout."""
    if report.evidence is None:
        return ""
    found = report.evidence.chances
    table = found.table
    said = (
        f"Fitted on {words.date(report.evidence.base.day)}, it expected "
        f"{words.count((table['predicted'] * table['customers']).sum())} buyers up to this day; "
        f"{words.count(found.buyers)} came. In {table['inside'].sum()} of "
        f"{words.plural(len(table), 'group')} of equal size the share that bought was as foreseen, "
        "but for chance"
    )
    if words.is_unknown(found.skill):
        return f"{said}."
    way = "better" if found.skill >= 0 else "worse"
    return f"{said}; {words.percent(abs(found.skill), 0)} {way} than one chance for all (Brier score)."


@section(
    part="priced",
    needs="Whether busy customers spend more on a purchase cannot be told in money",
    small=_SMALL_SPEND,
)
def spend_and_frequency(report: ValueReport, forecast: Forecast) -> Block:
    """Spend on a purchase by how often customers buy, and what that does to the value."""
    found = report.details.dependence
    if found is None:
        return _SMALL_SPEND
    frame = found.bands.drop(columns="ratio")
    money = report.currency
    gap = abs(found.test.spearman - found.expected_spearman)
    finding = "How much customers spend on a purchase does not depend on how often they buy"
    if found.p < 0.05 and gap >= 0.03:
        way = "more" if found.test.spearman > found.expected_spearman else "less"
        finding = f"Customers who buy more often spend {way} on a purchase"
        if report.details.banded_value is not None:
            change = report.details.banded_value / forecast.value.mean - 1
            finding += f"; that would move the value by {words.percent(change, 1)}"
    return blocks.chart(
        figures.columns(
            frame,
            x="band",
            ys=["actual", "independent"],
            names={"actual": "spent", "independent": "if all were alike"},
            x_title="repeat purchases",
            fmt=money,
        ),
        finding=finding,
        data=frame,
        caption=f"Rank correlation {words.number(found.test.spearman, 2)} (95 % "
        f"{words.interval(found.test.lower, found.test.upper, 'number:2')}), where independence would show "
        f"{words.number(found.expected_spearman, 2)}; {words.plural(found.test.customers, 'repeat buyer')}."
        f"{_what_it_was_worth(report)} {_handled(report, found)}",
        formats=dict.fromkeys(("actual", "lower", "upper", "independent", "predicted"), money),
    )


def _what_it_was_worth(report: ValueReport) -> str:
    """Whether bands fitted a holdout ago came nearer to what was spent after that."""
    before = report.evidence.dependence if report.evidence else None
    if report.evidence is None or before is None or words.is_unknown(before.error_pooled):
        return ""
    one, many = report.money(before.error_pooled), report.money(before.error_banded)
    verdict = "nearer" if before.error_banded < before.error_pooled else "no nearer"
    return (
        f" Fitted on {words.date(report.evidence.base.day)}, a level for each band came {verdict} to what "
        f"was spent afterwards: off by {many} a purchase, one level for all by {one}."
    )


def _handled(report: ValueReport, found: Dependence) -> str:
    """What a level for each band would make of the value, and whether to take it."""
    banded = report.details.banded_value
    if banded is None:
        return "The value here takes one level for all."
    said = (
        "With a level for each band, one-time buyers at that of the lowest, the value would be "
        f"{report.money(banded)}"
    )
    if not words.is_unknown(found.change_lower):
        reach = words.interval(found.change_lower, found.change_upper, "percent:1")
        said += f", {reach} away from the value here, which takes one level for all"
    before = report.evidence.dependence if report.evidence else None
    refuted = before is not None and before.error_banded >= before.error_pooled
    if found.handle and not refuted:
        return f"{said}. That is more than chance: decide by that value."
    return f"{said}. {'What came speaks against it' if refuted else 'That is too little, or too unsure'}."
