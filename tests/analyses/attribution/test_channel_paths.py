"""Paths from events and purchases: what belongs to which path, and what is counted apart."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.attribution import channel_paths as paths_module
from crm_analytics.analyses.attribution.channel_paths import ChannelPaths, channel_paths
from crm_analytics.errors import DataError, NotEnoughData

EVENTS = [  # time, channel, customer, visitor
    ("2026-01-01 10:00", "search", "a", None),
    ("2026-01-01 10:10", "search", "a", None),  # the same touch
    ("2026-01-05 09:00", "mail", "a", None),
    ("2026-01-20", "social", "a", None),
    ("2026-01-21", "search", None, "x"),  # recognised as a
    ("2026-03-01", "mail", "a", None),  # may still lead to something
    ("2026-01-02", "search", None, "y"),  # never recognised
]
PURCHASES = [
    ("a", "2026-01-05", 10.0),
    ("a", "2026-01-25 12:00", 20.0),
    ("b", "2026-02-01", 5.0),
    ("c", "2026-03-20", 7),
]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths_module, "FROM_CONVERSIONS", 1)


def open_base(
    events: list[tuple[str, str, str | None, str | None]], purchases: list[tuple[str, str, float]]
) -> CustomerBase:
    tables = {
        "events": pd.DataFrame(
            events, columns=["timestamp", "channel", "customer_id", "anonymous_id"]
        ).assign(event="Visited", event_id=[f"e{i}" for i in range(len(events))]),
        "transactions": pd.DataFrame(purchases, columns=["customer_id", "transaction_date", "unit_spend"]),
        "customer_identities": pd.DataFrame(
            {
                "identity_id": ["i"],
                "customer_id": ["a"],
                "source_system": ["web"],
                "id_type": ["anonymous_id"],
                "id_value": ["x"],
            }
        ),
    }
    return CustomerBase.open(tables, today="2027-01-01")


def ends(found: ChannelPaths) -> list[tuple[str, int, int, float, int]]:
    frame = found.paths.assign(path=[" > ".join(p) for p in found.paths["path"]])
    return list(frame.itertuples(index=False, name=None))


def test_paths_end_with_purchases() -> None:
    found = channel_paths(open_base(EVENTS, PURCHASES))
    assert ends(found) == [
        ("search", 0, 1, 0.0, 0),
        ("search > mail", 1, 0, 10.0, 1),  # a purchase without a time of day is at the end of its day
        ("social > search", 1, 0, 20.0, 0),
    ]
    assert (found.untracked, found.untracked_value, found.open, found.anonymous) == (2, 12.0, 1, 1)
    assert (found.conversions, found.value, found.first_day) == (2, 30.0, date(2026, 1, 1))


def test_touches_before_the_window_and_sent_mails_get_nothing() -> None:
    events = [("2026-01-01", "search", "a", None), ("2026-01-20", "mail", "a", None)]
    base = open_base(events, [("a", "2026-02-05", 10.0), ("b", "2026-06-01", 1.0)])
    assert ends(channel_paths(base)) == [("mail", 1, 0, 10.0, 1)]
    assert ends(channel_paths(base, lookback=60)) == [("search > mail", 1, 0, 10.0, 1)]
    assert ends(channel_paths(base, lookback=17)) == [("mail", 1, 0, 10.0, 1), ("search", 0, 1, 0.0, 0)]


def test_events_of_the_same_second_have_a_documented_order() -> None:
    same = "2026-01-05 12:00:00"
    events = [(same, "social", "a", None), (same, "mail", "a", None)]
    found = channel_paths(open_base(events, [("a", same, 3.0)]))
    assert ends(found) == [("mail > social", 1, 0, 3.0, 1)]
    assert ends(channel_paths(open_base(events[::-1], [("a", same, 3.0)]))) == ends(found)


def test_rows_after_the_day_are_invisible() -> None:
    later = [*EVENTS, ("2026-01-22", "late", "a", None)]
    cut = open_base(later, [*PURCHASES, ("a", "2026-01-24", 9.0)]).as_of("2026-01-21")
    alone = open_base([e for e in EVENTS if e[0] < "2026-01-22"], PURCHASES[:1]).as_of
    assert ends(channel_paths(cut)) == [("search > mail", 1, 0, 10.0, 1)]
    assert channel_paths(cut).open == 2
    with pytest.raises(DataError):
        alone("2026-01-21")  # without the later rows the data end before


def random_shop(
    seed: int,
) -> tuple[list[tuple[str, str, str | None, str | None]], list[tuple[str, str, float]]]:
    chance = np.random.default_rng(seed)
    start = pd.Timestamp("2026-01-01")

    def moment(days: int) -> str:
        return str(start + pd.to_timedelta(float(chance.uniform(0, days)), unit="D").floor("s"))

    who = [f"k{i}" for i in range(8)]
    events = [(moment(200), f"c{chance.integers(4)}", str(chance.choice(who)), None) for _ in range(160)]
    purchases = [(str(chance.choice(who)), moment(200), float(chance.integers(1, 50))) for _ in range(25)]
    return events, purchases


def by_hand(
    events: list[tuple[str, str, str | None, str | None]],
    purchases: list[tuple[str, str, float]],
    lookback: int,
) -> list[tuple[str, int, int, float]]:
    """The same by a plain loop over each customer's moments."""
    days: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for who, at, money in purchases:
        days.setdefault((who, at[:10]), []).append((at, money))
    moments = [(str(who), at, 0, channel, 0.0) for at, channel, who, _ in events]
    moments += [
        (who, max(a for a, _ in found), 1, "", sum(m for _, m in found)) for (who, _), found in days.items()
    ]
    last_day = pd.Timestamp(max(at for _, at, _ in purchases)).normalize() + timedelta(days=1)
    window, found, path, before = timedelta(days=lookback), [], [], None
    for who, at, kind, channel, money in [*sorted(moments), ("", "1970-01-01", 0, "", 0.0)]:
        now = pd.Timestamp(at)
        if before and (before[0] != who or before[2] == 1 or now - before[1] > window):
            if before[2] == 0 and path and path[-1][0] < last_day - window:
                found.append((" > ".join(c for _, c in path), 0, 1, 0.0))
            path, before = [], None
        if kind == 1:
            kept = [c for t, c in path if now - t <= window]
            if kept:
                found.append((" > ".join(kept), 1, 0, money))
        elif not (before and before[3] == channel and now - before[1] <= timedelta(minutes=30)):
            path.append((now, channel))
        before = (who, now, kind, channel)
    table = pd.DataFrame(found).groupby(0).sum().reset_index()
    return list(table.itertuples(index=False, name=None))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lookback", [7, 30])
