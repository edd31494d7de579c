"""Tables beside the purchases, and files whose fault lies in the middle: read right, refused or told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError

TODAY = "2026-07-01"
DAYS = pd.date_range("2025-03-01", periods=200).strftime("%Y-%m-%d").tolist()


def purchases(n: int = 40, who: str = "c{}", **more: object) -> pd.DataFrame:
    lines = {"customer_id": [who.format(i % 8 + 1) for i in range(n)], "transaction_date": DAYS[:n]}
    return pd.DataFrame(lines | {"unit_spend": "7.00"} | more)


def table(columns: str, form: str, n: int = 40) -> str:
    return columns + "\n" + "\n".join(form.format(i=i, c=i % 8 + 1, day=DAYS[i]) for i in range(n)) + "\n"


@pytest.fixture
def shop(tmp_path: Path):
    """Open purchases with other tables beside them."""

    def make(mapping: dict | None = None, lines: pd.DataFrame | None = None, **tables: str) -> CustomerBase:
        (purchases() if lines is None else lines).to_csv(tmp_path / "transactions.csv", index=False)
        for name, text in tables.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return CustomerBase.open(tmp_path, mapping=mapping, today=TODAY)

    return make


def told(base: CustomerBase) -> set[tuple[str, str, str]]:
    return {(f.kind, f.table, f.column) for f in base.findings if f.kind != "left_out"}


# Tables of people, and the column of the id that is nobody's in every second row.
NOBODY = {
    "tickets": ("ticket_id,customer_id,created_at", "t{i},{who},{day}", "customer_id"),
    "subscriptions": ("customer_id,start_date,amount", "{who},{day},5", "customer_id"),
    "events": ("timestamp,event,channel,customer_id", "{day},visit,web,{who}", "customer_id"),
    "referrals": ("referral_id,referrer_customer_id,invited_at", "r{i},{who},{day}", "referrer_customer_id"),
}


@pytest.mark.parametrize("name", NOBODY)
def test_nobody_is_named_in_every_table_and_the_line_that_is_shown_settles_it(shop, name: str) -> None:
    columns, form, column = NOBODY[name]
    rows = [form.format(i=i, day=DAYS[i], who="guest" if i % 2 else f"c{i % 8 + 1}") for i in range(40)]
    text = columns + "\n" + "\n".join(rows)
    assert ("nobody", name, column) in told(shop(**{name: text}))
    settled = shop({"anonymous": ["Guest"]}, **{name: text})
    assert told(settled) == set()
    assert settled.snapshot.accounts[name].broken == 0


@pytest.mark.parametrize(
    ("bought_as", "known_as", "alike"),
    [("{:05}", "{}", True), ("c{}", "C-{}", True), ("c{}", "K{}", False)],
)
def test_customers_whose_ids_are_written_in_another_way_are_told(
    shop, bought_as: str, known_as: str, alike: bool
) -> None:
    lines = purchases().assign(customer_id=[bought_as.format(i % 8 + 1) for i in range(40)])
    people = "customer_id,consent_email\n" + "\n".join(known_as.format(i + 1) + ",no" for i in range(8))
    base = shop(lines=lines, customers=people)
    (found,) = [f for f in base.findings if f.kind == "strangers"]
    assert (found.table, found.severity, "it would be 8" in found.says) == ("customers", "serious", alike)


def test_tables_of_the_same_customers_are_not_told(shop) -> None:
    people = "customer_id,consent_email\n" + "\n".join(f"c{i + 1},no" for i in range(30))
    tickets = table("ticket_id,customer_id,created_at,first_reply_at", "t{i},c{c},{day},{day}")
    assert told(shop(customers=people, tickets=tickets)) == set()


@pytest.mark.parametrize(
    ("second", "is_told"), [("A@x.example ,false", True), ("a@x.example,true", False), (",false", False)]
)
def test_one_address_with_two_answers_is_told(shop, second: str, is_told: bool) -> None:
    people = f"customer_id,email,consent_email\nc1,a@x.example,true\nc2,{second}\n"
    people += "".join(f"c{n},c{n}@x.example,true\n" for n in range(3, 9))
    assert (("shared_contacts", "customers", "email") in told(shop(customers=people))) == is_told


@pytest.mark.parametrize("end", ["", "Z"])
def test_moments_with_and_without_an_offset_are_told_and_the_line_settles_it(tmp_path: Path, end) -> None:
    when = [f"{day}T10:00:00{end if n % 2 else 'Z'}" for n, day in enumerate(DAYS[:40])]
    purchases().assign(transaction_date=when).to_csv(tmp_path / "sales.csv", index=False)
    mapping = {"timezone": "Asia/Tokyo"}
    found = {f.kind for f in CustomerBase.open(tmp_path / "sales.csv", mapping=mapping, today=TODAY).findings}
    assert ("half_zoned" in found) == (end == "")
    settled = {**mapping, "transactions": {"zone": "Asia/Tokyo"}}
    base = CustomerBase.open(tmp_path / "sales.csv", mapping=settled, today=TODAY)
    assert "half_zoned" not in {f.kind for f in base.findings}


def test_a_sum_among_costs_is_told_and_the_line_settles_it(shop) -> None:
    text = table("date_day,channel,spend", "{day},web,10") + f"{DAYS[40]},Total,400\n"
    assert told(shop(channel_spend=text)) == {("total_word", "channel_spend", "channel")}
    assert told(shop({"channel_spend": {"except": {"channel": ["Total"]}}}, channel_spend=text)) == set()


def test_a_sum_that_names_somebody_is_told_without_the_name(shop) -> None:
    text = table("date_day,channel,spend", "{day},web,10") + f"{DAYS[40]},Total for Ann Vogel,400\n"
    (found,) = shop(channel_spend=text).findings
    assert found.kind == "total_word"
    assert "Vogel" not in found.sentence


def test_costs_with_a_minus_are_told(shop) -> None:
    text = table("date_day,channel,spend", "{day},web,-10")
    assert told(shop(channel_spend=text)) == {("signs_reversed", "channel_spend", "spend")}


@pytest.mark.parametrize("default", ["1970-01-01", "1900-01-01", "0001-01-01"])
def test_dates_before_their_row_are_told_and_the_line_settles_them(shop, default: str) -> None:
    text = table("customer_id,start_date,cancelled_at", "c{c},{day}," + default)
    base = shop(subscriptions=text)
    (found,) = [f for f in base.findings if f.kind == "early_dates"]
    assert (found.table, found.column, found.rows) == ("subscriptions", "cancelled_at", 40)
    assert f'unknown_dates = ["{default}"]' in found.settles
    assert told(shop({"subscriptions": {"unknown_dates": [default]}}, subscriptions=text)) == set()


def test_micro_costs_are_refused_or_told_and_never_nothing(shop) -> None:
    with pytest.raises(DataError, match=r"channel_spend: the amounts of spend need more than the four"):
        shop(channel_spend=table("date_day,channel,spend", "{day},c{i},0.00004"))


def test_micro_costs_that_are_not_required_are_told(shop) -> None:
    base = shop(events=table("timestamp,event,channel,cost", "{day},visit,web,0.00004"))
    assert told(base) == {("rounded_amounts", "events", "cost")}


def test_a_price_below_the_smallest_money_is_worth_what_many_pieces_are(tmp_path: Path) -> None:
    lines = purchases().drop(columns="unit_spend").assign(unit_price="0.00002", unit_quantity=30_000)
    base = CustomerBase.open({"transactions": lines}, today=TODAY)
    assert base.counts["revenue"] == pytest.approx(40 * 0.6)
    assert ("rounded_amounts", "transactions", "unit_price") in told(base)
    with pytest.raises(DataError, match="need more than the four decimals"):
        CustomerBase.open({"transactions": lines.assign(unit_quantity=3)}, today=TODAY)


def test_true_is_no_amount() -> None:
    with pytest.raises(DataError, match="unit_spend is not a number"):
        CustomerBase.open({"transactions": purchases().assign(unit_spend=True)}, today=TODAY)


HALVES = [["customer_id", "transaction_date", "unit_spend", "unit_cost"],
          ["customer_id", "transaction_date", "unit_cost", "unit_spend"]]  # fmt: skip


@pytest.mark.parametrize("second", HALVES)
def test_a_second_header_in_another_order_is_refused(tmp_path: Path, second: list[str]) -> None:
    above, below = purchases(unit_cost="3.00"), purchases(unit_spend="8.00", unit_cost="3.00")[second]
    path = tmp_path / "sales.csv"
    path.write_text(above.to_csv(index=False) + below.to_csv(index=False))
    if second == HALVES[0]:
        assert CustomerBase.open(path, today=TODAY).counts["revenue"] == 40 * 15
        return
    with pytest.raises(DataError, match=r"columns stand there again in row 41, in another order"):
        CustomerBase.open(path, today=TODAY)


@pytest.mark.parametrize("per_day", [1, 6])
@pytest.mark.parametrize("times", [1, 100, 1000])
def test_files_of_another_unit_are_told_however_many_they_are(times: int, per_day: int) -> None:
    rng = np.random.default_rng(7)
    days = np.repeat(np.arange(150), per_day)
    amounts = np.exp(rng.normal(3, 0.8, len(days))) * np.where(days < 90, times, 1)
    who = [f"c{n}" for n in rng.integers(0, 60, len(days))]
    when = [DAYS[day] for day in days]
    lines = {"customer_id": who, "transaction_date": when, "unit_spend": amounts.round(2)}
    base = CustomerBase.open({"transactions": pd.DataFrame(lines)}, today=TODAY)
    found = [f for f in base.findings if f.kind == "other_unit"]
    assert bool(found) == (times > 1)
    assert all(DAYS[90] in f.says for f in found if per_day == 6)
