"""One section of a report: which part it needs, what it says without it, and what a small base gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, overload

from crm_analytics.pages import blocks, locales
from crm_analytics.pages.blocks import Block
from crm_analytics.reports.shared.report import Report
from crm_analytics.reports.shared.small_form import SmallReport, too_few
from crm_analytics.reports.shared.spoken import catalogue

R = TypeVar("R", bound=Report)
Part = TypeVar("Part")
Section = Callable[[Report], Block]
Instead = str | Block | Callable[[Any], Block]  # a sentence, a block, or a block made of the report


@overload
def section(
    title: str = "", *, small: Instead | None = None
) -> Callable[[Callable[[R], Block]], Section]: ...


@overload
def section(
    title: str = "", *, part: str, needs: Instead, small: Instead | None = None
) -> Callable[[Callable[[R, Part], Block]], Section]: ...


def section(
    title: str = "", *, part: str = "", needs: Instead = "", small: Instead | None = None
) -> Callable[[Callable[..., Block]], Section]:
    """Make a function a section of a report.

    Parameters
    ----------
    title : a small heading of its own on the page, in place of the notebook's
    part : the attribute of the report that the section is about; the function gets it as second argument
    needs : where that part is None, what is said instead: a sentence, under which `Report.why` stands, or a
        block, or a function of the report that gives one
    small : what a `SmallReport` gets: the id of a shared message, under which stands how many customers the
        section needs, a block, or a function of the small report; without it the section treats it like
        any other report

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, kw_only=True, eq=False)
    ... class Weather(Report):
    ...     wind: float | None
    >>> @section("Outside", part="wind", needs="The wind is not known")
    ... def wind(report: Weather, speed: float) -> Block:
    ...     return blocks.note(f"Wind {speed:.0f} km/h")
    >>> wind(Weather(base=None, wind=20.0))
    [note]
    Wind 20 km/h
    >>> wind(Weather(base=None, wind=None, missing={"wind": "the vane is broken"}))
    [note]
    The wind is not known
    The vane is broken.
    """

    def form(told: Callable[..., Block], report: Report) -> Block:
        is_small = isinstance(report, SmallReport)
        if is_small and small is not None:
            return _instead(too_few(small) if isinstance(small, str) else small, report)
        if not part:
            return told(report)
        found = getattr(report, part, None) if is_small else getattr(report, part)
        return _instead(needs, report, part) if found is None else told(report, found)

    def made(told: Callable[..., Block]) -> Section:
        @wraps(told)
        def shown(report: Report) -> Block:
            with locales.speaking(report.language):
                block = _titled(form(told, report).named(told.__name__), told, report)
                block = block.dated(report.annotations, report.annotated)
            return block.under(title) if title else block

        return shown

    return made


def _titled(block: Block, told: Callable[..., Block], report: Report) -> Block:
    """A headline under the report's title in the language of the page, in the small form too."""
    if block.kind != "headline" or block.payload.get("title"):
        return block
    t = catalogue(report.language, told.__globals__.get("__file__", __file__), "")
    return replace(block, payload={**block.payload, "title": t("title")}) if t.knows("title") else block


def _instead(said: Instead, report: Report, part: str = "") -> Block:
    if isinstance(said, str):
        return blocks.note(said, report.why(part))
    return said if isinstance(said, Block) else said(report)
