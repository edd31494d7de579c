"""Cox's regression: what multiplies the hazard, with a check that it does so all the time.

Sources: D. R. Cox (1972), *JRSS B* 34, 187-220; B. Efron (1977), *JASA* 72, 557-565 (ties); P. M. Grambsch &
T. M. Therneau (1994), *Biometrika* 81, 515-526 (proportionality). Fitted by statsmodels' PHReg.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crm_analytics.errors import NotEnoughData, ParameterError, check_name
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
EVENTS_EACH = 10  # events a coefficient needs (Peduzzi et al. 1995)
ROWS = 100_000  # a regression of more rows is made on a seeded draw of so many
SURE = 0.05
PLAUSIBLE = (1e-6, 100.0)  # error of a coefficient per standard deviation; outside, there is no estimate


@dataclass(frozen=True, eq=False)
class Hazards(ObjectCard):
    """Hazard ratios of a Cox regression.

    Attributes
    ----------
    table : feature, hazard_ratio, lower, upper, p: the hazard of a customer one unit higher, or of the group
        named, against the group left out, everything else equal
    proportional : feature, correlation (of its residuals with the rank of time), p: a small p says that the
        ratio changes with time, and that the table's is an average over it
    ignored : features left out, and why
    rows, drawn, events : rows given, those used, and the events among them
    level : of the intervals
    """

    table: pd.DataFrame
    proportional: pd.DataFrame
    ignored: dict[str, str]
    rows: int
    drawn: int
    events: int
    level: float

    card_frame = "table"

    @property
    def words(self) -> str:
        """What to know of proportionality, as a sentence."""
        moving = self.proportional.loc[self.proportional["p"] < SURE / len(self.proportional), "feature"]
        if not len(moving):
            return f"No sign that a hazard ratio changes with time ({self.events:,} events)."
        names = ", ".join(map(str, moving))
        return f"Not proportional: the ratio of {names} changes with time, so read it as an average."


def cox(
    frame: pd.DataFrame,
    *,
    duration: str = "duration",
    event: str = "event",
    features: Sequence[str] | None = None,
    entry: str | None = None,
    strata: str | None = None,
    count: str | None = None,
    ties: Literal["efron", "breslow"] = "efron",
    level: float = 0.95,
    rows: int = ROWS,
    seed: int = 1,
) -> Hazards:
    """Hazard ratios of the features of a frame.

    Parameters
    ----------
    frame : one row per customer, or one row per spell in which the features stand still
    duration : column with the time of the event or until it was last looked, >= 0
    event : column that says whether it came
    features : columns; numbers, booleans and text (text: one ratio a name, against the most frequent).
        Default all that play no other part
    entry : column with the time from which the customer was watched; spells of (entry, duration] let a
        feature change with time. Without it everybody is watched from 0
    strata : column; each of its groups has a baseline hazard of its own
    count : column: customers behind each row; 1 each by default
    ties : "efron" or "breslow"
    level : of the intervals
    rows, seed : above so many customers as many are drawn, each as likely as any other

    Returns
    -------
    Hazards

    Raises
    ------
    NotEnoughData : fewer than 10 events for each coefficient.
    ParameterError : a column is missing, a value is missing, no feature varies, or each of them separates
        those with the event from those without, so that no ratio has a finite estimate. Where only some do,
        these are left out and stand in `ignored`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> member = rng.random(2000) < .5
    >>> days = rng.exponential(np.where(member, 200, 100))
    >>> frame = pd.DataFrame({"member": member, "duration": np.minimum(days, 150), "event": days < 150})
    >>> found = cox(frame)
    >>> found.table.hazard_ratio.round(1).tolist(), found.words
    ([0.5], 'No sign that a hazard ratio changes with time (1,306 events).')
    """
    roles = [name for name in (duration, event, entry, strata, count) if name is not None]
    names = list(features) if features is not None else [c for c in frame.columns if c not in roles]
    _check(frame, [*roles, *names])
    used = _expanded(_spells(frame, duration, entry), count, rows, seed)
    design, ignored = _design(used[names])
    events = int(used[event].astype(bool).sum())
    if events < EVENTS_EACH * design.shape[1]:
        raise NotEnoughData("Cox's regression", events, EVENTS_EACH * design.shape[1], "events")
    fitted, design, apart = _finite(used, design, (duration, event, entry, strata), ties)
    ignored |= dict.fromkeys(apart, "it separates the customers: its ratio has no finite estimate")
    return Hazards(
        _table(design.columns, fitted, level),
        _proportionality(design.columns, fitted, used[duration].to_numpy(dtype=float)),
        ignored,
        rows=int(frame[count].sum()) if count else len(frame),
        drawn=len(used),
        events=events,
        level=level,
    )


def _check(frame: pd.DataFrame, columns: list[str]) -> None:
    for name in columns:
        check_name("unknown column", name, frame.columns)
        if missing := int(frame[name].isna().sum()):
            raise ParameterError(f"{name!r} is missing in {missing:,} of {len(frame):,} rows")


def _spells(frame: pd.DataFrame, duration: str, entry: str | None) -> pd.DataFrame:
    """Rows with time at risk, in an order that hangs on their values alone."""
    start = frame[entry] if entry else 0.0
    if (frame[duration] < start).any() or (entry and (frame[entry] < 0).any()):
        raise ParameterError("durations must be 0 or more, and not before the entry")
    kept = frame[frame[duration] > start]
    if not len(kept):
        raise NotEnoughData("Cox's regression", 0, 1, "customers with time at risk")
    return kept.sort_values(list(kept.columns), kind="stable").reset_index(drop=True)


def _expanded(frame: pd.DataFrame, count: str | None, rows: int, seed: int) -> pd.DataFrame:
    counts = frame[count].to_numpy(dtype=np.int64) if count else np.ones(len(frame), dtype=np.int64)
    if counts.sum() > rows:
        chance = np.random.default_rng(seed)
        counts = chance.multivariate_hypergeometric(counts, rows, method="marginals")
    return frame.loc[np.repeat(np.arange(len(frame)), counts)].reset_index(drop=True)


def _design(features: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Numbers as they are, a column for each name but the most frequent, nothing that is constant."""
    parts, ignored = [], {}
    for name in features.columns:
        values = features[name]
        if values.nunique() < 2:
            ignored[str(name)] = "the same for everybody"
        elif pd.api.types.is_numeric_dtype(values):
            parts.append(values.astype(float).rename(str(name)))
        else:
            text = values.astype(str)
            base = sorted(text.value_counts().items(), key=lambda found: (-found[1], found[0]))[0][0]
            columns = pd.get_dummies(text, dtype=float).drop(columns=base)
            parts.extend(columns[c].rename(f"{name}: {c} (against {base})") for c in columns)
    if not parts:
        raise ParameterError(f"no feature varies between customers: {ignored or 'none was given'}")
    return pd.concat(parts, axis=1), ignored


