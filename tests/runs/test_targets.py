"""`[[target]]` and `[source.NAME] where` of crm.toml: from the file to the figure, by night and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import CustomerBase, cli
from crm_analytics.analyses.kpi import COUNT, DOWN, MISSED, OPEN, REACHED, SHARE, UNKNOWN, UP, Kpi, Target
from crm_analytics.analyses.kpis import measure, read_targets
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.scorecards import assessments
from crm_analytics.analyses.scorecards.explanation import explain
from crm_analytics.analyses.scorecards.framework import Framework, names, read
from crm_analytics.analyses.scorecards.scoring import Line, score
from crm_analytics.analyses.scores import kpi_rows
from crm_analytics.errors import ParameterError
from crm_analytics.pages import locales
from crm_analytics.reports import strategy
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.reports.shared.tiles import tile
from crm_analytics.runs.plan import RunRequest, plan_run
from crm_analytics.runs.publishing.run_diff import compare
from crm_analytics.runs.schedule import score_jobs
from crm_analytics.runs.schedule.own_rules import TargetTable, checked_rules
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.runs.score_run import decide_scores, write_scores
from crm_analytics.runs.unchanged import inputs_of
from tests.faults.scene import REPORT, Scene

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
TARGET = {"kpi": "bought_again", "at_least": 0.4}
FILE = """
[source.nightly]
path = "data/shop"
where = { country = ["DE", "AT"] }
[[report]]
name = "tiny"
source = "nightly"
where = { country = "AT", channel = "web" }
[[report]]
name = "tiny"
source = "nightly"
slug = "all"
[[list]]
name = "letters"
source = "nightly"
[[score]]
source = "nightly"
to = "out.parquet"
[[target]]
kpi = "bought_again"
at_least = 0.4
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "p"
    Scene.make(root)
    (root / "crm.toml").write_text(FILE)
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return root


def base_of(buyers: int, twice: int) -> CustomerBase:
    """Customers, some of whom came again; spread over two years, so that there is a period before."""
    days = pd.date_range("2024-01-01", periods=buyers, freq="3D")
    first = pd.DataFrame({"customer_id": [f"c{n}" for n in range(buyers)], "transaction_date": days})
    again = first.head(twice).assign(transaction_date=first["transaction_date"] + pd.Timedelta(days=40))
    return CustomerBase.open(pd.concat([first, again]).assign(unit_spend=10.0), today="2027-01-01")


def figure(base: CustomerBase, name: str = "bought_again") -> Kpi:
    return measure(Measured(base), [name])[name]


@pytest.mark.parametrize(
    ("target", "ends", "standing"),
    [
        (Target(0.3), (0.31, 0.51), REACHED),
        (Target(0.4), (0.31, 0.51), OPEN),
        (Target(0.6), (0.31, 0.51), MISSED),
        (Target(0.6, at_least=False), (0.31, 0.51), REACHED),
        (Target(0.3, at_least=False), (0.31, 0.51), MISSED),
        (Target(0.41), (None, None), REACHED),  # a count of what happened has no range
        (Target(0.42), (None, None), MISSED),
    ],
)
def test_a_figure_stands_to_its_target_as_its_range_allows(target, ends, standing) -> None:
    assert target.standing(Kpi("bought_again", SHARE, UP, 0.41, 90, *ends)) == standing
    assert target.standing(Kpi("bought_again", SHARE, UP, None, 0)) == UNKNOWN


@pytest.mark.parametrize(
    ("kpi", "english", "german"),
    [
        (
            Kpi("bought_again", SHARE, UP, 0.41, 90, 0.31, 0.38, target=Target(0.405)),
            "31 % to 38 % · target at least 40.5 %: within chance",
            "31 % bis 38 % · Ziel mindestens 40,5 %: im Bereich des Zufalls",
        ),
        (
            Kpi("customers_at_risk", COUNT, DOWN, 12, 90, target=Target(1500, at_least=False)),
            "target at most 1,500: reached",
            "Ziel höchstens 1.500: erreicht",
        ),
        (
            Kpi("value_to_come", "money", UP, None, 0, refusal="no forecast", target=Target(2000)),
            "target at least €2,000: not known yet",
            "Ziel mindestens 2.000 €: noch nicht bekannt",
        ),
    ],
)
def test_a_tile_says_the_target_as_its_owner_wrote_it(kpi: Kpi, english: str, german: str) -> None:
    for language, words in (("en", english), ("de", german)):
        with locales.speaking(language):
            note = tile(catalogue(language, strategy.__file__, "EUR"), kpi)["note"].replace("\xa0", " ")
        assert note.endswith(words), note


