"""What the strategy report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import NO_FORECAST, REGISTRY, measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.scorecards import assessments, suitability
from crm_analytics.analyses.scorecards.framework import Framework, names, read
from crm_analytics.analyses.scorecards.scoring import BlockScore, Line, Scorecard, score
from crm_analytics.pages import words
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.report import Report
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

# Not computed for the earlier day, too: dear, or known as they are now alone.
DEAR = frozenset(
    {"return_on_customer", "campaign_effect", "duplicate_share", "consent_coverage", "contactable_share"}
)


@dataclass(frozen=True, kw_only=True, eq=False)
class StrategyReport(Report):
    """Everything the sections show."""

    t: Sentences
    given: Measured
    cards: tuple[Scorecard, ...]  # in the order in which they suit
    suited: tuple[suitability.Suitability, ...]
    question: str
    figures: dict[str, Kpi]
    handed: HandedIn

    @property
    def card(self) -> Scorecard:
        """The framework that suits best."""
        return self.cards[0]

    @cached_property
    def weakest(self) -> list[Line]:
        """The three figures of that framework that lose most."""
        return self.card.weakest() if self.card.speaks else []

    def figure(self, name: str) -> str:
        """What a key figure is called."""
        message = f"figure.{name}"
        return self.t(message) if self.t.knows(message) else words.clean(name.replace("_", " "), 40)

    def explained(self, line: Line) -> str:
        """What the report is called that explains a figure; empty where none does."""
        name = line.kpi.explained_in if line.kpi else ""
        message = f"report.{name}"
        return self.t(message) if self.t.knows(message) else name.replace("_", " ")

    def owner(self, line: Line) -> str:
        """Who answers for a figure."""
        message = f"owner.{line.measure.owner.replace(' ', '_')}"
        return self.t(message) if self.t.knows(message) else words.clean(line.measure.owner, 40)

    def block(self, card: Scorecard, found: BlockScore) -> str:
        """What a block is called."""
        message = f"block.{card.framework.id}.{found.block.id}"
        return self.t(message) if self.t.knows(message) else words.clean(found.block.title, 40)

    def model(self, framework: Framework) -> str:
        """What a framework is called."""
        message = f"model.{framework.id}"
        return self.t(message) if self.t.knows(message) else words.clean(framework.title, 40)


def prepare(
    base: CustomerBase,
    *,
    question: str = suitability.ANY,
    framework: str = "",
    margin: float = 0.0,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> StrategyReport | SmallReport:
    """Measure every framework, and rank them by how well they suit.

    Parameters
    ----------
    question : what the company asks, one of `suitability.QUESTIONS`
    framework : a TOML file of your own, or the name of one framework; empty for all of the package
    margin : share of revenue; 0: from the data
    compare_to : length of a period, and how far back the earlier day lies
    """
    wanted = [read(framework, REGISTRY)] if framework else [read(name) for name in names()]
    if question not in suitability.QUESTIONS:
        suitability.ranked([], question)  # refuses with the nearest
    if small := too_small(base, show_customers, language=language):
        return small
    share = margin_of(base, margin).share
    given = Measured(base, compare_to, None, NO_FORECAST, share)
    known = [n for n in dict.fromkeys(k for f in wanted for k in f.kpis) if n in REGISTRY]
    figures = measure(given, known)
    earlier = _earlier(base, compare_to, figures, share)
    judged = assessments.of_base(base)
    cards = {f.id: score(f, figures, judged, earlier) for f in wanted}
    suited = suitability.ranked(cards.values(), question)
    return StrategyReport(
        base=base,
        show_customers=show_customers,
        language=language,
        t=catalogue(language, __file__, base.currency),
        given=given,
        cards=tuple(cards[one.framework] for one in suited),
        suited=tuple(suited),
        question=question,
        figures=figures,
        handed=handed_in(run),
    )


def _earlier(base: CustomerBase, span: str, figures: dict[str, Kpi], margin: float | None) -> dict[str, Kpi]:
    """The figures as they were known a period before; those that know their own past are left out."""
    before = base.earlier(span)
    if before is None:
        return {}
    wanted = [
        name
        for name, kpi in figures.items()
        if kpi.value is not None and kpi.against_previous is None and name not in DEAR
    ]
    return measure(Measured(before, span, None, NO_FORECAST, margin), wanted)
