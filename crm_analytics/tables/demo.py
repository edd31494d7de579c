"""Data to try everything on: a company and a lemonade stand made up here, and CDNOW as published.

CDNOW: the purchases up to June 1998 of customers who first bought in the first quarter of 1997
(Fader & Hardie). It comes out of the installed lifetimes wheel, read as a file: importing lifetimes
would raise warnings, and its own loaders need a module that newer setuptools dropped.
"""

from __future__ import annotations

import csv
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables import demo_marker
from crm_analytics.tables.company import write_company
from crm_analytics.tables.contract import TABLES

DEMOS = {
    "company": "a shop with all tables, made up (5,000 customers, 3 years), and the truth it was drawn from",
    "cdnow": "CDNOW, 2,357 customers (the published 1/10 sample), 1997-01-01 to 1998-06-30",
    "cdnow-master": "CDNOW, all 23,570 customers of the cohort",
    "lemonade": "a lemonade stand: 40 customers, 8 weeks",
}


def write_demo(name: str, data: Path, *, force: bool = False, **options: int | bool) -> Path:
    """Write `data/<name>/` afresh and return it.

    Parameters
    ----------
    name : one of `DEMOS`
    data : the project's data folder
    force : whether files that no demo wrote may be lost
    options : of `company.write_company`, for the company alone

    Raises
    ------
    ParameterError : no such demo (the nearest name is offered), or the folder holds files of your own.
    DataError : the lifetimes wheel is not installed, or not as published.
    """
    makers: dict[str, Callable[..., object]] = {
        "company": write_company,
        "cdnow": _write_cdnow_sample,
        "cdnow-master": _write_cdnow_master,
        "lemonade": _write_lemonade,
    }
    if name not in makers:
        raise ParameterError(
            f"there is no demo '{name}'{nearest(name, makers)} There are: {', '.join(makers)}"
        )
    data.mkdir(parents=True, exist_ok=True)
    target = data / name
    if target.exists() and not force and (others := demo_marker.strangers(target)):
        raise ParameterError(
            f"{target} holds files of your own ({', '.join(others[:3])}), which would be lost. "
            "Move them away, or insist with --force"
        )
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=data))
    try:
        makers[name](fresh, **options)
        demo_marker.mark(fresh)
        fresh.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def write_templates(folder: Path) -> list[Path]:
    """Write a CSV with only the header for every table of the contract."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in TABLES.values():
        paths.append(folder / f"{table.name}.csv")
        _write_csv(paths[-1], table.names, ())
    return paths


def _write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


# -- CDNOW -----------------------------------------------------------------------------------------


def _cdnow_lines(name: str) -> Iterator[list[str]]:
    package = importlib.util.find_spec("lifetimes")
    path = Path(package.origin).parent / "datasets" / name if package and package.origin else None
    if path is None or not path.is_file():
        raise DataError(
            "the CDNOW data come with the package lifetimes 0.11.3: `pip install lifetimes==0.11.3`"
        )
    with path.open(encoding="ascii") as stream:
        yield from (line.split() for line in stream)


def _iso(compact: str) -> str:
    return f"{compact[:4]}-{compact[4:6]}-{compact[6:]}"


_CDNOW_MAPPING = """\
# CDNOW: the purchases of customers who first bought in the first quarter of 1997 (Fader & Hardie).
label = "{label}"
currency = "USD"
"""
_CDNOW_HEADER = ("customer_id", "transaction_date", "unit_quantity", "unit_spend")


def _write_cdnow_sample(folder: Path) -> None:
    rows = (
        (sample, _iso(day), cds, spend) for _, sample, day, cds, spend in _cdnow_lines("CDNOW_sample.txt")
    )
    _write_csv(folder / "transactions.csv", _CDNOW_HEADER, rows)
    (folder / "mapping.toml").write_text(_CDNOW_MAPPING.format(label="CDNOW sample"), encoding="utf-8")


def _write_cdnow_master(folder: Path) -> None:
    lines = _cdnow_lines("CDNOW_master.txt")
    next(lines)  # the header
    rows = ((customer, _iso(day), cds, spend) for customer, day, cds, spend in lines)
    _write_csv(folder / "transactions.csv", _CDNOW_HEADER, rows)
    (folder / "mapping.toml").write_text(_CDNOW_MAPPING.format(label="CDNOW"), encoding="utf-8")


# -- the lemonade stand ------------------------------------------------------------------------------

_FIRST_NAMES = """Ada Ben Carla Dev Elif Femi Grace Hugo Ines Jonas Kofi Lena Mara Nils Olga Pia Quinn Rosa
Samir Tess Uma Vera Wen Xenia Yara Zeno Abel Bea Cem Dora Emil Flora Gita Henk Ida Jude Kira Liam Mina Noor"""
_STREETS = ("Elm Street", "Park Lane", "Mill Road", "School Street")
_PRODUCTS = (
    ("classic", "Classic lemonade", 2.00),
    ("mint", "Mint lemonade", 2.50),
    ("berry", "Berry lemonade", 3.00),
    ("cookie", "Oat cookie", 1.50),
)


def _write_lemonade(folder: Path, seed: int = 7) -> None:
    """Forty neighbours, eight weeks of summer; seeded, so that it is the same everywhere."""
    draw = np.random.default_rng(seed)
    opening, days = date(2026, 6, 1), 56
    names = _FIRST_NAMES.split()
    people = [
        (f"n{i + 1:02d}", "person", name, _STREETS[draw.integers(len(_STREETS))])
        for i, name in enumerate(names)
    ]
    lines = []
    for customer_id, _, _, street in people:
        nearness = 1.6 if street == "Elm Street" else 0.8  # the stand is on Elm Street
        visits_per_day = draw.gamma(0.9, 0.09) * nearness
        favourite = int(draw.choice(3, p=(0.5, 0.2, 0.3)))
        first = int(draw.integers(0, 35))
        leaves = first + int(draw.exponential(45))
        for day in range(first, min(days, leaves + 1)):
            if day > first and draw.random() > visits_per_day:
                continue
            when = opening + timedelta(days=day)
            product = favourite if draw.random() < 0.7 else int(draw.integers(3))
            lines.append((when, customer_id, product, 1 + int(draw.random() < 0.25)))
            if draw.random() < 0.3:
                lines.append((when, customer_id, 3, 1))
    lines.sort(key=lambda line: (line[0], line[1], line[2]))
    rows = [
        (f"L{i + 1:03d}", customer, day.isoformat(), _PRODUCTS[p][0], quantity, f"{_PRODUCTS[p][2]:.2f}")
        for i, (day, customer, p, quantity) in enumerate(lines)
    ]
    header = (
        "transaction_line_id",
        "customer_id",
        "transaction_date",
        "product_id",
        "unit_quantity",
        "unit_price",
    )
    _write_csv(folder / "transactions.csv", header, rows)
    _write_csv(folder / "customers.csv", ("customer_id", "customer_type", "first_name", "city"), people)
    _write_csv(
        folder / "products.csv",
        ("product_id", "product_name", "list_price"),
        ((key, name, f"{price:.2f}") for key, name, price in _PRODUCTS),
    )
    (folder / "mapping.toml").write_text(
        "# A lemonade stand, made up. Its owner lets the names of the neighbours stand on the page.\n"
        'label = "Lemonade stand"\ncurrency = "USD"\nshow_customers = true\n',
        encoding="utf-8",
    )
