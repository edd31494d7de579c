"""How the campaigns report was made, and its numbers for machines."""

from __future__ import annotations

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns.measurement.campaign_arms import MINIMUM_ARM
from crm_analytics.pages import blocks, words
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.campaigns.due import called
from crm_analytics.reports.campaigns.report import CampaignsReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.null_worlds import TITLE, wrong
from crm_analytics.reports.shared.section import section


@section(small=small_form.method)
def method(report: CampaignsReport) -> Block:
    """How effects are measured, what is left out, what they do not say."""
    items = report.method
    found = report.waves
    if found is not None:
        table = found.waves.campaigns
        days = sorted(set(table["window_days"]))
        lengths = words.listing(map(str, days)) if len(days) < 4 else f"{days[0]} to {days[-1]}"
        items["Campaigns"] = f"""{words.plural(len(table), "campaign")} with {MINIMUM_ARM} members or more in
            both arms, sent {words.date(table["sent_day"].min())} to
            {words.date(table["sent_day"].max())}. Looked at: the day of sending and {lengths} days after
            it; campaigns whose days are not over are left out."""
        items["Effect"] = f"""Intention to treat: whoever was to get the campaign counts as treated, opened
            or not. The mean over campaigns of treated less control, weighted by n t n c / (n t + n c); a
            customer in several campaigns is one cluster. CUPED (Deng et al. 2013): less what the member's
            orders and spend of the {found.waves.before} days before predicted. “No effect shown” is said
            where the interval holds zero; it is no proof that there is none."""
        items["Ranking"] = """T-learner (Künzel et al. 2019): one ridge regression an arm on recency,
            frequency, value and segment; learned on what the past did not predict; each member scored by
            models fitted to other customers. Qini coefficient (Radcliffe 2007): area between the curve
            and contacting blindly; bootstrap of customers, the scores as given. A ranking is advised only
            where some share of it brings a profit above zero, and more than contacting everybody."""
        items["Night by night"] = """Campaigns may be read on every night of their window: the 5 % of error
            are
            spent over the planned nights (Lan & DeMets 1983, O'Brien and Fleming's kind), so that the last
            interval is about a tenth wider than one that is read once. The sum over all campaigns holds for
            one reading."""
    items[TITLE] = wrong("campaigns")
    if report.incentives is not None:
        items["Incentives"] = """Orders with and without a deal: Poisson regression with an effect for every
            customer (Wooldridge 1999). Members: Mantel-Haenszel ratio of rates, variance between
            customers; since when somebody is a member is not in the tables."""
    if report.due is not None:
        items["Lists"] = f"""{words.plural(len(report.due.wave.rules), "rule")}, in order:
            {words.listing(called(rule.name) for rule in report.due.wave.rules)}. Kept out, in order:
            {words.listing(campaigns.STEPS)}. Control: a hash of the list and the customer, so that it
            stays the same. An open ticket is one without a solution."""
    if report.earlier is not None:
        then = words.date(report.earlier.waves.base.day)
        items["Change"] = (
            f"Against what was known on {then}; the later number holds the earlier campaigns, too."
        )
    elif found is not None:
        items["Change"] = "No earlier period."
    items["Not in here"] = """What campaigns do to customers who were in none; effects that come later than
        the days looked at, or through other customers; visits of people not known by name."""
    return blocks.method(items)


@section(small=small_form.record)
def record(report: CampaignsReport) -> Block:
    """The key numbers, for machines and for tests."""
    facts = report.facts
    found = report.waves
    if found is not None:
        table = found.waves.campaigns
        facts |= {"campaigns": len(table), "contacts": int(table["treated"].sum())}
        for row in found.pooled.to_dict("records"):
            for end in ("", "_lower", "_upper"):
                if not words.is_unknown(row[f"adjusted{end}"]):
                    facts[f"{row['outcome']}_effect{end}"] = row[f"adjusted{end}"]
        if found.uplift is not None:
            facts |= {"qini": found.uplift.qini.coefficient, "qini_lower": found.uplift.qini.lower}
    if report.due is not None:
        facts |= {"due": int(report.due.lists["due"].sum()), "to_contact": report.due.treated}
    told = report.incentives
    if told is not None:
        facts |= {"deals": told.deals, "discount": round(told.discount, 2)}
        if told.offers is not None:
            facts["given_away"] = round(float(told.offers.given_away["given_away"].iloc[0]), 2)
    return blocks.record(**facts)
