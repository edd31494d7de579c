"""Ways of writing of people's own programs: other scripts, formula cells, encodings, unsigned returns."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.number_grammar import ASCII_SIGNS, OTHER_SIGNS, decide, shapes_of_both

TODAY = "2026-07-01"
HEADER = "customer_id,transaction_date,unit_spend"


@pytest.fixture
def opened(tmp_path: Path):
    """Open text as a file of purchases."""

    def make(text: str | bytes, mapping: dict | None = None, name: str = "sales.csv") -> CustomerBase:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return CustomerBase.open(tmp_path / name, mapping=mapping, today=TODAY)

    return make


def kinds(base: CustomerBase) -> set[str]:
    return {finding.kind for finding in base.findings}


# -- numbers and days ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zero", "marks"),
    [(0x0660, "\u066c\u066b"), (0x06F0, "\u066c\u066b"), (0x0966, ",."), (0x09E6, ",."), (0x0E50, ",."),
     (0xFF10, "\uff0c\uff0e")],
)  # fmt: skip
def test_digits_of_other_scripts_are_digits_law(opened, zero: int, marks: str) -> None:
    def written(text: str) -> str:
        return text.translate(
            {48 + n: chr(zero + n) for n in range(10)} | dict(zip(b",.", marks, strict=True))
        )

    lines = [
        f'k1,{written("2026-01-05")},"{written("1,234.50")}"',
        f'k2,{written("2026-02-28")},"{written("9.25")}"',
    ]
    base = opened("\n".join([HEADER, *lines]))
    assert (base.counts["revenue"], base.day.isoformat()) == (1243.75, "2026-02-28")
    assert base.counts["customers"] == 2


def test_ids_keep_the_script_they_are_written_in(opened) -> None:
    base = opened(f"{HEADER}\n\u0e51\u0e52,2026-01-05,5\n12,2026-01-05,5\n")
    assert base.counts["customers"] == 2


@given(st.text(OTHER_SIGNS, min_size=1))
def test_signs_of_other_scripts_have_one_ascii_sign_each_law(text: str) -> None:
    assert len(OTHER_SIGNS) == len(ASCII_SIGNS)
    assert text.translate(str.maketrans(OTHER_SIGNS, ASCII_SIGNS)).isascii()


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        ("Rs. 12,34,567.00/-", 1234567),
        ("1250:-", 1250),
        ("'12.50", 12.5),
        ("'-12.50", -12.5),
        ("1'234.50", 1234.5),
        ("\u200e-12.50", -12.5),
        ("\u200f1,234.50\u00a0\u20aa", 1234.5),
    ],
)
def test_a_price_is_read_without_what_its_country_puts_around_it(opened, amount: str, value: float) -> None:
    assert opened(f'{HEADER}\na,2026-01-05,"{amount}"\n').counts["revenue"] == value


@given(
    st.lists(st.integers(0, 10**9), min_size=1), st.sampled_from(["{}/-", "'{}", "{}:-", "kr {}", "{} zl"])
)
def test_signs_around_a_whole_number_leave_it_alone_law(numbers: list[int], form: str) -> None:
    shapes = ["9" * len(str(n)) for n in numbers]
    assert all(shapes_of_both(form.format(shape)) for shape in shapes)
    reading = decide([(form.format(shape), 1) for shape in set(shapes)], None)
    assert reading.unread == 0


@pytest.mark.parametrize(
    ("when", "zone", "day"),
    [("Tue Jan  6 12:00:00 2026", "UTC", "2026-01-06"),
     ("Tue Jan 06 2026 02:00:00 GMT+0100 (Central European Standard Time)", "America/New_York", "2026-01-05"),
     ("20260106T020000Z", "America/New_York", "2026-01-05"),
     ("20260106T020000+0100", "Europe/Berlin", "2026-01-06")],
)  # fmt: skip
def test_a_moment_as_programs_print_it_counts_for_the_shops_day(
    opened, when: str, zone: str, day: str
) -> None:
    base = opened(f"{HEADER}\na,{when},5\n", {"timezone": zone})
    assert base.day.isoformat() == day


def test_a_russian_year_has_a_letter_behind_it(opened) -> None:
    base = opened(f"{HEADER}\na,5 января 2026 г.,5\n", {"language": "ru"})
    assert base.day.isoformat() == "2026-01-05"


@pytest.mark.parametrize(
    ("when", "says"),
    [("260105", "%y%m%d"), ("05012026", "%d%m%Y"), ("2026-01", "%Y-%m"), ("01.2026", "%m.%Y")],
)
def test_a_day_that_is_not_read_is_shown_as_a_shape_with_the_format_that_reads_it(opened, when, says) -> None:
    text = f"{HEADER}\na,{when},5\n"
    with pytest.raises(DataError, match="each digit as 9") as caught:
        opened(text)
    assert f'format = "{says}"' in str(caught.value)
    assert when not in str(caught.value)
    mapping = {"transactions": {"transaction_date": {"column": "transaction_date", "format": says}}}
    assert opened(text, mapping).day.isoformat().startswith("2026-01")


# -- cells and bytes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ['="{}"', '"=""{}"""'])
def test_a_cell_that_a_formula_keeps_as_text_is_its_text_law(opened, form: str) -> None:
    cells = [("007", "2026-01-05", "12.50"), ("8", "2026-01-06", "7.50")]
    lines = [",".join(form.format(cell) for cell in row) for row in cells]
    base = opened("\n".join([HEADER, *lines]))
    assert base.counts["revenue"] == 20
    assert sorted(base.collect(base.transactions)["customer_id"]) == ["007", "8"]


