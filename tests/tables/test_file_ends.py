"""A file that breaks off is told, a footer is told with its line, and a whole file is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_analytics import CustomerBase

TODAY = "2026-07-01"
HEADER = "customer_id,transaction_date,unit_spend"


def lines(amount: str = "12.50", n: int = 60) -> list[str]:
    return [f"c{i % 11},2025-0{1 + i % 9}-1{i % 7},{amount}" for i in range(n)]


def opened(folder: Path, text: str, mapping: dict | None = None) -> CustomerBase:
    (folder / "sales.csv").write_bytes(text.encode())
    return CustomerBase.open(folder / "sales.csv", today=TODAY, mapping=mapping)


def kinds(base: CustomerBase) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in base.findings}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("header", "body", "cut"),
    [
        (HEADER, lines(), 1),  # 12.5
        (HEADER, lines(), 3),  # 12
        (HEADER, lines("125"), 2),
        (HEADER, lines("9.99"), 5),  # no amount at all
        (
            "unit_spend,customer_id,transaction_date",
            [f"7,c{i % 9},2025-03-{10 + i % 19}" for i in range(40)],
            4,
        ),
        (HEADER + ",channel", [f"{x},{('online', 'store')[i % 2]}" for i, x in enumerate(lines())], 2),
        (HEADER + ",note", [f'{x},"fine"' for x in lines()], 3),  # an open quotation
    ],
)
def test_a_file_that_breaks_off_is_told(tmp_path, header: str, body: list[str], cut: int, end: str) -> None:
    text = end.join([header, *body])
    assert kinds(opened(tmp_path, text[: len(text) - cut])).get("cut_off") == "serious"


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize(
    ("header", "body"),
    [
        (HEADER, lines()),
        (HEADER, [*lines("7"), "c1,2025-03-10,12.50"]),
        (HEADER, [f"{x[: x.rindex(',')]},{5 + i * 7}" for i, x in enumerate(lines())][::-1]),  # 5 at the end
        (HEADER + ",note", [*(f"{x},gift" for x in lines()), "c1,2025-03-10,7,"]),
        (HEADER + ",name", [*(f"{x},Annalena {i}" for i, x in enumerate(lines())), "c1,2025-03-10,7,Ann"]),
    ],
)
def test_a_whole_file_is_not_told(tmp_path, header: str, body: list[str], end: str) -> None:
    found = kinds(opened(tmp_path, "\n".join([header, *body]) + end))
    assert not {"cut_off", "footer_lines"} & found.keys()


def test_a_file_of_whole_blocks_without_a_line_end_is_told(tmp_path) -> None:
    body = [f"c{i % 11},2025-03-1{i % 7},{7 + i * 13 % 1000}" for i in range(400)]
    text = "\n".join([HEADER, *body])
    assert kinds(opened(tmp_path, text[:4096])).get("cut_off") == "serious"
    assert "cut_off" not in kinds(opened(tmp_path, text[:4096] + "\n"))


@pytest.mark.parametrize(
    ("foot", "n"),
    [
        ("Total;750", 1),
        ("60 records", 1),
        ("Exported by the till, on 2026-01-01", 1),
        ("Rows,60\nExported,2026-01-01,12:00,by the till", 2),
        ("\nTotal rows: 60", 1),
        ("End of the report", 1),
    ],
)
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_footer_is_told_with_the_line_that_settles_it(tmp_path, foot: str, n: int, end: str) -> None:
    text = "\n".join([HEADER, *lines(), foot]) + end
    base = opened(tmp_path, text)
    [told] = [one for one in base.findings if one.kind in ("file_lines", "footer_lines")]
    assert told.settles == f"[transactions]\nfooter = {n}"
    settled = opened(tmp_path, text, {"transactions": {"footer": n}})
    assert (settled.counts["rows"], settled.counts["rejected"]) == (60, 0)
    assert not {"file_lines", "footer_lines", "cut_off"} & kinds(settled).keys()
