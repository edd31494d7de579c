"""The profiles report below the first screen: portfolio, moves, who matters, plays."""

from __future__ import annotations

from crm_analytics.analyses.disclosure import withheld
from crm_analytics.analyses.portfolio.portfolio import GROWABLE, VALUABLE, Portfolio
from crm_analytics.analyses.portfolio.strategic_customers import Significant
from crm_analytics.analyses.rfm.migration import NEW, THIN, Migration
from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.profiles.report import ProfilesReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.section import section

SHOWN = 10
NOBODY = "Nobody has a reason yet to be looked after one by one"


@section(
    part="portfolio",
    needs="What customers will be worth is not known",
    small="Who is most valuable and most growable is not shown",
)
def who_is_worth_most(report: ProfilesReport, found: Portfolio) -> Block:
    """The portfolio in four groups: what they are forecast to bring, and could bring."""
    groups = found.groups.set_index("group")
    what = "margin less cost to serve" if found.has_margin else "revenue"
    told = (
        f"Margin is {words.percent(found.margin)} of revenue."
        if found.has_margin
        else "Unit costs are not known and no margin is given, so value is revenue."
    )
    shown = found.groups[found.groups["customers"] > 0]
    finding = f"The most valuable are forecast to bring {report.money(groups['value'][VALUABLE])}"
    if groups["customers"][GROWABLE]:
        finding += f"; the most growable could bring {report.money(groups['gap'][GROWABLE])} more"
    return blocks.chart(
        figures.bars(shown, y="group", x="value", context="gap", highlight=[GROWABLE], fmt=report.currency),
        finding=finding,
        data=shown,
        caption=f"Bars: forecast {what} of the next 52 weeks, discounted. Grey: what they would bring more "
        "in another year like their own best, weighted with the probability that they are still customers. "
        f"{told}",
        formats={"customers": "count", "value_share": "percent"}
        | dict.fromkeys(("value", "gap", "cost_to_serve", "revenue"), report.currency),
    )


@section(
    part="migration",
    needs="Where customers moved is not known",
    small="Where customers moved is not shown",
)
def where_customers_moved(report: ProfilesReport, moves: Migration) -> Block:
    """The migration matrix between two days."""
    matrix = moves.matrix()
    sizes = moves.moves.drop_duplicates("from_segment").set_index("from_segment")["from_customers"]
    thin = [name for name in matrix.index if sizes[name] < THIN]
    index = [
        f"{name} ({words.count(sizes[name])}{', too few' if name in thin else ''})" for name in matrix.index
    ]
    matrix.loc[thin] = float("nan")
    text = matrix.map(lambda share: words.percent(share, 0) if share >= 0.005 else "")
    known = moves.net[(moves.net["before"] > 0) & moves.net["clear"]]
    if len(known):
        largest = known.iloc[int(known["net"].abs().to_numpy().argmax())]
        way = "gained" if largest["net"] > 0 else "lost"
        bounds = words.interval(largest["lower"], largest["upper"], "count")
        finding = f"""“{largest["segment"]}” {way} {words.count(abs(largest["net"]))} customers since
            {words.date(moves.then)}: {words.count(largest["left"])} left, {words.count(largest["came"])} came
            (net {bounds})"""
    else:
        finding = f"""No segment is shown to have gained or lost customers since {words.date(moves.then)}:
            about as many came to each as left it"""
    note = f" Rows of fewer than {THIN} customers stay blank; the table has them." if thin else ""
    return blocks.chart(
        figures.heatmap(
            matrix.set_axis(index), text.set_axis(index), x_title=f"segment on {words.date(moves.now)}",
            fmt="percent:0",
        ),
        finding=finding,
        data=withheld(moves.moves.drop(columns="thin"), "from_segment", ["revenue_before"]),
        caption=f"Rows: segment on {words.date(moves.then)} (customers); each row sums to 100 %. The last "
        f"row, “{NEW}”, had not bought by then. Same rules on both days, each with its own cut points of "
        f"F and M; intervals (Wilson) are in the table.{note}",
        formats=dict.fromkeys(("share", "lower", "upper"), "percent")
        | {"customers": "count", "from_customers": "count", "revenue_before": report.currency},
    )  # fmt: skip


