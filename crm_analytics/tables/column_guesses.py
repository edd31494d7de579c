"""Which column of an unknown table may be which field: by its name, and by whether its values fit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from crm_analytics.tables.contract import TABLES, Column
from crm_analytics.tables.export_kinds import plain
from crm_analytics.tables.packed_files import table_name

_DATE = re.compile(r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ](\d{1,2}|[a-zä]{3,9})[-/. ]\d{2,4}|"
                   r"\d{8}$|\d{10}$|\d{13}$|\d{16}$|[a-z]{3,9} \d\d?,? \d{4}).*", re.IGNORECASE)  # fmt: skip
_NUMBER = re.compile(r"\s*[-−+(]?\s*([$€£¥₹]|[A-Z]{3})?\s*[-−]?\d[\d.,'\u00a0\u202f ]*([eE][-+]?\d+)?\s*"
                     r"([$€£¥₹%]|[A-Z]{3})?\s*[-)]?\s*")  # fmt: skip
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
_FLAGS = {"true", "false", "yes", "no", "0", "1", "y", "n", "t", "f", "ja", "nein"}
_MOST = 0.9  # of the filled values must fit

# Plain names by field, the most telling first; English, German, French, Spanish, Italian and Dutch.
_NAMES_BY_FIELD = """
customer_id: customerid custid customernumber customerno clientid userid memberid householdkey
    householdid accountid buyerid contactid visitorid customer client user buyer kundennummer kundennr
    kunde kundenid kundin idclient cliente idcliente klant klantnummer customeremail email emailaddress
    buyeremail mail
transaction_date: transactiondate orderdate invoicedate purchasedate saledate orderedat purchasedat
    createdat created placedat orderpurchasetimestamp transactiontimestamp timestamp datetime date
    paidat bestelldatum datum rechnungsdatum kaufdatum dateachat datecommande fecha fechapedido data
    orderdatum belegdatum day when
unit_spend: unitspend salesvalue linetotal totalprice netamount amount netsales revenue sales ordertotal
    grandtotal total spend turnover value paymentvalue betrag umsatz summe gesamt montant importe
    importo bedrag totalamount price money brutto netto importetotal valortotal kwota сумма
unit_quantity: quantity qty units pieces menge anzahl quantite cantidad aantal
unit_price: unitprice price itemprice stueckpreis einzelpreis preis prix precio prijs
transaction_id: transactionid orderid invoiceno invoiceid invoice ordernumber orderno basketid receiptid
    bestellnummer rechnungsnummer belegnummer pedido commande
product_id: productid sku stockcode itemid articleid productcode artikelnummer asin item product
discount: discount discountamount rabatt remise descuento
tax: tax taxes vat mwst tva iva
currency: currency currencycode waehrung devise moneda
store_id: storeid store shopid location filiale magasin
channel: channel saleschannel kanal
coupon: coupon couponcode discountcode vouchercode gutschein
is_return: isreturn returned isrefund refunded retoure
first_name: firstname givenname vorname prenom
last_name: lastname surname familyname nachname
email: email emailaddress mail
phone: phone phonenumber telefon mobile
birth_date: birthdate dateofbirth birthday dob geburtsdatum
postal_code: postalcode postcode zip zipcode plz
created_at: createdat created signupdate registeredat registrationdate joined
product_name: productname itemname lineitemname producttitle productdescription description artikelname
    artikelbezeichnung bezeichnung designation descripcion name title product
