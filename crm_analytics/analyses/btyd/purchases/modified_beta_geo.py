"""MBG/NBD: as BG/NBD, but a customer can leave after the first purchase too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crm_analytics.analyses.btyd.purchases.dropout_model import DropoutModel


@dataclass(frozen=True, eq=False)
class ModifiedBetaGeo(DropoutModel):
    """MBG/NBD: a steady rate of buying, and a chance to leave after every purchase, the first one included.

    The model to take P(alive) from: one-time buyers fade, where BG/NBD keeps them all alive.

    Attributes
    ----------
    As of `BetaGeo`.

    Source
    ------
    Batislam, Denizel & Filiztekin (2007), International Journal of Research in Marketing 24(3), 201-209;
    Hoppe & Wagner (2007), Marketing Journal of Research and Management 3(2), 75-90.

    Examples
    --------
    >>> import pandas as pd
    >>> model = ModifiedBetaGeo({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, unit="W")
    >>> once = pd.DataFrame({"frequency": [0], "recency": [0], "T": [38.857]})
    >>> model.probability_alive(once).round(2).tolist()
    [0.39]
    """

    SHIFT: ClassVar[int] = 1
    LABEL: ClassVar[str] = "MBG/NBD"
