"""Where a block of the lifetime-value report stands: its heading, its anchor, in the appendix."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.pages import blocks
from crm_analytics.reports.shared.spoken import slug

if TYPE_CHECKING:
    from crm_analytics.pages.blocks import Block
    from crm_analytics.pages.sentences import Sentences
    from crm_analytics.reports.lifetime_value.report import Ahead


def placed(report: Ahead, block: Block, part: str) -> Block:
    """The block under the heading of its part, in the appendix, where findings lead to it."""
    return block.under(report.t(f"{part}.label")).anchored(part).in_appendix()


def noted(report: Ahead, part: str, what: str, why: str = "") -> Block:
    """A part in words alone."""
    return placed(report, blocks.note(report.t(what), report.t(why) if why else ""), part)


def without_money(part: str, what: str) -> Callable[[Ahead], Block]:
    """What a part says where purchases have no price."""
    return lambda report: noted(report, part, f"unpriced.{what}", "unpriced.why")


def names(report: Ahead, *columns: str) -> dict[str, str]:
    """The headings of a table's columns."""
    return {column: report.t(f"column.{column}") for column in columns}


def translated(t: Sentences, kind: str, text: object) -> str:
    """A fixed text of the analyses in the language of the page; one without a message stays as it is."""
    message = f"{kind}.{slug(text)}"
    return t(message) if t.knows(message) else str(text)