category_0_name: category0name category categoryname department producttype
brand_name: brandname brand vendor manufacturer
unit_cost: unitcost cost purchaseprice
list_price: listprice price unitprice
event: event eventname action activity
session_id: sessionid session visitid
anonymous_id: anonymousid userpseudoid cookieid visitorid
campaign_id: campaignid campaign utmcampaign
"""
_TELLING = 0.6  # of a field's names, from the front: those that say it and nothing else
_NAMES: dict[str, tuple[str, ...]] = {
    said.split(":")[0].strip(): tuple(said.split(":")[1].split())
    for said in re.split(r"\n(?=\S)", _NAMES_BY_FIELD.strip())
}
_NO_AMOUNT = re.compile("freight|shipping|fee|tip|cost|balance|weight|lat|lon|rate|score|share|porto|versand")


@dataclass(frozen=True)
class Guess:
    """One field: the column (or arithmetic) it may be, how sure that is, and why."""

    field: str
    said: str
    sure: str
    why: str


@dataclass(frozen=True)
class Sample:
    """Some rows of a table, as text, by column."""

    name: str
    columns: tuple[str, ...]
    values: dict[str, list[str]] = field(repr=False)  # the filled ones
    types: dict[str, Any] = field(repr=False)
    rows: int = 0

    @property
    def stem(self) -> str:
        """The table's name without a file's endings or a schema."""
        return table_name(Path(self.name.rpartition("/")[2]))

    def is_key(self, column: str) -> bool:
        """Whether no value of the column comes twice in the sample, and none is missing."""
        values = self.values[column]
        return len(values) == self.rows and len(set(values)) == len(values)


def sample_of(name: str, rows: pa.Table) -> Sample:
    """A sample from the first rows of a table."""
    values = {}
    for column in rows.column_names:
        found = rows[column]
        if pa.types.is_temporal(found.type) or pa.types.is_floating(found.type):
            found = found.cast(pa.string())
        values[column] = [str(v) for v in found.to_pylist() if v is not None and str(v).strip()]
    types = {f.name: f.type for f in rows.schema}
    return Sample(name, tuple(rows.column_names), values, types, rows.num_rows)


def guess_fields(table: str, sample: Sample) -> list[Guess]:
    """The fields of a table of the contract that some column may be, each column used once.

    Parameters
    ----------
    table : of the contract
    """
    found: dict[str, Guess] = {}
    used: set[str] = set()
    named: list[tuple[int, int, Column, str]] = []
    for column in TABLES[table].columns:
        names = (plain(column.name), *_NAMES.get(column.name, ()))
        for name in sample.columns:
            rank = _rank(plain(name), names)
            if rank is not None and _fits(sample, name, column):
                named.append((rank, len(named), column, name))
    for rank, _, column, name in sorted(named, key=lambda n: n[:2]):
        if column.name in found or (name in used and not (table == "customers" and column.name == "email")):
            continue
        telling = rank < max(2, int(_TELLING * len(_NAMES.get(column.name, ()))))
        exact = plain(name) in (plain(column.name), *_NAMES.get(column.name, ()))
        sure = "sure" if exact and rank == 0 else "likely" if exact or telling else "guess"
        found[column.name] = Guess(column.name, name, sure, f"its name, and its values are {_noun(column)}")
        used.add(name)
    if table == "transactions":
        _by_values(sample, found, used)
        _one_amount(found)
        _less_discount(sample, found)
    return [found[c] for c in TABLES[table].names if c in found]


def _rank(name: str, names: tuple[str, ...]) -> int | None:
    """A name's place among a field's names; one that only contains such a name comes after all of them."""
    if name in names:
        return names.index(name)
    inside = [i for i, known in enumerate(names) if len(known) >= 5 and known in name]
    return 100 + inside[0] if inside else None


def _by_values(sample: Sample, found: dict[str, Guess], used: set[str]) -> None:
    """Fields without a telling name: the one column of dates, the one column of mail addresses."""
    free = [c for c in sample.columns if c not in used]
    dates = [c for c in free if _share(sample, c, _is_date) >= _MOST and not _is_other(sample, c)]
    if "transaction_date" not in found and len(dates) == 1:
        found["transaction_date"] = Guess("transaction_date", dates[0], "guess", "the only column of dates")
    mails = [c for c in free if _share(sample, c, lambda v: bool(_MAIL.fullmatch(v))) >= _MOST]
    if "customer_id" not in found and len(mails) == 1:
        found["customer_id"] = Guess("customer_id", mails[0], "guess", "the only column of mail addresses")
    amounts = [c for c in free if _is_amount(sample, c) and not _NO_AMOUNT.search(plain(c))]
    if not {"unit_spend", "unit_price"} & found.keys() and len(amounts) == 1:
        found["unit_spend"] = Guess("unit_spend", amounts[0], "guess", "the only column of amounts")


def _one_amount(found: dict[str, Guess]) -> None:
    """A price beside a quantity is of one piece; alone it is the amount."""
    spend, price, quantity = (found.get(n) for n in ("unit_spend", "unit_price", "unit_quantity"))
    if (
        spend is not None
        and price is None
        and quantity is not None
        and plain(spend.said) in _NAMES["unit_price"]
    ):
        found["unit_price"] = Guess("unit_price", spend.said, "likely", "a price beside a quantity")
        del found["unit_spend"]
    elif spend is None and price is not None and quantity is None:
        found["unit_spend"] = Guess(
            "unit_spend", price.said, "guess", "a price without a quantity: the amount?"
        )
        del found["unit_price"]


def _less_discount(sample: Sample, found: dict[str, Guess]) -> None:
    """A discount between 0 and 1 is a share of the price: the amount is what is left of it."""
    parts = [found.get(n) for n in ("unit_price", "unit_quantity", "discount")]
    if None in parts or "unit_spend" in found:
        return
    price, quantity, discount = (f'"{p.said}"' for p in parts if p is not None)
    values = sample.values[discount[1:-1]]
    if all(re.fullmatch(r"0([.,]\d+)?|1([.,]0+)?", v) for v in values):
        formula = f"{price} * {quantity} * (1 - {discount})"
        found["unit_spend"] = Guess(
            "unit_spend", formula, "guess", "the discount looks like a share of the price"
        )
        del found["discount"]


def _fits(sample: Sample, name: str, column: Column) -> bool:
    if column.type in ("time", "date"):
        return _share(sample, name, _is_date) >= _MOST
    if column.type in ("money", "number", "count"):
        return _share(sample, name, lambda v: bool(_NUMBER.fullmatch(v))) >= _MOST
    if column.type == "flag":
        return _share(sample, name, lambda v: v.strip().lower() in _FLAGS) >= _MOST
    if column.name in (
        "customer_id",
        "transaction_id",
        "product_id",
    ):  # an id is no date and no broken number
        return bool(sample.values[name]) and _share(sample, name, _is_id) >= _MOST
    return bool(sample.values[name]) and _share(sample, name, _is_fraction) < _MOST


def _is_fraction(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d+[.,]\d+", value.strip()))


def _share(sample: Sample, name: str, fits: Any) -> float:
    values = sample.values[name]
    return sum(map(fits, values)) / len(values) if values else 0.0


def _is_date(value: str) -> bool:
    return bool(_DATE.fullmatch(value))


def _is_id(value: str) -> bool:
    return not re.fullmatch(r"\d{4}-\d{2}-\d{2}.*|-?\d+[.,]\d*[1-9]", value.strip())


def _is_other(sample: Sample, name: str) -> bool:
    """A number, or a date that is known for something else."""
    return pa.types.is_floating(sample.types[name]) or plain(name) in _NAMES["birth_date"]


def _is_amount(sample: Sample, name: str) -> bool:
    fraction = any(re.search(r"[.,]\d{1,2}\D*$", v) for v in sample.values[name][:200])
    return fraction and _share(sample, name, lambda v: bool(_NUMBER.fullmatch(v))) >= _MOST


def _noun(column: Column) -> str:
    nouns = {"time": "times", "date": "dates", "money": "amounts", "number": "numbers"}
    nouns |= {"count": "whole numbers", "flag": "true or false"}
    return nouns.get(column.type, "texts")
