"""BG/NBD: repeat purchases until a silent goodbye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_analytics.analyses.btyd.purchases.dropout_model import DropoutModel


@dataclass(frozen=True, eq=False)
class BetaGeo(DropoutModel):
    """BG/NBD, for customers without a contract: a steady rate of buying, a chance to leave after each repeat.

    While alive a customer buys at a rate lambda ~ Gamma(r, alpha); after each *repeat* purchase the
    customer leaves with a probability p ~ Beta(a, b). So whoever bought once has had no chance to leave:
    P(alive) is 1 for every one-time buyer, however long ago that was. Never read it as retention; take
    P(alive) from `ModifiedBetaGeo`.

    Attributes
    ----------
    params : r, alpha (in the unit of T), a, b
    log_likelihood : total over customers
    covariance : of the parameters on their natural scale
    customers : fitted on
    unit : "D", "W", "M", "Y" or None if unknown
    diagnosis : whether the optimum can be trusted, in numbers and in words

    Source
    ------
    Fader, Hardie & Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), 275-284.

    Examples
    --------
    The paper's own estimates for CDNOW, and its customer with two repeat purchases:

    >>> import pandas as pd
    >>> model = BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
    >>> one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> model.expected_purchases(one, t=39).round(3).tolist()
    [1.226]
    >>> model.probability_alive(one).round(3).tolist()
    [0.727]
    """

    SHIFT: ClassVar[int] = 0
    LABEL: ClassVar[str] = "BG/NBD"
