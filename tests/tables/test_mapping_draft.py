"""Drafts of a mapping: known exports by their headers, everything else by names and values."""

# ruff: noqa: E501 - the headers of exports stay in one piece
from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.cli import main
from crm_analytics.tables.export_kinds import EXPORTS, recognise
from crm_analytics.tables.mapping import read_mapping
from crm_analytics.tables.mapping_draft import draft_mapping

TODAY = "2026-07-01"

# Headers as the systems wrote them; rows made up.
EXPORT_FILES = {
    "Shopify orders": (
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
        "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku\n"
        "#1001,ann@example.org,paid,,fulfilled,USD,35.00,0,0,35.00,,2026-01-05 10:00:00 -0500,1,Cup,10.00,,C1\n"
        "#1001,ann@example.org,,,,,,,,,,2026-01-05 10:00:00 -0500,1,Pot,25.00,,P1\n",
        35.0,
    ),
    "WooCommerce orders": (
        "order_id,order_number,order_date,status,order_total,order_currency,customer_id,billing_email\n"
        "1,1,2026-01-05 10:00:00,completed,35.00,EUR,7,ann@example.org\n",
        35.0,
    ),
    "Stripe payments": (
        "id,Description,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Fee,Status,Customer ID,"
        "Customer Email,Captured\n"
        "ch_1,,2026-01-05 10:00,35.00,5.00,eur,35.00,1,Paid,cus_1,ann@example.org,true\n"
        "ch_2,,2026-01-06 10:00,99.00,0.00,eur,99.00,0,Failed,cus_1,ann@example.org,false\n",
        30.0,
    ),
    "Stripe charges": (
        "id,amount,amount_refunded,created,currency,customer,refunded,status\n"
        "ch_1,4000,500,1767607200,eur,cus_1,false,succeeded\nch_2,9900,0,1767607200,eur,cus_1,false,failed\n",
        35.0,
    ),
    "Square transactions": (
        "Date,Time,Time Zone,Gross Sales,Discounts,Net Sales,Tax,Tip,Total Collected,Card,Card Entry Methods,"
        "Transaction ID,Payment ID,Event Type,Location,Customer ID\n"
        "01/05/26,10:00:00,UTC,$40.00,$0.00,$40.00,$0.00,$1.00,$41.00,$41.00,Tap,T1,P1,Payment,Main,C1\n"
        "01/25/26,10:00:00,UTC,-$5.00,$0.00,-$5.00,$0.00,$0.00,-$5.00,-$5.00,Tap,T2,P2,Refund,Main,C1\n",
        35.0,
    ),
    "Google Analytics 4 purchases": (
        "event_date,event_timestamp,event_name,user_id,user_pseudo_id,ecommerce.purchase_revenue\n"
        "20260105,1767607200000000,purchase,,7.1,35.0\n20260105,1767607100000000,page_view,,7.1,\n",
        35.0,
    ),
    "Square item sales": (
        "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,"
        "Tax,Transaction ID,Payment ID,Location,Customer ID\n"
        "2026-01-05,10:00:00,UTC,Mugs,Mug,2,Regular,M1,,$40.00,-$5.00,$35.00,$0.00,T1,P1,Main,C1\n",
        35.0,
    ),
    "Magento orders": (
        'ID,"Purchase Point","Purchase Date","Bill-to Name","Ship-to Name","Grand Total (Base)","Grand Total '
        '(Purchased)",Status,"Customer Email"\n1,Main,2026-01-05 10:00:00,Ann,Ann,35.00,35.00,complete,a@example.org\n'
        "2,Main,2026-01-05 10:00:00,Ann,Ann,99.00,99.00,canceled,a@example.org\n",
        35.0,
    ),
    "Amazon orders": (
        "amazon-order-id\tpurchase-date\torder-status\tsales-channel\tproduct-name\tsku\tasin\tquantity\tcurrency\t"
        "item-price\titem-tax\tbuyer-email\n"
        "112-1\t2026-01-05T10:00:00+00:00\tShipped\tAmazon.de\tMug\tM1\tB0\t2\tEUR\t35.00\t0\ta@example.org\n"
        "112-2\t2026-01-05T10:00:00+00:00\tCancelled\tAmazon.de\tMug\tM1\tB0\t2\tEUR\t99.00\t0\ta@example.org\n",
        35.0,
    ),
    "HubSpot deals": (
        "Record ID,Deal Name,Deal Stage,Amount,Close Date,Deal owner,Associated Company IDs\n"
        "1,New,Closed Won,35.00,2026-01-05,Bo,9001\n2,Lost,Closed Lost,99.00,2026-01-05,Bo,9001\n",
        35.0,
    ),
    "Salesforce opportunities": (
        "Opportunity ID,Opportunity Name,Account Name,Stage,Amount,Close Date\n"
        "O1,New,Acme,Closed Won,35.00,2026-01-05\nO2,Open,Acme,Proposal,99.00,2026-01-06\n",
        35.0,
    ),
    "UCI Online Retail": (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,LAMP,5,2026-01-05 08:26:00,7.00,17850.0,United Kingdom\n",
        35.0,
    ),
}


