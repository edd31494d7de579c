"""What people write about, in words of their own: topics by non-negative matrix factorisation.

No sentence of anybody is shown. A topic is a few words, and a word is shown only when at least ten people
used it and it is no customer's name; numbers, addresses and words with a digit are never read. Topics need
200 texts of 50 people. The words are those of the texts, in whatever language; without a list of filler
words for a language, words that half of all texts have are left out. Scripts that do not part their words
(Chinese, Japanese, Thai) give no topics: said, not guessed.

Method: term counts with tf-idf weights, factorised into k topics (Lee & Seung 1999, *Nature* 401, 788-791) by
scikit-learn's NMF from its deterministic start (NNDSVD).
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.voice.reasons import names_among
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

FROM_TEXTS, FROM_PEOPLE = 200, 50
SET_SIZE = 10  # people who used a word that is shown
MOST_TEXTS = 20_000  # read; of more, these are taken by a hash
LONGEST = 2_000  # letters of a text that are read
TOPICS, WORDS = 6, 5
_LETTERS = r"(?u)\b[^\W\d_]{3,}\b"
_ADDRESS = re.compile(r"(?is)<script.*?</script>|\S*[@/\\]\S*|<[^>]*>|&\w+;|\S*\d\S*")


@dataclass(frozen=True, eq=False)
class Topics(ObjectCard):
    """What texts are about.

    Attributes
    ----------
    table : topic (1, 2, ...), words (list), people (whose text is mostly of it), texts, mean_share (mean
        score of those answers on their scale; NaN without scores), most people first
    texts, people : read
    unassigned : texts that none of the topics fits
    """

    table: pd.DataFrame
    texts: int
    people: int
    unassigned: int


def topics(base: CustomerBase, texts: ir.Table, count: int = TOPICS) -> Topics:
    """Topics of free texts.

    Parameters
    ----------
    texts : person, text [, share (0 to 1)]
    count : topics at most

    Raises
    ------
    NotEnoughData : fewer than 200 texts of 50 people, or no words that ten people share.
    """
    frame = _read(base, texts)
    people = frame["person"].nunique()
    if len(frame) < FROM_TEXTS or people < FROM_PEOPLE:
        raise NotEnoughData("topics of what people write", len(frame), FROM_TEXTS, "texts")
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfTransformer

    counter = CountVectorizer(token_pattern=_LETTERS, min_df=SET_SIZE, max_df=0.5, lowercase=True)
    try:
        counts = counter.fit_transform(frame["text"])
    except ValueError:  # nothing but words that too few or too many use
        raise NotEnoughData("topics of what people write", 0, 2, "words that ten people share") from None
    vocabulary = counter.get_feature_names_out()
    kept = _may_be_shown(base, frame, counts, vocabulary, set(ENGLISH_STOP_WORDS))
    if kept.sum() < 2:
        raise NotEnoughData("topics of what people write", int(kept.sum()), 2, "words that ten people share")
    counts, vocabulary = counts[:, kept], vocabulary[kept]
    k = int(min(count, kept.sum(), max(1, len(frame) // (4 * SET_SIZE))))
    weights = TfidfTransformer().fit_transform(counts)
    model = NMF(n_components=k, init="nndsvd", max_iter=400, tol=1e-3, random_state=0)
    # texts of a few set phrases are factorised exactly, and the rest may round to just below zero
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a topic that still moves a little is a topic
        mixture = model.fit_transform(weights)
    return _told(frame, mixture, model.components_, vocabulary, people)


def _read(base: CustomerBase, texts: ir.Table) -> pd.DataFrame:
    share = texts.share if "share" in texts.columns else ibis.null("float64")
    rows = texts.filter(texts.text.notnull(), texts.text.length() > 0)
    key = (rows.person + " " + rows.text).hash()
    rows = rows.select("person", text=rows.text.substr(0, LONGEST), share=share, key=key)
    frame = base.collect(rows.order_by("key", "text").limit(MOST_TEXTS)).drop(columns="key")
    read = [_ADDRESS.sub(" ", str(text)).strip() for text in frame["text"]]
    frame["text"] = pd.Series(read, index=frame.index, dtype="str")
    return frame[frame["text"] != ""].reset_index(drop=True)


def _may_be_shown(
    base: CustomerBase, frame: pd.DataFrame, counts: Any, vocabulary: np.ndarray, filler: set[str]
) -> np.ndarray:
    """Words that ten people used, that are no filler and no customer's name."""
    person = pd.factorize(frame["person"])[0]
    coordinates = counts.tocoo()
    pairs = np.unique(np.column_stack([coordinates.col, person[coordinates.row]]), axis=0)
    users = np.bincount(pairs[:, 0], minlength=len(vocabulary))
    words = set(vocabulary.tolist())
    forbidden = filler | names_among(base, words)
    return (users >= SET_SIZE) & ~np.isin(vocabulary, sorted(forbidden))


def _told(
    frame: pd.DataFrame, mixture: np.ndarray, components: np.ndarray, vocabulary: np.ndarray, people: int
) -> Topics:
    scaled = mixture * components.sum(axis=1)
    main = np.where(scaled.max(axis=1) > 0, scaled.argmax(axis=1), -1)
    rows = []
    for topic in range(components.shape[0]):
        mine = frame[main == topic]
        top = np.argsort(-components[topic], kind="stable")[:WORDS]
        words = [str(vocabulary[i]) for i in top if components[topic][i] > 0]
        n = mine["person"].nunique()
        if words and n >= SET_SIZE:
            rows.append({"words": words, "people": n, "texts": len(mine), "mean_share": mine["share"].mean()})
    table = pd.DataFrame(rows, columns=["words", "people", "texts", "mean_share"])
    table = table.sort_values("people", ascending=False, kind="stable", ignore_index=True)
    table.insert(0, "topic", range(1, len(table) + 1))
    return Topics(table, len(frame), int(people), int((main < 0).sum()))
