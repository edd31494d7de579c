"""The view of one customer: every table on one card, nobody else's rows, and only where somebody says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from crm_analytics import CustomerBase
from crm_analytics.analyses import customer_view as view
from crm_analytics.cli import crm
from crm_analytics.errors import NotebookError, ParameterError
from crm_analytics.reports import customer_view as shown

pytestmark = pytest.mark.usefixtures("somewhere")
TODAY = "2027-01-01"
ANN, BO = "zq7-1", "zq7-2"


def tables() -> dict[str, pd.DataFrame]:
    """Two customers; every moment of the second says "other"."""

    def frame(columns: str, *rows: tuple) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=columns.split())

    return {
        "customers": frame(
            "customer_id first_name last_name email city consent_email consent_phone do_not_contact "
            "created_at",
            (ANN, "Ann", "Lee", "ann@mail.example", "Graz", True, False, False, "2025-01-01"),
            (BO, "Bo", "Other", "other@mail.example", "other", True, True, False, "2025-01-01"),
        ),
        "products": frame(
            "product_id product_name category_0_name", ("p1", "Kettle", "Kitchen"), ("p2", "Lamp", "Light")
        ),
        "transactions": frame(
            "customer_id transaction_id transaction_date product_id unit_spend channel",
            (ANN, "r1", "2026-01-05 10:00", "p1", 40.0, "web"),
            (ANN, "r1", "2026-01-05 10:00", "p2", 20.0, "web"),
            (ANN, "r2", "2026-03-05 10:00", "p1", 40.0, "store"),
            (ANN, "r3", "2026-03-09 10:00", "p1", -40.0, "store"),
            (BO, "other1", "2026-04-01 10:00", "p2", 500.0, "other"),
        ),
        "events": frame(
            "event_id timestamp event customer_id anonymous_id channel direction value",
            ("e1", "2026-01-04 09:00", "Product Viewed", None, "v1", "search", "in", None),
            ("e2", "2026-02-01 09:00", "Call Made", ANN, None, "phone", "out", None),
            ("e3", "2026-02-01 09:00", "other", BO, "v2", "other", "in", None),
            ("e4", "2026-02-01 09:00", "other", None, "v2", "other", "in", None),
        ),
        "customer_identities": frame(
            "identity_id customer_id source_system id_type id_value",
            ("i1", ANN, "web", "anonymous_id", "v1"), ("i2", BO, "web", "anonymous_id", "v2"),
        ),
        "campaign_members": frame(
            "member_id campaign_id customer_id treatment sent_at opened_at",
            ("m1", "c1", ANN, "treated", "2026-02-10 08:00", "2026-02-11 08:00"),
            ("m2", "c2", ANN, "control", "2026-03-20 08:00", None),
            ("m3", "c1", BO, "treated", "2026-02-10 08:00", None),
        ),
        "tickets": frame(
            "ticket_id customer_id created_at channel transaction_id product_id subject last_solved_at",
            ("t1", ANN, "2026-03-06 10:00", "phone", None, "p1", "It leaks", None),
            ("t2", ANN, "2026-01-06 10:00", "email", "r1", None, "Invoice", "2026-01-07 10:00"),
            ("t3", BO, "2026-03-06 10:00", "other", None, "p2", "other", None),
        ),
        "survey_responses": frame(
            "response_id respondent_id customer_id responded_at instrument question score",
            ("s1", "x", ANN, "2026-02-20 10:00", "nps", "recommend", 9.0),
        ),
        "mentions": frame(
            "mention_id created_timestamp platform customer_id message",
            ("w1", "2026-02-21 10:00", "board", ANN, "Nice kettle"),
        ),
        "referrals": frame(
            "referral_id referrer_customer_id invited_at referred_customer_id converted_at",
            ("f1", ANN, "2026-02-22 10:00", BO, "2026-02-25 10:00"),
        ),
        "subscriptions": frame(
            "subscription_id customer_id product_id start_date amount cancelled_at",
            ("a1", ANN, "p1", "2026-02-23", 9.0, "2026-03-25"),
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    return CustomerBase.open(tables(), today=TODAY)


def test_timeline_recovers_every_planted_moment_and_nobody_elses(base: CustomerBase) -> None:
    found = view.timeline(base, ANN)
    assert found["what"].tolist() == [
        "cancelled a subscription", "was held back from a campaign", "sent goods back", "opened a ticket",
        "bought", "subscribed", "invited somebody", "wrote in public", "answered a survey", "opened it",
        "was sent a campaign", "Call Made", "ticket was solved", "opened a ticket", "bought",
        "Product Viewed", "became known",
    ]  # fmt: skip
    assert found["at"].is_monotonic_decreasing
    assert found.loc[found["what"] == "bought", "amount"].tolist() == [40.0, 60.0]
    text = found.to_csv()
    assert "other" not in text
    assert "came by referral" in view.timeline(base, BO)["what"].tolist()


def test_card_recovers_planted_truth(base: CustomerBase) -> None:
    found = view.card(base, ANN)
    assert (found.name, found.revenue, found.orders) == ("Ann Lee", 60.0, 2)
    assert found.last_day.isoformat() == "2026-03-05"
    assert found.favourites == {"product": "Kettle", "category": "Kitchen", "channel": "web"}
    products = found.products.set_index("product")
    assert products.loc["Kettle", ["bought", "tickets", "open"]].tolist() == [2, 2, 1]
    assert products.loc["Lamp", ["bought", "tickets", "open"]].tolist() == [1, 1, 0]
    assert found.open_issues["subject"].tolist() == ["It leaks"]
    assert found.consents == {"email": True, "phone": False, "sms": None, "post": None}
    contacts = found.last_contacts.set_index("team")
    assert contacts["what"].to_dict() == {
        "shop": "cancelled a subscription", "service": "opened a ticket", "social media": "wrote in public",
        "research": "answered a survey", "marketing": "invited somebody", "sales": "Call Made",
        "website": "Product Viewed",
    }  # fmt: skip


def test_the_view_of_one_customer_comes_without_the_models_law() -> None:
    """The second it may take would go to their imports alone."""
    code = "import sys; from crm_analytics.reports import customer_view; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"scipy", "sklearn", "statsmodels", "papermill", "splink"} & set(done.stdout.split())


def test_card_of_a_fresh_base_counts_nobody_elses_days_law() -> None:
    """At ten million lines that alone took six seconds."""
    fresh = CustomerBase.open(tables(), today=TODAY)
    assert view.card(fresh, ANN).orders == 2
    made = {**vars(fresh), **vars(fresh.snapshot)}
    assert "customer_days" not in made
    days = fresh.customer_days
    own = fresh.collect(days.filter(days.customer_id == ANN))
    assert own["spend"].sum() == view.card(fresh, ANN).revenue


def test_one_customer_takes_few_queries_law(base: CustomerBase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saying a query costs more than running it: so each table is asked once."""
    said = []
    engine = type(base.snapshot.connection)
    plain = engine.to_pyarrow
    monkeypatch.setattr(engine, "to_pyarrow", lambda self, *a, **k: said.append(1) or plain(self, *a, **k))
    view.card(base, ANN)
    assert 3 <= len(said) <= 8