@pytest.mark.parametrize("kind", EXPORT_FILES)
def test_a_known_export_is_known_and_its_draft_opens_law(kind, tmp_path) -> None:
    text, revenue = EXPORT_FILES[kind]
    path = tmp_path / ("export.tsv" if "\t" in text else "export.csv")
    path.write_text(text)
    draft = draft_mapping(path)
    assert draft.tables[0].kind == kind
    assert draft.is_complete
    (tmp_path / "mapping.toml").write_text(draft.toml())
    base = CustomerBase.open(path, today=TODAY)
    assert base.counts["revenue"] == revenue
    assert base.counts["customers"] == 1


PURCHASES = "customer_id,transaction_date,unit_spend\na@example.org,2026-01-05,35.00\n"
SIDE_FILES = {
    "Klaviyo profiles": (
        "customers",
        "Klaviyo ID,Email,First Name,Last Name,Phone Number,Email Marketing Consent,Profile Created On,City,Country\n"
        "01H,a@example.org,Ann,V,,SUBSCRIBED,2025-12-01 10:00:00,Bonn,Germany\n",
    ),
    "Google Analytics 4 events": (
        "events",
        "event_date,event_timestamp,event_name,user_id,user_pseudo_id,traffic_source.medium,device.category\n"
        "20260105,1767607200000000,page_view,a@example.org,7.1,organic,mobile\n",
    ),
    "Zendesk tickets": (
        "tickets",
        "Id,Requester,Requester id,Requester email,Subject,Status,Priority,Via,Ticket type,Created at,Assigned at,"
        "Initially assigned at,Solved at,Satisfaction Score,Reopens,Replies\n"
        "1,Ann,9,a@example.org,Broken cup,Solved,Normal,Mail,Problem,2026-01-03 10:00,2026-01-03 10:05,"
        "2026-01-03 10:05,2026-01-04 09:00,Good,0,2\n",
    ),
    "Mailchimp audience": (
        "customers",
        "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,LAST_CHANGED,CC\n"
        "a@example.org,Ann,V,2,2025-12-01 10:00:00,,2025-12-02 10:00:00,DE\n",
    ),
}


@pytest.mark.parametrize("kind", SIDE_FILES)
def test_an_export_without_purchases_is_drafted_beside_them_law(kind, tmp_path) -> None:
    table, text = SIDE_FILES[kind]
    (tmp_path / "transactions.csv").write_text(PURCHASES)
    (tmp_path / "export.csv").write_text(text)
    draft = draft_mapping(tmp_path)
    assert {t.table: t.kind for t in draft.tables} == {"transactions": "", table: kind}
    (tmp_path / "mapping.toml").write_text(draft.toml())
    base = CustomerBase.open(tmp_path, today=TODAY)
    assert base.counts["revenue"] == 35.0
    rows = base.collect(base.tables[table])
    assert rows["customer_id"].tolist() == ["a@example.org"]


def test_every_system_that_crm_map_names_is_held_by_a_small_export() -> None:
    assert {kind.name for kind in EXPORTS} == EXPORT_FILES.keys() | SIDE_FILES.keys()


def test_what_an_order_was_reduced_by_and_paid_back_is_taken_off_once(tmp_path) -> None:
    (tmp_path / "orders.csv").write_text(
        "Name,Email,Financial Status,Created at,Currency,Discount Amount,Refunded Amount,Lineitem quantity,"
        "Lineitem name,Lineitem price\n"
        "#1,ann@example.org,partially_refunded,2026-01-05 10:00:00 -0500,EUR,5.00,10.00,2,Cup,10.00\n"
        "#1,ann@example.org,,2026-01-05 10:00:00 -0500,,,,1,Pot,25.00\n"
    )
    (tmp_path / "mapping.toml").write_text(draft_mapping(tmp_path / "orders.csv").toml())
    base = CustomerBase.open(tmp_path / "orders.csv", today=TODAY)
    assert base.counts["revenue"] == 20 - 5 - 10 + 25


def test_of_columns_a_field_may_stand_in_the_first_with_values_is_taken(tmp_path) -> None:
    (tmp_path / "deals.csv").write_text(
        "Record ID,Deal Name,Deal Stage,Amount,Close Date,Associated Company IDs,Associated Contact IDs\n"
        "1,New,Closed Won,35.00,2026-01-05,,701\n"
    )
    found = {f.field: f.said for f in draft_mapping(tmp_path / "deals.csv").tables[0].fields}
    assert found["customer_id"] == "Associated Contact IDs"


