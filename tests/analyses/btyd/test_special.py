"""Expected purchases of a living customer against 60-digit arithmetic, on the points where others fail."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, hyp2f1

from crm_analytics.analyses.btyd.fitting.special import beta_nodes, purchases_while_alive


def exact(z: float, x: float, r: float, a: float, b: float) -> float:
    """Sum over n of P(more than n purchases come) E[(1 - p)^n]: only positive terms, in 60 digits.

    Purchases of the undying customer are negative binomial with success w = z / (1 + z).
    """
    with localcontext() as context:
        context.prec = 60
        R, B, A, z_ = Decimal(r) + Decimal(x), Decimal(b) + Decimal(x), Decimal(a), Decimal(z)
        w = z_ / (1 + z_)
        term = (R * (1 - w).ln()).exp()  # P(N = 0)
        more, stay, total = 1 - term, Decimal(1), Decimal(0)
        n = 0
        while True:
            total += more * stay
            if more * stay < Decimal("1e-22") * total and n > R * z_:
                return float(total)
            term *= w * (R + n) / (n + 1)
            stay *= (B + n) / (A + B + n)
            more -= term
            n += 1


STRESS = [
    # z = t / (alpha + T), x, r, a, b
    (30 / 14.41, 0, 0.5459, 0.0009995, 0.03899),  # a + b < 1 and x = 0: lifetimes NaN (clv.md 1.1)
    (365 / 734.4, 2000, 0.243, 0.793, 2.426),  # clvkit NaN (clv.md 1.7)
    (3650 / 369.4, 300, 0.243, 0.793, 2.426),  # clvkit inf (clv.md 1.7)
    (39 / 43.3, 2, 0.243, 1.0, 2.426),  # a = 1 exactly
    (39 / 43.3, 2, 0.243, 1.0 + 1e-9, 2.426),
    (1e-9, 3, 0.243, 0.793, 2.426),
    (0.5, 0, 1e-3, 1e-3, 1e-3),
    (12.0, 5, 0.243, 250.0, 900.0),
    (12.0, 0, 0.243, 0.793, 2.426),
    (0.4, 40, 1.4066, 0.0126, 7.69),  # Complete Journey (clv.md 3.7)
    (2.0, 177, 0.9, 0.3, 40.0),  # mean x of lifetimes#405
]


@pytest.mark.parametrize("point", STRESS)
def test_stress_points_match_60_digit_sum(point):
    assert float(purchases_while_alive(*point)) == pytest.approx(exact(*point), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    z=st.floats(1e-3, 8.0),
    x=st.integers(0, 60),
    r=st.floats(0.01, 5.0),
    a=st.floats(0.005, 20.0),
    b=st.floats(0.02, 50.0),
)
def test_grid_matches_60_digit_sum(z, x, r, a, b):
    assert float(purchases_while_alive(z, x, r, a, b)) == pytest.approx(exact(z, x, r, a, b), rel=1e-8)


def test_agrees_with_the_printed_hypergeometric_form():
    """Equation (10) of Fader, Hardie & Lee (2005), where it is well conditioned."""
    r, alpha, a, b, t, T = 0.243, 4.414, 0.793, 2.426, 39.0, 38.86
    x = np.arange(0, 30)
    share = t / (alpha + T + t)
    printed = (a + b + x - 1) / (a - 1)
    printed = printed * (1 - (1 - share) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, share))
    np.testing.assert_allclose(purchases_while_alive(t / (alpha + T), x, r, a, b), printed, rtol=1e-9)


def test_published_value_where_lifetimes_is_nan():
    """clv.md 1.1: 1.1189 for r=.5459, alpha=13.41, a=.0009995, b=.03899, t=30, T=1 and x = 0."""
    found = float(purchases_while_alive(30 / 14.41, 0, 0.5459, 0.0009995, 0.03899))
    assert found == pytest.approx(1.1189, abs=5e-5)


def test_series_and_quadrature_agree():
    rng = np.random.default_rng(2)
    z, x = rng.uniform(0, 15, 5_000), rng.integers(0, 9, 5_000)
    z[:3] = 0.0
    at_once = purchases_while_alive(z, x, 0.243, 0.793, 2.426)
    one_by_one = np.array(
        [float(purchases_while_alive(*p, 0.243, 0.793, 2.426)) for p in zip(z, x, strict=True)]
    )
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-9)
    assert (at_once[:3] == 0).all()


def test_grows_with_time_never_faster_than_the_rate():
    z = np.linspace(0, 10, 200)
    found = purchases_while_alive(z, 4, 0.243, 0.793, 2.426)
    assert (np.diff(found) > 0).all()
    assert (found <= 4.243 * z + 1e-12).all()


@pytest.mark.parametrize(("a", "b"), [(0.793, 2.426), (0.01, 0.05), (40.0, 900.0), (1.0, 1.0)])
def test_nodes_integrate_moments_of_the_beta(a, b):
    p, weight = beta_nodes(a, np.array([b]))
    moments = [float((p**k * weight).sum()) for k in (1, 2, 3)]
    exact_moments = [float(np.exp(betaln(a + k, b) - betaln(a, b))) for k in (1, 2, 3)]
    np.testing.assert_allclose(moments, exact_moments, rtol=1e-9)
