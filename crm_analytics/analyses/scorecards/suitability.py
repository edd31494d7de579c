"""Which framework suits a company: by the question it has and the tables it has, starting small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm_analytics.analyses.scorecards.scoring import LATER, Scorecard
from crm_analytics.errors import ParameterError, nearest

QUESTIONS = (
    "where to begin", "how are we doing", "what to do for which customer", "how to grow with customers",
    "how to lead the change", "is it done as it was decided",
)  # fmt: skip
ANY = QUESTIONS[0]


@dataclass(frozen=True)
class Suitability:
    """How well a framework suits.

    Attributes
    ----------
    framework, title : its name
    answers : whether it answers the question
    known : share of its blocks that data or people speak of
    steps : how many blocks there are to work on
    missing : tables to bring, those that most figures wait for first
    """

    framework: str
    title: str
    answers: bool
    known: float
    steps: int
    missing: tuple[str, ...]


def ranked(cards: Iterable[Scorecard], question: str = ANY) -> list[Suitability]:
    """Frameworks in the order a company should take them up.

    Those that answer the question come first; among them those of which at least half is known; then the
    smaller ones; then those of which more is known.

    Raises
    ------
    ParameterError : no such question.
    """
    if question not in QUESTIONS:
        raise ParameterError(
            f"no question '{question}'{nearest(question, QUESTIONS)} There are: {', '.join(QUESTIONS)}"
        )
    found = [_of(card, question) for card in cards]
    return sorted(found, key=lambda s: (not s.answers, s.known < 0.5, s.steps, -s.known, s.framework))


def _of(card: Scorecard, question: str) -> Suitability:
    framework, needed = card.framework, card.needed()
    counts = needed.groupby("needs").size().sort_values(ascending=False, kind="stable")
    return Suitability(
        framework.id, framework.title, question == ANY or question in framework.answers, card.known,
        len(framework.blocks), tuple(str(name) for name in counts.index if name != LATER),
    )  # fmt: skip