def _finite(
    used: pd.DataFrame,
    design: pd.DataFrame,
    roles: tuple[str, str, str | None, str | None],
    ties: Literal["efron", "breslow"],
) -> tuple[Any, pd.DataFrame, list[str]]:
    """The fit of the features whose ratio has a finite estimate, and the names of the others.

    Where a feature separates the customers, the likelihood rises for ever and the error of its coefficient
    is huge or no number (G. Heinze & M. Schemper 2001, *Biometrics* 57, 114-119).
    """
    apart: list[str] = []
    while True:
        fitted = _fit(used, design, roles, ties)
        flat = _without_top(fitted, design)
        if len(flat) == design.shape[1] > 1:
            # the fit of all cannot tell which: those that separate by themselves are the ones
            flat = [
                c for c in flat if _without_top(_fit(used, design[[c]], roles, ties), design[[c]])
            ] or flat
        if not flat:
            return fitted, design, apart
        apart += flat
        design = design.drop(columns=flat)
        if not design.shape[1]:
            raise ParameterError(
                f"{', '.join(map(repr, apart))} separates the customers with the event from the others: the "
                "ratio has no finite estimate. Leave it out, or ask whether it was known before the event"
            )


def _without_top(fitted: Any, design: pd.DataFrame) -> list[str]:
    low, high = PLAUSIBLE
    return [str(n) for n, e in zip(design.columns, np.asarray(fitted.bse), strict=True) if not low < e < high]


def _fit(
    used: pd.DataFrame,
    design: pd.DataFrame,
    roles: tuple[str, str, str | None, str | None],
    ties: Literal["efron", "breslow"],
) -> Any:
    from statsmodels.duration.hazard_regression import PHReg  # slow to import, and few reports need it

    duration, event, entry, strata = roles
    # centred and scaled, so that the exponentials of no unit can overflow; undone in `_table`
    matrix = design.to_numpy(dtype=float)
    middle, scale = matrix.mean(axis=0), matrix.std(axis=0)
    model = PHReg(
        used[duration].to_numpy(dtype=float),
        (matrix - middle) / scale,
        status=used[event].astype(bool).to_numpy().astype(int),
        entry=used[entry].to_numpy(dtype=float) if entry else None,
        strata=used[strata].astype(str).to_numpy() if strata else None,
        ties=ties,
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # `_finite` looks at what came of it
        warnings.simplefilter("ignore")
        fitted = model.fit(disp=False)
    fitted.scale_of_features = scale
    return fitted


def _table(names: pd.Index, fitted: Any, level: float) -> pd.DataFrame:
    z = stats.norm.ppf(0.5 + level / 2)
    beta, error = fitted.params / fitted.scale_of_features, fitted.bse / fitted.scale_of_features
    with np.errstate(over="ignore"):
        return pd.DataFrame(
            {
                "feature": names,
                "hazard_ratio": np.exp(beta),
                "lower": np.exp(beta - z * error),
                "upper": np.exp(beta + z * error),
                "p": 2 * stats.norm.sf(np.abs(beta / error)),
            }
        )


def _proportionality(names: pd.Index, fitted: Any, time: Array) -> pd.DataFrame:
    """Grambsch & Therneau's test of each feature: Schoenfeld's residuals, scaled, on the rank of time."""
    residuals = np.asarray(fitted.schoenfeld_residuals, dtype=float)
    there = np.isfinite(residuals).all(axis=1)
    residuals, when = residuals[there], stats.rankdata(time[there])
    when = when - when.mean()
    variance = fitted.cov_params()
    scaled = len(residuals) * residuals @ variance
    top = (when @ scaled) ** 2
    bottom = len(residuals) * np.diag(variance) * (when @ when)
    spread = np.sqrt((when @ when) * ((scaled - scaled.mean(axis=0)) ** 2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "feature": names,
                "correlation": (when @ scaled) / spread,
                "p": stats.chi2.sf(top / bottom, 1),
            }
        )
