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
