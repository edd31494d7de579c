"""CDNOW as published, once for all tests of this folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd


@pytest.fixture(scope="session")
def cdnow_lines() -> pd.DataFrame:
    """The sample's 6,919 lines, read by file: importing lifetimes would raise warnings."""
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_sample.txt"
    names = ["master", "customer_id", "day", "cds", "unit_spend"]
    lines = pd.read_csv(path, sep=r"\s+", header=None, names=names, dtype={"customer_id": str, "day": str})
    lines["transaction_date"] = pd.to_datetime(lines["day"], format="%Y%m%d")
    return lines[["customer_id", "transaction_date", "unit_spend"]]


@pytest.fixture(scope="session")
def cdnow(cdnow_lines):
    return CustomerBase.open(cdnow_lines, today="2026-01-01")


@pytest.fixture(scope="session")
def past(cdnow):
    return cdnow.as_of("1997-09-30")


@pytest.fixture(scope="session")
def future(cdnow):
    return cdnow.between("1997-09-30", "1998-06-30")


@pytest.fixture(scope="session")
def summary(past):
    return btyd.summarize(past, unit="W")


@pytest.fixture(scope="session")
def frame(past, summary):
    """One row per customer, as a person would have it."""
    return past.collect(summary.customers).sort_values("customer_id", ignore_index=True)


@pytest.fixture(scope="session")
def bg(summary):
    return btyd.BetaGeo.fit(summary)


@pytest.fixture(scope="session")
def mbg(summary):
    return btyd.ModifiedBetaGeo.fit(summary)


@pytest.fixture(scope="session")
def gg(summary):
    return btyd.GammaGamma.fit(summary)


@pytest.fixture(scope="session")
def named() -> pd.DataFrame:
    """The customers that clv.md §3.4 names, times in weeks."""
    return pd.DataFrame(
        {
            "frequency": [2, 1, 0, 26, 7],
            "recency": [213 / 7, 12 / 7, 0, 216 / 7, 206 / 7],
            "T": [272 / 7, 272 / 7, 272 / 7, 31, 272 / 7],
        },
        index=["id 1", "id 2", "once", "id 1516", "id 6"],
    )


def simulate(customers: int, window: float, truth: dict[str, float], shift: int, seed: int) -> pd.DataFrame:
    """Histories drawn from BG/NBD (shift 0) or MBG/NBD (shift 1) in continuous time."""
    rng = np.random.default_rng(seed)
    T = rng.uniform(window / 2, window, customers)
    rate = rng.gamma(truth["r"], 1 / truth["alpha"], customers)
    leave = rng.beta(truth["a"], truth["b"], customers)
    x, recency, now = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    here = np.flatnonzero(rng.random(customers) >= leave) if shift else np.arange(customers)
    while len(here):
        now[here] += rng.exponential(size=len(here)) / rate[here]
        here = here[now[here] <= T[here]]
        x[here] += 1
        recency[here] = now[here]
        here = here[rng.random(len(here)) >= leave[here]]
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T})


@pytest.fixture(scope="session")
def draw_histories():
    return simulate