@pytest.mark.parametrize(
    ("words", "encoding"),
    [("zażółć gęślą jaźń", "cp1250"), ("Покупка товара", "cp1251"), ("日本語のメモ", "shift_jis"),
     ("Grüße aus Köln", "mac_roman"), ("中文备注", "gb18030"), ("12 zł", "cp1250")],
)  # fmt: skip
def test_an_encoding_that_is_a_guess_is_told_and_the_mapping_settles_it(opened, words, encoding) -> None:
    text = f"{HEADER},note\na,2026-01-05,5,{words}\nb,2026-01-05,5,{words}\n".encode(encoding)
    assert "encoding" in kinds(opened(text))
    assert "encoding" not in kinds(opened(text, {"transactions": {"encoding": encoding}}))


@pytest.mark.parametrize(
    "words", ["Müller & Søn, Grüße", "naïve café, œuvre", "Peña año ¿qué? 5 m²", "£5 – €7 … “so”"]
)
def test_western_words_are_no_doubt_about_the_encoding(opened, words: str) -> None:
    assert "encoding" not in kinds(opened(f'{HEADER},note\na,2026-01-05,5,"{words}"\n'.encode("cp1252")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_wide_characters_are_read_law(opened, encoding: str) -> None:
    text = HEADER + "".join(f"\nk{i % 3},2026-01-{1 + i:02d},5.50" for i in range(20))
    assert opened(text.encode(encoding)).counts["revenue"] == 110


def test_a_packed_file_under_another_name_says_so(opened) -> None:
    import gzip

    with pytest.raises(DataError, match=r"packed file under another name: give it the ending \.gz"):
        opened(gzip.compress(f"{HEADER}\na,2026-01-05,5\n".encode()))


# -- returns without a sign ----------------------------------------------------------------------------

SALES = [f"k{i % 5},2026-01-{1 + i % 28:02d},10.00" for i in range(40)]


@pytest.mark.parametrize(
    ("name", "usual", "back"),
    [("sign", "+", "-"), ("Soll/Haben", "S", "H"), ("dr_cr", "DR", "CR"), ("Debit", "debit", "credit")],
)
def test_a_side_of_the_books_that_takes_back_is_told_and_the_line_settles_it(
    opened, name, usual, back
) -> None:
    lines = [f"{HEADER},{name}", *(f"{line},{usual}" for line in SALES), f"k1,2026-01-29,10.00,{back}"]
    base = opened("\n".join(lines))
    assert "side" in kinds(base)
    settled = opened("\n".join(lines), {"transactions": {"is_return": {"column": name, "equals": [back]}}})
    assert settled.counts["revenue"] == 390
    assert "side" not in kinds(settled)


@pytest.mark.parametrize("number", ["CN-77", "RMA00012", "GS 2026", "C536379"])
def test_the_number_of_a_credit_note_among_orders_is_told_and_the_line_settles_it(opened, number) -> None:
    lines = [f"transaction_id,{HEADER}", *(f"{i},{line}" for i, line in enumerate(SALES))]
    before = opened("\n".join(lines))
    assert "credit_notes" not in kinds(before)
    text = "\n".join([*lines, f"{number},k1,2026-01-29,10.00"])
    (found,) = [f for f in opened(text).findings if f.kind == "credit_notes"]
    settled = opened(text, tomllib.loads(found.settles))
    assert "credit_notes" not in kinds(settled)
    assert settled.counts["revenue"] == before.counts["revenue"] - 10


def test_a_letter_among_other_letters_is_no_credit_note(opened) -> None:
    lines = [f"transaction_id,{HEADER}", *(f"{'CW'[i % 2]}{i},{line}" for i, line in enumerate(SALES))]
    assert "credit_notes" not in kinds(opened("\n".join(lines)))


@pytest.mark.parametrize("begins", [5, [], "", ["C", 5]])
def test_a_beginning_that_is_no_text_says_so(opened, begins) -> None:
    mapping = {"transactions": {"is_return": {"column": "kind", "begins": begins}}}
    with pytest.raises(ParameterError, match="begins = "):
        opened(f"kind,{HEADER}\nC,k1,2026-01-29,10.00", mapping)


def test_numbers_that_all_begin_with_letters_are_no_credit_notes(opened) -> None:
    lines = [f"transaction_id,{HEADER}", *(f"REF{i},{line}" for i, line in enumerate(SALES))]
    assert "credit_notes" not in kinds(opened("\n".join(lines)))


def test_a_product_of_two_negatives_is_told_and_the_line_settles_it(opened) -> None:
    text = "customer_id,transaction_date,pieces,price\na,2026-01-05,3,100\na,2026-01-06,-1,-100\n"
    mapping = {"transactions": {"unit_spend": "pieces * price"}}
    base = opened(text, mapping)
    assert "twice_negative" in kinds(base)
    settled = opened(text, {"transactions": {"unit_spend": "pieces * price", "unit_quantity": "pieces"}})
    assert settled.counts["revenue"] == 200


@pytest.mark.parametrize(
    ("name", "kind", "revenue"),
    [
        ("amount_cents", "cents", 12.5),
        ("Revenue (kEUR)", "thousands", 1_250_000),
        ("Umsatz in TEUR", "thousands", 1_250_000),
        ("sales ($000s)", "thousands", 1_250_000),
        ("net sales in thousands", "thousands", 1_250_000),
        ("price per 100", "price_per_many", 12.5),
        ("Preis je 1000", "price_per_many", 1.25),
    ],
)
def test_amounts_named_in_another_unit_are_told_and_the_line_settles_it(
    opened, name: str, kind: str, revenue: float
) -> None:
    text = f"customer_id,transaction_date,{name}\na,2026-01-05,1250\n"
    [found] = [f for f in opened(text, {"transactions": {"unit_spend": name}}).findings if f.kind == kind]
    formula = found.settles.partition("unit_spend = '")[2].rstrip("'")
    base = opened(text, {"transactions": {"unit_spend": formula}})
    assert base.counts["revenue"] == revenue
    assert kind not in kinds(base)


@pytest.mark.parametrize(
    "name", ["amount", "price per unit", "amateur sales", "Kreur", "per10x price", "sales 2000"]
)
def test_amounts_of_other_names_are_in_no_other_unit(opened, name: str) -> None:
    text = f"customer_id,transaction_date,{name}\na,2026-01-05,1250\n"
    found = kinds(opened(text, {"transactions": {"unit_spend": name}}))
    assert not {"cents", "thousands", "price_per_many"} & found


def test_money_given_back_is_taken_off_by_the_line_that_is_shown(opened) -> None:
    text = "customer_id,transaction_date,Pieces,Unit Price,Refunded Amount\na,2026-01-05,2,10.00,5.00\n"
    by = {"unit_quantity": "Pieces", "unit_price": "Unit Price"}
    [found] = [f for f in opened(text, {"transactions": by}).findings if f.kind == "refunds_left"]
    formula = found.settles.partition("unit_spend = '")[2].rstrip("'")
    assert opened(text, {"transactions": {**by, "unit_spend": formula}}).counts["revenue"] == 15


def test_a_flag_of_json_is_no_amount_given_back(opened) -> None:
    records = [{"customer_id": "a", "transaction_date": "2026-01-05", "unit_spend": 5, "refunded": n > 2}
               for n in range(4)]  # fmt: skip
    base = opened(json.dumps(records), name="sales.json")
    assert base.counts["revenue"] == 20
    assert "no_sale" in kinds(base)


@pytest.mark.parametrize("who", ["Гость", "gość", "ゲスト", "散客", "Kassenkunde", "Barverkauf Theke"])
def test_guests_of_other_tongues_are_nobody(opened, who: str) -> None:
    lines = [f"k{i % 5},2026-01-{1 + i % 28:02d},{i}.00" for i in range(40)]
    assert "nobody" not in kinds(opened("\n".join([HEADER, *lines])))
    assert "nobody" in kinds(opened("\n".join([HEADER, *lines, f"{who},2026-01-29,10.00"])))


# -- workbooks and Parquet -----------------------------------------------------------------------------


@pytest.fixture
def workbook(tmp_path: Path):
    """Open rows as a sheet that a program wrote."""
    openpyxl = pytest.importorskip("openpyxl")

    def make(*rows: tuple) -> CustomerBase:
        book = openpyxl.Workbook()
        for row in (tuple(HEADER.split(",")), *rows):
            book.active.append(row)
        book.save(tmp_path / "sales.xlsx")
        return CustomerBase.open(tmp_path / "sales.xlsx", today=TODAY)

    return make


@pytest.mark.parametrize(
    ("texts", "total"),
    [(["1.234,50", "7,25"], 1241.75), (["1,234.50", "7.25"], 1241.75), (["7", "1.000.000"], 1000007)],
)
def test_numbers_beside_numbers_kept_as_text_are_read_by_the_texts_law(workbook, texts, total: float) -> None:
    rows = [("a", "2026-01-05", text) for text in texts]
    base = workbook(*rows, ("b", "2026-01-06", 12.5), ("b", "2026-01-07", -0.25), ("b", "2026-01-08", 3))
    assert base.counts["revenue"] == total + 12.5 - 0.25 + 3


def test_a_text_that_leaves_a_choice_is_not_settled_by_the_numbers_beside_it(workbook) -> None:
    with pytest.raises(DataError, match=r"1\.234 is 1\.234 with a decimal point, or 1234"):
        workbook(("a", "2026-01-05", "1.234"), ("b", "2026-01-06", 12.5))


def test_formulas_that_nobody_computed_are_no_blanks(workbook) -> None:
    with pytest.raises(DataError, match="open the workbook in Excel or LibreOffice and save it"):
        workbook(("a", "2026-01-05", "=2*3"), ("b", "2026-01-06", "=2*4"))


@pytest.mark.parametrize("folder", [False, True])
def test_decimals_wider_than_the_engine_reads_are_refused(tmp_path: Path, folder: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = tmp_path / "sales.parquet"
    file = place / "part-0.parquet" if folder else place
    file.parent.mkdir(exist_ok=True)
    for kind in (pa.decimal128(38, 2), pa.decimal256(50, 2)):
        amount = pa.array(["12.50", "7.25"]).cast(kind)
        pq.write_table(pa.table({"customer_id": ["a", "b"], "transaction_date": ["2026-01-05"] * 2,
                                 "unit_spend": amount}), file)  # fmt: skip
        if kind.precision == 38:
            assert CustomerBase.open(place, today=TODAY).counts["revenue"] == 19.75
        else:
            with pytest.raises(DataError, match=r"'unit_spend' has decimals of more than 38 digits"):
                CustomerBase.open(place, today=TODAY)


def test_amounts_in_two_ways_say_so(opened) -> None:
    with pytest.raises(DataError, match="some amounts have a decimal point and some a decimal comma"):
        opened(HEADER.replace(",", ";") + "\na;2026-01-05;1.234,50\nb;2026-01-05;1,234.50\n")
