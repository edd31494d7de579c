"""`crm new`: a small report of one's own that works from the first minute."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from crm_analytics.errors import ParameterError, PublishError

CELLS: list[tuple[str, str, str]] = [
    (
        "title",
        "markdown",
        "# {title}\n\nHow many customers bought each month, and what did they bring?",
    ),
    (
        "parameters",
        "code",
        'data: str = "cdnow"  # a folder, file or database, or a demo: cdnow, lemonade\n'
        'as_of: str = ""  # a day; empty: the last in the data\n'
        "months: int = 12  # how many months to show, 2..60",
    ),
    (
        "base",
        "code",
        "from crm_analytics import CustomerBase\n"
        "from crm_analytics.pages import blocks, figures, words\n"
        "from crm_analytics.reports.shared import provenance\n"
        "\n"
        "base = CustomerBase.open(data).as_of(as_of)",
    ),
    (
        "count",
        "code",
        "bought = base.occasions\n"
        'by_month = bought.group_by(month=bought.day.strftime("%Y-%m")).aggregate(\n'
        "    customers=bought.customer_id.nunique(), orders=bought.count(), revenue=bought.spend.sum()\n"
        ")\n"
        'shown = base.collect(by_month.order_by("month")).tail(months)\n'
        'best = shown.loc[shown["revenue"].idxmax()]',
    ),
    (
        "headline",
        "code",
        "blocks.headline(\n"
        "    f\"{words.money(best['revenue'], base.currency)} came in {best['month']}, the best month\",\n"
        '    lede="Say here, in two sentences, what it means and what to do next.",\n'
        ")",
    ),
    ("months", "markdown", "## Month by month"),
    (
        "chart",
        "code",
        "blocks.chart(\n"
        '    figures.columns(shown, "month", ["revenue"], fmt=f"money:{base.currency}"),\n'
        "    finding=f\"In {best['month']} {words.plural(best['customers'], 'customer')} bought\",\n"
        "    data=shown,\n"
        '    formats={"revenue": f"money:{base.currency}"},\n'
        ")",
    ),
    (
        "method",
        "code",
        'blocks.method({"Data": provenance.data(base), "Order": provenance.ORDER})',
    ),
    (
        "record",
        "code",
        'blocks.record(best_month=best["month"], best_revenue=best["revenue"], months=len(shown))',
    ),
]


def write_starter(name: str, folder: Path) -> Path:
    """Write `name`.ipynb into a folder.

    Raises
    ------
    ParameterError : the name is not fit for a file, or the file is there already.
    PublishError : the folder cannot be written to.
    """
    stem = name.removesuffix(".ipynb")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", stem):
        raise ParameterError(
            f"the name {name[:40]!r} must begin with a letter or digit "
            "and go on with letters, digits, '-' or '_'"
        )
    path = folder / f"{stem}.ipynb"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(starter(stem), indent=1, ensure_ascii=False) + "\n")
    except FileExistsError:
        raise ParameterError(f"{path} is there already. Choose another name, or remove it first") from None
    except OSError as error:
        raise PublishError(f"{path} cannot be written ({error.strerror})") from None
    return path


def starter(stem: str) -> dict[str, Any]:
    """The notebook itself, as the JSON of an .ipynb file."""
    title = re.sub(r"[-_]+", " ", re.sub(r"^\d+[_-]*", "", stem) or stem).strip().capitalize()
    cells = []
    for identity, kind, source in CELLS:
        cell: dict[str, Any] = {"cell_type": kind, "id": identity, "metadata": {}}
        cell["source"] = source.replace("{title}", title).splitlines(keepends=True)
        if identity == "parameters":
            cell["metadata"] = {"tags": ["parameters"]}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