def test_a_share_in_per_cent_says_how_to_write_it() -> None:
    with pytest.raises(ParameterError, match=r"bought_again is a share, so 40 is 4000%: write 0\.4 for 40 %"):
        figure(base_of(50, 20).with_rules(targets=[TARGET | {"at_least": 40}]))


# --- what leaves --------------------------------------------------------------------------------------------


def test_the_rows_of_key_figures_bear_their_targets() -> None:
    targets = [TARGET, {"kpi": "customers_bought", "at_most": 40}, {"kpi": "sla_kept_share", "at_most": 0.1}]
    names = ["bought_again", "customers_bought", "revenue_to_date", "sla_kept_share"]
    rows = kpi_rows(base_of(50, 20).with_rules(targets=targets), names).set_index("kpi")
    assert rows["met"].to_dict() == {
        "bought_again": OPEN, "customers_bought": MISSED, "revenue_to_date": "", "sla_kept_share": UNKNOWN,
    }  # fmt: skip
    assert rows["at_least"].dropna().to_dict() == {"bought_again": 0.4}
    assert rows["at_most"].dropna().to_dict() == {"customers_bought": 40.0, "sla_kept_share": 0.1}
    assert rows.loc["sla_kept_share", "refusal"]  # there is no table of tickets
    bare = kpi_rows(base_of(50, 20), names)
    assert bare[["at_least", "at_most"]].isna().all(axis=None)
    assert set(bare["met"]) == {""}


def test_the_targets_of_the_file_leave_with_the_key_figures(home: Path) -> None:
    for at_least, met in ((0.4, REACHED), (0.95, OPEN)):
        (home / "crm.toml").write_text(
            FILE.replace('where = { country = ["DE", "AT"] }', "").replace("0.4", str(at_least))
        )
        request = score_jobs.request_of(
            now=NOW, data="nightly", target="kpis.parquet", what="kpis", names=("bought_again", "buyers"),
            mapping=None, as_of="", where={}, pseudonyms=False, out=home / "reports", force=False,
        )  # fmt: skip
        told = write_scores(decide_scores(request))
        assert told.status == "done", told
        rows = pd.read_parquet(home / "kpis.parquet").set_index("kpi")
        assert rows.loc["bought_again", ["at_least", "met"]].tolist() == [at_least, met]
        assert rows.loc["buyers", "met"] == ""


def test_what_stands_beside_a_figure_is_no_figure_of_its_own() -> None:
    kpi = Kpi("sales", "money", UP, 5.0, 9, 4.0, 6.0, target=Target(4.5), error=0.5)
    facts = kpi.facts()
    assert facts == {
        "sales": 5.0, "sales_lower": 4.0, "sales_upper": 6.0, "sales_error": 0.5, "sales_n": 9,
        "sales_at_least": 4.5, "sales_met": OPEN,
    }  # fmt: skip
    assert [one.name for one in compare(facts, facts | {"sales": 7.0, "sales_met": REACHED})] == ["sales"]


# --- strategy -----------------------------------------------------------------------------------------------


def lines(framework: Framework, kpis: dict[str, Kpi]) -> list[Line]:
    card = score(framework, kpis, assessments.of_base(base_of(9, 3)))
    assert all(explain(card, line.measure.kpi) for line in card.lines if line.score is not None)
    return list(card.lines)