@section(
    part="significant",
    needs="Who matters beyond the average is not known",
    small="Who matters beyond the average is not shown",
)
def who_matters_and_why(report: ProfilesReport, found: Significant) -> Block:
    """Reasons why a customer is strategically significant, and how many have them."""
    told = found.reasons[found.reasons["customers"].notna()].reset_index(drop=True)
    unknown = found.reasons.loc[found.reasons["customers"].isna(), "reason"].tolist()
    left = f" Not known here: {words.listing(unknown)}." if unknown else ""
    finding = f"""{words.plural(found.count, "customer")} have a reason to be looked after one by one: they
        hold {words.percent(found.value_share, 0)} of the forecast"""
    if found.at_risk:
        finding += f", and {words.count(found.at_risk)} of them have probably gone"
        left = f" Those hold {report.money(found.value_at_risk)} of the forecast.{left}"
    return blocks.table(
        told,
        finding=finding,
        caption="Buttle's strategically significant customers; one may have several reasons. Probably gone: "
        f"the chance to be still a customer is below one half.{left}",
        formats={"customers": "count", "value": report.currency, "cost_to_serve": report.currency},
    )


@section(part="significant", needs=NOBODY, small=small_form.regulars)
def whom_to_look_after(report: ProfilesReport, found: Significant) -> Block:
    """The significant customers with most reasons and most value, by pseudonym."""
    if not found.count:
        return blocks.note(NOBODY)
    table = found.customers
    top = report.base.collect(
        table.order_by([table.how_many.desc(), table.value.desc(), "customer_id"]).limit(SHOWN)
    )
    shown = top.assign(customer=report.called(top["customer_id"]))
    gone = int((top["probability_alive"] < 0.5).sum())
    return blocks.table(
        shown[["customer", "reasons", "value", "revenue", "cost_to_serve", "probability_alive"]],
        finding=f"{words.plural(len(top), 'customer')} with the most reasons; "
        + (f"{gone} of them probably gone" if gone else "all of them probably still here"),
        caption="Value: forecast of the next 52 weeks after the expected cost to serve. "
        "Revenue: last 52 weeks.",
        formats=dict.fromkeys(("value", "revenue", "cost_to_serve"), report.currency)
        | {"probability_alive": "percent:0"},
    )


@section(small="What to do with each segment is not shown")
def what_to_do_with_each_segment(report: ProfilesReport) -> Block:
    """The play of each segment, what it holds, and how much may be spent."""
    table = report.plays[report.plays["customers"] > 0].reset_index(drop=True)
    money = [c for c in ("revenue", "value", "ceiling", "expected_value") if c in table]
    if "expected_value" in table:
        best = table.nlargest(1, "expected_value").iloc[0]
        finding = f"Contacting “{best['segment']}” should bring most: {report.money(best['expected_value'])}"
    elif "ceiling" in table:
        best = table.nlargest(1, "ceiling").iloc[0]
        finding = f"At most {report.money(best['ceiling'])} may be spent on one of “{best['segment']}”"
    else:
        best = table.nlargest(1, "revenue").iloc[0]
        finding = f"“{best['segment']}” brought most so far: {report.money(best['revenue'])}"
    told = "Expected value: customers × (response × margin × order value − cost of a contact). "
    if "expected_value" not in table:
        needed = "contact_cost and response" if report.margin else "margin, contact_cost and response"
        told = f"No expected value: it needs {needed} as parameters. "
    return blocks.table(
        table,
        finding=finding,
        caption="Value: forecast revenue of 52 weeks. Ceiling: forecast margin of a mean customer of it. "
        f"{told}",
        formats=dict.fromkeys(money, report.currency) | {"customers": "count"},
    )
