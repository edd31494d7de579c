"""Attribution held to published numbers and to its laws."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.attribution import (
    MODELS,
    NO_TOUCH,
    WITHOUT_TIMES,
    attribute,
    read_paths,
    removal_effects,
    shapley_value,
)
from crm_analytics.errors import DataError, ParameterError


def credited(frame: pd.DataFrame, model: str, of: str = "conversions", **more: object) -> dict[str, float]:
    table = attribute(frame, [model], **more)  # type: ignore[arg-type]
    return dict(zip(table["channel"], table[of], strict=True))


def paths(**rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [" > ".join(name.split("_")) for name in rows],
            "conversions": [c for c, _ in rows.values()],
            "nulls": [n for _, n in rows.values()],
        }
    )


ADOBE = pd.DataFrame(
    {
        "path": [["Paid Search", "Social", "Email", "Display"]],
        "days": [[9, 6, 0, 0]],
        "conversions": [1],
        "value": [50.0],
    }
)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("linear", {"Paid Search": 12.5, "Social": 12.5, "Email": 12.5, "Display": 12.5}),
        ("j_shaped", {"Paid Search": 10, "Social": 5, "Email": 5, "Display": 30}),
        ("inverse_j", {"Paid Search": 30, "Social": 5, "Email": 5, "Display": 10}),
        ("u_shaped", {"Paid Search": 20, "Social": 5, "Email": 5, "Display": 20}),
        ("time_decay", {"Paid Search": 6.92, "Social": 9.32, "Email": 16.88, "Display": 16.88}),
        ("first", {"Paid Search": 50, "Social": 0, "Email": 0, "Display": 0}),
        ("last", {"Paid Search": 0, "Social": 0, "Email": 0, "Display": 50}),
    ],
)
def test_rules_match_adobes_example(model: str, expected: dict[str, float]) -> None:
    assert credited(ADOBE, model, "value") == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("days", "money", "expected", "within"),
    [
        ([28, 21, 14, 7], 1.0, [1 / 15, 2 / 15, 4 / 15, 8 / 15], 1e-12),
        ([38, 33, 26, 8, 0], 12_000.0, [175, 287, 575, 3_417, 7_545], 0.5),
    ],
)
def test_time_decay_matches_published_weights(
    days: list[float], money: float, expected: list[float], within: float
) -> None:
    names = [f"c{i}" for i in range(len(days))]
    frame = pd.DataFrame({"path": [names], "days": [days], "conversions": [1], "value": [money]})
    assert list(credited(frame, "time_decay", "value").values()) == pytest.approx(expected, abs=within)


@pytest.mark.parametrize(
    ("model", "one", "two"), [("u_shaped", 1, 0.5), ("j_shaped", 1, 0.25), ("inverse_j", 1, 0.75)]
)
def test_position_rules_match_adobe_for_one_and_two_touches(model: str, one: float, two: float) -> None:
    assert credited(paths(a=(1, 0)), model) == {"a": one}
    assert credited(paths(a_b=(1, 0)), model) == pytest.approx({"a": two, "b": 1 - two})


def test_markov_matches_channelattribution_example() -> None:
    frame = paths(c1_c2_c3=(1, 0), c1=(0, 1), c2_c3=(0, 1))
    found = removal_effects(read_paths(frame))
    assert found.probability == pytest.approx(1 / 3)
    assert found.effect == pytest.approx([0.5, 1.0, 1.0])
    assert credited(frame, "markov") == pytest.approx({"c1": 0.2, "c2": 0.4, "c3": 0.4})


def test_markov_matches_puzyrev_2019() -> None:
    frame = paths(g=(2, 1), m=(1, 0), g_m=(1, 0))
    found = removal_effects(read_paths(frame))
    assert found.probability == pytest.approx(0.8)
    assert found.effect == pytest.approx([0.75, 0.5])
    assert credited(frame, "markov") == pytest.approx({"g": 2.4, "m": 1.6})


def test_shapley_value_matches_published_game() -> None:
    worth = {"O": 7, "F": 6, "D": 4, "OF": 15, "OD": 7, "FD": 9, "OFD": 19}
    found = shapley_value({frozenset(c): float(w) for c, w in worth.items()})
    assert [found[c] for c in "OFD"] == pytest.approx([7.667, 8.167, 3.167], abs=0.0005)


# --- laws ---------------------------------------------------------------------------------------------------


def random_paths(seed: int, channels: int = 5, rows: int = 60) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    lengths = chance.integers(1, 7, rows)
    return pd.DataFrame(
        {
            "path": [[f"c{c}" for c in chance.integers(0, channels, n)] for n in lengths],
            "days": [sorted(chance.uniform(0, 60, n), reverse=True) for n in lengths],
            "conversions": chance.integers(0, 4, rows),
            "nulls": chance.integers(0, 9, rows),
            "value": chance.gamma(2, 30, rows),
        }
    ).assign(value=lambda f: f["value"] * f["conversions"])


def effects_by_removal(frame: pd.DataFrame, order: int) -> np.ndarray:
    """Removal effects straight from their definition: the chain is solved anew without each channel."""
    chains: dict[tuple[str, ...], dict[object, float]] = {}
    for path, conv, null in zip(frame["path"], frame["conversions"], frame["nulls"], strict=True):
        states = [("start",), *(tuple(path[max(i - order + 1, 0) : i + 1]) for i in range(len(path)))]
        # a shorter tuple at the begin is a state of its own
        for one, other in zip(states, [*states[1:], None], strict=True):
            leads = chains.setdefault(one, {})
            for end, n in ((other, conv + null),) if other else ((True, conv), (False, null)):
                leads[end] = leads.get(end, 0.0) + n
    names = list(chains)

    def probability(without: str | None) -> float:
        system, right = np.eye(len(names)), np.zeros(len(names))
        for i, name in enumerate(names):
            if name != ("start",) and name[-1] == without:
                continue
            total = sum(chains[name].values())
            for end, n in chains[name].items():
                if end is True:
                    right[i] += n / total if total else 0
                elif end is not False:
                    system[i, names.index(end)] -= n / total if total else 0
        return float(np.linalg.solve(system, right)[names.index(("start",))])

    whole = probability(None)
    return np.array([1 - probability(c) / whole for c in sorted({c for p in frame["path"] for c in p})])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_removal_effects_are_what_removing_gives(order: int) -> None:
    frame = random_paths(order)
    found = removal_effects(read_paths(frame), order).effect
    assert found == pytest.approx(effects_by_removal(frame, order), abs=1e-10)


def test_sparse_and_dense_solutions_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = random_paths(11, channels=40, rows=500)
    dense = removal_effects(read_paths(frame), 2)
    monkeypatch.setattr("crm_analytics.analyses.attribution.markov.DENSE_UP_TO", 0)
    monkeypatch.setattr("crm_analytics.analyses.attribution.markov.COLUMNS", 7)
    found = removal_effects(read_paths(frame), 2)
    assert found.effect == pytest.approx(dense.effect, abs=1e-12)
    assert found.value_effect == pytest.approx(dense.value_effect, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lookback", [None, 20.0])
def test_credit_is_conserved_and_never_negative(seed: int, lookback: float | None) -> None:
    frame = random_paths(seed)
    table = attribute(frame, MODELS, lookback=lookback)
    sums = table.groupby("model")[["conversions", "value"]].sum()
    assert sums["conversions"].to_numpy() == pytest.approx(frame["conversions"].sum(), rel=1e-12)
    assert sums["value"].to_numpy() == pytest.approx(frame["value"].sum(), rel=1e-12)
    assert (table[["conversions", "value"]] >= 0).all().all()


def test_repeated_touches_change_nothing_at_order_1() -> None:
    once = paths(a_b=(3, 1), b_c=(1, 4), c=(2, 2))
    often = paths(a_a_a_b=(3, 1), b_c_c=(1, 4), c=(2, 2))
    assert credited(once, "markov") == pytest.approx(credited(often, "markov"))
    assert credited(once, "shapley") == pytest.approx(credited(often, "shapley"))


def test_order_of_customers_changes_nothing() -> None:
    frame = random_paths(3)
    mixed = frame.sample(frac=1, random_state=1)
    one, other = (attribute(f, MODELS) for f in (frame, mixed))
    assert other["conversions"].to_numpy() == pytest.approx(one["conversions"].to_numpy(), abs=1e-9)


def test_grouped_paths_give_what_customers_give() -> None:
    grouped = pd.DataFrame(
        {"path": ["a > b", "b"], "conversions": [2, 1], "nulls": [1, 1], "value": [9, 4.0]}
    )
    ends = [
        ("a > b", 1, 0, 4.0),
        ("a > b", 1, 0, 5.0),
        ("a > b", 0, 1, 0.0),
        ("b", 1, 0, 4.0),
        ("b", 0, 1, 0.0),
    ]
    single = pd.DataFrame(ends, columns=["path", "conversions", "nulls", "value"])
    pd.testing.assert_frame_equal(attribute(grouped, MODELS[:7]), attribute(single, MODELS[:7]))
    pd.testing.assert_frame_equal(attribute(grouped, ["markov"]), attribute(single, ["markov"]))


def test_shapley_by_paths_is_the_value_of_its_game() -> None:
    frame = random_paths(8, channels=4)
    names = sorted({c for p in frame["path"] for c in p})
    game = {
        frozenset(some): float(frame.loc[[set(p) <= set(some) for p in frame["path"]], "conversions"].sum())
        for size in range(1, len(names) + 1)
        for some in combinations(names, size)
    }
    assert credited(frame, "shapley") == pytest.approx(shapley_value(game))


def test_money_has_removal_effects_of_its_own() -> None:
    frame = paths(a=(5, 5), b=(5, 5)).assign(value=[500.0, 50.0])
    assert credited(frame, "markov") == pytest.approx({"a": 5, "b": 5})
    assert credited(frame, "markov", "value") == pytest.approx({"a": 500, "b": 50})


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance = np.random.default_rng(1)
    hits = 0
    for seed in range(60):
        conversions = chance.multinomial(400, [0.1, 0.06, 0.04, 0.8])
        frame = pd.DataFrame({"path": ["a > b", "a", "b", "a > b"], "conversions": [*conversions[:3], 0]})
        frame["nulls"] = [0, 0, 0, conversions[3]]
        table = attribute(frame, ["linear"], draws=200, seed=seed)
        hits += table.loc[0, "conversions_lower"] <= 400 * (0.05 + 0.06) <= table.loc[0, "conversions_upper"]
    assert hits >= 52  # 95 % of 60 less three standard errors


# --- bad input ----------------------------------------------------------------------------------------------


def test_no_conversions_give_nobody_credit() -> None:
    table = attribute(paths(a_b=(0, 4), b=(0, 1)), (*WITHOUT_TIMES, "markov", "markov_3"))
    assert (table["conversions"] == 0).all()


def test_all_conversions_and_one_touch() -> None:
    assert credited(paths(a=(3, 0)), "markov") == {"a": 3.0}


def test_window_keeps_the_credit_of_paths_that_lose_all_touches() -> None:
    frame = pd.DataFrame({"path": [["a", "b"], ["a"]], "days": [[40, 2], [90]], "conversions": [1, 1]})
    assert credited(frame, "linear", lookback=30) == {"a": 0.0, "b": 1.0, NO_TOUCH: 1.0}


def test_last_non_direct_passes_over_direct() -> None:
    frame = paths(a_direct=(2, 0), direct=(1, 0), b_a_direct_direct=(4, 0))
    assert credited(frame, "last_non_direct") == {"a": 6.0, "b": 0.0, "direct": 1.0}


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (pd.DataFrame({"pth": ["a"]}), DataError, "no column 'path'; did you mean 'pth'.* There is pth"),
        (paths().iloc[:0], DataError, "not one path"),
        (
            pd.DataFrame({"path": ["a", " "], "conversions": [1, 1]}),
            DataError,
            "row 1 of the paths: the path is",
        ),
        (
            pd.DataFrame({"path": ["a", "a > > b"], "conversions": [1, 1]}),
            DataError,
            "row 1 .* without a channel",
        ),
        (
            pd.DataFrame({"path": ["a"], "conversions": [-1]}),
            DataError,
            "row 0 of the paths: conversions is neg",
        ),
        (pd.DataFrame({"path": ["a"], "conversions": [np.nan]}), DataError, "conversions is missing"),
        (pd.DataFrame({"path": [3], "conversions": [1]}), DataError, "must hold texts"),
        (
            pd.DataFrame({"path": [["a"]], "conversions": [1], "days": [[1, 2]]}),
            DataError,
            "as many entries as the path has touches",
        ),
    ],
)
def test_broken_paths_say_what_and_where(frame: pd.DataFrame, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        attribute(frame, ["last"])


def test_wrong_calls_say_the_nearest() -> None:
    frame = paths(a=(1, 0))
    with pytest.raises(ParameterError, match="no model 'markow'; did you mean 'markov'"):
        attribute(frame, ["markow"])
    with pytest.raises(ParameterError, match="time_decay needs the column days"):
        attribute(frame, ["time_decay"])
    with pytest.raises(ParameterError, match="look-back window needs the column days"):
        attribute(frame, ["last"], lookback=30)
    with pytest.raises(ParameterError, match="no column 'conversion'; did you mean 'conversions'"):
        attribute(frame, ["last"], value="conversion")


def test_ten_thousand_channels_and_paths_of_five_thousand_steps() -> None:
    chance = np.random.default_rng(0)
    long = [[f"c{i}" for i in chance.integers(0, 10_000, 5_000)] for _ in range(6)]
    frame = pd.DataFrame({"path": long, "conversions": [1, 0, 1, 1, 0, 1], "nulls": [0, 1, 0, 0, 1, 0]})
    table = attribute(frame, [*WITHOUT_TIMES])
    assert table.groupby("model")["conversions"].sum().to_numpy() == pytest.approx(4.0)