def test_every_kind_names_fields_of_the_contract_and_knows_itself_law() -> None:
    for kind in EXPORTS:
        read_mapping({kind.table: dict.fromkeys(kind.fields, "x")})  # refuses what the contract lacks
        assert recognise([*kind.marks, "more"]) == (kind, 1.0), kind.name


def test_a_renamed_column_does_not_hide_a_system_law() -> None:
    for kind in EXPORTS:
        if len(kind.marks) >= 4:
            found = recognise(["Neu", *kind.marks[1:]])
            assert found is not None
            assert found[0].name == kind.name


def test_the_customers_of_a_mail_tool_are_no_purchases(tmp_path) -> None:
    (tmp_path / "audience.csv").write_text(
        "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,LAST_CHANGED\n"
        "a@example.org,Ann,V,2,2026-01-05 10:00:00,,2026-01-05 10:00:00\n"
    )
    draft = draft_mapping(tmp_path / "audience.csv")
    assert [(t.table, t.kind) for t in draft.tables] == [("customers", "Mailchimp audience")]
    assert not draft.is_complete


@pytest.mark.parametrize(
    "names",
    [
        {"customer_id": "Kundennummer", "transaction_date": "Bestelldatum", "unit_spend": "Betrag"},
        {"customer_id": "user_id", "transaction_date": "created_at", "unit_spend": "total"},
        {"customer_id": "household_key", "transaction_date": "day", "unit_spend": "sales_value"},
        {"customer_id": "Who", "transaction_date": "date", "unit_spend": "revenue"},
        {"customer_id": "E-Mail", "transaction_date": "fecha", "unit_spend": "importe"},
    ],
    ids=lambda n: n["customer_id"],
)
@pytest.mark.parametrize("dates", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y %H:%M"])
def test_columns_are_found_by_names_and_values_law(names, dates) -> None:
    days = pd.date_range("2026-01-05", periods=40, freq="37h")
    frame = pd.DataFrame(
        {
            names["transaction_date"]: days.strftime(dates),
            "note": "x",
            names["unit_spend"]: [f"{n}.5" for n in range(40)],
            names["customer_id"]: [f"p{n % 7}@example.org" for n in range(40)],
            "freight": [f"{n}.25" for n in range(40)],
        }
    )
    found = {g.field: g.said for g in draft_mapping(frame).tables[0].fields}
    assert {field: found.get(field) for field in names} == names


def test_a_name_whose_values_do_not_fit_is_not_taken() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "date": ["soon"], "amount": ["much"], "sold": ["2026-01-05"],
                          "money": ["3.50"]})  # fmt: skip
    found = {g.field: (g.said, g.sure) for g in draft_mapping(frame).tables[0].fields}
    assert found == {"customer_id": ("customer_id", "sure"), "transaction_date": ("sold", "guess"),
                     "unit_spend": ("money", "likely")}  # fmt: skip


def test_lines_and_orders_are_joined_by_the_key_both_have(tmp_path) -> None:
    lines = pd.DataFrame({"OrderID": [1, 1, 2], "Quantity": [1, 2, 3], "UnitPrice": [5.5, 2.25, 1.5]})
    orders = pd.DataFrame(
        {"OrderID": [1, 2], "CustomerID": ["a", "b"], "OrderDate": ["2026-01-05", "2026-01-06"]}
    )
    lines.to_csv(tmp_path / "order_details.csv", index=False)
    orders.to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "mapping.toml").write_text(draft_mapping(tmp_path).toml())
    assert CustomerBase.open(tmp_path, today=TODAY).counts["revenue"] == 5.5 + 4.5 + 4.5


def test_odd_names_are_quoted_and_hostile_ones_stay_in_their_line_law(tmp_path) -> None:
    odd = 'Be"trag\n[customers]\nshow_customers = true'
    frame = pd.DataFrame({"Kunde": ["a"], "Datum": ["2026-01-05"], "amount": [1.5], odd: ["x"]})
    draft = draft_mapping({"lines\n[x]": frame, "transactions": frame})
    mapping = read_mapping_text(draft.toml(), tmp_path)
    assert not mapping.show_customers
    assert "customers" not in mapping.tables


def read_mapping_text(text: str, folder):
    (folder / "m.toml").write_text(text)
    return read_mapping(folder / "m.toml")


def test_crm_map_never_overwrites_and_says_so(tmp_path, capsys) -> None:
    path = tmp_path / "export.csv"
    path.write_text(EXPORT_FILES["UCI Online Retail"][0])
    with pytest.raises(SystemExit) as first:
        main(["map", str(path)])
    written = (tmp_path / "mapping.toml").read_bytes()
    with pytest.raises(SystemExit) as second:
        main(["map", str(path)])
    said = capsys.readouterr()
    assert (first.value.code, second.value.code) == (0, 2)
    assert "sure    customer_id = CustomerID" in said.err
    assert "not overwritten" in said.err
    assert (tmp_path / "mapping.toml").read_bytes() == written
