"""Key figures are counted once for all pages of a night, and are those that would be counted anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import kpis
from crm_analytics.analyses.contact_effect import contact_effect, effects_by_standing
from crm_analytics.analyses.definitions import definitions
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.referral import kpis as of_referrals
from crm_analytics.analyses.social import kpis as of_mentions

# what is summed by several threads, and so differs in its last digit
CHANGING = dict.fromkeys(("value", "lower", "upper", "error", "against_previous", "against_year"))


def test_a_kept_figure_is_the_one_counted_anew(small_company: CustomerBase, tmp_path, monkeypatch) -> None:
    keeping = small_company.keeping(tmp_path)
    alone = small_company.keeping(None)
    names = ["revenue", "revenue_growth", "customers_active", "duplicate_records", "value_to_come"]
    anew = kpis.measure(Measured(alone), names)
    first = kpis.measure(Measured(keeping), names)
    told = [kpi.value is not None for kpi in anew.values()]
    assert told == [True, True, True, True, False]
    for one, other in zip(first.values(), anew.values(), strict=True):
        assert one.facts() == pytest.approx(other.facts(), rel=1e-9)
        assert replace(one, **CHANGING) == replace(other, **CHANGING)

    def counted(given: Measured) -> Kpi:
        raise AssertionError("counted again")

    monkeypatch.setattr(kpis, "REGISTRY", dict.fromkeys(kpis.REGISTRY, counted))
    assert kpis.measure(Measured(keeping), names) == first
    for other in (
        Measured(keeping, "-4w"),
        Measured(keeping, margin=0.3),
        Measured(keeping, no_outlook="none"),
    ):
        with pytest.raises(AssertionError, match="counted again"):
            kpis.measure(other, ["revenue"])


def test_effects_of_contacts_are_measured_once(demo_company: CustomerBase, tmp_path, monkeypatch) -> None:
    words = definitions(demo_company)
    keeping, alone = demo_company.keeping(tmp_path), demo_company.keeping(None)
    whole = contact_effect(alone)
    each = effects_by_standing(alone, words, whole)
    assert contact_effect(keeping) == whole
    assert effects_by_standing(keeping, words, whole) == each
    assert whole.source == "measured"
    monkeypatch.setattr(
        "crm_analytics.analyses.contact_effect.past_waves", lambda *_: pytest.fail("measured again")
    )
    assert contact_effect(keeping, stated=0.2) == whole
    assert effects_by_standing(keeping, words, whole) == each
    known = replace(whole, value=whole.value + 5, lower=whole.value + 4, upper=whole.value + 6)
    assert effects_by_standing(keeping, words, known) != each  # held against another effect on all


def test_figures_of_one_wing_are_counted_together(demo_company: CustomerBase, tmp_path, monkeypatch) -> None:
    names = [figure.__name__ for wing in (of_mentions, of_referrals) for figure in wing.KPIS]
    read: list[str] = []
    for wing, source in ((of_mentions, "mentions"), (of_referrals, "invitations")):
        make = getattr(wing, source)
        monkeypatch.setattr(wing, source, lambda base, n=source, m=make: read.append(n) or m(base))
    keeping = demo_company.keeping(tmp_path)
    first = kpis.measure(Measured(keeping), names)
    assert sorted(read) == ["invitations", "mentions"]
    assert first["brand_mentions"].value
    assert first["referred_customers"].value
    assert kpis.measure(Measured(keeping), names) == first
    assert len(read) == 2
