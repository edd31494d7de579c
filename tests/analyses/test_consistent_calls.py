"""One way of calling: spans, order of arguments, names; and what a wrong call is told to write instead."""

from __future__ import annotations

import ast
import re
import warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crm_analytics
from crm_analytics import CustomerBase
from crm_analytics.analyses import attribution, btyd, churn, cohorts, lifecycle, rfm
from crm_analytics.analyses.attribution.channel_paths import channel_paths
from crm_analytics.analyses.audit.value_spread import value_spread
from crm_analytics.analyses.churn.model.input_checks import TooFew
from crm_analytics.analyses.journey import journey
from crm_analytics.errors import CrmError, DataError, ParameterError
from crm_analytics.tables.object_cards import ObjectCard
from crm_analytics.tables.wrong_calls import explained

PACKAGE = Path(str(crm_analytics.__file__)).parent
# As a user outside the package and its test settings: the old order warns.
OLD_ORDER = "takes .* in this order now; the other one works until version 0.3"


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{n % 150}" for n in range(900)],
            "transaction_date": pd.date_range("2025-01-01", periods=900, freq="12h"),
            "unit_spend": [1.0 + n % 7 for n in range(900)],
        }
    )
    return CustomerBase.open(frame, today="2027-01-01")


@pytest.fixture(scope="module")
def summary(base):
    return btyd.summarize(base, unit="W")


MODEL = btyd.BetaGeo({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, unit="W")
SPEND = btyd.GammaGamma({"p": 6.25, "q": 3.74, "v": 15.44})
ONE = pd.DataFrame({"frequency": [2.0], "recency": [30.4], "T": [38.9], "monetary_value": [22.0]})


# --- spans --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "year",
    [
        "52w", "52W", "+52w", (52, "W"), (52, "w"), [52, "W"],
        timedelta(weeks=52), pd.Timedelta(days=364), np.timedelta64(364, "D").item(),
    ],
    ids=repr,
)  # fmt: skip
def test_a_year_of_weeks_is_one_value_however_it_is_written_law(summary, year):
    same = MODEL.lifetime_value(SPEND, ONE, (364, "D")) if isinstance(year, timedelta) else None
    expected = MODEL.lifetime_value(SPEND, ONE, (52, "W")) if same is None else same
    assert MODEL.lifetime_value(SPEND, ONE, year).equals(expected)
    total = btyd.value_total(MODEL, SPEND, summary, horizon=year, draws=100)
    assert total.mean == pytest.approx(btyd.value_total(MODEL, SPEND, summary, draws=100).mean, rel=0.01)


def test_windows_of_days_take_ints_and_spans(base):
    counted = [
        rfm.score(base, window=window).segments["orders"].sum()
        for window in (91, "91d", "91D", "13w", (13, "W"), timedelta(days=91))
    ]
    assert len(set(counted)) == 1
    assert counted[0] < rfm.score(base).segments["orders"].sum()
    assert lifecycle.dwell(base, horizon="52w").horizon == lifecycle.dwell(base, horizon=364).horizon == 364


def test_days_back_take_every_span(base):
    spans = ("-13w", "13w", (-13, "W"), (13, "w"), timedelta(days=-91), timedelta(days=91))
    assert len({base.earlier(span).day for span in spans}) == 1
    assert len({lifecycle.flows(base, span).then for span in spans}) == 1
    assert len({value_spread(base, span).after for span in spans}) == 1


@pytest.mark.parametrize(
    "span", ["soon", (52, "X"), (1.5, "W"), timedelta(hours=5), 52, None, ("W", 52)], ids=repr
)
def test_what_is_no_span_says_how_one_is_written(base, span):
    with pytest.raises(ParameterError, match=r"expected|unknown unit"):
        MODEL.lifetime_value(SPEND, ONE, span)
    if span != 52:
        with pytest.raises(ParameterError, match=r"days like 365|expected"):
            rfm.score(base, window=span if span is not None else "")


@pytest.mark.parametrize("unit", ["w", "W"])
def test_units_are_read_in_either_case(base, unit):
    found = btyd.summarize(base, unit=unit)
    assert found.unit == "W"
    assert btyd.BetaGeo(MODEL.params, unit=unit).unit == "W"


# --- one order of arguments, one name, one level ----------------------------------------------------------


