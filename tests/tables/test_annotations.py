"""Dates that a company marks in its mapping: read, cut with the base, kept with a saved base."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables import snapshot as snapshots
from crm_analytics.tables.annotations import MOST, Annotation, read_annotations

LINES = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "transaction_date": ["2026-01-05", "2026-02-10", "2026-03-20"],
        "unit_spend": [10.0, 20.0, 5.0],
    }
)
RISE = {"day": "2026-02-01", "label": "Prices  raised"}
SHOP = {"day": date(2026, 3, 1), "label": "Shop in Kiel"}


def opened() -> CustomerBase:
    return CustomerBase.open(LINES, mapping={"annotation": [SHOP, RISE]}, today="2026-04-01")


def test_marked_dates_are_in_order_and_cut_as_the_base_is():
    base = opened()
    assert base.annotations == (
        Annotation(date(2026, 2, 1), "Prices raised"),
        Annotation(date(2026, 3, 1), "Shop in Kiel"),
    )
    assert [one.label for one in base.as_of("2026-02-15").annotations] == ["Prices raised"]
    assert [one.label for one in base.between("2026-02-01", "2026-03-20").annotations] == ["Shop in Kiel"]


def test_a_saved_base_keeps_its_marked_dates(tmp_path):
    base = opened()
    base.save(tmp_path / "kept")
    assert CustomerBase.open(tmp_path / "kept").annotations == base.annotations


def test_a_saved_base_whose_marks_were_made_up_is_damaged(tmp_path):
    opened().save(tmp_path / "kept")
    place = tmp_path / "kept" / snapshots.SNAPSHOT_FILE
    place.write_text(place.read_text().replace("Prices raised", "x" * 500))
    with pytest.raises(DataError, match="damaged snapshot"):
        CustomerBase.open(tmp_path / "kept")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"day": "2026-02-01", "label": "x"}, "must be written as"),
        ([{"day": "2026-02-01"}], "needs both"),
        ([{"label": "x"}], "needs both"),
        ([{"day": "2026-02-01", "label": " "}], "needs both"),
        ([{"day": "2026-02-01", "lable": "x"}], "label"),
        ([{"day": "1 March", "label": "x"}], "expected a day"),
        ([{"day": "2026-02-01", "label": "x" * 61}], "at most 60 letters"),
        ([RISE] * (MOST + 1), "at most 200"),
    ],
)
def test_a_wrong_annotation_says_how_it_is_written(given, says):
    with pytest.raises(ParameterError, match=says):
        read_annotations(given)
