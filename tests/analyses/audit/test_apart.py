"""Sources held against all other customers: Welch by hand, chance, and the demo company's plan."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crm_analytics.analyses.audit.source_comparison import sources_apart
from crm_analytics.analyses.intervals import Z95


def sources_of(groups: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = [(name, len(x), x.mean(), Z95 * x.std(ddof=1) / np.sqrt(len(x))) for name, x in groups.items()]
    table = pd.DataFrame(rows, columns=["source", "customers", "revenue", "half"])
    return table.assign(
        revenue_lower=table["revenue"] - table["half"], revenue_upper=table["revenue"] + table["half"]
    )


def test_difference_matches_welch_of_scipy_or_the_spread_of_all() -> None:
    draw = np.random.default_rng(4)
    groups = {"ad": draw.gamma(2, 40, 150), "shop": draw.gamma(2, 50, 90), "friend": draw.gamma(2, 45, 60)}
    found = sources_apart(sources_of(groups)).set_index("source")
    every = np.concatenate(list(groups.values()))
    for name, x in groups.items():
        rest = np.concatenate([y for other, y in groups.items() if other != name])
        welch = stats.ttest_ind(x, rest, equal_var=False)
        row = found.loc[name]
        assert row["elsewhere"] == pytest.approx(rest.mean())
        error = (row["upper"] - row["lower"]) / 2 / Z95
        alike = every.std(ddof=1) * np.sqrt(1 / len(x) + 1 / len(rest))
        assert error == pytest.approx(max(row["difference"] / welch.statistic, alike))


def test_sources_that_differ_by_chance_alone_are_seldom_called_clear() -> None:
    draw = np.random.default_rng(11)
    called = 0
    for _ in range(200):
        groups = {f"s{i}": draw.gamma(1.5, 60, 80) for i in range(8)}
        called += bool(sources_apart(sources_of(groups))["clear"].any())
    assert called <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95)


def test_small_sources_are_left_out() -> None:
    draw = np.random.default_rng(1)
    found = sources_apart(sources_of({"ad": draw.gamma(2, 40, 200), "friend": draw.gamma(2, 400, 29)}))
    assert found.empty
