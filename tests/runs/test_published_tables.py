"""What a run publishes of its tables: numbers with names, as many rows as the page shows."""

import io
from datetime import date

import nbformat
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_analytics.errors import NotebookError
from crm_analytics.pages import blocks
from crm_analytics.runs.publishing.manifest import BLOCK
from crm_analytics.runs.publishing.published_tables import published_tables

FRAME = pd.DataFrame(
    {
        "segment": ["=Loyal", None],
        "revenue_share": [1 / 3, float("nan")],
        "customers": [1234567, 2],
        "revenue": [1234567.891, 0.1 + 0.2],
        "clear": [True, False],
        "last_visit": pd.to_datetime(["2026-01-20", None]),
    }
)
FORMATS = {"revenue_share": "percent:0", "revenue": "money:USD", "customers": "count"}


def published(*shown):
    cells = []
    for block in shown:
        cell = nbformat.v4.new_code_cell("x")
        cell.outputs = [nbformat.v4.new_output("display_data", data={BLOCK: block.to_json()})]
        cells.append(cell)
    found = published_tables(nbformat.v4.new_notebook(cells=cells))
    return {path: pq.read_table(io.BytesIO(content)) for path, content in found.items()}


@pytest.fixture(scope="module")
def made():
    block = blocks.table(FRAME, finding="A third is loyal", formats=FORMATS).named("who_is_loyal")
    [(path, table)] = published(blocks.headline("One"), block).items()
    return path, table


def test_table_is_named_by_its_place_and_section(made):
    assert made[0] == "tables/02_who_is_loyal.parquet"


def test_cells_are_the_numbers_of_the_frame(made):
    table = made[1]
    assert table.column_names == list(FRAME.columns)
    assert table.schema.types == [
        pa.string(), pa.float64(), pa.int64(), pa.float64(), pa.bool_(), pa.date32(),
    ]  # fmt: skip
    assert table["customers"].to_pylist() == [1234567, 2]
    assert table["revenue"].to_pylist() == [1234567.891, 0.3]  # ten digits, the same on every machine
    assert table["revenue_share"].to_pylist() == [pytest.approx(1 / 3, rel=1e-9), None]
    assert table["clear"].to_pylist() == [True, False]
    assert table["last_visit"].to_pylist() == [date(2026, 1, 20), None]
    assert table["segment"].to_pylist() == ["=Loyal", None]


def test_metadata_hold_finding_label_and_format(made):
    table = made[1]
    assert table.schema.metadata[b"finding"] == b"A third is loyal"
    about = table.schema.field("revenue").metadata
    assert about[b"label"] == b"Revenue"
    assert about[b"format"] == b"money:USD"


def test_page_keeps_its_words():
    block = blocks.table(FRAME, finding="A third is loyal", formats=FORMATS)
    first = block.to_json()["table"]["rows"][0]
    assert first == ["=Loyal", "33 %", "1,234,567", "$1,234,567.89", "yes", "20 Jan 2026"]


def test_intervals_are_two_columns_and_estimates_three():
    low, high = pd.Series([0.1, float("nan")]), pd.Series([0.3, 0.4])
    frame = pd.DataFrame(
        {"share": blocks.together(low, high), "auc": blocks.together(high, low, high), "n": [1, 2]}
    )
    formats = {"share": "interval:percent:0", "auc": "estimate:number:2"}
    block = blocks.table(frame, finding="One", formats=formats)
    assert block.to_json()["table"]["rows"] == [["10–30 %", "0.30 (0.10–0.30)", "1"], ["–", "0.40 (–)", "2"]]
    [table] = published(block).values()
    assert table.column_names == ["share_lower", "share_upper", "auc", "auc_lower", "auc_upper", "n"]
    assert table["share_lower"].to_pylist() == [0.1, None]
    assert table["auc"].to_pylist() == [0.3, 0.4]
    assert table.schema.field("share_lower").metadata[b"format"] == b"percent:0"


def test_rows_of_different_units_keep_their_numbers():
    frame = pd.DataFrame({"of": ["orders", "spend"], "effect": [1.25, 1234.6]})
    block = blocks.table(frame, finding="One", formats={"effect": ["number:1", "money:USD"]})
    assert [row[1] for row in block.to_json()["table"]["rows"]] == ["1.2", "$1,235"]
    [table] = published(block).values()
    assert table["effect"].to_pylist() == [1.25, 1234.6]
    with pytest.raises(NotebookError, match="'effect' has 1 formats for 2 rows"):
        blocks.table(frame, finding="One", formats={"effect": ["count"]})


def test_only_rows_of_the_page_are_published():
    [table] = published(blocks.table(FRAME, finding="One", limit=1)).values()
    assert table.num_rows == 1


def test_names_stay_inside_the_folder_and_apart():
    one = blocks.table(FRAME, finding="One")
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    found = published(one.named("../../etc"), one, blocks.table(frame, finding="Two"))
    assert list(found) == [
        "tables/01_etc.parquet", "tables/02_table.parquet", "tables/03_table.parquet",
    ]  # fmt: skip
    assert found["tables/03_table.parquet"].column_names == ["a", "a 2"]
