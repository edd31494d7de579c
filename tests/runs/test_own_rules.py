"""Rules of segments and stages of a `crm.toml` hold at night, on lists, and by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import cli
from crm_analytics.errors import ParameterError
from crm_analytics.runs import list_run, report_run
from crm_analytics.runs.schedule import score_jobs
from crm_analytics.runs.schedule.own_rules import rules_of_source
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.tables.customer_base import CustomerBase

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
FILE = """
[source.till]
path = "lines.parquet"

[[segment]]
name = "Whales"
where = { revenue = "500.." }

[[segment]]
name = "Rest"

[[stage]]
name = "Quiet"
where = { recency_days = "60.." }

[[stage]]
name = "Here"

[[report]]
name = "segments"
source = "till"

[[list]]
name = "letters"
source = "till"
"""
TARGET = '[[target]]\nkpi = "bought_again"\nat_least = 0.3\n'
SEGMENTS, STAGES = ["Whales", "Rest"], ["Quiet", "Here"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    days = pd.date_range("2025-06-01", periods=240)
    lines = pd.DataFrame({"customer_id": [f"t{n % 60}" for n in range(240)], "transaction_date": days})
    lines.assign(unit_spend=[1.0 + n % 60 * 5 for n in range(240)]).to_parquet(tmp_path / "lines.parquet")
    (tmp_path / "crm.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(rules: dict[str, list[dict[str, object]]]) -> dict[str, list[object]]:
    return {kind: [one["name"] for one in given] for kind, given in rules.items()}


def test_a_report_by_hand_has_the_rules_of_the_file_that_names_its_source(home, monkeypatch) -> None:
    asked: list[report_run.RunRequest] = []
    monkeypatch.setattr(report_run, "run_reports", lambda requests, bar: asked.extend(requests) or [])
    for data in ("till", "lines.parquet"):
        with pytest.raises(SystemExit):
            cli.main(["report", "segments", "--data", data])
    by_name, by_path = asked
    assert names(by_name.rules) == {"segments": SEGMENTS, "stages": STAGES}
    assert by_path.rules == {}  # another file's rules are no rules of this one
    night = read_schedule(home / "crm.toml", NOW).reports[0].request
    assert night.rules == by_name.rules


def test_a_score_by_hand_has_them(home) -> None:
    request = score_jobs.request_of(
        now=NOW, data="till", target="out.parquet", what="scores", names=(), mapping=None, as_of="", where={},
        pseudonyms=False, out=home / "reports", force=False,
    )  # fmt: skip
    assert names(request.rules)["segments"] == SEGMENTS


def test_a_list_is_made_of_a_base_with_them(home, monkeypatch) -> None:
    request = read_schedule(home / "crm.toml", NOW).lists[0].request
    seen: list[CustomerBase] = []

    def looked(base, *_args, **_named):
        seen.append(base)
        raise ParameterError("seen")

    monkeypatch.setattr("crm_analytics.analyses.campaigns.issued", looked)
    monkeypatch.setattr("crm_analytics.analyses.campaigns.leaving", lambda base: (None, ""))
    list_run.make_wave(list_run.decide_wave(request))
    assert names(dict(seen[0].rules)) == {"segments": SEGMENTS, "stages": STAGES}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (FILE.replace('"500.."', '"some"'), "crm.toml: .*"),
        (
            FILE.replace("[[stage]]\nname", "[[stage]]\ntitel"),
            r"crm.toml: \[\[segment\]\], \[\[stage\]\], \[\[target\]\]: 0",
        ),
        (FILE + TARGET.replace("bought_again", "bougt_again"), "no key figure 'bougt_again'; did you mean"),
        (FILE + TARGET + "at_most = 0.9\n", "bought_again: write at_least = or at_most =, one of them"),
        (FILE + TARGET.replace("at_least = 0.3", ""), "bought_again: write at_least = or at_most ="),
        (FILE + TARGET * 2, "bought_again has two targets"),
    ],
)
def test_a_rule_that_cannot_be_read_says_where(home, wrong, says) -> None:
    (home / "crm.toml").write_text(wrong)
    with pytest.raises(ParameterError, match=says):
        rules_of_source("till")
