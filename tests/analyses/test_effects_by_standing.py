"""An effect is used for the customers on whom it was measured, and for nobody else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.contact_effect import (
    MEASURED,
    STATED,
    STATED_EFFECT,
    _measured,
    contact_effect,
    effects_by_standing,
)
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK, LAPSED, Definitions

SENT = pd.Timestamp("2026-03-01")
LEFT = SENT - pd.Timedelta(days=100)  # the silent bought last on this day


def members(active: int, silent: int) -> CustomerBase:
    """Half of each is written to; the active then buy twice as often, the silent as often as before."""
    rng = np.random.default_rng(24)
    ids = np.array([f"c{i:05d}" for i in range(active + silent)])
    is_active, treated = np.arange(len(ids)) < active, np.arange(len(ids)) % 2 == 0
    before = np.where(is_active, SENT - pd.Timedelta(days=10), LEFT)
    bought = rng.random(len(ids)) < np.where(is_active & treated, 0.6, 0.3)
    days = [*before, *[SENT + pd.Timedelta(days=4)] * bought.sum(), "2026-06-01"]
    sales = pd.DataFrame(
        {"customer_id": [*ids, *ids[bought], "x"], "unit_spend": 10.0, "transaction_date": days}
    )
    sent = pd.DataFrame({"campaign_id": "spring", "customer_id": ids, "sent_at": SENT,
        "treatment": np.where(treated, "treated", "control")})  # fmt: skip
    return CustomerBase.open({"transactions": sales, "campaign_members": sent}, today="2026-12-31")


def words() -> Definitions:
    """At risk from 60 days on, lapsed from 365."""
    thresholds = SimpleNamespace(at_risk_days=60, lapsed_days=365)
    return SimpleNamespace(  # type: ignore[return-value]
        at_risk_days=60,
        lapsed_days=365,
        standing=lambda silence: Definitions.standing(thresholds, silence),  # type: ignore[arg-type]
    )


def test_effect_on_the_active_is_not_used_for_the_silent_recovers_planted_truth() -> None:
    base = members(2_000, 2_000)
    whole, found = contact_effect(base), effects_by_standing(base, words(), contact_effect(base))
    assert set(found) == {ACTIVE, AT_RISK, LAPSED}
    assert {name: one.source for name, one in found.items()} == {
        ACTIVE: MEASURED, AT_RISK: MEASURED, LAPSED: STATED,
    }  # fmt: skip
    assert found[ACTIVE].lower <= 1.0 <= found[ACTIVE].upper
    assert found[AT_RISK].lower <= 0.0 <= found[AT_RISK].upper < whole.value
    assert found[ACTIVE].contacts == 1_000


def test_interval_of_the_effect_holds_the_truth_law() -> None:
    """Of 400 worlds 20 are expected outside; what the controls order is chance, too."""
    rng, held = np.random.default_rng(7), 0
    for _ in range(400):
        treated, control = rng.binomial(500, 0.6) / 500, rng.binomial(500, 0.3) / 500
        half = 1.96 * np.sqrt(treated * (1 - treated) / 499 + control * (1 - control) / 499)
        added = treated - control
        row = {"adjusted": added, "adjusted_lower": added - half, "adjusted_upper": added + half,
               "control_mean": control, "control": 500, "treated": 500}  # fmt: skip
        found = _measured(row, 1)
        held += found.lower <= 1.0 <= found.upper
    assert held >= 370


def test_too_few_members_of_a_standing_leave_the_stated_effect() -> None:
    base = members(1_000, 40)
    whole = contact_effect(base)
    found = effects_by_standing(base, words(), whole)
    assert found[ACTIVE] == whole  # theirs is not shown to be another one
    assert (found[AT_RISK].source, found[AT_RISK].value) == (STATED, STATED_EFFECT)
    alone = CustomerBase.open(
        pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1.0]}),
        today="2026-12-31",
    )
    assert effects_by_standing(alone, words(), contact_effect(alone)) == {}
