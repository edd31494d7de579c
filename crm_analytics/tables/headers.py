"""Column names in messages: a file without a header line has customers where its names should be."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crm_analytics.errors import nearest

# A mail address, a number, a day or time: nobody calls a column so, but every row holds one.
_VALUE = re.compile(r"\s*(.*@.*|[-+]?[\d.,\s]*\d[\d.,\s]*|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*)\s*", re.DOTALL)
# What stands in values and in no column's name: a currency, a bracket of JSON, a phone number, two numbers.
_ODD = re.compile(r"[€£¥₹@{}\[\]<>\"]|\$\s*\d|\+\s*\d|\d[.,]\d|\d\D+\d")
# Words that columns are called by, in English and in the languages whose exports we have seen.
_WORDS = frozenset(
    """
    account address adresse age amount anrede article artikel basket betrag birth brand campaign category
    channel city client code column count country cost created currency customer cust date datum day delivered
    description discount dob email event first firstname gender gross group handle id ids invoice is item key
    kunde kunden land last lastname line list mail member menge mobile month name net no nr num number nummer
    online order ort panier per phone plan plz points postal preis price prix product produkt profit promo
    qty quantity reason region ref revenue sale sales segment sex ship sku source spend spent state status
    store street sum tax telefon tier time timestamp title total transaction type umsatz unit units updated
    url user value vat vendor volume week when who year zip monat jahr tag anzahl kosten date_ client_ cliente
    fecha importe precio cantidad data valore prezzo quantita montant quantite commande cds dollars
    deal stage close closed record associated contact company owner opportunity probability lead ticket
    requester assignee subject via priority charge captured refund refunded fee paid at on by of to in utc
    gross shipping subtotal taxes payment method lineitem financial fulfillment fulfilled receipt register
    seller buyer username title sold purchase purchased point billing status object profile
    properties rating optin changed stockcode invoiceno user_pseudo_id
    """.split()  # noqa: SIM905 (a hundred quotes and commas read worse)
)
_ENDS = ("datum", "nummer", "preis", "number", "amount", "customerid", "orderid", "productid")
_SHOWN = 12


def looks_like_data(names: Sequence[str]) -> bool:
    """Whether these "column names" are a row of values, or may be.

    A header has two names made of words that columns are called by, and nothing that only a value has: an
    amount, a day in words, a phone number, a mail address, a bracket.

    >>> looks_like_data(["Ann Vogel", "2026-01-31", "12.50"]), looks_like_data(["who", "when", "price 2"])
    (True, False)
    >>> looks_like_data(["Ann Vogel", "3 Jan 2026", "€12.50"]), looks_like_data(["Ann Vogel", "Bonn", "gold"])
    (True, True)
    """
    named = [name for name in names if name.strip()]
    known = sum(_is_a_column(name) for name in named)
    return known < min(2, len(named)) or any(_VALUE.fullmatch(name) or _ODD.search(name) for name in named)


def _is_a_column(name: str) -> bool:
    """Whether every word of a name is one that columns are called by: CustomerID, but not "Ann Price"."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = [word for word in re.split(r"[\W\d_]+", parted) if word]
    return bool(words) and all(word in _WORDS or word.endswith(_ENDS) for word in words)


def nearest_column(name: str, columns: Sequence[str]) -> str:
    """As `errors.nearest`, for columns; nothing where these look like somebody's data.

    >>> nearest_column("customer", ["customer_id", "date"]), nearest_column("ann", ["Ann V", "Bonn"])
    ("; did you mean 'customer_id'?", '')
    """
    return "" if looks_like_data(columns) else nearest(name, columns)


def the_source_has(names: Sequence[str]) -> str:
    """A sentence for a message: the columns there are, unless they look like somebody's data.

    >>> the_source_has(["who", "when"])
    'The source has: who, when'
    >>> the_source_has(["Ann Vogel", "ann@example.com", "12.50"])
    'Its first line looks like data: is the line with the column names missing? It has 3 columns'
    """
    if looks_like_data(names):
        return (
            "Its first line looks like data: is the line with the column names missing? "
            f"It has {len(names)} columns"
        )
    return "The source has: " + ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
