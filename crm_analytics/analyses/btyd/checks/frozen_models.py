"""Fitted models kept apart from their data: fit in one place, score later windows in another, know the past.

The file is plain JSON (parameters, covariance, unit, window, how customers were spread then) with a checksum
over all of it; nothing in it can run, and nothing in it names a customer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from crm_analytics import __version__
from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.forecasts.scoring import score
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
from crm_analytics.analyses.btyd.spend.banded_spend import BandedGammaGamma
from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma
from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.object_cards import ObjectCard
from crm_analytics.tables.regular_files import check_regular, read_record, replace_whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.btyd.fitting.summary import Summary

FORMAT = 1
SPREAD_BY = ("frequency", "recency", "T")
_TENTHS = 10


@dataclass(frozen=True)
class Spread:
    """How customers were spread over the values of one column, in bands.

    edges : upper ends of all bands but the last, which is open
    customers : in each band; one more than edges
    """

    edges: tuple[float, ...]
    customers: tuple[int, ...]


@dataclass(frozen=True)
class FrozenModels(ObjectCard):
    """What was fitted, and on what.

    purchases : model of repeat purchases
    spend : Gamma-Gamma, by frequency band or not, or None
    status : model for P(alive), or None: `purchases`
    unit : of all times, "D", "W", "M" or "Y"
    first_day, day : of the window it was fitted on
    customers, repeat_buyers : in it
    currency : of the money; empty if unknown
    data_hash : of the base
    cells_hash : of its cells, by which a changed past is noticed
    spreads : by column of `SPREAD_BY`: `Spread`
    version : of this package
    """

    purchases: PurchaseModel
    spend: GammaGamma | BandedGammaGamma | None
    status: PurchaseModel | None
    unit: str
    first_day: date
    day: date
    customers: int
    repeat_buyers: int
    currency: str
    data_hash: str
    cells_hash: str
    spreads: dict[str, Spread] = field(repr=False)
    version: str = __version__

    def __post_init__(self) -> None:
        """Refuse what could be saved and not be loaded, or loaded and not be used on a summary."""
        for model in (self.purchases, self.status):
            if model is not None and not isinstance(model, PurchaseModel):
                raise ParameterError(
                    f"a {type(model).__name__} cannot be kept: models are frozen to score summaries, which "
                    f"know {', '.join(SPREAD_BY)} alone. Give a model of repeat purchases without covariates"
                )
        if self.spend is not None and not isinstance(self.spend, GammaGamma | BandedGammaGamma):
            raise ParameterError(
                f"a {type(self.spend).__name__} cannot be kept as model of spend: give a GammaGamma, a "
                "BandedGammaGamma or none"
            )

    def score(self, summary: Summary, **wanted: Any) -> ir.Table:
        """Every customer of a later window; `wanted` as in `score` (horizon, rate, timing).

        Raises
        ------
        ParameterError : no model of spend was kept, or the summary has another unit or currency.
        """
        if self.spend is None:
            raise ParameterError(
                "no model of spend was kept with these: freeze them with one to value customers"
            )
        if self.currency and summary.base.currency and summary.base.currency != self.currency:
            raise ParameterError(
                f"the models were fitted on money in {self.currency}, this base is in {summary.base.currency}"
            )
        return score(summary, self.purchases, self.spend, status_model=self.status, **wanted)

    def save(self, path: str | Path) -> Path:
        """Write the file, whole or not at all; the same models give the same bytes."""
        path = Path(path)
        facts = self._facts()
        facts["sha256"] = _checksum(facts)
        text = json.dumps(facts, indent=1, sort_keys=True, allow_nan=False) + "\n"
        replace_whole(path, text.encode("utf-8"), 0o666)
        return path

    @classmethod
    def load(cls, path: str | Path) -> FrozenModels:
        """Read what `save` wrote.

        Raises
        ------
        DataError : there is no such file, it is none of ours, or somebody has changed it.
        """
        path = Path(path)
        check_regular(path)
        try:
            facts = read_record(path)
        except FileNotFoundError:
            raise DataError(f"there is no file of models {path.name} in {path.parent.name or '.'}/") from None
        except (ValueError, UnicodeDecodeError):
            facts = None
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise DataError(f"{path.name} is no file of frozen models (format {FORMAT})")
        if facts.pop("sha256", None) != _checksum(facts):
            raise DataError(f"{path.name} was changed after it was written: fit and freeze again")
        models = {part: _model(told) for part, told in facts["models"].items()}
        window, spreads = facts["window"], facts["spreads"]
        return cls(
            cast("PurchaseModel", models["purchases"]),
            cast("GammaGamma | BandedGammaGamma | None", models.get("spend")),
            cast("PurchaseModel | None", models.get("status")),
            facts["unit"],
            date.fromisoformat(window["first_day"]),
            date.fromisoformat(window["day"]),
            facts["customers"],
            facts["repeat_buyers"],
            facts["currency"],
            facts["data_hash"],
            facts["cells_hash"],
            {c: Spread(tuple(s["edges"]), tuple(s["customers"])) for c, s in spreads.items()},
            facts["version"],
        )

    def _facts(self) -> dict[str, Any]:
        models = {"purchases": self.purchases, "spend": self.spend, "status": self.status}
        return {
            "format": FORMAT,
            "version": self.version,
            "models": {part: model.to_json() for part, model in models.items() if model is not None},
            "unit": self.unit,
            "window": {"first_day": self.first_day.isoformat(), "day": self.day.isoformat()},
            "customers": self.customers,
            "repeat_buyers": self.repeat_buyers,
            "currency": self.currency,
            "data_hash": self.data_hash,
            "cells_hash": self.cells_hash,
            "spreads": {column: asdict(spread) for column, spread in self.spreads.items()},
        }


def freeze(
    summary: Summary,
    purchases: PurchaseModel,
    spend: GammaGamma | BandedGammaGamma | None = None,
    status: PurchaseModel | None = None,
) -> FrozenModels:
    """Models with what must be known to use them on other days.

    Parameters
    ----------
    summary : on which they were fitted
    purchases, spend, status : the models; `status` for P(alive), see `score`

    Raises
    ------
    ParameterError : a model has another unit than the summary, or cannot be kept: one with covariates, of
        opportunities or of contracts (their `to_json` and `from_json`, where they have them, keep them).

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> from crm_analytics.analyses.btyd import BetaGeo, summarize
    >>> base = CustomerBase.open(pd.DataFrame({
    ...     "customer_id": ["a", "a", "b"], "unit_spend": [10.0, 20.0, 5.0],
    ...     "transaction_date": ["2026-01-01", "2026-01-08", "2026-01-15"]}), today="2026-02-01")
    >>> kept = freeze(summarize(base), BetaGeo({"r": .24, "alpha": 4.4, "a": .8, "b": 2.4}, unit="W"))
    >>> kept.day.isoformat(), kept.customers, kept.spreads["frequency"].customers[:2]
    ('2026-01-15', 2, (1, 1))
    """
    for model in (purchases, spend, status):
        if isinstance(model, PurchaseModel) and model.unit != summary.unit:
            raise ParameterError(
                f"{model.LABEL} was fitted in '{model.unit}', the summary is in '{summary.unit}'"
            )
    base = summary.base
    return FrozenModels(
        purchases,
        spend,
        status,
        summary.unit,
        base.first_day,
        summary.day,
        summary.customer_count,
        summary.repeat_buyers,
        base.currency,
        base.data_hash,
        hash_of_cells(summary),
        {column: spread_of(summary.cells, column) for column in SPREAD_BY},
    )


def spread_of(cells: pd.DataFrame, column: str, like: Spread | None = None) -> Spread:
    """Customers by bands of a column: frequencies 0 to 6 and more, tenths of the others; or as in `like`."""
    values, weight = cells[column], cells["customers"]
    if like is not None:
        edges = like.edges
    elif column == "frequency":
        edges = tuple(float(k) for k in range(7))
    else:
        order = cells.sort_values(column)
        share = order["customers"].cumsum() / order["customers"].sum()
        tenths = [float(order[column][share >= k / _TENTHS].iloc[0]) for k in range(1, _TENTHS)]
        edges = tuple(sorted(set(tenths)))
    band = pd.cut(values, [-float("inf"), *edges, float("inf")], labels=False)
    counted = weight.groupby(band).sum().reindex(range(len(edges) + 1), fill_value=0)
    return replace(Spread(edges, ()), customers=tuple(int(n) for n in counted))


def hash_of_cells(summary: Summary) -> str:
    """Of whole days and counts, so that it is the same in every unit and on every engine."""
    days = summary.cell_days[["recency_days", "age_days"]]
    rows = pd.concat([summary.cells[["frequency", "customers"]], days], axis=1).sort_values(
        ["frequency", "recency_days", "age_days"]
    )
    return hashlib.sha256(rows.astype("int64").to_csv(index=False).encode()).hexdigest()


def _checksum(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _kinds(of: type[FittedModel] = FittedModel) -> Iterator[type[FittedModel]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _model(told: dict[str, Any]) -> FittedModel | BandedGammaGamma:
    known: dict[str, type[FittedModel] | type[BandedGammaGamma]] = {k.__name__: k for k in _kinds()}
    known[BandedGammaGamma.__name__] = BandedGammaGamma
    name = str(told.get("model"))
    if name not in known:
        raise DataError(f"no model is called '{name[:40]}' in this version{nearest(name, known)}")
    return known[name].from_json(told)