def result(name, summary, order):
    """One number of a function of a model, spend and customers, called in an order."""
    groups = summary.history.mutate(segment=summary.history.frequency.cast("string"))
    two, three, rows = [MODEL, summary], [MODEL, SPEND, summary], [MODEL, SPEND, ONE]
    if order == "then":
        two, three, rows = [summary, MODEL], [summary, MODEL, SPEND], [ONE, MODEL, SPEND]
    more = {"value_by_group": [groups], "forecast_total": [8], "active_customers": [8]}.get(name, [])
    first = rows if name == "value_intervals" else two if name in OF_TWO else three
    drawn = {} if name in ("score", *OF_COUNTS) else {"draws": 100}
    found = getattr(btyd, name)(*first, *more, **drawn)
    if name in ("score", "active_customers"):
        found = summary.base.collect(found.order_by("customer_id"))
        return found[found.columns[-1]].sum()
    if name == "frequency_counts":
        return found.table["expected"].sum()
    return found["upper"].sum() if isinstance(found, pd.DataFrame) else found.upper


OF_COUNTS = ("active_customers", "frequency_counts")
OF_TWO = ("forecast_total", *OF_COUNTS)
NAMES = ("score", "value_total", "value_by_group", "value_intervals", "forecast_total", "active_customers",
         "frequency_counts")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_old_gives_the_same_number_and_warns(summary, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "fetch_arrow_table")  # DuckDB's, of Ibis
        now = result(name, summary, "now")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        then = result(name, summary, "then")
    told = [one for one in seen if re.search(OLD_ORDER, str(one.message))]
    assert len(told) == 1
    assert told[0].category is DeprecationWarning
    assert told[0].filename == __file__
    assert now == pytest.approx(then, rel=1e-12)


def test_keywords_need_no_order(summary):
    by_name = btyd.value_total(spend=SPEND, source=summary, model=MODEL, draws=100)
    assert by_name == btyd.value_total(MODEL, SPEND, summary, draws=100)
    assert btyd.value_total(MODEL, SPEND, source=summary, draws=100) == by_name


def test_the_package_itself_is_not_warned(base):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        btyd.evidence(base.as_of("2025-10-01"), base.between("2025-10-01", base.day), MODEL, draws=100)


def test_a_customers_value_has_one_name_and_the_level_is_095(summary):
    found = btyd.value_intervals(MODEL, SPEND, ONE, draws=200)
    assert found.columns.tolist() == ["lifetime_value", "lower", "upper", "nothing"]
    assert found.equals(btyd.value_intervals(MODEL, SPEND, ONE, draws=200, level=0.95))
    assert "lifetime_value" in btyd.score(MODEL, SPEND, summary).columns


# --- the wrong calls of a first week ----------------------------------------------------------------------

SALES = pd.DataFrame(
    {"customer_id": ["a", "b"], "transaction_date": ["2026-01-01", "2026-01-02"], "unit_spend": [1.0, 2]}
)
FLAGS = pd.DataFrame({"a": [0.0, 1.0] * 300})