def test_what_happens_later_is_invisible_law(base: CustomerBase) -> None:
    past = view.card(base.as_of("2026-01-06"), ANN)
    assert past.events["what"].tolist() == ["opened a ticket", "bought", "Product Viewed", "became known"]
    assert past.open_issues["subject"].tolist() == ["Invoice"]  # its solution is not known yet
    assert past.revenue == 60.0


def test_the_id_is_the_first_filter_of_every_table_law(base: CustomerBase) -> None:
    """The engine gets the id with each scan, below any sort, join or sum: so it reads one customer's rows."""
    from crm_analytics.analyses.customer_view.timeline import _moments

    connection = base.snapshot.connection
    plan = connection.raw_sql(f"EXPLAIN (FORMAT JSON) {connection.compile(_moments(base, ANN))}").fetchall()[
        0
    ][1]
    scans = scans_of(json.loads(plan))
    assert len(scans) >= 10
    assert [said for said in scans if ANN not in said] == []


def scans_of(nodes: list[dict], above: str = "") -> list[str]:
    """What the engine says of each scan and of the filters right over it."""
    found = []
    for node in nodes:
        own = above + json.dumps(node.get("extra_info", {}))
        simple = node["name"].strip() in ("FILTER", "PROJECTION")
        if "SCAN" in node["name"] and "Table" in own:
            found.append(own)
        found += scans_of(node.get("children", []), own if simple else "")
    return found


def test_it_is_shown_to_nobody_who_does_not_say_so(
    base: CustomerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotebookError, match="show_customer"):
        shown.prepare(base, ANN)
    monkeypatch.setenv("CRM_DISPLAY", "page")
    with pytest.raises(NotebookError, match=r"mapping\.toml"):
        shown.prepare(base, ANN, show_customer=True, models=False)
    allowed = CustomerBase.open(tables(), today=TODAY, mapping={"show_customers": True})
    assert shown.prepare(allowed, ANN, show_customer=True, models=False).seen.name == "Ann Lee"


def test_an_unknown_customer_says_so_and_is_not_repeated(base: CustomerBase) -> None:
    with pytest.raises(ParameterError, match="knows this customer") as error:
        view.card(base, "zq7-404")
    assert "404" not in str(error.value)


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_few_rows_name_why_a_model_says_nothing(base: CustomerBase, language: str) -> None:
    found = shown.prepare(base, ANN, show_customer=True, language=language)
    text = "\n".join(
        repr(part(found)) for part in (shown.card, shown.products, shown.last_contacts, shown.timeline)
    )
    assert "Ann Lee" in text
    assert "nan" not in text.lower().split()
    assert {"value_to_come", "next_offer"} <= found.missing.keys()


def test_command_shows_a_customer_and_logs_that_it_did_but_not_whom(
    somewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "shop"
    data.mkdir()
    for name, frame in tables().items():
        frame.to_csv(data / f"{name}.csv", index=False)
    command = ["customer", ANN, "--data", str(data), "--no-models"]
    refused = CliRunner().invoke(crm, command)
    assert isinstance(refused.exception, ParameterError)
    assert "--show-customer" in str(refused.exception)
    done = CliRunner().invoke(crm, [*command, "--show-customer"])
    assert done.exit_code == 0, done.exception
    assert "Ann Lee" in done.output
    log = (somewhere / ".crm-audit.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(log)["what"] == "customer"
    assert ANN not in log


def test_command_makes_a_partner_file_or_says_which_secret_is_missing(
    somewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "shop"
    data.mkdir()
    for name, frame in tables().items():
        frame.to_csv(data / f"{name}.csv", index=False)
    out = tmp_path / "for_alba.csv"
    command = ["tokens", "--data", str(data), "--company", "tea", "--out", str(out)]
    monkeypatch.delenv("CRM_PARTNER_SECRET", raising=False)
    refused = CliRunner().invoke(crm, command)
    assert "CRM_PARTNER_SECRET" in str(refused.exception)
    monkeypatch.setenv("CRM_PARTNER_SECRET", "a secret of two companies")
    done = CliRunner().invoke(crm, command)
    assert done.exit_code == 0, done.exception
    assert "a secret of two" not in done.output
    written = out.read_text(encoding="utf-8")
    assert len(written.splitlines()) == 3
    assert "mail.example" not in written
