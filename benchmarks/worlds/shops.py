"""Ten businesses, each with something that no purchase model of ours assumes."""

from __future__ import annotations

import numpy as np

from benchmarks.worlds.business import DAYS, Array, Business, Kind


def bump(day: Array, centre: float, width: float) -> Array:
    """One hump a year around a day of the year, height one."""
    away = np.abs((day - centre + 182.5) % 365 - 182.5)
    return np.exp(-0.5 * (away / width) ** 2)


def normal_year(shape: Array) -> Array:
    """So scaled that a normal year has 365 normal days."""
    return shape / shape[:365].mean()


def season(*humps: tuple[float, float, float], low: float = 1.0):
    """A yearly season of humps (day of the year, width in days, height)."""
    year = np.arange(365, dtype=float)
    mean = (low + sum(height * bump(year, centre, width) for centre, width, height in humps)).mean()
    return lambda day: (low + sum(height * bump(day, c, w) for c, w, height in humps)) / mean


def trend(rate: float):
    """So much more or less a year."""
    return lambda day: np.exp(rate * day / 365)


def rising_births(rng: np.random.Generator, n: int) -> Array:
    """Ever more new customers."""
    return DAYS * np.sqrt(rng.random(n))


def old_births(rng: np.random.Generator, n: int) -> Array:
    """A steady stream that began six years before the data."""
    return rng.uniform(-6 * 365, DAYS, n)


def seasonal_births(rng: np.random.Generator, n: int) -> Array:
    """Most new customers come for the feast."""
    day = rng.uniform(0, DAYS, 8 * n)
    return day[rng.random(8 * n) < (0.15 + bump(day, 345, 14)) / 1.15][:n]


def lockdown(day: Array) -> Array:
    """Fifteen months in which the shops were shut most of the time."""
    return np.where((day > 440) & (day < 880), 0.45, 1.0)


def price_rise(day: Array) -> Array:
    """Fifteen per cent more from the middle of the third year."""
    return np.where(day > 910, 1.15, 1.0)


SHOPS = (
    Business(
        name="gifts",
        story="a shop of gifts: December sells six times a normal month, 8 % less every year, short lives",
        customers=2500,
        kinds=(
            Kind(share=0.55, per_year=1.2, spread=0.6, life=(0.7, 400)),
            Kind(share=0.45, per_year=4.0, spread=0.6, life=(0.8, 1100), spend=55),
        ),
        season=season((345, 14, 6.0)),
        level=trend(-0.08),
        births=seasonal_births,
        returned=0.10,
        delay=14,
    ),
    Business(
        name="garden",
        story="a garden centre: spring and some autumn, gardeners and dabblers, later cohorts better",
        customers=2500,
        kinds=(
            Kind(share=0.6, per_year=1.5, spread=0.5, life=(0.6, 250)),
            Kind(share=0.4, per_year=7.0, spread=0.5, life=(1.4, 1500), spend=60),
        ),
        season=season((115, 28, 3.0), (265, 20, 0.8), low=0.35),
        births=rising_births,
        better=0.12,
    ),
    Business(
        name="staples",
        story="pet food: no season, each buyer on a clock of his own (gamma gaps), lives that wear out",
        customers=1500,
        kinds=(
            Kind(share=0.7, per_year=12, spread=0.4, life=(1.8, 800), regularity=4),
            Kind(share=0.3, per_year=4, spread=0.4, life=(1.2, 500), regularity=2),
        ),
    ),
    Business(
        name="trade",
        story="a wholesaler: 250 firms, a few very large, a pause in August, some large accounts fade",
        customers=250,
        kinds=(
            Kind(share=0.9, per_year=10, spread=0.5, life=(1.0, 1800), regularity=4, spend=900),
            Kind(share=0.06, per_year=20, spread=0.3, life=(1.0, 3000), regularity=4, spend=6000),
            Kind(share=0.04, per_year=26, spread=0.2, life=(1.0, 9000), regularity=4, spend=9000, fading=0.3),
        ),
        season=season((227, 12, -0.8), (350, 12, 0.6)),
        births=old_births,
        returned=0.05,
        delay=25,
        noise=0.3,
    ),
    Business(
        name="fashion",
        story="a fashion house: 30 % comes back within weeks, two sales a year, spend that drifts",
        customers=2500,
        kinds=(
            Kind(share=0.5, per_year=2.5, spread=0.7, life=(0.8, 500), spend=80),
            Kind(share=0.5, per_year=6.0, spread=0.5, life=(1.2, 900), spend=110),
        ),
        season=season((15, 12, 2.0), (190, 14, 2.0)),
        returned=0.30,
        delay=18,
        drift=0.25,
    ),
    Business(
        name="lockdown",
        story="a town shop: fifteen months shut most of the time, then back as if nothing had been",
        customers=2500,
        kinds=(
            Kind(share=0.5, per_year=3, spread=0.6, life=(0.9, 700)),
            Kind(share=0.5, per_year=8, spread=0.6, life=(1.1, 1300)),
        ),
        season=season((350, 15, 1.0)),
        level=lockdown,
    ),
    Business(
        name="old house",
        story="a house whose customers are older than its data: a steady stream since six years before",
        customers=3500,
        kinds=(
            Kind(share=0.5, per_year=3, spread=0.7, life=(0.6, 300)),
            Kind(share=0.5, per_year=6, spread=0.6, life=(0.8, 1200)),
        ),
        births=old_births,
    ),
    Business(
        name="slow",
        story="a furniture maker: less than one purchase a year, nobody can tell who has left",
        customers=2000,
        kinds=(
            Kind(share=0.6, per_year=0.6, spread=0.5, life=(1.0, 2500), spend=400),
            Kind(share=0.4, per_year=1.2, spread=0.5, life=(1.0, 1500), spend=600),
        ),
        returned=0.06,
        delay=30,
    ),
    Business(
        name="pricing",
        story="a coffee roaster: prices rise 15 % in year three, growth of 12 % a year, mild season",
        customers=2500,
        kinds=(
            Kind(share=0.5, per_year=5, spread=0.5, life=(0.8, 500), spend=25),
            Kind(share=0.5, per_year=10, spread=0.4, life=(1.3, 1100), regularity=2, spend=35),
        ),
        season=season((10, 45, 0.5)),
        level=trend(0.12),
        price=price_rise,
    ),
    Business(
        name="steady",
        story="nothing unusual: no season, no trend; the one in which a simple forecast should hold",
        customers=1500,
        kinds=(Kind(share=1.0, per_year=6, spread=0.8, life=(1.0, 700)),),
    ),
)
