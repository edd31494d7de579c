"""Key figures of public mentions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.analyses.kpi import COUNT, DOWN, NEITHER, NUMBER, SHARE, UP, Kpi, refused
from crm_analytics.analyses.social.mentions import mentions
from crm_analytics.analyses.social.response import response, waiting
from crm_analytics.analyses.social.volume import voice
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.clustered_ratio import Ratio
    from crm_analytics.analyses.measured import Measured
    from crm_analytics.analyses.social.response import Response
    from crm_analytics.analyses.social.volume import Voice

SOCIAL = "social"  # the report that explains them
KINDS = (
    ("brand_mentions", COUNT, NEITHER), ("mention_sentiment", NUMBER, UP),
    ("negative_mentions_share", SHARE, DOWN), ("share_of_voice", SHARE, UP),
    ("mentions_answered", SHARE, UP), ("mentions_waiting", COUNT, DOWN),
)  # fmt: skip
NO_SCORES = "no mention has a score of sentiment"
NO_BRANDS = "the data name one brand alone"
NO_REPLIES = "the data do not tell when a mention was answered"


def of_voice(found: Voice, span: str) -> tuple[Kpi, Kpi, Kpi, Kpi]:
    """Mentions, sentiment, the share of negative ones, and the share of voice, of the last period."""
    now = found.now
    count = Kpi("brand_mentions", COUNT, NEITHER, now.mentions, now.authors, period=span, explained_in=SOCIAL)
    return (
        count,
        _of_ratio("mention_sentiment", NUMBER, UP, now.sentiment, NO_SCORES, span, 100),
        _of_ratio("negative_mentions_share", SHARE, DOWN, now.negative, NO_SCORES, span),
        _of_ratio("share_of_voice", SHARE, UP, now.share_of_voice, NO_BRANDS, span),
    )


def of_response(found: Response | None, span: str) -> Kpi:
    """Share of mentions that were answered."""
    ratio = None if found is None else found.answered
    return _of_ratio("mentions_answered", SHARE, UP, ratio, NO_REPLIES, span)


def of_queue(queue: ir.Table | None) -> Kpi:
    """Mentions that wait for an answer."""
    if queue is None:
        return refused("mentions_waiting", COUNT, DOWN, NO_REPLIES, SOCIAL)
    n = int(queue.count().to_pyarrow().as_py())
    return Kpi("mentions_waiting", COUNT, DOWN, n, n, explained_in=SOCIAL)


def brand_mentions(given: Measured) -> Kpi:
    """Mentions of our brand in the last period."""
    return _all(given)["brand_mentions"]


def mention_sentiment(given: Measured) -> Kpi:
    """How mentions of our brand sound on average, -100 (all bad) to 100 (all good)."""
    return _all(given)["mention_sentiment"]


def negative_mentions_share(given: Measured) -> Kpi:
    """Share of mentions of our brand that are negative."""
    return _all(given)["negative_mentions_share"]


def share_of_voice(given: Measured) -> Kpi:
    """Mentions of our brand as a share of those of all brands."""
    return _all(given)["share_of_voice"]


def mentions_answered(given: Measured) -> Kpi:
    """Share of mentions of our brand that were answered, of those old enough to tell."""
    return _all(given)["mentions_answered"]


def mentions_waiting(given: Measured) -> Kpi:
    """Mentions of our brand of the last month that wait for an answer."""
    return _all(given)["mentions_waiting"]


def _all(given: Measured) -> dict[str, Kpi]:
    """All of them: the first that is asked for counts for the others."""
    return given.once("social.kpis", lambda: _made(given))


def _made(given: Measured) -> dict[str, Kpi]:
    try:
        said = mentions(given.base)
    except DataError as error:
        return {name: refused(name, unit, good, str(error), SOCIAL) for name, unit, good in KINDS}
    made = (
        *of_voice(voice(said, given.span), given.span),
        of_response(response(said, given.span), given.span),
        of_queue(waiting(said)),
    )
    return {kpi.id: kpi for kpi in made}


def _of_ratio(  # noqa: PLR0917
    name: str, unit: str, good: str, ratio: Ratio | None, without: str, span: str, times: int = 1
) -> Kpi:
    if ratio is None or ratio.value is None:
        return refused(name, unit, good, without, SOCIAL, span)
    value, low, high = (None if x is None else times * x for x in (ratio.value, ratio.lower, ratio.upper))
    return Kpi(name, unit, good, value, round(ratio.bottom), low, high, span, explained_in=SOCIAL)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    brand_mentions, mention_sentiment, negative_mentions_share, share_of_voice, mentions_answered,
    mentions_waiting,
)  # fmt: skip
