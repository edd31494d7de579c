"""What changed between two published runs, and what may be said of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase, cli
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.analyses.measured import Measured
from crm_analytics.errors import ParameterError
from crm_analytics.runs.publishing import publish, run_diff
from crm_analytics.runs.publishing.publish import Place

OLD = {
    "day": "2026-01-31",
    "customers": 400,
    "value": 100.0,
    "value_lower": 90.0,
    "value_upper": 110.0,
    "alive": 0.6,
    "alive_n": 80,
    "share": 0.5,
    "share_n": 10,
    "gone": 1,
    "same": 3,
    "covered": True,
}
NEW = OLD | {
    "day": "2026-02-28",
    "customers": 440,
    "value": 130.0,
    "value_lower": 115.0,
    "value_upper": 145.0,
    "alive": 0.8,
    "alive_n": 70,
    "share": 0.6,
    "new": 0,
    "covered": False,
}
del NEW["gone"]


def put(out: Path, slug: str, facts: dict, status: str = "done", **more: object) -> Path:
    about = {
        "report": "segments",
        "slug": slug,
        "status": status,
        "as_of": slug,
        "parameters": {"bins": 5},
        "versions": {"pandas": "3"},
        "data": {"hash": slug * 4},
        "facts": facts,
        **more,
    }
    files = {"page.html": b"x", "manifest.json": json.dumps(about).encode()}
    return publish.publish(Place(out, str(about["report"]), slug), f"run-{slug}", files, {}, 12)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "reports"
    put(folder, "2026-01-31", OLD)
    put(folder, "2026-02-28", NEW, parameters={"bins": 4})
    return folder


def test_each_fact_with_its_change_and_what_may_be_said() -> None:
    told = {d.name: (d.change, d.percent, d.clear, d.words) for d in run_diff.compare(OLD, NEW)}
    assert told["customers"] == (40, 10.0, False, "may be chance: two counts often differ so much")
    assert told["value"] == (30.0, 30.0, True, "clear: the 95 % intervals do not overlap")
    assert told["alive"][2:] == (True, "clear: the 95 % interval of the difference leaves out 0")
    assert told["share"][2:] == (False, "may be chance: the 95 % interval of the difference holds 0")
    assert told["day"][3] == "changed"
    assert told["covered"] == (None, None, None, "changed")
    assert told["gone"][3] == "only in the first run"
    assert told["new"][3] == "only in the second run"
    assert told["same"][3] == "the same"
    assert not [name for name in told if name.endswith(("_lower", "_upper", "_n"))]


def test_overlapping_intervals_are_no_clear_change() -> None:
    after = OLD | {"value": 105.0, "value_lower": 95.0, "value_upper": 115.0}
    value = next(d for d in run_diff.compare(OLD, after) if d.name == "value")
    assert (value.clear, value.words) == (False, "within the uncertainty: the 95 % intervals overlap")


def test_nothing_before_has_no_percent() -> None:
    [fact] = run_diff.compare({"x": 0, "y_lower": 1}, {"x": 2, "y_lower": 1})[:1]
    assert (fact.change, fact.percent) == (2, None)


def test_difference_of_shares_matches_newcombe_1998_table_2() -> None:
    # method 10 of 10/10 against 0/20, and of 0/10 against 0/10
    low, high = run_diff.difference_of_shares(0, 20, 1, 10)
    assert (round(low, 4), round(high, 4)) == (0.6791, 1.0)
    low, high = run_diff.difference_of_shares(0, 10, 0, 10)
    assert (round(low, 4), round(high, 4)) == (-0.2775, 0.2775)


@pytest.mark.parametrize("place", ["slug", "run", "page", "short", "shorter"])
def test_run_is_found_however_it_is_named(out: Path, place: str) -> None:
    slug = out / "segments" / "2026-01-31"
    given = {
        "slug": str(slug),
        "run": str(slug / "runs" / "run-2026-01-31"),
        "page": str(slug / "report.html"),
        "short": "segments/2026-01-31/run-2026-01-31",
        "shorter": "segments/2026-01-31",
    }[place]
    assert run_diff.find_run(out, given).facts == OLD


@pytest.mark.parametrize("schema", [1, 2])
def test_runs_of_both_schemas_are_read(out: Path, schema: int) -> None:
    put(out, "2026-03-31", NEW, schema=schema)
    assert run_diff.find_run(out, "segments/2026-03-31").facts == NEW


def test_run_of_a_later_version_says_so(out: Path) -> None:
    put(out, "2026-03-31", NEW, schema=3)
    with pytest.raises(
        ParameterError, match="2026-03-31: its manifest has schema 3, made by a later version"
    ):
        run_diff.find_run(out, "segments/2026-03-31")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("segmets/2026-01-31", "no report 'segmets'; did you mean 'segments'? Known: segments"),
        ("segments/2026-01-30", "no slug '2026-01-30'; did you mean '2026-01-31'?"),
        ("segments/2026-01-31/run-x", "no run 'run-x'"),
        ("segments", "give NAME/SLUG, NAME/SLUG/RUN, or a folder"),
        ("../../etc", "give NAME/SLUG"),
        (".", "it has no manifest.json"),
        ("segments/broken", "the manifest of run-broken is not whole"),
        ("segments/bad", "this run failed and records no facts"),
    ],
)
def test_wrong_run_says_what_is_there(out: Path, place: str, says: str) -> None:
    put(out, "broken", {}, data=None)
    put(out, "bad", {}, status="failed")
    with pytest.raises(ParameterError) as caught:
        run_diff.find_run(out, place)
    assert says in str(caught.value)


def test_caveats_come_before_conclusions(out: Path) -> None:
    old, new = (run_diff.find_run(out, f"segments/{slug}") for slug in ("2026-01-31", "2026-02-28"))
    assert run_diff.caveats(old, new) == [
        "Other parameters: bins 5 → 4. Part of the change may come from that."
    ]
    assert run_diff.caveats(old, old) == ["These are the same run."]
    put(out, "again", NEW, data={"hash": "2026-01-31" * 4}, versions={})
    again = run_diff.caveats(old, run_diff.find_run(out, "segments/again"))
    assert again[0].startswith("Both are of the same data")
    assert again[1].startswith("Other versions: pandas 3 → –")
    put(out, "other", NEW, report="value")
    with pytest.raises(ParameterError, match="are two reports"):
        run_diff.caveats(old, run_diff.find_run(out, "value/other"))


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    told = capsys.readouterr()
    return int(stopped.value.code or 0), told.out, told.err


def test_command_prints_a_table_or_json(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, table, said = call(capsys, "diff", "segments", "2026-01-31", "2026-02-28")
    assert code == 0
    line = next(line for line in table.splitlines() if line.split()[:1] == ["value"])
    assert line.split()[:5] == ["value", "100.00", "130.00", "+30.00", "+30.0"]
    assert "do not overlap" in line
    assert "Other parameters" in said
    code, text, _ = call(capsys, "diff", "segments/2026-01-31", "segments/2026-02-28", "--json")
    facts = {fact["name"]: fact for fact in json.loads(text)["facts"]}
    assert (code, facts["alive"]["clear"], facts["customers"]["percent"]) == (0, True, 10.0)
    code, text, said = call(capsys, "diff", "segments/2026-01-31")
    assert (code, text) == (2, "")
    assert "compares two runs" in said


def test_every_change_told_has_its_interval_law() -> None:
    """An interval leaves out 0 where the change is clear; a sum of money without one is not told."""
    old = {
        "n": 100,
        "value": 10.0,
        "value_lower": 9.0,
        "value_upper": 11.0,
        "share": 0.2,
        "share_n": 500,
        "m": 5.5,
    }
    new = {
        "n": 160,
        "value": 13.0,
        "value_lower": 12.0,
        "value_upper": 14.0,
        "share": 0.3,
        "share_n": 500,
        "m": 9.5,
    }
    told = {d.name: d for d in run_diff.compare(old, new)}
    assert {name: d.clear for name, d in told.items()} == {"n": True, "value": True, "share": True, "m": None}
    for name in ("n", "value", "share"):
        assert 0 < told[name].lower < told[name].change < told[name].upper
    assert told["m"].lower is None
    assert told["m"].words == "no interval is recorded"


def test_sum_of_money_is_told_by_its_spread_over_customers() -> None:
    old = {"revenue": 1000.0, "revenue_error": 30.0, "revenue_previous": 900.0}
    [told] = run_diff.compare(old, {"revenue": 1100.0, "revenue_error": 40.0, "revenue_previous": 950.0})
    assert (told.clear, told.told_by) == (True, "sum")
    assert (told.lower, told.upper) == pytest.approx((100 - 1.959964 * 50, 100 + 1.959964 * 50))
    [told] = run_diff.compare(old, {"revenue": 1090.0, "revenue_error": 40.0})
    assert told.words == "may be chance: sums of so many customers often differ so much"


def money(rng: np.random.Generator, customers: int = 400) -> CustomerBase:
    """Customers who all buy alike; one line in ten has no customer."""
    n = rng.poisson(customers)
    who = np.repeat(np.arange(n), 1 + rng.poisson(2.0, n))
    ids = np.where(rng.random(len(who)) < 0.1, None, [f"c{i}" for i in who])
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 500, len(who)), unit="D")
    lines = pd.DataFrame({"customer_id": ids, "transaction_date": day.astype("str"),
        "unit_spend": np.round(rng.lognormal(3, 1, len(who)), 2)})  # fmt: skip
    return CustomerBase.open(lines, today="2026-12-31").as_of("2026-05-10")


def test_money_of_two_like_companies_is_seldom_called_changed_law() -> None:
    """12 pairs of companies, three sums each, which go together."""
    rng = np.random.default_rng(24)
    names, called = ("revenue", "revenue_to_date", "revenue_of_known_customers"), 0
    for _ in range(12):
        facts = [{}, {}]
        for one in facts:
            given = Measured(money(rng), "-26w")
            for name in names:
                one.update(REGISTRY[name](given).facts())
        told = {d.name: d for d in run_diff.compare(*facts)}
        assert set(told) == set(names)
        assert all(told[name].told_by == "sum" for name in names)
        called += sum(bool(told[name].clear) for name in names)
    assert called <= 6


NO_INTERVAL = {"ticket_cost", "new_customer_value", "channel_spend", "tracked_sales", "days_to_next_purchase"}


def test_every_key_figure_that_changed_has_an_interval_law(small_company: CustomerBase) -> None:
    """Two days of a company: no key figure is called changed without an interval of its change.

    Of those in `NO_INTERVAL` nothing recorded would give one; they are called neither clear nor chance.
    """
    runs = []
    for one in (small_company.earlier("-26w"), small_company):
        given, facts = Measured(one, "-26w", margin=0.4), {}
        for make in REGISTRY.values():
            facts |= make(given).facts()
        runs.append(facts)
    told = [d for d in run_diff.compare(*runs) if d.change]
    assert len(told) > 20
    without = {d.name: d.words for d in told if d.lower is None}
    assert set(without) <= NO_INTERVAL
    assert set(without.values()) <= {"no interval is recorded"}
    assert not [d.name for d in told if d.lower is not None and not d.lower <= d.change <= d.upper]