WRONG = {
    "a misspelt file": (lambda b, s: CustomerBase.open("shopp.csv"), DataError, "no file or folder 'shopp"),
    "columns by other names": (
        lambda b, s: CustomerBase.open(SALES.set_axis(["cust", "date", "amount"], axis=1)),
        DataError, "'customer_id'; did you mean 'cust'",
    ),
    "something that is no source": (lambda b, s: CustomerBase.open(3.5), DataError, "float"),
    "a day ahead": (lambda b, s: b.as_of("2030-01-01"), DataError, "outside the data: they run from .* to"),
    "a day in words": (lambda b, s: b.as_of("last month"), ParameterError, "a day like 2026-01-31"),
    "days swapped": (
        lambda b, s: b.between("2025-06-01", "2025-02-01"), ParameterError, "must lie before",
    ),
    "summarize a frame": (
        lambda b, s: btyd.summarize(SALES), ParameterError, r"write btyd.summarize\(CustomerBase.open\(",
    ),
    "a unit in words": (lambda b, s: btyd.summarize(b, unit="weeks"), ParameterError, "one of 'D', 'W', 'M'"),
    "an unfitted model": (
        lambda b, s: btyd.BetaGeo().fit(ONE), ParameterError,
        r"no unfitted state: write BetaGeo.fit\(summary\), or BetaGeo\(\{'r'",
    ),
    "fit of arrays": (
        lambda b, s: btyd.BetaGeo.fit(ONE["frequency"], ONE["recency"], ONE["T"]), ParameterError,
        r"one frame, not arrays one by one: write BetaGeo.fit\(pd.DataFrame\(\{'frequency'",
    ),
    "fit of one array": (
        lambda b, s: btyd.BetaGeo.fit(ONE["frequency"]), ParameterError, "got Series: write pd.DataFrame",
    ),
    "fit of a base": (
        lambda b, s: btyd.BetaGeo.fit(b), ParameterError, r"not on a base: write .fit\(btyd.summarize\(base",
    ),
    "spend of a base": (
        lambda b, s: btyd.GammaGamma.fit(b), ParameterError, r"write .fit\(btyd.summarize\(base",
    ),
    "predict": (
        lambda b, s: MODEL.predict(ONE), AttributeError, r"write model.expected_purchases\(frame, t\)",
    ),
    "a name of lifetimes": (
        lambda b, s: MODEL.conditional_probability_alive(2, 30, 38), AttributeError,
        r"write model.probability_alive\(frame\)",
    ),
    "a misspelt name": (lambda b, s: MODEL.parms,
        AttributeError, "BetaGeo has no 'parms'; did you mean 'params'"),
    "P(alive) of numbers": (
        lambda b, s: MODEL.probability_alive(2, 30.4, 38.9), ParameterError,
        r"write probability_alive\(pd.DataFrame\(\{'frequency'",
    ),
    "P(alive) of one number": (lambda b, s: MODEL.probability_alive(2), ParameterError, "got int: write pd"),
    "purchases of arrays": (
        lambda b, s: MODEL.expected_purchases(4, 2, 30, 38), ParameterError, r"'T': ...}\), t\)",
    ),
    "a horizon without unit": (
        lambda b, s: btyd.value_total(MODEL, SPEND, s, horizon=52), ParameterError, r"\(52, 'W'\) or '52w'",
    ),
    "a rate in per cent": (
        lambda b, s: btyd.value_total(MODEL, SPEND, s, rate=15), ParameterError, "1,500 % a year",
    ),
    "a total of a base": (
        lambda b, s: btyd.value_total(MODEL, SPEND, b), ParameterError, r"source = btyd.summarize\(base",
    ),
    "a total without spend": (
        lambda b, s: btyd.value_total(MODEL, s), ParameterError,
        r"needs spend, too: write btyd.value_total\(model, spend, source\)",
    ),
    "two models": (
        lambda b, s: btyd.forecast_total(MODEL, MODEL, 3), ParameterError, "got a second model: write btyd",
    ),
    "scores of a frame": (
        lambda b, s: rfm.score(SALES), ParameterError, r"write rfm.score\(CustomerBase.open\(",
    ),
    "bins": (lambda b, s: rfm.score(b, bins=1), ParameterError, "between 2 and 20"),
    "cohorts by week": (lambda b, s: cohorts.cohorts(b, "week"), ParameterError, "every is one of month"),
    "cohorts of a frame": (lambda b, s: cohorts.cohorts(SALES), ParameterError, "write cohorts.cohorts"),
    "stages of a frame": (lambda b, s: lifecycle.stages(SALES), ParameterError, "write lifecycle.stages"),
    "a journey of a frame": (lambda b, s: journey(SALES), ParameterError, "write journey.journey"),
    "paths of a frame": (lambda b, s: channel_paths(SALES), ParameterError, "write channel_paths"),
    "churn of a frame": (lambda b, s: churn.train(SALES), ParameterError, "write churn.train"),
    "another learner": (
        lambda b, s: churn.train(b, learners=["xgboost"]), ParameterError, "logistic, gradient boosting",
    ),
    "a leak": (
        lambda b, s: churn.ChurnModel().fit(FLAGS, [0, 1] * 300), churn.Leak, "'a' tells who left.* Leave",
    ),
    "twenty rows": (
        lambda b, s: churn.ChurnModel().fit(FLAGS.head(20), [0, 1] * 10), TooFew, "at least 500 .* has 20",
    ),
    "a misspelt model": (
        lambda b, s: attribution.attribute(pd.DataFrame({"path": ["a"], "conversions": [1]}), ["marcov"]),
        ParameterError, "did you mean 'markov'",
    ),
    "a keyword of another package": (
        lambda b, s: rfm.score(b, n_bins=4),
        ParameterError, r"no argument 'n_bins'; did you mean 'bins'\? Write rfm",
    ),
    "time of lifetimes": (
        lambda b, s: MODEL.lifetime_value(SPEND, ONE, time=12),
        ParameterError, "no argument 'time'; did you mean 'horizon'",
    ),
    "a keyword of a model call": (
        lambda b, s: btyd.score(MODEL, SPEND, s, horizn="4w"), ParameterError, "did you mean 'horizon'",
    ),
    "an argument left out": (
        lambda b, s: btyd.compare(b),
        ParameterError, r"compare needs future, too. Write btyd.compare\(past, future\)",
    ),
    "half a span of days": (
        lambda b, s: b.between("2025-01-01"),
        ParameterError, r"needs end, too. Write base.between\(start, end\)",
    ),
    "a mapping by place": (
        lambda b, s: CustomerBase.open("shop", "mapping.toml"),
        ParameterError, r"open\(source, mapping=...\)",
    ),
    "a base made, not opened": (
        lambda b, s: CustomerBase(SALES),
        ParameterError, r"write CustomerBase.open\(source\)",
    ),
    "read_csv": (lambda b, s: CustomerBase.read_csv("x.csv"), AttributeError, r"write CustomerBase.open\("),
    "a fitter of lifetimes": (
        lambda b, s: btyd.BetaGeoFitter,
        AttributeError, r"write btyd.BetaGeo.fit\(summary\)",
    ),
    "a misspelt function": (lambda b, s: churn.trian(b), AttributeError, "did you mean 'train'"),
    "a misspelt table": (lambda b, s: b.transaction, AttributeError, "did you mean 'transactions'"),
    "head of a base": (lambda b, s: b.head(), AttributeError, "is no frame. Write .transactions.to_pandas"),
    "a column of a result": (
        lambda b, s: rfm.score(b)["segment"],
        TypeError, r"it is no frame. Write .customers.to_pandas\(\) or .segments",
    ),
    "a result as a file": (
        lambda b, s: rfm.score(b).to_csv("x"),
        AttributeError, "is no frame. Write .customers",
    ),
    "a misspelt field": (lambda b, s: rfm.score(b).segment, AttributeError, "did you mean 'segments'"),
    "a picture of a base": (lambda b, s: b.plot(), AttributeError, r"write rfm.score\(base\).plot\(\)"),
    "a filter in words": (
        lambda b, s: b.filter("country == 'DE'"),
        ParameterError, r"base.filter\(country='DE'\)",
    ),
    "bins in words": (
        lambda b, s: rfm.score(b, bins="5"),
        ParameterError, "whole number from 2 to 20, got '5'",
    ),
    "a column as a source": (
        lambda b, s: CustomerBase.open(SALES["unit_spend"]),
        DataError, "frame.*got Series",
    ),
    "paths of a base": (
        lambda b, s: attribution.attribute(b),
        ParameterError, r"write attribute\(channel_paths",
    ),
    "a misspelt column of paths": (
        lambda b, s: attribution.attribute(pd.DataFrame({"paths": ["a"], "conversions": [1]})), DataError,
        "did you mean 'paths'",
    ),
    "models by name": (
        lambda b, s: btyd.compare(b.as_of("2025-06-01"), b.between("2025-06-01", "2025-12-01"), "BG/NBD"),
        ParameterError, "write models=",
    ),
    "rows of no kind to a warehouse": (
        lambda b, s: b.to_warehouse("x.parquet", [1]),
        ParameterError, "got list: write",
    ),
}  # fmt: skip


