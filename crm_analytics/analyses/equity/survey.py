"""What people say of brands: ratings by driver, the brand bought last, the brand they will buy next.

The long table `survey_responses` becomes one array: respondents x brands x drivers. A respondent stays only
with a rating of every brand for every driver, a brand bought last and a next choice; all others are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.errors import DataError, NotEnoughData, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crm_analytics.tables.customer_base import CustomerBase

    Array = NDArray[np.float64]

RATINGS, CHOICE, WALLET = "equity_driver", "brand_choice", "share_of_wallet"  # instruments
LAST, NEXT = "last", "next"  # questions of the instrument `CHOICE`
VALUE, BRAND, RELATIONSHIP = "value", "brand", "relationship"  # equity types
EQUITY_OF = {  # drivers of the paper whose type the table does not say
    "quality": VALUE, "price": VALUE, "convenience": VALUE,
    "awareness": BRAND, "associations": BRAND, "attitude": BRAND, "ethics": BRAND,
    "loyalty programme": RELATIONSHIP, "special treatment": RELATIONSHIP, "community": RELATIONSHIP,
    "knowledge": RELATIONSHIP, "service": RELATIONSHIP,
}  # fmt: skip
LEAST = 30  # respondents, below which no share of a driver is more than a guess
NEEDS = {"survey_responses": ("respondent_id", "instrument", "question", "brand", "driver", "score")}


@dataclass(frozen=True, eq=False)
class BrandSurvey:
    """Answers of the respondents that are complete.

    Attributes
    ----------
    brands, drivers : in the order of the arrays
    equity_types : of each driver: "value", "brand" or "relationship"
    ratings : respondents x brands x drivers
    last : respondents, the number of the brand bought last
    chosen : respondents x brands, share of the next purchases; rows sum to one
    weights : of respondents
    left_out : reason -> respondents
    """

    brands: tuple[str, ...]
    drivers: tuple[str, ...]
    equity_types: tuple[str, ...]
    ratings: Array
    last: NDArray[np.int64]
    chosen: Array
    weights: Array
    left_out: dict[str, int]

    @property
    def respondents(self) -> int:
        """How many stay."""
        return len(self.last)

    def brand(self, name: str) -> int:
        """The number of a brand.

        Raises
        ------
        DataError : nobody was asked about it.
        """
        if name not in self.brands:
            raise DataError(f"nobody was asked about a brand '{name}'{nearest(name, list(self.brands))}")
        return self.brands.index(name)


def of_base(base: CustomerBase) -> BrandSurvey:
    """The survey of a base at its day, the newest answer of each respondent to each question.

    Raises
    ------
    DataError : no such table or instrument.
    NotEnoughData : fewer than 30 complete respondents, or one brand.
    """
    base.require(NEEDS)
    table = base.tables["survey_responses"]
    wanted = table.filter(table.instrument.isin([RATINGS, CHOICE]))
    columns = ["respondent_id", "instrument", "question", "brand", "driver", "score", "responded_at"]
    columns += [name for name in ("equity_type", "weight") if name in table.columns]
    return of_frame(base.collect(wanted.select(*columns).order_by([*columns[:5], "responded_at", "score"])))


def of_frame(answers: pd.DataFrame) -> BrandSurvey:
    """The same from a frame.

    Parameters
    ----------
    answers : respondent_id, instrument, question, brand, driver, score [, equity_type] [, weight]
        [, responded_at]
    """
    given = answers.dropna(subset=["brand"])
    if "responded_at" in given:
        given = given.sort_values("responded_at", kind="stable")
    rated = given[given["instrument"].eq(RATINGS)].dropna(subset=["driver", "score"])
    picks = given[given["instrument"].eq(CHOICE)]
    words = picks["question"].astype("string").str.strip().str.lower()
    last, nxt = picks[words.eq(LAST)], picks[words.eq(NEXT)]
    if rated.empty or last.empty or nxt.empty:
        missing = [
            name
            for name, part in (("ratings of brands", rated), ("the brand bought last", last),
                               ("the brand bought next", nxt))
            if part.empty
        ]  # fmt: skip
        raise DataError(f"the survey does not hold {' and '.join(missing)}")
    brands = tuple(sorted(set(rated["brand"]) | set(last["brand"]) | set(nxt["brand"])))
    if len(brands) < 2:
        raise NotEnoughData("A choice between brands", len(brands), 2, "brands")
    drivers = tuple(sorted(rated["driver"].unique()))
    _every_brand_is_rated(rated, brands, drivers)
    wide = rated.drop_duplicates(["respondent_id", "brand", "driver"], keep="last").pivot(
        index="respondent_id", columns=["brand", "driver"], values="score"
    )
    wide = wide.reindex(columns=pd.MultiIndex.from_product([brands, drivers]))
    shares = nxt.groupby(["respondent_id", "brand"])["score"].last().unstack(fill_value=0)
    shares = shares.reindex(columns=list(brands), fill_value=0.0).fillna(0.0).clip(lower=0)
    bought = last.drop_duplicates("respondent_id", keep="last").set_index("respondent_id")["brand"]
    return _complete(given, wide, bought, shares, (brands, drivers, _types(rated, drivers)))


def _every_brand_is_rated(rated: pd.DataFrame, brands: tuple[str, ...], drivers: tuple[str, ...]) -> None:
    have = set(zip(rated["brand"], rated["driver"], strict=True))
    missing = [(b, d) for b in brands for d in drivers if (b, d) not in have]
    if missing:
        brand, driver = missing[0]
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(
            f"nobody rated the {driver} of {brand}{more}; ask for it, or leave the driver or the brand out"
        )


def _types(rated: pd.DataFrame, drivers: tuple[str, ...]) -> tuple[str, ...]:
    said = rated.dropna(subset=["equity_type"]) if "equity_type" in rated else rated.iloc[:0]
    named = said.groupby("driver")["equity_type"].first() if len(said) else pd.Series(dtype=object)
    known = {name: str(kind).strip().lower() for name, kind in named.items()}
    return tuple(
        kind
        if (kind := known.get(d, "")) in (VALUE, BRAND, RELATIONSHIP)
        else EQUITY_OF.get(d.lower(), VALUE)
        for d in drivers
    )


def _complete(
    given: pd.DataFrame,
    wide: pd.DataFrame,
    bought: pd.Series,
    shares: pd.DataFrame,
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
) -> BrandSurvey:
    brands, drivers, types = names
    everybody = pd.Index(sorted(set(given["respondent_id"])))
    rated = set(wide.dropna().index)
    reasons = {
        "did not rate every brand": set(everybody) - rated,
        "did not say which brand they bought last": set(everybody) - set(bought.index),
        "did not say which brand they buy next": set(everybody) - set(shares.index[shares.sum(axis=1) > 0]),
    }
    left: dict[str, int] = {}
    out: set[str] = set()
    for reason, who in reasons.items():
        left[reason] = len(who - out)
        out |= who
    keep = everybody.difference(pd.Index(sorted(out)))
    if len(keep) < LEAST:
        raise NotEnoughData("Brand equity", len(keep), LEAST, "complete respondents")
    ratings = wide.loc[keep].to_numpy(float).reshape(len(keep), len(brands), len(drivers))
    if np.ptp(ratings, axis=1).max() == 0:
        raise DataError("every respondent gives all brands the same scores, so ratings explain no choice")
    chosen = shares.loc[keep].to_numpy(float)
    weight = np.ones(len(keep))
    if "weight" in given:
        said = given.dropna(subset=["weight"]).groupby("respondent_id")["weight"].last().reindex(keep)
        weight = said.fillna(1.0).clip(lower=0).to_numpy(float)
        weight = weight / weight.mean() if weight.sum() > 0 else np.ones(len(keep))
    number = {brand: j for j, brand in enumerate(brands)}
    return BrandSurvey(
        brands, drivers, types, ratings, bought.loc[keep].map(number).to_numpy(np.int64),
        chosen / chosen.sum(axis=1, keepdims=True), weight, {k: n for k, n in left.items() if n},
    )  # fmt: skip
