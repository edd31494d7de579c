"""Exports of well-known systems: by which columns one is known, and which column is which field.

Headers are those the systems wrote in 2024 to 2026. One that renames a column is still known by the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

KNOWN_FROM = 0.75  # of the marks: one that was renamed does not hide a system


@dataclass(frozen=True)
class ExportKind:
    """One kind of file.

    Attributes
    ----------
    name : as people call it
    table : of the contract
    marks : columns that together no other system writes
    fields : field -> columns it may stand in (the first there is), or arithmetic of such columns
    settings : further lines of the section, by key, and the columns each needs
    note : what the reader should know of it
    """

    name: str
    table: str
    marks: tuple[str, ...]
    fields: dict[str, tuple[str, ...]]
    settings: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    note: str = ""


EXPORTS: tuple[ExportKind, ...] = (
    ExportKind(
        "Shopify orders",
        "transactions",
        ("Financial Status", "Lineitem quantity", "Lineitem price", "Lineitem name"),
        {
            "transaction_id": ("Name",),
            "customer_id": ("Customer ID", "Email"),
            "transaction_date": ("Created at",),
            "product_id": ("Lineitem sku", "Lineitem name"),
            "unit_quantity": ("Lineitem quantity",),
            "unit_price": ("Lineitem price",),
            "unit_spend": (
                '"Lineitem quantity" * "Lineitem price" - "Discount Amount" - "Refunded Amount"',
                '"Lineitem quantity" * "Lineitem price" - "Discount Amount"',
            ),
            "currency": ("Currency",),
            "coupon": ("Discount Code",),
            "channel": ("Source",),
        },
        {
            "fill_down": (
                '{ columns = ["Email", "Currency"], within = "Name" }',
                ("Email", "Currency", "Name"),
            ),
        },
        "Lines below the first of an order leave the order's columns blank: fill_down gives them its values. "
        "What the whole order was reduced by, or paid back, is taken off its first line.",
    ),
    ExportKind(
        "WooCommerce orders",
        "transactions",
        ("order_id", "order_date", "order_total", "billing_email"),
        {
            "transaction_id": ("order_id", "order_number"),
            "customer_id": ("customer_email", "billing_email", "customer_id", "customer_user"),
            "transaction_date": ("order_date",),
            "unit_spend": ("order_total",),
            "currency": ("order_currency",),
        },
        note="One row is one order. customer_id 0 is a guest: the mail address tells guests apart.",
    ),
    ExportKind(
        "WooCommerce orders",
        "transactions",
        ("Order Number", "Order Status", "Order Date", "Order Total Amount"),
        {
            "transaction_id": ("Order Number",),
            "customer_id": ("Email (Billing)", "Customer User ID"),
            "transaction_date": ("Order Date",),
            "unit_spend": ("Order Total Amount",),
        },
    ),
    ExportKind(
        "Stripe payments",
        "transactions",
        ("Amount Refunded", "Converted Amount", "Customer ID", "Captured"),
        {
            "transaction_id": ("id",),
            "customer_id": ("Customer ID", "Customer Email"),
            "transaction_date": ("Created (UTC)", "Created date (UTC)", "Created"),
            "unit_spend": ('"Amount" - "Amount Refunded"', "Amount"),
            "currency": ("Currency",),
        },
        {"where": ('{ Status = ["Paid", "succeeded", "Refunded"] }', ("Status",))},
        "Failed payments stand in the same file: where leaves them out. Stripe's times are UTC.",
    ),
    ExportKind(
        "Stripe charges",
        "transactions",
        ("amount_refunded", "amount", "created", "currency", "customer"),
        {
            "transaction_id": ("id",),
            "customer_id": ("customer", "receipt_email"),
            "transaction_date": ("created",),
            "unit_spend": ('("amount" - "amount_refunded") / 100',),
            "currency": ("currency",),
        },
        {"where": ('{ status = ["succeeded"] }', ("status",))},
        "Stripe's API counts in cents: leave out / 100 for money without cents. Its times are UTC.",
    ),
    ExportKind(
        "Square item sales",
        "transactions",
        ("Gross Sales", "Net Sales", "Transaction ID", "Price Point Name"),
        {
            "transaction_id": ("Transaction ID",),
            "customer_id": ("Customer ID",),
            "transaction_date": ("Date",),
            "product_id": ("SKU", "Item"),
            "unit_quantity": ("Qty", "Count"),
            "unit_spend": ("Net Sales",),
            "discount": ("Discounts",),
            "tax": ("Tax",),
            "store_id": ("Location",),
        },
    ),
    ExportKind(
        "Square transactions",
        "transactions",
        ("Gross Sales", "Net Sales", "Transaction ID", "Card Entry Methods"),
        {
            "transaction_id": ("Transaction ID",),
            "customer_id": ("Customer ID",),
            "transaction_date": ("Date",),
            "unit_spend": ("Net Sales",),
            "tax": ("Tax",),
            "store_id": ("Location",),
        },
    ),
    ExportKind(
        "Magento orders",
        "transactions",
        ("Purchase Point", "Purchase Date", "Bill-to Name", "Grand Total (Base)"),
        {
            "transaction_id": ("ID",),
            "customer_id": ("Customer Email", "Bill-to Name"),
            "transaction_date": ("Purchase Date",),
            "unit_spend": ("Grand Total (Base)",),
            "store_id": ("Purchase Point",),
        },
        {"except": ('{ Status = ["canceled", "Canceled"] }', ("Status",))},
    ),
    ExportKind(
        "Amazon orders",
        "transactions",
        ("amazon-order-id", "purchase-date", "item-price", "asin"),
        {
            "transaction_id": ("amazon-order-id",),
            "customer_id": ("buyer-email",),
            "transaction_date": ("purchase-date",),
            "product_id": ("sku", "asin"),
            "unit_quantity": ("quantity",),
            "unit_spend": ("item-price",),
            "discount": ("item-promotion-discount",),
            "tax": ("item-tax",),
            "currency": ("currency",),
            "channel": ("sales-channel",),
        },
        {"except": ('{ order-status = ["Cancelled"] }', ("order-status",))},
        "item-price is the whole line, not one piece. Reports without buyer-email know no customer.",
    ),
    ExportKind(
        "Klaviyo profiles",
        "customers",
        ("Email", "Klaviyo ID", "Email Marketing Consent"),
        {
            "customer_id": ("Email",),
            "email": ("Email",),
            "first_name": ("First Name",),
            "last_name": ("Last Name",),
            "phone": ("Phone Number",),
            "city": ("City",),
            "region": ("State / Region",),
            "country": ("Country",),
            "created_at": ("Profile Created On", "Date Added"),
        },
    ),
    ExportKind(
        "Google Analytics 4 events",
        "events",
        ("event_timestamp", "event_name", "user_pseudo_id"),
        {
            "timestamp": ("event_timestamp",),
            "event": ("event_name",),
            "customer_id": ("user_id",),
            "anonymous_id": ("user_pseudo_id",),
            "channel": ("traffic_source.medium", "medium", "traffic_source"),
            "source": ("traffic_source.source", "source"),
            "device": ("device.category", "device"),
            "value": ("event_value_in_usd",),
        },
        note="event_timestamp is UTC.",
    ),
    ExportKind(
        "Google Analytics 4 purchases",
        "transactions",
        ("event_timestamp", "event_name", "user_pseudo_id", "ecommerce.purchase_revenue"),
        {
            "transaction_id": ("ecommerce.transaction_id", "transaction_id"),
            "customer_id": ("user_id", "user_pseudo_id"),
            "transaction_date": ("event_timestamp",),
            "unit_spend": ("ecommerce.purchase_revenue",),
        },
        {"where": ('{ event_name = ["purchase"] }', ("event_name",))},
        "user_pseudo_id is a browser, not a person: map user_id where people log in. event_timestamp is UTC.",
    ),
    ExportKind(
        "HubSpot deals",
        "transactions",
        ("Record ID", "Deal Name", "Deal Stage", "Amount"),
        {
            "transaction_id": ("Record ID",),
            "customer_id": ("Associated Company IDs", "Associated Company", "Associated Contact IDs"),
            "transaction_date": ("Close Date",),
            "unit_spend": ("Amount",),
        },
        {"where": ('{ "Deal Stage" = ["Closed Won", "closedwon"] }', ("Deal Stage",))},
        "Only deals that were won are purchases: name your own stage of winning in where.",
    ),
    ExportKind(
        "Salesforce opportunities",
        "transactions",
        ("Opportunity Name", "Stage", "Amount", "Close Date"),
        {
            "transaction_id": ("Opportunity ID",),
            "customer_id": ("Account ID", "Account Name"),
            "transaction_date": ("Close Date",),
            "unit_spend": ("Amount",),
            "currency": ("Amount Currency",),
        },
        {"where": ('{ Stage = ["Closed Won"] }', ("Stage",))},
        "Only opportunities that were won are purchases.",
    ),
    ExportKind(
        "Zendesk tickets",
        "tickets",
        ("Requester", "Satisfaction Score", "Created at", "Subject"),
        {
            "ticket_id": ("Id", "ID"),
            "customer_id": ("Requester email", "Requester id", "Requester"),
            "created_at": ("Created at",),
            "channel": ("Via",),
            "type": ("Ticket type",),
            "priority": ("Priority",),
            "status": ("Status",),
            "first_solved_at": ("Initially assigned at",),
            "last_solved_at": ("Solved at",),
            "reopens": ("Reopens",),
            "replies": ("Replies",),
            "subject": ("Subject",),
        },
    ),
    ExportKind(
        "Mailchimp audience",
        "customers",
        ("Email Address", "MEMBER_RATING", "OPTIN_TIME", "LAST_CHANGED"),
        {
            "customer_id": ("Email Address",),
            "email": ("Email Address",),
            "first_name": ("First Name",),
            "last_name": ("Last Name",),
            "phone": ("Phone Number",),
            "country": ("CC", "Country"),
            "created_at": ("OPTIN_TIME",),
        },
    ),
    ExportKind(
        "UCI Online Retail",
        "transactions",
        ("StockCode", "Description", "Quantity", "InvoiceDate", "Country"),
        {
            "transaction_id": ("InvoiceNo", "Invoice"),
            "customer_id": ("CustomerID", "Customer ID"),
            "transaction_date": ("InvoiceDate",),
            "product_id": ("StockCode",),
            "unit_quantity": ("Quantity",),
            "unit_price": ("UnitPrice", "Price"),
        },
        note='The amounts are pounds: currency = "GBP".',
    ),
)


def recognise(columns: Iterable[str]) -> tuple[ExportKind, float] | None:
    """The kind of export that writes these columns, and the share of its marks that are there.

    >>> recognise(["ID", "Purchase Point", "Purchase Date", "Bill-to Name", "Grand Total (Base)"])[0].name
    'Magento orders'
    >>> recognise(["who", "when"]) is None
    True
    """
    have = {plain(c) for c in columns}
    scored = [(sum(plain(m) in have for m in kind.marks) / len(kind.marks), kind) for kind in EXPORTS]
    share, best = max(scored, key=lambda pair: (pair[0], len(pair[1].marks)))
    return (best, share) if share >= KNOWN_FROM else None


def plain(name: str) -> str:
    """A name without case, blanks and signs, as two spellings of it share.

    >>> plain("Customer ID"), plain("customer_id")
    ('customerid', 'customerid')
    """
    return re.sub(r"[\W_]+", "", name).lower()