def test_a_scorecard_takes_the_target_of_the_company_and_recomputes_from_its_row() -> None:
    framework, name = read("balanced"), "bought_again"
    own = next((m for b in framework.blocks for m in b.measures if m.kpi == name), None)
    assert own is not None
    assert not isinstance(own.target, str)
    share = Kpi(name, SHARE, UP, 0.5, 100, 0.4, 0.6)
    (usual,) = (x for x in lines(framework, {name: share}) if x.measure.kpi == name)
    (aimed,) = (
        x for x in lines(framework, {name: replace(share, target=Target(0.9))}) if x.measure.kpi == name
    )
    assert (usual.target, usual.floor) == (own.target, own.floor)
    assert (aimed.target, aimed.floor) == (0.9, own.floor)
    assert own.floor is not None
    assert aimed.score == pytest.approx((0.5 - own.floor) / (0.9 - own.floor))
    (least,) = (x for x in lines(framework, {name: replace(share, target=Target(own.floor / 2))})
                if x.measure.kpi == name)  # fmt: skip
    assert least.floor == pytest.approx(0.8 * own.floor / 2)  # the model's floor would be better than the aim
    assert least.score == 1.0
    (most,) = (x for x in lines(framework, {name: replace(share, target=Target(0.4, at_least=False))})
               if x.measure.kpi == name)  # fmt: skip
    assert (most.measure.direction, most.target) == (DOWN, 0.4)
    assert most.score == 0.0


@pytest.mark.parametrize("model", names())
def test_every_figure_of_a_model_may_have_a_target_and_a_misspelt_one_names_the_nearest(model: str) -> None:
    kpis = read(model).kpis
    assert set(read_targets({"kpi": name, "at_least": 0.5} for name in kpis)) == set(kpis)
    for name in kpis:
        wrong = name[:-2] + name[-1]
        with pytest.raises(ParameterError, match=f"no key figure '{wrong}'; did you mean '"):
            read_targets([{"kpi": wrong, "at_least": 0.5}])
    with pytest.raises(ParameterError, match=r"'customers_lapst'; did you mean 'customers_lapsed'\?"):
        strategy.prepare(
            base_of(200, 90).with_rules(targets=[{"kpi": "customers_lapst", "at_most": 9}]), framework=model
        )


def test_the_strategy_page_says_that_targets_are_own() -> None:
    usual = strategy.prepare(base_of(200, 90))
    own = strategy.prepare(base_of(200, 90).with_rules(targets=[TARGET | {"at_least": 0.77}]))
    said = [strategy.headline(one).payload["lede"] for one in (usual, own)]
    assert "usual ones until you set your own" in str(said[0])
    assert "1 target is your own, from crm.toml" in str(said[1])
    assert own.figures["bought_again"].target == Target(0.77)
    assert 0.77 in {line.target for card in own.cards for line in card.lines}


# --- from the file ------------------------------------------------------------------------------------------


def test_a_saved_base_and_an_earlier_one_keep_the_targets(tmp_path: Path) -> None:
    base = base_of(60, 20).with_rules(targets=[TARGET])
    base.save(tmp_path / "kept")
    for one in (base, CustomerBase.open(tmp_path / "kept"), base.earlier("-13w")):
        assert one is not None
        assert figure(one).target == Target(0.4)
    assert base.data_hash == base_of(60, 20).data_hash  # a target is no data
    assert figure(base_of(60, 20)).target is None


def test_a_changed_target_makes_a_run_anew(home: Path) -> None:
    one = read_schedule(home / "crm.toml", NOW).reports[1].request
    assert one.rules == {"targets": [TARGET]}
    other = replace(one, rules={"targets": [TARGET | {"at_least": 0.41}]})
    parts = [inputs_of(plan_run(request)).parts for request in (one, one, other, replace(one, rules={}))]
    assert parts[0] == parts[1]
    assert [{k for k in parts[0] if parts[0][k] != found[k]} for found in parts[2:]] == [{"rules"}, {"rules"}]


