"""Where a block of the products report stands, and what it says where the data do not hold its part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.pages import blocks, words
from crm_analytics.reports.shared.tiles import interval

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.reports.products.report import ProductReport


def placed(report: ProductReport, block: Block, part: str) -> Block:
    """The block under the heading of its part, where findings lead to it, in the appendix."""
    return shown(report, block, part).in_appendix()


def shown(report: ProductReport, block: Block, part: str) -> Block:
    """The same in the manager's layer."""
    return block.under(report.t(f"{part}.label")).anchored(part.replace("_", "-"))


def without(part: str, manager: bool = False) -> Callable[[ProductReport], Block]:
    """What a part says where it is not there: that it is missing, and what it needs."""

    def said(report: ProductReport) -> Block:
        why = "needs.products" if part in report.of_products and not report.has_products else f"{part}.needs"
        block = blocks.note(report.t(f"{part}.none"), report.t(why))
        return shown(report, block, part) if manager else placed(report, block, part)

    return said


def names(report: ProductReport, *columns: str) -> dict[str, str]:
    """The headings of a table's columns."""
    return {column: report.t(f"column.{column}") for column in columns}


def percent_range(report: ProductReport, low: float, high: float) -> str:
    """An interval of a share, in words."""
    return interval(report.t, low, high, "percent:0")


def factor_range(report: ProductReport, low: float, high: float) -> str:
    """An interval of a factor, in words."""
    return interval(report.t, low, high, "number:1")


def strongest(months: pd.DataFrame) -> pd.Series:
    """The month whose index lies farthest from a mean month's, up or down."""
    far = np.abs(np.log(np.maximum(months["index"].to_numpy(float), 1e-3)))
    return months.iloc[int(far.argmax())]


def short(name: object, letters: int = 28) -> str:
    """A product's name, short enough for a finding."""
    return words.clean(name, letters)
