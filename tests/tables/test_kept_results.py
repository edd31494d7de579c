"""What the kernels of one night keep for each other: computed once, the same for all, gone with the night."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import rfm
from crm_analytics.analyses.rfm import scores
from crm_analytics.errors import NotEnoughData


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir(mode=0o700)
    return tmp_path / "kept"


@pytest.fixture
def saved(tmp_path: Path, kept: Path) -> Path:
    days, ids = pd.date_range("2026-01-01", periods=120), [f"c{i % 40}" for i in range(120)]
    frame = pd.DataFrame({"customer_id": ids, "transaction_date": days, "unit_spend": range(120)})
    return CustomerBase.open(frame, today="2026-12-31").keeping(kept).save(tmp_path / "data")


def test_rfm_is_scored_once_a_night(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = scores._scored
    monkeypatch.setattr(scores, "_scored", lambda *given: made.append(1) or real(*given))
    first, second = (rfm.score(CustomerBase.open(saved)) for _ in range(2))  # two kernels
    assert made == [1]
    pd.testing.assert_frame_equal(first.segments, second.segments)
    rfm.score(CustomerBase.open(saved), bins=4)
    rfm.score(CustomerBase.open(saved).as_of("2026-04-01"))
    assert made == [1] * 3


def test_a_kept_result_is_the_one_that_was_made(saved: Path) -> None:
    table = pd.DataFrame({"x": [1.5, 2.5]})

    def make() -> dict[str, Any]:
        return {"frame": table, "bytes": b"\0\1", "json": {"a": [1, None]}, "rows": base.customer_days}

    base = CustomerBase.open(saved)
    for _ in range(2):
        found = base.remember(("all kinds",), make, dict, dict)
        pd.testing.assert_frame_equal(found["frame"], table)
        assert (found["bytes"], found["json"]) == (b"\0\1", {"a": [1, None]})
        assert found["rows"].count().execute() == base.customer_days.count().execute()


def test_what_raises_is_not_kept_and_what_is_half_written_is_made_anew(saved: Path, kept: Path) -> None:
    base = CustomerBase.open(saved)

    def fail() -> dict[str, Any]:
        raise NotEnoughData("This", 1, 2)

    with pytest.raises(NotEnoughData):
        base.remember(("x",), fail, dict, dict)
    assert base.remember(("x",), lambda: {"n": 1}, dict, dict) == {"n": 1}
    (place,) = [p for p in kept.iterdir() if p.is_dir()]
    (place / "parts.json").unlink()
    assert base.remember(("x",), lambda: {"n": 2}, dict, dict) == {"n": 2}


def test_two_who_want_it_at_once_make_it_once(saved: Path) -> None:
    made: list[int] = []
    bases = [CustomerBase.open(saved) for _ in range(4)]

    def ask(base: CustomerBase) -> dict[str, Any]:
        return base.remember(("together",), lambda: {"n": made.append(1) or len(made)}, dict, dict)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, bases)) == [{"n": 1}] * 4
    assert made == [1]


def test_kept_results_are_private(saved: Path, kept: Path) -> None:
    CustomerBase.open(saved).remember(("x",), lambda: {"n": 1}, dict, dict)
    assert {stat.S_IMODE(p.stat().st_mode) for p in kept.iterdir() if p.is_dir()} == {0o700}


def test_other_data_are_another_result(saved: Path, kept: Path) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1.0]})
    other = CustomerBase.open(frame, today="2026-12-31").keeping(kept)
    assert CustomerBase.open(saved).remember(("x",), lambda: {"n": 1}, dict, dict) == {"n": 1}
    assert other.remember(("x",), lambda: {"n": 2}, dict, dict) == {"n": 2}


def test_a_base_without_a_place_keeps_nothing() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1.0]})
    alone = CustomerBase.open(frame, today="2026-12-31")
    assert [alone.remember(("x",), lambda n=n: {"n": n}, dict, dict) for n in (1, 2)] == [{"n": 1}, {"n": 2}]
