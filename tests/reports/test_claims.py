"""A page claims a kind of finding only where made-up companies say that it is seldom wrong."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crm_analytics
from crm_analytics import CustomerBase
from crm_analytics.analyses import error_rates, evidence
from crm_analytics.reports import products

PACKAGE = Path(crm_analytics.__file__).parent
# Whom it pays to contact is no sentence: the list says what it is expected to bring, with a range.
NOT_SAID = {"churn.contact_pays"}


def test_every_kind_that_was_tried_is_asked_for_where_it_is_claimed_law() -> None:
    gates = re.compile(r"(?:may_claim|told|grade|is_news)\((?:[^()]|\([^()]*\))*?\"(\w+\.\w+)\"")
    named = {
        kind
        for path in (*PACKAGE.glob("reports/**/*.py"), *PACKAGE.glob("analyses/**/*.py"))
        for kind in re.findall(r"\"(\w+\.\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert set(error_rates.trials()) - named == NOT_SAID
    text = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("reports/**/*.py"))
    assert len(set(gates.findall(text))) > 20


def busy_saturdays() -> CustomerBase:
    """Two years of 200 customers who come on Saturdays three times as often as on any other day."""
    draw = np.random.default_rng(2)
    days = pd.date_range("2024-01-01", "2025-12-28")
    chance = np.where(days.day_of_week == 5, 3.0, 1.0)
    day = draw.choice(days, 6_000, p=chance / chance.sum())
    frame = pd.DataFrame({"customer_id": draw.integers(0, 200, 6_000).astype(str), "transaction_date": day})
    frame = frame.assign(unit_spend=20.0, product_id=[f"p{i}" for i in draw.integers(0, 12, 6_000)])
    return CustomerBase.open(frame, today="2026-01-01")


@pytest.mark.usefixtures("somewhere")
def test_a_kind_that_is_often_wrong_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    report = products.prepare(busy_saturdays())
    assert "Saturday is the strongest day" in repr(products.on_which_day_and_hour(report))
    monkeypatch.setattr(evidence, "error_rate", lambda _: 0.3)
    assert "No day of the week" in repr(products.on_which_day_and_hour(report))
