"""What people say against what they do, where the data hold both."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.intervals import share_difference, wilson
from crm_analytics.analyses.voice.answers import NPS, Answers
from crm_analytics.analyses.voice.reasons import HEARD
from crm_analytics.analyses.voice.scores import DETRACTOR, PROMOTER

if TYPE_CHECKING:
    import ibis.expr.types as ir

FOLLOWED = 90  # days after an answer
EACH = 10  # people on either side


def said_and_done(given: Answers, followed: int = FOLLOWED) -> pd.DataFrame:
    """Statements that can be held against what happened.

    Parameters
    ----------
    given : answers up to `followed` days before the base's day; of a person who answered later, too, the
        earlier answer would else be lost with the later one

    Returns
    -------
    statement ("would recommend, bought again", "would recommend, referred somebody", "next from us, bought
        again"), said (people), did, share, lower, upper (95 %, Wilson), others, others_share, difference (to
        people who said the opposite), difference_lower, difference_upper (95 %, Newcombe). Only people
        followed for `followed` days after they answered. Empty where nothing can be compared
    """
    base = given.base
    until = ibis.literal(base.day - timedelta(days=followed))
    each = given.of(NPS)
    each = each.filter(each.customer_id.notnull(), each.day <= until, each.high == 10)
    each = each.filter((each.score >= PROMOTER) | (each.score <= DETRACTOR))
    each = each.mutate(yes=each.score >= PROMOTER).select("customer_id", "day", "yes")
    bought = base.exact_occasions.select("customer_id", on="day")
    rows = [("would recommend, bought again", each, bought)]
    referrals = base.tables.get("referrals")
    if referrals is not None:
        told = referrals.select(customer_id="referrer_customer_id", on=referrals.invited_at.date())
        rows.append(("would recommend, referred somebody", each, told))
    chosen = given.each
    chosen = chosen.filter(
        chosen.instrument == "brand_choice", chosen.question == "next", chosen.customer_id.notnull(),
        chosen.day <= until,
    )  # fmt: skip
    brand = _own_brand(given)
    if brand:
        chosen = chosen.mutate(yes=chosen.brand == brand).select("customer_id", "day", "yes")
        rows.append(("next from us, bought again", chosen, bought))
    found = [row for name, said, did in rows if (row := _row(given, name, said, did, followed))]
    return pd.DataFrame(found)


def _own_brand(given: Answers) -> str:
    """The brand that share-of-wallet answers are about: the shop's own; empty where nobody says."""
    own = given.each.filter(given.each.instrument == "share_of_wallet", given.each.brand.notnull())
    return str(own.brand.mode().to_pyarrow().as_py() or "")


def _row(given: Answers, name: str, said: ir.Table, did: ir.Table, followed: int) -> dict[str, object] | None:
    both = said.inner_join(did, "customer_id")
    later = both.on.delta(both.day, unit="day")
    acted = both.filter((later > 0) & (later <= followed)).select("customer_id", "day").distinct()
    acted = acted.mutate(acted=ibis.literal(1))
    joined = said.left_join(acted, ["customer_id", "day"])
    counted = joined.group_by("yes").aggregate(n=joined.count(), k=joined.acted.count())
    frame = given.base.collect(counted).set_index("yes").reindex([True, False], fill_value=0)
    (n, k), (m, j) = frame[["n", "k"]].astype("int64").to_numpy().tolist()
    if min(n, m) < EACH:
        return None
    low, high = wilson(k, n)
    ends = share_difference(k, n, j, m)
    return {
        "statement": name, "said": n, "did": k, "share": k / n, "lower": low, "upper": high, "others": m,
        "others_share": j / m, "difference": k / n - j / m, "difference_lower": ends[0],
        "difference_upper": ends[1],
    }  # fmt: skip


def heard_from(given: Answers) -> pd.DataFrame:
    """How customers say they came, against the channel that is recorded for them.

    Returns
    -------
    stated, people, recorded_same, share (of them with the same channel in the records), lower, upper (95 %,
        Wilson), recorded (people with that channel in the records, of all who answered); five people or more,
        the most stated first. Empty where either is missing
    """
    base = given.base
    customers = base.tables.get("customers")
    each = given.each
    each = each.filter(each.instrument == HEARD, each.text.notnull(), each.customer_id.notnull())
    if customers is None or "acquisition_channel" not in customers.columns:
        return pd.DataFrame()
    known = customers.filter(customers.acquisition_channel.notnull())
    known = known.select("customer_id", recorded=known.acquisition_channel.lower().strip())
    both = each.inner_join(known, "customer_id").mutate(stated=each.text.lower().strip())
    both = base.materialise(both.select("stated", "recorded"))
    # what nobody is recorded for cannot be compared
    counted = both.group_by("stated").aggregate(
        people=both.count(), recorded_same=both.count(where=both.stated == both.recorded)
    )
    recorded = both.group_by(stated=both.recorded).aggregate(recorded=both.count())
    frame = base.collect(counted.inner_join(recorded, "stated"))
    if frame.empty:
        return frame
    frame = frame[(frame["people"] >= ON_A_PAGE) & (frame["recorded"] >= ON_A_PAGE)]
    frame = frame.drop(columns=[c for c in frame if str(c).endswith("_right")])
    frame["share"] = frame["recorded_same"] / frame["people"]
    bounds = [wilson(int(k), int(n)) for k, n in zip(frame["recorded_same"], frame["people"], strict=True)]
    frame["lower"], frame["upper"] = [low for low, _ in bounds], [high for _, high in bounds]
    return frame.sort_values(["people", "stated"], ascending=[False, True], ignore_index=True)


def agreement(table: pd.DataFrame) -> tuple[float, float, float, int] | None:
    """Share of people whose stated channel is the recorded one, 95 % (Wilson), people; None without any."""
    if table.empty:
        return None
    k, n = int(table["recorded_same"].sum()), int(table["people"].sum())
    low, high = wilson(k, n)
    return (k / n if n else math.nan), low, high, n