def test_the_filter_of_a_source_holds_for_all_that_is_made_of_it(home: Path) -> None:
    schedule = read_schedule(home / "crm.toml", NOW)
    whole = {"country": ["DE", "AT"]}
    assert [one.request.where for one in schedule.reports] == [{"country": "AT", "channel": "web"}, whole]
    assert [one.request.where for one in (*schedule.lists, *schedule.scores)] == [whole, whole]


def test_the_filter_of_a_source_holds_by_hand_where_the_source_is_named(home: Path) -> None:
    by_name = plan_run(RunRequest(REPORT, NOW, data="nightly", where={"channel": "web"}))
    assert by_name.request.where == {"country": ["DE", "AT"], "channel": "web"}
    assert plan_run(RunRequest(REPORT, NOW, data="nightly", where={"country": "AT"})).request.where == {
        "country": "AT"
    }
    assert plan_run(RunRequest(REPORT, NOW, data="data/shop")).request.where == {}
    scores = score_jobs.request_of(
        now=NOW, data="nightly", target="out.parquet", what="scores", names=(), mapping=None, as_of="",
        where={}, pseudonyms=False, out=home / "reports", force=False,
    )  # fmt: skip
    assert scores.where == {"country": ["DE", "AT"]}
    (home / "crm.toml").write_text(FILE.replace('{ country = ["DE", "AT"] }', "5"))
    with pytest.raises(ParameterError, match=r"where must be a table such as"):
        plan_run(RunRequest(REPORT, NOW, data="nightly"))


def test_a_page_by_hand_of_a_filtered_source_is_about_its_customers(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    people = "".join(f"k{n},{'FR' if n == 3 else 'DE'}\n" for n in range(7))
    (home / "data" / "shop" / "customers.csv").write_text(f"customer_id,country\n{people}")
    (home / "crm.toml").write_text(FILE.replace('["DE", "AT"]', '"DE"'))
    with pytest.raises(SystemExit) as stopped:
        cli.main(["report", REPORT, "--data", "nightly", "--slug", "german"])
    assert stopped.value.code == 0, capfd.readouterr()
    page = (home / "reports" / REPORT / "german" / "report.html").read_text()
    assert "only country DE" in page
    assert "of 17 rows" in page  # of twenty, three are of the one in France


def test_a_target_moves_with_the_day_of_the_base_law() -> None:
    lines = pd.DataFrame(
        {"customer_id": [f"c{n % 40}" for n in range(400)], "unit_spend": 5.0,
         "transaction_date": pd.date_range("2025-06-01", periods=400).astype(str)}
    )  # fmt: skip
    moves = [
        {"kpi": "buyers", "at_least": 20, "since": "2026-06-01"},
        {"kpi": "buyers", "at_least": 10, "since": "2026-01-01"},
    ]
    base = CustomerBase.open(lines, today="2027-01-01").with_rules(targets=moves)
    aims = []
    for day in ("2025-12-31", "2026-01-01", "2026-05-31", "2026-06-01", ""):
        kpi = measure(Measured(base.as_of(day)), ["buyers"])["buyers"]
        aims.append(kpi.target and kpi.target.value)
    assert aims == [None, 10, 10, 20, 20]


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([{"kpi": "buyers", "at_least": 1}, {"kpi": "buyers", "at_least": 2}], "two targets"),
        ([{"kpi": "buyers", "at_least": 1, "since": "2026-01-01"}] * 2, "each with its own since"),
        ([{"kpi": "buyers", "at_least": 1, "since": "spring"}], "since"),
    ],
)
def test_targets_that_move_say_what_is_wrong(targets: list[dict], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        read_targets(targets)


def test_the_file_says_since_when_a_target_holds() -> None:
    rules = checked_rules([], [], [TargetTable(kpi="buyers", at_least=9.0, since="2026-04-01")], "crm.toml")
    assert rules["targets"] == [{"kpi": "buyers", "at_least": 9.0, "since": "2026-04-01"}]
    with pytest.raises(ParameterError, match=r"crm\.toml: .*since"):
        checked_rules([], [], [TargetTable(kpi="buyers", at_least=9.0, since="April")], "crm.toml")
