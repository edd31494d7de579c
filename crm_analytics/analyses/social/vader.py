"""Sentiment of English texts by VADER, where the source has no score of its own. English only.

VADER is a list of English words with rules: C. J. Hutto & E. Gilbert (2014), "VADER: A Parsimonious
Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM. A text in another language scores 0, or
nonsense where a foreign word looks like an English one: give `mentions.sentiment` for those. Needs the extra
`sentiment`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from crm_analytics.errors import DataError


def english_sentiment(messages: Iterable[str]) -> pd.Series:
    """VADER's compound score of each text, -1 to 1; each different text is scored once.

    Parameters
    ----------
    messages : English texts; what is missing stays missing

    Returns
    -------
    on the index of `messages` where it is a Series

    Raises
    ------
    DataError : the extra is not installed.

    Examples
    --------
    ``base_frame["sentiment"] = english_sentiment(base_frame["message"])``, then open the base with it.
    """
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError:
        raise DataError(
            "scoring texts needs VADER: pip install 'crm-analytics[sentiment]'. It knows English alone"
        ) from None
    texts = messages if isinstance(messages, pd.Series) else pd.Series(list(messages), dtype="object")
    analyser = SentimentIntensityAnalyzer()
    scores = {text: analyser.polarity_scores(text)["compound"] for text in texts.dropna().unique()}
    return texts.map(scores).astype("float64")