def test_engine_gives_what_a_plain_loop_gives(seed: int, lookback: int) -> None:
    events, purchases = random_shop(seed)
    found = channel_paths(open_base(events, purchases), lookback=lookback)
    assert [row[:4] for row in ends(found)] == by_hand(events, purchases, lookback)


def test_time_decay_conserves_credit_and_knows_the_time() -> None:
    found = channel_paths(open_base(EVENTS, PURCHASES))
    table = found.attribute(["time_decay", "linear"]).set_index(["model", "channel"])
    assert table.loc["time_decay"].sum().tolist() == pytest.approx([2.0, 30.0])
    purchase = pd.Timestamp("2026-01-05 23:59:59")
    old, new = (
        (purchase - pd.Timestamp(t)) / pd.Timedelta(days=1) for t in ("2026-01-01 10:00", "2026-01-05 09:00")
    )
    first = 2 ** (-old / 7) / (2 ** (-old / 7) + 2 ** (-new / 7))
    second = 2 ** (-4.5 / 7) / (2 ** (-4.5 / 7) + 2 ** (-5.5 / 7))  # search 21 January, social the day before
    assert table.loc[("time_decay", "search"), "conversions"] == pytest.approx(first + second, abs=1e-5)
    assert table.loc[("time_decay", "mail"), "conversions"] == pytest.approx(1 - first, abs=1e-6)


def test_order_of_rows_changes_nothing() -> None:
    events, purchases = random_shop(9)
    one = channel_paths(open_base(events, purchases))
    other = channel_paths(open_base(events[::-1], purchases[::-1]))
    models = ["first", "markov", "time_decay"]
    assert ends(one) == ends(other)
    pd.testing.assert_frame_equal(one.attribute(models), other.attribute(models))
    pd.testing.assert_frame_equal(one.new_customers(["last"]), other.new_customers(["last"]))


def test_first_purchases_are_credited_apart() -> None:
    found = channel_paths(open_base(EVENTS, PURCHASES)).new_customers(["last"])
    assert dict(zip(found["channel"], found["new_customers"], strict=True)) == {
        "mail": 1,
        "search": 0,
        "social": 0,
    }


def test_roles_count_each_purchase_once_a_channel() -> None:
    events = [(f"2026-01-0{d}", c, "a", None) for d, c in ((1, "x"), (2, "y"), (3, "x"), (4, "z"))]
    found = channel_paths(
        open_base([*events, ("2026-01-02", "z", "b", None)], [("a", "2026-01-05", 1), ("b", "2026-01-05", 1)])
    )
    table = found.roles().set_index("channel")
    assert table.loc["x"].tolist()[:4] == [1, 1, 0, 0]
    assert table.loc["y"].tolist()[:4] == [1, 0, 1, 0]
    assert table.loc["z"].tolist() == [2, 1, 0, 2, 0.0]


def test_since_keeps_paths_that_end_later_with_all_their_touches() -> None:
    found = channel_paths(open_base(EVENTS, PURCHASES), since=date(2026, 1, 20))
    assert ends(found) == [("social > search", 1, 0, 20.0, 0)]
    assert (found.untracked, found.first_day) == (2, date(2026, 1, 21))


def test_too_little_says_how_much_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths_module, "FROM_CONVERSIONS", 30)
    with pytest.raises(NotEnoughData, match="at least 30 tracked purchases, this base has 2"):
        channel_paths(open_base(EVENTS, PURCHASES))
    bare = CustomerBase.open(
        pd.DataFrame(PURCHASES, columns=["customer_id", "transaction_date", "unit_spend"]), today="2027-01-01"
    )
    with pytest.raises(DataError, match="needs the table 'events'"):
        channel_paths(bare)
