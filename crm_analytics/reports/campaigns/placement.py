"""Where the sections of the campaigns report stand, and what they say where their part is not in the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.campaigns.measurement.treatment_effects import LESS, MORE, NO_EFFECT
from crm_analytics.pages import blocks, words
from crm_analytics.reports.campaigns.report import CampaignsReport
from crm_analytics.reports.shared.small_form import too_few

if TYPE_CHECKING:
    import pandas as pd

    from crm_analytics.pages.blocks import Block

FEW = too_few("small.comes_with_models")
VERDICTS = {MORE: "more", LESS: "less", NO_EFFECT: "no_effect"}


def without(name: str) -> Callable[[CampaignsReport], Block]:
    """One sentence that says what to bring; sections of the same part say the same one."""

    def said(report: CampaignsReport) -> Block:
        return nothing(report, name)

    return said


def nothing(report: CampaignsReport, name: str, why: str = "") -> Block:
    """The sentence itself."""
    t = report.t
    return (
        blocks.note(t(f"{name}.none"), why or t(f"{name}.none_why")).under(t(f"{name}.label")).in_appendix()
    )


def names_of(report: CampaignsReport, *columns: str) -> dict[str, str]:
    """Headings of columns."""
    return {column: report.t(f"column.{column}") for column in columns}


def verdict(report: CampaignsReport, found: object) -> str:
    """What a comparison shows, in a word or two."""
    return report.t(f"verdict.{VERDICTS.get(str(found), 'too_little')}")


def list_name(report: CampaignsReport, name: object) -> str:
    """A list's name for people; that of a rule of one's own stays as it is."""
    known = report.t.knows(f"list.{name}")
    return report.t(f"list.{name}") if known else words.clean(str(name).replace("_", " "), 40)


def because(report: CampaignsReport, name: object, given: object) -> str:
    """Why customers are on a list."""
    known = report.t.knows(f"because.{name}")
    return report.t(f"because.{name}") if known else words.clean(given, 80)


def campaign_name(row: Any) -> str:
    """What a campaign is called: its name, else its id."""
    name = row["campaign_name"]
    return words.clean(name if isinstance(name, str) and name else row["campaign_id"], 60)


def without_constant(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table without those of the columns that say the same in every row."""
    same = [name for name in columns if len(table) > 1 and table[name].astype("str").nunique() == 1]
    return table.drop(columns=same)
