"""What results say at the prompt and on a card: short, escaped, and of no customer."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd, cohorts, lifecycle, rfm
from crm_analytics.tables.object_cards import ObjectCard, said

FACADES = ("rfm", "btyd", "churn", "cohorts", "journey", "attribution", "lifecycle", "campaigns")


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    """40 customers whose ids would be seen anywhere."""
    days = pd.date_range("2025-01-01", periods=400, freq="D")
    frame = pd.DataFrame(
        {
            "customer_id": [f"secret-{n * 7 % 40:03}" for n in range(400)],
            "transaction_date": days,
            "unit_spend": [5.0 + n % 11 for n in range(400)],
        }
    )
    return CustomerBase.open(frame, today="2026-12-31")


@pytest.fixture(scope="module")
def results(base: CustomerBase) -> list[ObjectCard]:
    scores = rfm.score(base)
    summary = btyd.summarize(base)
    model = btyd.BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    made = [base, scores, rfm.migration(rfm.score(base.as_of("2025-10-01")), scores), summary, model]
    return [*made, cohorts.cohorts(base), lifecycle.stages(base), btyd.forecast_total(summary, model, 8)]


def test_a_repr_is_one_short_line_law(results):
    for result in results:
        assert len(repr(result)) < 330, type(result)
        assert "\n" not in repr(result)
        assert repr(result).startswith(f"<{type(result).__name__}: ")


def test_a_card_is_small_and_shows_no_customer_law(results):
    for result in results:
        assert len(result._repr_html_()) < 8_000, type(result)
        assert "secret-" not in repr(result) + result._repr_html_(), type(result)


def test_a_base_says_its_rows_days_tables_and_findings(base):
    assert "lines 400, customers 40, tables transactions" in repr(base)
    assert "days from 2025-01-01 to 2026-02-04" in repr(base)
    assert "days after 2025-06-01 to 2025-12-01" in repr(base.between("2025-06-01", "2025-12-01"))


def test_a_base_tells_what_the_check_found():
    frame = pd.DataFrame(
        {
            "customer_id": ["guest"] * 300 + [f"c{n}" for n in range(200)],
            "transaction_date": pd.date_range("2025-01-01", periods=500, freq="h"),
            "unit_spend": 9.0,
        }
    )
    base = CustomerBase.open(frame, today="2026-01-01")
    assert base.findings
    assert base.findings[0].says[:30] in base._repr_html_()
    assert base.findings[0].severity in repr(base)


def test_hostile_text_is_escaped_law():
    @dataclass(frozen=True)
    class Result(ObjectCard):
        label: str
        table: pd.DataFrame
        card_frame = "table"

    hostile = "<script>alert(1)</script>"
    card = Result(hostile, pd.DataFrame({hostile: [hostile]}))._repr_html_()
    assert card.count("&lt;script&gt;") == 3
    assert "<script" not in card


def test_a_frame_with_a_row_per_customer_is_not_shown():
    @dataclass(frozen=True)
    class Result(ObjectCard):
        table: pd.DataFrame
        card_frame = "table"

    card = Result(pd.DataFrame({"customer_id": ["secret"], "value": [1.0]}))._repr_html_()
    assert "secret" not in card
    assert "1 row x 2 columns" in card


def test_a_card_has_its_colours_from_lab_light_and_dark(results):
    card = results[1]._repr_html_()
    assert "var(--jp-ui-font-color1,CanvasText)" in card
    assert "color-scheme:light dark" in card


def test_a_result_that_cannot_be_asked_says_so_and_raises_nothing():
    class Broken(ObjectCard):
        @property
        def card_facts(self):
            raise ConnectionError("closed")

    assert repr(Broken()) == "<Broken: not to be read ConnectionError>"


def test_a_model_shows_four_digits():
    model = btyd.BetaGeo({"r": 1 / 3, "alpha": 4.4, "a": 0.8, "b": 2.4}, unit="W")
    assert "params r 0.3333, alpha 4.4, a 0.8, b 2.4" in repr(model)


def test_long_values_are_cut():
    assert said("x" * 500) == "x" * 80 + "…"
    assert said({str(n): n for n in range(9)}) == "9 entries"


@pytest.mark.parametrize("name", FACADES)
def test_completion_offers_the_public_names_alone_law(name):
    facade = importlib.import_module(f"crm_analytics.analyses.{name}")
    assert dir(facade) == sorted(facade.__all__)
