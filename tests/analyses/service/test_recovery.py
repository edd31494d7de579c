"""What quick help changes: planted effects are found, none is found where there is none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import service
from crm_analytics.analyses.evidence import Evidence
from crm_analytics.analyses.service.recovery import matched_difference
from crm_analytics.errors import NotEnoughData, ParameterError
from tests.analyses.service import null_worlds
from tests.analyses.service.worlds import points_of_help, shop

DOCS = Path(__file__).parents[3] / "docs" / "service.md"


def test_matched_difference_matches_mantel_and_haenszel_by_hand():
    # Two groups, 2 x 2 each; Mantel-Haenszel weights n1 n0 / N by hand.
    cells = pd.DataFrame(
        [
            (0, True, 10, 6), (0, False, 20, 8), (1, True, 30, 24), (1, False, 15, 9),
            (2, True, 7, 7),  # nobody to compare with
        ],
        columns=["group", "helped", "n", "after"],
    )  # fmt: skip
    w = np.array([10 * 20 / 30, 30 * 15 / 45])
    expected = float((w * np.array([6 / 10 - 8 / 20, 24 / 30 - 9 / 15])).sum() / w.sum())
    found = matched_difference(cells, "after")
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert (found.helped, found.others, found.groups) == (40, 35, 2)
    assert found.lower < expected < found.upper


def test_planted_effect_of_quick_help_recovers_planted_truth():
    found = null_worlds.measured(0.5, worlds=12, first=9_000)
    truth = np.mean([points_of_help(null_worlds.CUSTOMERS, 0.5, seed) for seed in range(9_000, 9_012)])
    held = int(((found["lower"] <= truth) & (truth <= found["upper"])).sum())
    shown = int(found["shown"].sum())
    assert 0.1 < truth < 0.25
    assert held >= 9
    assert shown >= 8


def test_where_help_changes_nothing_an_effect_is_rarely_shown():
    found = null_worlds.measured(0.0, worlds=20, first=5_000)
    assert found["shown"].sum() <= 4  # 5 % of 20 is 1; 5 or more happen once in 4,000
    assert found["plain"].mean() > 0.04  # a plain comparison is misled: the test can fail


def test_committed_table_keeps_the_promise():
    rows = re.findall(
        r"^\| (\d+)% of those who leave \| seen \| (\d+) \| ([\d.]+)% ", DOCS.read_text(), re.MULTILINE
    )
    by_effect = {int(effect): (int(n), float(share)) for effect, n, share in rows}
    assert by_effect[0][0] >= 200
    assert by_effect[0][1] <= 5.0
    assert by_effect[50][1] >= 50.0


def test_company_whose_help_changes_nothing_recovers_planted_truth(demo_company):
    found = service.recovery(demo_company)
    assert found.evidence is not Evidence.SHOWN
    assert found.effect.lower <= 0 <= found.effect.upper
    assert found.is_alike


def test_too_few_on_a_side_says_how_many():
    base = CustomerBase.open(shop(50, 0.0, 1), today="2026-12-01")
    with pytest.raises(NotEnoughData, match="complaints on either side"):
        service.recovery(base, within=30)
    with pytest.raises(ParameterError, match="1 day or more"):
        service.recovery(base, within=0)