def test_a_property_that_fails_says_how_and_not_that_it_is_missing():
    class Broken(ObjectCard):
        @property
        def total(self):
            return None.sum()

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'sum'"):
        _ = Broken().total


def test_an_error_inside_a_call_stays_what_it_is():
    def inner(base, *, bins=5):
        return len(base)

    with pytest.raises(TypeError, match="has no len") as raised:
        explained(inner, "inner")(5, bins=3)
    assert not isinstance(raised.value, CrmError)


def test_models_take_frames_of_other_libraries(summary):
    polars = pytest.importorskip("polars")
    mine = pd.concat([ONE] * 3, ignore_index=True)
    assert (
        MODEL.probability_alive(polars.from_pandas(mine)).tolist() == MODEL.probability_alive(mine).tolist()
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_says_what_to_write(base, summary, name):
    call, kind, says = WRONG[name]
    with pytest.raises(kind, match=says) as raised:
        call(base, summary)
    assert isinstance(raised.value, CrmError | AttributeError)


def test_a_model_still_has_what_python_asks_of_it():
    import copy
    import pickle

    assert copy.deepcopy(MODEL).params == MODEL.params
    assert pickle.loads(pickle.dumps(MODEL)).params == MODEL.params
    assert not hasattr(MODEL, "predict")
    assert not hasattr(MODEL, "_repr_png_")


def test_every_draw_begins_at_one_unless_asked_otherwise():
    """One default for one word: the worlds of `crm demo` alone have seeds of their own."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "tables"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                said = node.args
                places = [*said.posonlyargs, *said.args]
                pairs = [*zip(places[len(places) - len(said.defaults):], said.defaults, strict=True),
                         *zip(said.kwonlyargs, said.kw_defaults, strict=True)]  # fmt: skip
                found += [(path.name, node.name, d) for a, d in pairs if a.arg == "seed" and d is not None]
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "seed" and node.value:
                found.append((path.name, "seed", node.value))
    assert len(found) > 30
    assert [(file, name) for file, name, d in found if ast.literal_eval(d) != 1] == []
